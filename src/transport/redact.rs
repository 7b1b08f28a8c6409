//! Clears other people's words of personal data before they reach the log or the trace: mail servers like to repeat
//! the address that they refuse.

/// Most characters of a server's words that are kept.
pub(crate) const WORDS_MAX: usize = 200;
/// Runs of this many digits may be phone numbers (the shortest UK form without the leading 0 has ten).
const NUMBER_DIGITS: usize = 9;

/// The words on one line, at most [`WORDS_MAX`] characters, with `<address>` for whatever holds an `@` and `<number>` for
/// long runs of digits.
pub(crate) fn redact(words: &str) -> String {
    let cleared: Vec<String> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains('@') { "<address>".to_owned() } else { without_numbers(word) })
        .collect();
    let cleared = cleared.join(" ");
    match cleared.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}…", &cleared[..end]),
        None => cleared,
    }
}

fn without_numbers(word: &str) -> String {
    let mut kept = String::new();
    let mut digits = String::new();
    for character in word.chars().chain(std::iter::once('\0')) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        if digits.len() >= NUMBER_DIGITS {
            // The `+` belongs to the number.
            kept.truncate(kept.trim_end_matches('+').len());
            kept.push_str("<number>");
        } else {
            kept.push_str(&digits);
        }
        digits.clear();
        if character != '\0' {
            kept.push(character);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_lose_the_address_and_the_number_and_keep_the_reason() {
        for (words, expected) in [
            (
                "550 5.1.1 <gone+1@council.test>: Recipient address rejected: User unknown",
                "550 5.1.1 <address> Recipient address rejected: User unknown",
            ),
            ("250 2.0.0 Ok: queued as 4F5A1234B7", "250 2.0.0 Ok: queued as 4F5A1234B7"),
            ("no route for +447700900123, sorry", "no route for <number>, sorry"),
            ("two\r\nlines\u{7}\tand  more", "two lines and more"),
        ] {
            assert_eq!(redact(words), expected);
        }
        assert_eq!(redact(&"long ".repeat(100)).chars().count(), WORDS_MAX + 1);
    }
}
