//! Where something stands in a text: line, column, width; and a part of a TOML file found again by its path.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The largest offset up to `at` that does not cut a character of `text` in two.
pub fn char_floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or(0)
}

/// Line and column from 1, and the number of characters of `span` on that line.
pub fn position(text: &str, span: &Range<usize>) -> (u32, u32, u32) {
    let start = char_floor(text, span.start);
    let end = char_floor(text, span.end).max(start);
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let meant = text[start..end].lines().next().unwrap_or("");
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    (
        number(before.matches('\n').count() + 1),
        number(text[line_start..start].chars().count() + 1),
        number(meant.chars().count().max(1)),
    )
}

/// The part of a file that a later check wants to point at: `["step", "2", "page"]` is key `page` of the third
/// `[[step]]`. Falls back to the nearest part that is there.
pub fn locate(text: &str, path: &[&str]) -> Range<usize> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut span = 0..0;
    let mut here = DeValue::Table(table.into_inner());
    for part in path {
        let next = match &here {
            DeValue::Table(table) => table.iter().find(|(key, _)| key.get_ref() == part).map(|(_, value)| value),
            DeValue::Array(array) => part.parse::<usize>().ok().and_then(|index| array.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        span = next.span();
        here = next.get_ref().clone();
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_file_is_found_again_by_its_path() {
        let text = "[[step]]\nsay = \"a\"\n[[step]]\npage = \"b\"\n";
        let span = locate(text, &["step", "1", "page"]);
        assert_eq!(&text[span.clone()], "\"b\"");
        assert_eq!(position(text, &span), (4, 8, 3));
    }
}
