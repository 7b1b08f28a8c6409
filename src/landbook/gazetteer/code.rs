//! The form in which codes and names are compared: postcodes as numbers, street names without what people leave out.

/// A postcode as a number that sorts as the postcode does: 36 letters and digits, up to seven places. `None` where it
/// has not the form of one (1 to 2 letters, 1 to 2 of either, then a digit and two letters).
pub fn postcode(text: &str) -> Option<u64> {
    let letters: Vec<u8> =
        text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| byte.to_ascii_uppercase()).take(8).collect();
    let (outward, inward) = letters.split_at_checked(letters.len().checked_sub(3)?)?;
    let well = (2..=4).contains(&outward.len())
        && letters.iter().all(u8::is_ascii_alphanumeric)
        && outward[0].is_ascii_uppercase()
        && outward.iter().any(u8::is_ascii_digit)
        && inward[0].is_ascii_digit()
        && inward[1..].iter().all(u8::is_ascii_uppercase);
    if !well {
        return None;
    }
    let place = |byte: u8| u64::from(if byte.is_ascii_digit() { byte - b'0' + 1 } else { byte - b'A' + 11 });
    // The outward part takes four places, blanks last, so that the inward part stands always at the same one.
    let padded = outward.iter().map(|byte| place(*byte)).chain(std::iter::repeat(0)).take(4);
    Some(padded.chain(inward.iter().map(|byte| place(*byte))).fold(0, |key, place| key * 37 + place))
}

/// The postcode again, with its blank.
pub(super) fn postcode_text(key: u64) -> String {
    let mut places = [0_u8; 7];
    let mut left = key;
    for place in places.iter_mut().rev() {
        *place = (left % 37) as u8;
        left /= 37;
    }
    let letter = |place: &u8| match place {
        0 => None,
        1..=10 => Some(char::from(b'0' + place - 1)),
        _ => Some(char::from(b'A' + place - 11)),
    };
    let (outward, inward) = places.split_at(4);
    outward.iter().filter_map(letter).chain([' ']).chain(inward.iter().filter_map(letter)).collect()
}

/// Words that are written short, and how.
const SHORT: [(&str, &str); 20] = [
    ("street", "st"),
    ("saint", "st"),
    ("road", "rd"),
    ("lane", "ln"),
    ("avenue", "ave"),
    ("av", "ave"),
    ("close", "cl"),
    ("drive", "dr"),
    ("place", "pl"),
    ("court", "ct"),
    ("crescent", "cres"),
    ("gardens", "gdns"),
    ("square", "sq"),
    ("terrace", "ter"),
    ("terr", "ter"),
    ("park", "pk"),
    ("grove", "gr"),
    ("mount", "mt"),
    ("and", "&"),
    ("the", ""),
];

/// A street's name for comparison: small letters, no marks, short words, no house number in front.
pub fn street_key(name: &str) -> String {
    const LETTERS_MAX: usize = 200;
    let plain: String = name
        .chars()
        .take(LETTERS_MAX)
        .filter(|c| !matches!(c, '\'' | '’' | '.'))
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() || c == '&' { c } else { ' ' })
        .collect();
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    // "12", "12a" and "12-14" in front are houses; "1st" is a street.
    while words.len() > 1
        && words[0].starts_with(|c: char| c.is_ascii_digit())
        && words[0].trim_start_matches(|c: char| c.is_ascii_digit()).chars().count() <= 1
    {
        words.remove(0);
    }
    let short = words
        .into_iter()
        .map(|word| SHORT.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| *short))
        .filter(|word| !word.is_empty());
    short.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postcodes_of_every_form_go_there_and_back() {
        for (text, expected) in [
            ("wx2 4qd", "WX2 4QD"),
            ("M11AE", "M1 1AE"),
            ("ec1a1bb", "EC1A 1BB"),
            ("W1A 0AX", "W1A 0AX"),
            ("Dn551pt", "DN55 1PT"),
        ] {
            assert_eq!(postcode(text).map(postcode_text).as_deref(), Some(expected));
        }
        for text in ["", "W", "4QD", "WX2 QD4", "12 4QD", "WXYZ 4QD", "WX2 4QDX", "WX222 4QD", "ŴX2 4QD"] {
            assert_eq!(postcode(text), None, "{text}");
        }
        assert!(postcode("WX1 4AA") < postcode("WX2 4AA"));
    }

    #[test]
    fn a_street_is_the_same_however_it_is_written() {
        for text in ["St John's Road", "SAINT JOHNS RD.", "12 St. John’s  Road", "12-14 St Johns Rd", "3a st johns rd"]
        {
            assert_eq!(street_key(text), "st johns rd", "{text}");
        }
        assert_eq!(street_key("The Avenue"), "ave");
        assert_eq!(street_key("1st Avenue"), "1st ave");
        assert_eq!(street_key("99"), "99");
        assert_eq!(street_key("!"), "");
    }
}
