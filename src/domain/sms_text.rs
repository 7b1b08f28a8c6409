//! What a text message can carry: the phone networks' alphabet, and how a text is cut into segments.
//!
//! A text costs by the segment. In the networks' own 7-bit alphabet (GSM-7) one segment holds 160 characters, or 153
//! where it is one of several; a single character outside that alphabet turns the whole text to UCS-2, where a
//! segment holds 70 or 67. Segments may arrive out of order or not at all, so what matters most belongs in the first.
//!
//! Source: 3GPP TS 23.038 (alphabet and its extension table) and TS 23.040 (concatenation header of 6 bytes).
//! Not here: what a page says ([`super::message`]); how it is sent ([`crate::transport`]).

/// Characters of a lone GSM-7 segment, counted in septets.
pub const GSM7_SINGLE: usize = 160;
/// Septets of one GSM-7 segment of several.
pub const GSM7_JOINED: usize = 153;
/// UTF-16 units of a lone UCS-2 segment.
pub const UCS2_SINGLE: usize = 70;
/// UTF-16 units of one UCS-2 segment of several.
pub const UCS2_JOINED: usize = 67;

/// The alphabet that a text needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// The networks' 7-bit alphabet with its extension table.
    Gsm7,
    /// 16 bits a character; for texts with anything outside GSM-7.
    Ucs2,
}

/// How a text is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// The alphabet.
    pub coding: Coding,
    /// Its length in that alphabet's units: septets, or UTF-16 units.
    pub units: usize,
    /// The number of segments; 0 for an empty text.
    pub count: usize,
}

/// Septets that the character takes in GSM-7: 1, 2 for the extension table, `None` where the alphabet lacks it.
pub fn septets(character: char) -> Option<usize> {
    match character {
        '\n' | '\r' | ' '..='Z' | 'a'..='z' | '_' => Some(1),
        '£' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | 'Δ' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π'
        | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' | 'Æ' | 'æ' | 'ß' | 'É' | '¤' | '¡' | 'Ä' | 'Ö' | 'Ñ' | 'Ü' | '§' | '¿' | 'ä' | 'ö'
        | 'ñ' | 'ü' | 'à' => Some(1),
        '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' | '\u{c}' => Some(2),
        _ => None,
    }
}

/// The alphabet, length and number of segments of a text.
pub fn segments(text: &str) -> Segments {
    let (coding, units, single) = measure(text);
    let count = match units {
        0 => 0,
        _ if units <= single => 1,
        _ => 1 + cuts(text, coding).len(),
    };
    Segments { coding, units, count }
}

/// The part of the text that arrives in the first segment.
pub fn first_segment(text: &str) -> &str {
    let (coding, units, single) = measure(text);
    match cuts(text, coding).first() {
        Some(cut) if units > single => &text[..*cut],
        _ => text,
    }
}

fn measure(text: &str) -> (Coding, usize, usize) {
    match text.chars().map(septets).sum::<Option<usize>>() {
        Some(units) => (Coding::Gsm7, units, GSM7_SINGLE),
        None => (Coding::Ucs2, text.encode_utf16().count(), UCS2_SINGLE),
    }
}

/// The byte offsets at which a text of several segments is cut. A character is never cut in two: an escape sequence
/// or a surrogate pair that does not fit goes to the next segment whole.
fn cuts(text: &str, coding: Coding) -> Vec<usize> {
    let joined = if coding == Coding::Gsm7 { GSM7_JOINED } else { UCS2_JOINED };
    let mut cuts = Vec::new();
    let mut filled = 0;
    for (at, character) in text.char_indices() {
        let width = if coding == Coding::Gsm7 { septets(character).unwrap_or(1) } else { character.len_utf16() };
        if filled + width > joined {
            cuts.push(at);
            filled = 0;
        }
        filled += width;
    }
    cuts
}

/// Rewrites a text in the GSM-7 alphabet: accents that it lacks are dropped (`ŵ` becomes `w`), typographic signs
/// become plain ones, controls and direction marks vanish, runs of white space become one space, anything else `?`.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if character.is_whitespace() => {
                if !folded.is_empty() && !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            _ if character.is_control() || is_invisible(character) => {}
            _ if septets(character).is_some() => folded.push(character),
            _ => folded.push_str(plain(character)),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Zero-width characters, direction marks, joiners and variation selectors.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{300}'..='\u{36f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// The nearest GSM-7 spelling of a character that the alphabet lacks; `?` where there is none.
fn plain(character: char) -> &'static str {
    match character {
        '‘' | '’' | '‚' | '‛' | '`' | '´' | '′' => "'",
        '“' | '”' | '„' | '″' | '«' | '»' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => "-",
        '…' => "...",
        '•' | '·' => "-",
        '×' => "x",
        '°' => " deg",
        '½' => "1/2",
        '¼' => "1/4",
        '¾' => "3/4",
        '²' => "2",
        '³' => "3",
        'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' => "a",
        'Á' | 'À' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'ç' | 'ć' | 'č' => "c",
        'Ć' | 'Č' => "C",
        'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'È' | 'Ê' | 'Ë' | 'Ē' | 'Ę' | 'Ě' => "E",
        'í' | 'î' | 'ï' | 'ī' => "i",
        'Í' | 'Ì' | 'Î' | 'Ï' | 'Ī' => "I",
        'ł' => "l",
        'Ł' => "L",
        'ń' | 'ň' => "n",
        'Ń' | 'Ň' => "N",
        'ó' | 'ô' | 'õ' | 'ō' => "o",
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ō' => "O",
        'ś' | 'š' => "s",
        'Ś' | 'Š' => "S",
        'ú' | 'û' | 'ū' => "u",
        'Ú' | 'Ù' | 'Û' | 'Ū' => "U",
        'ŵ' | 'ẁ' | 'ẃ' | 'ẅ' => "w",
        'Ŵ' | 'Ẁ' | 'Ẃ' | 'Ẅ' => "W",
        'ý' | 'ŷ' | 'ỳ' | 'ÿ' => "y",
        'Ý' | 'Ŷ' | 'Ỳ' | 'Ÿ' => "Y",
        'ź' | 'ż' | 'ž' => "z",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'œ' => "oe",
        'Œ' => "OE",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let Segments { coding, units, count } = segments(text);
        assert_eq!(format!("{coding:?} {units} units, {count} segments"), expected);
    }

    #[test]
    fn a_text_is_counted_as_the_networks_count_it() {
        check("", "Gsm7 0 units, 0 segments");
        check(&"a".repeat(160), "Gsm7 160 units, 1 segments");
        check(&"a".repeat(161), "Gsm7 161 units, 2 segments");
        check(&"a".repeat(306), "Gsm7 306 units, 2 segments");
        check(&"a".repeat(307), "Gsm7 307 units, 3 segments");
        check(&"€".repeat(80), "Gsm7 160 units, 1 segments");
        check("£5 è @", "Gsm7 6 units, 1 segments");
        check(&"ŵ".repeat(70), "Ucs2 70 units, 1 segments");
        check(&"ŵ".repeat(71), "Ucs2 71 units, 2 segments");
        check(&"ŵ".repeat(134), "Ucs2 134 units, 2 segments");
        check(&"ŵ".repeat(135), "Ucs2 135 units, 3 segments");
        check("water ’ here", "Ucs2 12 units, 1 segments");
        check("🌊", "Ucs2 2 units, 1 segments");
    }

    #[test]
    fn an_escaped_character_or_a_surrogate_pair_is_never_cut_in_two() {
        // 152 septets, then a character of two: it opens the second segment, and the total needs three, not two.
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(152));
        check(&text, "Gsm7 306 units, 3 segments");
        assert_eq!(first_segment(&text), "a".repeat(152));
        let text = format!("{}🌊{}", "a".repeat(66), "b".repeat(10));
        check(&text, "Ucs2 78 units, 2 segments");
        assert_eq!(first_segment(&text), "a".repeat(66));
    }

    #[test]
    fn folding_keeps_what_a_phone_can_show_and_spells_the_rest() {
        for (given, expected) in [
            ("Llanŵr – “dŵr” yn y tŷ…", "Llanwr - \"dwr\" yn y ty..."),
            ("£5, 3 × 2 m² at ½ past", "£5, 3 x 2 m2 at 1/2 past"),
            ("  a\tb\r\n c\u{a0}d \u{0}", "a b c d"),
            ("left\u{202e}right\u{200b}", "leftright"),
            ("water 水 🌊", "water ? ?"),
        ] {
            assert_eq!(fold(given), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_folded_is_gsm7_and_folding_again_changes_nothing(text in any::<String>()) {
            let folded = fold(&text);
            prop_assert_eq!(segments(&folded).coding, Coding::Gsm7);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn the_segments_hold_the_whole_text_and_none_is_overfull(text in "[a-z€ŵ🌊]{0,400}") {
            let (coding, units, single) = measure(&text);
            let limit = if coding == Coding::Gsm7 { GSM7_JOINED } else { UCS2_JOINED };
            let mut rest = text.as_str();
            let mut count = 0;
            while !rest.is_empty() {
                let cut = cuts(rest, coding).first().copied().unwrap_or(rest.len());
                let piece = &rest[..cut];
                let width: usize = piece
                    .chars()
                    .map(|c| if coding == Coding::Gsm7 { septets(c).unwrap() } else { c.len_utf16() })
                    .sum();
                prop_assert!(width <= limit);
                rest = &rest[cut..];
                count += 1;
            }
            prop_assert_eq!(segments(&text).count, if units <= single { count.min(1) } else { count });
        }
    }
}
