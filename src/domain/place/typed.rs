//! One reader for a place as people type it: whatever the advisor hears goes into one field, and it is told what it was
//! taken for.

use super::refusal::{PlaceError, shown};
use super::{Given, LatLon, Located, Postcode, parse_place};

/// A unique property reference number has at most so many digits.
pub const UPRN_DIGITS_MAX: usize = 12;
/// A unique street reference number has at most so many.
pub const USRN_DIGITS_MAX: usize = 8;

/// What a typed place was taken for.
#[derive(Debug, Clone, PartialEq)]
pub enum Typed {
    /// A grid reference, or easting and northing.
    Grid(Located),
    /// Degrees, with the uncertainty in metres that their last decimal place implies.
    Degrees(LatLon, f64),
    /// A unique property reference number.
    Uprn(String),
    /// A unique street reference number.
    Usrn(String),
    /// A postcode.
    Postcode(Postcode),
    /// None of these: a street's name, perhaps.
    Words(String),
}

impl Typed {
    /// Reads a place in any of the forms.
    ///
    /// # Errors
    /// What is wrong with it, what was probably meant, and how to mend it.
    pub fn read(text: &str) -> Result<Self, PlaceError> {
        let body = text.trim();
        if body.is_empty() {
            return Err(PlaceError::Empty);
        }
        let lower = body.to_ascii_lowercase();
        let after = |word: &str| {
            let rest = lower.strip_prefix(word)?;
            rest.starts_with([' ', ':', '=', '.', '#'])
                .then(|| rest.trim_start_matches([' ', ':', '=', '.', '#']).trim().to_owned())
        };
        if let Some(digits) = after("uprn") {
            return reference_number("UPRN", &digits, UPRN_DIGITS_MAX).map(Self::Uprn);
        }
        if let Some(digits) = after("usrn") {
            return reference_number("USRN", &digits, USRN_DIGITS_MAX).map(Self::Usrn);
        }
        if let Some(code) = after("postcode") {
            return Postcode::parse(&code).map(Self::Postcode);
        }
        if is_three_words(&lower) {
            return Err(PlaceError::What3Words);
        }
        if body.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PlaceError::OneNumber(shown(body)));
        }
        if Postcode::is_meant(body) {
            return Postcode::parse(body).map(Self::Postcode);
        }
        if is_district(body) {
            return Err(PlaceError::TooCoarse(shown(body)));
        }
        match parse_place(body) {
            Ok(Given::Grid(located)) => Ok(Self::Grid(located)),
            Ok(Given::Degrees(place, uncertainty_m)) => Ok(Self::Degrees(place, uncertainty_m)),
            // Words are no slip: they may be a street. Digits among them alone are.
            Err(PlaceError::NotUnderstood(_) | PlaceError::NoSuchSquare(_) | PlaceError::SquareOnly(_))
                if body.chars().filter(|c| c.is_alphabetic()).count() >= 3 =>
            {
                Ok(Self::Words(body.to_owned()))
            }
            Err(PlaceError::IrishGrid(_)) if body.chars().filter(|c| c.is_alphabetic()).count() > 1 => {
                Ok(Self::Words(body.to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// What it was taken for, as people say it.
    pub fn read_as(&self) -> &'static str {
        match self {
            Self::Grid(located) if located.spread == super::Spread::Square => "grid reference",
            Self::Grid(_) => "easting, northing",
            Self::Degrees(..) => "latitude, longitude",
            Self::Uprn(_) => "UPRN",
            Self::Usrn(_) => "USRN",
            Self::Postcode(_) => "postcode",
            Self::Words(_) => "street",
        }
    }
}

/// The digits of a reference number.
///
/// # Errors
/// [`PlaceError::ReferenceNumber`] where there are none, too many, or something else.
pub fn reference_number(what: &'static str, text: &str, digits_max: usize) -> Result<String, PlaceError> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let good = (1..=digits_max).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if good { Ok(digits) } else { Err(PlaceError::ReferenceNumber { what, digits_max }) }
}

/// `///filled.count.soap`, `filled.count.soap`.
fn is_three_words(lower: &str) -> bool {
    let rest = lower.trim_start_matches('/');
    let words: Vec<&str> = rest.split('.').collect();
    words.len() == 3 && words.iter().all(|word| word.len() > 1 && word.chars().all(char::is_alphabetic))
}

/// The first half of a postcode alone, `SE17`: it could be taken for a grid reference of two figures.
fn is_district(body: &str) -> bool {
    let letters = body.chars().take_while(char::is_ascii_alphabetic).count();
    let rest = &body[letters..];
    (1..=2).contains(&letters) && (1..=2).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match Typed::read(text) {
            Ok(typed) => format!("{}: {typed:?}", typed.read_as()),
            Err(error) => format!("refused: {error}"),
        };
        assert!(got.contains(expected), "{text}: {got}");
    }

    #[test]
    fn one_field_takes_every_form_and_says_which_it_was() {
        check("ST 123 456", "grid reference: Grid");
        check("349401,325322", "easting, northing: Grid");
        check("51.5, -0.1", "latitude, longitude: Degrees");
        check("51°30'26\"N 0°7'39\"W", "latitude, longitude: Degrees");
        check("51.5074N 0.1278W", "latitude, longitude: Degrees");
        check("uprn 100012345678", "UPRN: Uprn(\"100012345678\")");
        check("USRN: 20500017", "USRN: Usrn(\"20500017\")");
        check("wx2 4qd", "postcode: Postcode(Postcode(\"WX2 4QD\"))");
        check("Mill Street", "street: Words(\"Mill Street\")");
        check("12 High Street", "street: Words");
    }

    #[test]
    fn what_is_probably_meant_is_told() {
        check("-0.1, 51.5", "the other way round");
        check("0,0", "does not know where it is");
        check("53.35, -6.26", "Ireland");
        check("O 155 345", "Irish Grid");
        check("48.85, 2.35", "not in Great Britain");
        check("BL9 OSW", "did you mean BL9 0SW?");
        check("SE17", "far too large");
        check("///filled.count.soap", "what3words cannot be looked up here");
        check("filled.count.soap", "ask the caller to read the latitude");
        check("100012345678", "say UPRN or USRN");
        check("usrn 123456789", "1 to 8 digits");
        check("", "no place was given");
        check("SJ 4940 25322", "4 figures east and 5 north");
    }
}
