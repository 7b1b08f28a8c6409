//! UK phone numbers, in the one form in which callout keeps and compares them.
//!
//! People type `07700 900123`, gateways say `447700900123`, the rota file says `+44 (0)7700 900123`: all are one
//! number. Numbers of other countries are refused on purpose: a page to a mistyped foreign number is a page lost.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A UK phone number in E.164 form, e.g. `+447700900123`. Built by [`PhoneNumber::parse`] only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhoneNumber(String);

/// Why a phone number was refused. Says nothing of the number itself, so it may be traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// A character is not a digit, space, hyphen, dot or bracket.
    #[error("character {at} is not a digit; write a number as 07700 900123 or +44 7700 900123")]
    NotDigits {
        /// Its place, counted in characters from 1.
        at: usize,
    },
    /// It begins with `+` or `00` and another country's code.
    #[error("the number is not a UK one; write it as 07700 900123 or +44 7700 900123")]
    NotUk,
    /// There should be 10 digits after `+44`.
    #[error("a UK number has 10 digits after +44 (11 with the leading 0), not {digits}")]
    WrongLength {
        /// The digits after `+44`, or after the leading 0.
        digits: usize,
    },
}

impl PhoneNumber {
    /// Reads a number as people and gateways write it: national (`07700 900123`), international with `+44`, `0044`
    /// or bare `44`, with or without `(0)`; spaces, hyphens, dots and brackets are ignored.
    pub fn parse(given: &str) -> Result<Self, PhoneError> {
        let mut digits = String::new();
        let mut plus = false;
        for (index, character) in given.trim().chars().enumerate() {
            match character {
                '+' if index == 0 => plus = true,
                '0'..='9' => digits.push(character),
                ' ' | '\u{a0}' | '-' | '\u{2011}' | '.' | '(' | ')' => {}
                _ => return Err(PhoneError::NotDigits { at: index + 1 }),
            }
        }
        let national = if plus {
            digits.strip_prefix("44").ok_or(PhoneError::NotUk)?
        } else if let Some(international) = digits.strip_prefix("00") {
            international.strip_prefix("44").ok_or(PhoneError::NotUk)?
        } else if digits.starts_with('0') {
            &digits
        } else {
            // Gateways leave the `+` out. Ten digits after the 44, so that a local number is not taken for one.
            digits.strip_prefix("44").filter(|rest| rest.len() >= 10).ok_or(match digits.len() {
                12.. => PhoneError::NotUk,
                digits => PhoneError::WrongLength { digits },
            })?
        };
        let national = national.strip_prefix('0').unwrap_or(national);
        if national.len() != 10 {
            return Err(PhoneError::WrongLength { digits: national.len() });
        }
        Ok(Self(format!("+44{national}")))
    }

    /// The number in E.164 form, for the transport that dials it.
    pub fn as_e164(&self) -> &str {
        &self.0
    }

    /// A mobile number (it begins 07): the only kind that a text dependably reaches.
    pub fn is_mobile(&self) -> bool {
        self.0.starts_with("+447")
    }

    /// The number as people write it, e.g. `07700 900123`.
    pub fn national(&self) -> String {
        let digits = &self.0[3..];
        format!("0{} {}", &digits[..4], &digits[4..])
    }
}

/// Shows the last three digits only, so that the trace never holds a whole number.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+44…{}", &self.0[self.0.len() - 3..])
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneError;
    fn from_str(given: &str) -> Result<Self, PhoneError> {
        Self::parse(given)
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&given).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn check(given: &str, expected: Result<&str, PhoneError>) {
        assert_eq!(PhoneNumber::parse(given).map(|number| number.0), expected.map(str::to_owned), "{given}");
    }

    #[test]
    fn one_number_is_one_number_however_it_is_written() {
        for given in [
            "07700900123",
            "07700 900 123",
            "+447700900123",
            "+44 7700 900123",
            "+44 (0)7700 900-123",
            "00447700900123",
            "447700900123",
            " 0044 (0) 7700.900123 ",
        ] {
            check(given, Ok("+447700900123"));
        }
    }

    #[test]
    fn what_is_no_uk_number_is_refused_with_the_reason() {
        check("60777", Err(PhoneError::WrongLength { digits: 5 }));
        check("0770090012", Err(PhoneError::WrongLength { digits: 9 }));
        check("+4477009001234", Err(PhoneError::WrongLength { digits: 11 }));
        check("+15550100123", Err(PhoneError::NotUk));
        check("0035315550123", Err(PhoneError::NotUk));
        check("07700 90012E", Err(PhoneError::NotDigits { at: 12 }));
        check("WEXMOOR", Err(PhoneError::NotDigits { at: 1 }));
        check("", Err(PhoneError::WrongLength { digits: 0 }));
    }

    #[test]
    fn the_trace_sees_three_digits_only() {
        let number = PhoneNumber::parse("07700900123").unwrap();
        assert_eq!(format!("{number:?}"), "+44…123");
        assert_eq!(number.national(), "07700 900123");
        assert!(number.is_mobile());
    }
}
