//! Why a text is not a place in Great Britain. Every refusal says what was wrong, what was probably meant, and how to
//! mend it, since the person who reads it has a caller on the line.

/// Why a text is not a place in Great Britain, and how to mend it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlaceError {
    /// Nothing was given.
    #[error("no place was given; give a grid reference (SJ 49401 25322), easting,northing (349401,325322) or lat,lon")]
    Empty,
    /// The text is none of the forms.
    #[error(
        "\"{0}\" is not a place in a form that is understood; give a grid reference (SJ 49401 25322), \
         easting,northing (349401,325322) or lat,lon (52.8223,-2.7524)"
    )]
    NotUnderstood(String),
    /// The letters of the grid reference name no square of Great Britain.
    #[error(
        "\"{0}\" is not a 100 km square of Great Britain; a grid reference begins with two letters such as SJ or TQ"
    )]
    NoSuchSquare(String),
    /// One letter: the Irish Grid.
    #[error(
        "\"{0}\" looks like an Irish Grid reference (one letter); the National Grid of Great Britain has two, \
         such as SJ 49401 25322"
    )]
    IrishGrid(String),
    /// The halves of the figures differ in length, or there are none.
    #[error(
        "the grid reference has {east} figures east and {north} north; give the same number of each, 1 to 8, such as \
         SJ 494 253"
    )]
    UnevenFigures {
        /// Figures of the easting.
        east: usize,
        /// Figures of the northing.
        north: usize,
    },
    /// Letters alone.
    #[error("\"{0}\" alone is a square of 100 km; add the figures, such as {0} 494 253")]
    SquareOnly(String),
    /// Not a number.
    #[error("the {what} is not a finite number; send digits, or no place at all")]
    NotFinite {
        /// Which number.
        what: &'static str,
    },
    /// Latitude 0, longitude 0, or easting 0, northing 0: a device without a position.
    #[error(
        "0,0 is what a device sends when it does not know where it is; send no place, and ask the caller for a street"
    )]
    Null,
    /// The degrees stand the wrong way round.
    #[error(
        "latitude {lat} with longitude {lon} is not in Great Britain, but the other way round is: send latitude \
         {lon}, longitude {lat}"
    )]
    Swapped {
        /// The latitude as given.
        lat: f64,
        /// The longitude as given.
        lon: f64,
    },
    /// Degrees in Ireland.
    #[error(
        "latitude {lat}, longitude {lon} is in Ireland, which the National Grid of Great Britain does not cover; \
         check the place with the caller"
    )]
    Ireland {
        /// The latitude as given.
        lat: f64,
        /// The longitude as given.
        lon: f64,
    },
    /// Degrees elsewhere.
    #[error(
        "latitude {lat}, longitude {lon} is not in Great Britain (latitude 49.8 to 60.9, longitude -8.7 to 1.8); \
         check the signs and the order: latitude first, west is negative"
    )]
    OutsideDegrees {
        /// The latitude as given.
        lat: f64,
        /// The longitude as given.
        lon: f64,
    },
    /// Eastings and northings the wrong way round.
    #[error(
        "easting {easting}, northing {northing} is outside the National Grid, but the other way round is inside: \
         easting comes first"
    )]
    SwappedGrid {
        /// The easting as given, in metres.
        easting: f64,
        /// The northing as given, in metres.
        northing: f64,
    },
    /// Off the grid.
    #[error(
        "easting {easting}, northing {northing} is outside the National Grid (easting 0 to 700000 m, northing 0 to \
         1300000 m); give metres, easting first"
    )]
    OutsideGrid {
        /// The easting as given, in metres.
        easting: f64,
        /// The northing as given, in metres.
        northing: f64,
    },
    /// The form of a postcode, but none: a letter for a digit, say.
    #[error("\"{given}\" is not a postcode; {}", meant_or_ask(.meant))]
    Postcode {
        /// As given.
        given: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// An Irish postcode.
    #[error("\"{0}\" looks like an Eircode, which is for Ireland; ask the caller for the town")]
    Eircode(String),
    /// The first half of a postcode, or a square of 10 km.
    #[error(
        "\"{0}\" is a postcode district or a square of 10 km, far too large to say whose land; ask for the whole \
         postcode, or for the street"
    )]
    TooCoarse(String),
    /// Three words with dots between them.
    #[error(
        "what3words cannot be looked up here: its list of words is not open, and words that sound alike are far apart; \
         ask the caller to read the latitude and longitude, or the grid reference, from their phone, or for the street \
         and the nearest house number"
    )]
    What3Words,
    /// Digits alone that could be several things.
    #[error(
        "\"{0}\" is one number: say UPRN or USRN in front of it, or give easting and northing with a space between them"
    )]
    OneNumber(String),
    /// A reference number with too many digits, or with something else in it.
    #[error("a {what} has 1 to {digits_max} digits and nothing else; check it")]
    ReferenceNumber {
        /// `UPRN` or `USRN`.
        what: &'static str,
        /// How many digits it has at most.
        digits_max: usize,
    },
    /// Minutes or seconds beyond 59, or parts that do not follow each other.
    #[error("the degrees in \"{0}\" cannot be read; write them as 52.8223, -2.7524 or 52°49'20\"N 2°45'9\"W")]
    Sexagesimal(String),
}

fn meant_or_ask(meant: &Option<String>) -> String {
    match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => "ask for it again, letter by letter; it looks like WX2 4QD".to_owned(),
    }
}

/// A given text as an error may repeat it: cut to 40 characters.
pub(super) fn shown(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
