//! Postcodes: their form, and what was probably meant by one that is almost right.

use super::refusal::{PlaceError, shown};
use std::fmt;

/// Letters that the second half never has (they are misread by hand and by machine).
const NEVER_INWARD: &str = "CIKMOV";
/// Letters and digits that are taken for each other.
const ALIKE: [(char, char); 6] = [('O', '0'), ('I', '1'), ('L', '1'), ('S', '5'), ('Z', '2'), ('B', '8')];

/// A whole postcode, e.g. `WX2 4QD`: its form only, not whether anybody lives there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Postcode(String);

impl Postcode {
    /// Reads a postcode in any case, with or without its space.
    ///
    /// # Errors
    /// [`PlaceError::Postcode`] with what was probably meant, where one letter or digit is mistaken for another.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let plain: Vec<char> =
            text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
        if is_postcode(&plain) {
            return Ok(Self(written(&plain)));
        }
        if is_eircode(&plain) {
            return Err(PlaceError::Eircode(shown(text)));
        }
        Err(PlaceError::Postcode { given: shown(text), meant: mended(&plain) })
    }

    /// Whether a text is meant as a postcode: right, or one slip away from it.
    pub fn is_meant(text: &str) -> bool {
        let plain: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let begun = plain.first().is_some_and(char::is_ascii_uppercase) && plain.iter().any(char::is_ascii_digit);
        is_postcode(&plain) || is_eircode(&plain) || (begun && text.trim().len() <= 8 && mended(&plain).is_some())
    }

    /// As it is written, with its space.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Postcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn written(plain: &[char]) -> String {
    let (outward, inward) = plain.split_at(plain.len() - 3);
    outward.iter().chain(&[' ']).chain(inward).collect()
}

/// The forms of Royal Mail's "Programmers' guide to the Postcode Address File": A9, A99, A9A, AA9, AA99, AA9A, then a
/// digit and two letters.
fn is_postcode(plain: &[char]) -> bool {
    if !(5..=7).contains(&plain.len()) {
        return false;
    }
    let (outward, inward) = plain.split_at(plain.len() - 3);
    let shape: String = outward.iter().map(|c| if c.is_ascii_digit() { '9' } else { 'A' }).collect();
    let letters = |c: &char| c.is_ascii_uppercase();
    plain.iter().all(char::is_ascii_alphanumeric)
        && matches!(shape.as_str(), "A9" | "A99" | "A9A" | "AA9" | "AA99" | "AA9A")
        && inward[0].is_ascii_digit()
        && inward[1..].iter().all(|c| letters(c) && !NEVER_INWARD.contains(*c))
}

/// A letter, a digit, a digit or W, then four letters and digits of which the first is a letter.
fn is_eircode(plain: &[char]) -> bool {
    plain.len() == 7
        && plain[0].is_ascii_uppercase()
        && plain[1].is_ascii_digit()
        && (plain[2].is_ascii_digit() || plain[2] == 'W')
        && plain[3].is_ascii_uppercase()
        && plain[4..].iter().all(char::is_ascii_alphanumeric)
        && plain[4..].iter().any(char::is_ascii_digit)
}

/// The postcode that is meant, where one or two characters were taken for others that look like them.
fn mended(plain: &[char]) -> Option<String> {
    let other = |c: char| {
        ALIKE.iter().find_map(|(letter, digit)| match c {
            c if c == *letter => Some(*digit),
            c if c == *digit => Some(*letter),
            _ => None,
        })
    };
    let swapped = |plain: &[char], at: usize| {
        let mut changed = plain.to_vec();
        changed[at] = other(changed[at])?;
        Some(changed)
    };
    // From the end: the second half has the plainest form, so a slip there is the surest found.
    for at in (0..plain.len()).rev() {
        let Some(changed) = swapped(plain, at) else { continue };
        if is_postcode(&changed) {
            return Some(written(&changed));
        }
        for second in (0..at).rev() {
            if let Some(twice) = swapped(&changed, second).filter(|twice| is_postcode(twice)) {
                return Some(written(&twice));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match Postcode::parse(text) {
            Ok(postcode) => postcode.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(got.contains(expected), "{text}: {got}");
    }

    #[test]
    fn postcodes_are_read_as_people_type_them() {
        for (text, expected) in [("wx24qd", "WX2 4QD"), (" Wx2 4qd ", "WX2 4QD"), ("m1 1ae", "M1 1AE")] {
            check(text, expected);
        }
        for shape in ["EC1A 1BB", "W1A 0AX", "B33 8TH", "CR2 6XH", "DN55 1PT"] {
            check(&shape.replace(' ', ""), shape);
        }
    }

    #[test]
    fn a_slip_is_told_with_what_was_probably_meant() {
        check("WX2 4OD", "ask for it again");
        check("WX2 AQD", "ask for it again");
        check("WXZ 4QD", "did you mean WX2 4QD?");
        check("BL9 OSW", "did you mean BL9 0SW?");
        check("BL9 OS1", "ask for it again");
        check("WI 5AA", "did you mean W1 5AA?");
        check("WX2 4Q", "ask for it again");
        check("D02 X285", "Eircode");
        assert!(
            Postcode::is_meant("BL9 OSW") && !Postcode::is_meant("Mill Street") && !Postcode::is_meant("SJ 494 253")
        );
    }
}
