//! Lengths of time as people write them in files: `"20m"`, `"1h 30m"`.

use crate::domain::time::SignedDuration;

/// A length of time as people write it: numbers each followed by a unit (s, sec, m, min, h, hours, d, days ...).
/// `None` if it cannot be read, is negative or longer than ten years.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let mut rest = text.trim();
    let mut seconds: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let after = rest[digits..].trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = match &after[..letters] {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = after[letters..].trim_start();
    }
    (seconds <= 10 * 366 * 86_400).then(|| SignedDuration::from_secs(seconds))
}

/// A length of time in the form that [`duration`] reads: `2h`, `90s`.
pub fn duration_text(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        _ if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        _ if seconds % 60 == 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_people_write_them() {
        for (text, seconds) in [("45s", 45), ("20 min", 1_200), ("1h 30m", 5_400), ("7d", 604_800), ("2 hours", 7_200)]
        {
            assert_eq!(duration(text), Some(SignedDuration::from_secs(seconds)), "{text}");
            assert_eq!(duration(&duration_text(SignedDuration::from_secs(seconds))), duration(text));
        }
        for text in ["", "20", "m", "-5m", "5 fortnights", "99999999999999999999s", "4000d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
