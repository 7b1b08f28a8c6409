//! Texts as people typed them, made safe to keep and to show: what cannot be seen is taken out, what can is left.
//!
//! Control characters break log lines and terminals; the characters that turn the direction of writing can make a
//! page show something other than what it holds. Neither ever belongs to what a caller said.

use std::borrow::Cow;

/// Cleans a text of several lines: controls go (but line ends and tabs), so do the marks that turn the direction of
/// writing; Windows line ends become plain ones; white space around it goes.
pub fn clean_words(text: &str) -> Cow<'_, str> {
    clean(text, |c| c == '\n' || c == '\t')
}

/// Cleans a text of one line: like [`clean_words`], and line ends and tabs become spaces.
pub fn clean_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r', '\t']) {
        Cow::Owned(clean(&text.replace(['\n', '\r', '\t'], " "), |_| false).into_owned())
    } else {
        clean(text, |_| false)
    }
}

fn clean(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let trimmed = text.trim();
    if trimmed.chars().all(|c| keep(c) || !unseen(c)) {
        return Cow::Borrowed(trimmed);
    }
    let cleaned: String = trimmed.chars().filter(|&c| keep(c) || !unseen(c)).collect();
    Cow::Owned(cleaned.trim().to_owned())
}

/// Whether a character controls something rather than being read: C0, C1, DEL, direction marks and overrides,
/// the byte order mark, interlinear marks.
pub fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}'
            | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// A name that the log may hold, such as a source, a service or a tag: 1 to 64 characters of `a`-`z`, digits, `_`,
/// `-` and `.`, beginning with a letter or digit.
pub fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.'))
}

/// The nearest slug to a text, for a remedy or a column mapping: `Street Light Outages` gives
/// `street_light_outages`. Empty where nothing of it can be kept.
pub fn to_slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() || ((c == '-' || c == '.') && !slug.is_empty()) {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
        if slug.len() == 64 {
            break;
        }
    }
    slug.truncate(slug.trim_end_matches(['-', '_', '.']).len());
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_taken_out_and_what_can_is_left() {
        assert_eq!(
            clean_words(" water \0in\u{202E} the\r\nhall\t\u{1b}[31m£ŵ👍\u{200d}🔥 "),
            "water in the\nhall\t[31m£ŵ👍\u{200d}🔥"
        );
        assert_eq!(clean_line("Mill\r\nLane\u{0085}"), "Mill  Lane");
        assert!(matches!(clean_words("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn slugs_are_offered_for_what_people_write() {
        for (text, slug) in [
            ("Street Light Outages", "street_light_outages"),
            ("  Flooding!! ", "flooding"),
            ("£££", ""),
            ("a.b_c-", "a.b_c"),
        ] {
            assert_eq!(to_slug(text), slug);
            assert!(slug.is_empty() || is_slug(slug));
        }
        assert!(!is_slug("Flooding") && !is_slug("-x") && !is_slug("") && !is_slug(&"a".repeat(65)));
    }
}
