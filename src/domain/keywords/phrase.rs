//! One phrase of a rule: parts, each a few words or any word of a set, in the forms in which people write them.

use super::english::{Endings, forms_of, words_of};
use std::collections::BTreeMap;

/// Words of a part at most.
pub(super) const WORDS_MAX: usize = 6;
/// Parts of a phrase at most.
pub(super) const PARTS_MAX: usize = 4;

/// A phrase taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phrase<'p> {
    /// Texts or `{set}`s.
    pub parts: Vec<&'p str>,
    /// They must come in this order.
    pub ordered: bool,
}

/// What is wrong with a phrase, and how to mend it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slip(pub String, pub Option<&'static str>);

fn slip(what: impl Into<String>) -> Slip {
    Slip(what.into(), None)
}

/// Takes a phrase apart: `a + b` in either order, `a ... b` in this one.
pub(super) fn apart(phrase: &str) -> Result<Phrase<'_>, Slip> {
    let ordered = phrase.contains(" ... ");
    if ordered && phrase.contains(" + ") {
        return Err(Slip("this phrase has both + and ...".into(), Some("use one of them")));
    }
    let parts: Vec<&str> = phrase.split(if ordered { " ... " } else { " + " }).map(str::trim).collect();
    if parts.len() > PARTS_MAX {
        return Err(slip(format!("a phrase has at most {PARTS_MAX} parts")));
    }
    Ok(Phrase { parts, ordered })
}

/// The texts of a part: itself, or the words of the set that it names.
pub(super) fn texts_of<'s>(part: &'s str, sets: &'s BTreeMap<String, Vec<String>>) -> Result<Vec<&'s str>, Slip> {
    let Some(name) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return Ok(vec![part]);
    };
    match sets.get(name) {
        Some(words) => Ok(words.iter().map(String::as_str).collect()),
        None => {
            let known: Vec<&str> = sets.keys().map(String::as_str).collect();
            Err(slip(format!("there is no set \"{name}\" under [set]; there are {}", known.join(", "))))
        }
    }
}

/// What is wrong with one text of a phrase, if anything. `alone`: it is the whole phrase.
pub(super) fn slip_of(text: &str, alone: bool) -> Option<Slip> {
    let bare = text.trim_matches('*');
    let words = words_of(bare).len();
    if words == 0 {
        return Some(slip("this phrase has no word that counts, so it never matches"));
    }
    if text.contains('*') && (bare.contains('*') || bare.len() < 4) {
        let help = Some("e.g. \"inundat*\" or \"*flood\"");
        return Some(Slip("a star stands at the beginning or the end of a phrase of at least 4 letters".into(), help));
    }
    if alone && words == 1 && bare.split_whitespace().count() > 1 {
        let help = Some("little words (is, a, the, my ...) are passed over; add one that says more");
        return Some(Slip("only one word of this phrase counts, so it would match that word anywhere".into(), help));
    }
    (words > WORDS_MAX).then(|| slip("a phrase has at most 6 words"))
}

/// The forms of a text as they stand in a folded line, each with a space on either side unless a star is there.
pub(super) fn patterns_of(text: &str, endings: Endings) -> Vec<String> {
    let (open_left, open_right) = (text.starts_with('*'), text.ends_with('*'));
    let words = words_of(text.trim_matches('*'));
    let mut forms = vec![String::new()];
    for (place, word) in words.iter().enumerate() {
        let last = place + 1 == words.len();
        let whole = !(last && open_right);
        let bent = if whole { forms_of(&word.folded, endings) } else { vec![word.folded.clone()] };
        forms = forms
            .iter()
            .flat_map(|head| {
                bent.iter().map(move |form| if place == 0 { form.clone() } else { format!("{head} {form}") })
            })
            .collect();
    }
    forms
        .into_iter()
        .map(|form| format!("{}{form}{}", if open_left { "" } else { " " }, if open_right { "" } else { " " }))
        .collect()
}
