//! The little English that keyword rules need: words without case and apostrophes, their simple endings, clauses, and
//! what is plainly denied in one.
//!
//! Lists, not grammar: each entry is there because a report or a council's note was read wrongly without it.

/// Which forms of a phrase's words count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Endings {
    /// As written only.
    None,
    /// With -s, -ed, -ing.
    Regular,
    /// Irregular verbs too.
    All,
}

/// Verbs of weather and damage that do not bend regularly, all forms together.
const IRREGULAR: &[&[&str]] = &[
    &["blow", "blows", "blew", "blown", "blowing"],
    &["break", "breaks", "broke", "broken", "breaking"],
    &["burst", "bursts", "bursting", "bursted"],
    &["come", "comes", "came", "coming"],
    &["fall", "falls", "fell", "fallen", "falling"],
    &["freeze", "freezes", "froze", "frozen", "freezing"],
    &["get", "gets", "got", "getting"],
    &["go", "goes", "went", "gone", "going"],
    &["hang", "hangs", "hung", "hanging"],
    &["lose", "loses", "lost", "losing"],
    &["rise", "rises", "rose", "risen", "rising"],
    &["run", "runs", "ran", "running"],
    &["sink", "sinks", "sank", "sunk", "sinking"],
    &["slide", "slides", "slid", "sliding"],
    &["stick", "sticks", "stuck", "sticking"],
    &["tear", "tears", "tore", "torn", "tearing"],
    &["bring", "brings", "brought", "bringing"],
    &["give", "gives", "gave", "given", "giving"],
    &["drive", "drives", "drove", "driven", "driving"],
    &["sweep", "sweeps", "swept", "sweeping"],
    &["take", "takes", "took", "taken", "taking"],
    &["cave", "caves", "caved", "caving"],
    &["fly", "flies", "flew", "flown", "flying"],
    &["lie", "lies", "lay", "lying"],
    &["spin", "spins", "spun", "spinning"],
    &["leave", "leaves", "left", "leaving"],
    &["lean", "leans", "leaned", "leant", "leaning"],
    &["smell", "smells", "smelt", "smelled", "smelling"],
    &["cling", "clings", "clung", "clinging"],
    &["bury", "buries", "buried", "burying"],
    &["hit", "hits", "hitting"],
    &["split", "splits", "splitting"],
    &["spill", "spills", "spilt", "spilled", "spilling", "spillage"],
];

/// A word with its simple endings (-s, -ed, -ing, with doubling and y to ie), or all forms of an irregular verb.
/// Words of up to two letters, and those that already have an ending, stand alone.
pub(super) fn forms_of(word: &str, endings: Endings) -> Vec<String> {
    if endings == Endings::All
        && let Some(group) = IRREGULAR.iter().find(|group| group.contains(&word))
    {
        return group.iter().map(|form| (*form).to_owned()).collect();
    }
    let letters: Vec<char> = word.chars().collect();
    let done = endings == Endings::None
        || word.ends_with("ing")
        || word.ends_with("ed")
        || !word.chars().all(|c| c.is_ascii_lowercase());
    if letters.len() < 3 || done || SMALL_WORDS.contains(&word) {
        return vec![word.to_owned()];
    }
    let vowel = |c: char| "aeiou".contains(c);
    let (last, before) = (letters[letters.len() - 1], letters[letters.len() - 2]);
    let stem: String = letters[..letters.len() - 1].iter().collect();
    let mut forms = vec![word.to_owned()];
    match last {
        'e' => forms.extend([format!("{word}s"), format!("{word}d"), format!("{stem}ing")]),
        'y' if !vowel(before) => forms.extend([format!("{stem}ies"), format!("{stem}ied"), format!("{word}ing")]),
        's' if !word.ends_with("ss") => {}
        's' | 'x' | 'z' | 'h' if last != 'h' || matches!(before, 'c' | 's') => {
            forms.extend([format!("{word}es"), format!("{word}ed"), format!("{word}ing")]);
        }
        _ => {
            forms.extend([format!("{word}s"), format!("{word}ed"), format!("{word}ing")]);
            let short = !vowel(last) && !"wxy".contains(last) && vowel(before);
            if short && letters.iter().filter(|c| vowel(**c)).count() == 1 {
                forms.extend([format!("{word}{last}ed"), format!("{word}{last}ing")]);
            }
        }
    }
    forms
}

/// Words that bend no further in a phrase.
const SMALL_WORDS: &[&str] = &[
    "and", "for", "from", "into", "off", "out", "over", "the", "with", "down", "onto", "not", "without", "back",
    "under",
];

/// Words that a phrase steps over: "the tree has come right down" is "tree come down".
const FILLERS: &[&str] = &[
    "a",
    "all",
    "also",
    "already",
    "am",
    "an",
    "are",
    "be",
    "been",
    "being",
    "completely",
    "currently",
    "had",
    "has",
    "have",
    "is",
    "it",
    "its",
    "ive",
    "just",
    "my",
    "now",
    "our",
    "quite",
    "really",
    "right",
    "s",
    "so",
    "some",
    "still",
    "that",
    "thats",
    "the",
    "their",
    "there",
    "theres",
    "this",
    "totally",
    "very",
    "was",
    "were",
    "weve",
    "your",
    "youre",
];

/// One word of a text, folded.
pub(super) struct Word {
    pub folded: String,
    /// A new clause begins with this word.
    pub begins_clause: bool,
    /// A new sentence, or a turn of one, begins with this word.
    pub begins_sentence: bool,
    /// It is a hashtag, or a piece of one.
    pub hashtag: bool,
}

/// The words of a text, folded to lower case without apostrophes, fillers left out; clauses marked. Hashtags are taken
/// apart at their capitals (#TreeDown); a letter that is held ("flooooded") counts twice at most.
pub(super) fn words_of(text: &str) -> Vec<Word> {
    let mut words = Words { begins_clause: true, begins_sentence: true, ..Words::default() };
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '\'' | '\u{2019}' | '\u{2018}' | '\u{02bc}' | '`' | '\u{b4}' => {}
            c if c.is_alphanumeric() => {
                if words.hashtag && c.is_uppercase() && !before.is_uppercase() {
                    words.flush();
                }
                words.letters(c);
            }
            '.' | ',' | ';' | ':' | '!' | '?' | '\n' | '(' | ')' | '\u{2013}' | '\u{2014}' => {
                words.flush();
                words.hashtag = false;
                words.begins_clause = true;
                words.begins_sentence |= c != ',';
            }
            _ => {
                words.flush();
                words.hashtag = c == '#';
            }
        }
        before = c;
    }
    words.flush();
    words.all
}

#[derive(Default)]
struct Words {
    all: Vec<Word>,
    folded: String,
    begins_clause: bool,
    begins_sentence: bool,
    hashtag: bool,
}

impl Words {
    /// A letter, unless it stands twice already.
    fn letters(&mut self, c: char) {
        for letter in c.to_lowercase() {
            let mut back = self.folded.chars().rev();
            let held = letter.is_alphabetic() && back.next() == Some(letter) && back.next() == Some(letter);
            if !held {
                self.folded.push(letter);
            }
        }
    }

    fn flush(&mut self) {
        if self.folded.is_empty() {
            return;
        }
        self.begins_clause |= CLAUSE_WORDS.contains(&self.folded.as_str());
        self.begins_sentence |= self.folded == "but";
        if FILLERS.contains(&self.folded.as_str()) {
            self.folded.clear();
            return;
        }
        self.all.push(Word {
            folded: std::mem::take(&mut self.folded),
            begins_clause: std::mem::take(&mut self.begins_clause),
            begins_sentence: std::mem::take(&mut self.begins_sentence),
            hashtag: self.hashtag,
        });
    }
}

/// Words that begin a clause: a denial before them does not reach beyond.
const CLAUSE_WORDS: &[&str] = &[
    "although", "and", "as", "because", "but", "cos", "due", "however", "if", "since", "then", "though", "until",
    "when", "where", "which", "while", "why", "yet",
];

/// How many words may stand between a denial and what it denies ("not seeing any flooding").
const DENIAL_REACH: usize = 3;

/// Words that deny what follows within [`DENIAL_REACH`] words.
const DENIALS: &[&str] = &[
    "no", "not", "isnt", "arent", "wasnt", "werent", "hasnt", "havent", "hadnt", "doesnt", "didnt", "dont", "without",
    "nor", "neither", "aint",
];

/// Words that deny only before one of [`SEEING`]: "cannot see any flooding", but "cannot get out".
const INABILITY: &[&str] = &["cant", "cannot", "couldnt"];

/// What somebody who denies says that they cannot do.
const SEEING: &[&str] = &["see", "find", "hear", "spot"];

/// Words that, right after a denial, take it for themselves: "no one has come", "not only", "no way through".
const NOT_A_DENIAL: &[&str] = &[
    "access",
    "accessible",
    "acceptable",
    "again",
    "answer",
    "able",
    "believe",
    "cope",
    "coping",
    "cross",
    "doubt",
    "drive",
    "enough",
    "enter",
    "entry",
    "exit",
    "far",
    "fixed",
    "get",
    "give",
    "good",
    "happy",
    "help",
    "idea",
    "ignore",
    "just",
    "know",
    "leave",
    "long",
    "luck",
    "matter",
    "move",
    "one",
    "only",
    "open",
    "park",
    "passable",
    "pass",
    "reach",
    "reply",
    "response",
    "safe",
    "sandbags",
    "sandbag",
    "sleep",
    "stop",
    "stopped",
    "stopping",
    "sure",
    "time",
    "use",
    "walk",
    "wait",
    "want",
    "warning",
    "way",
    "work",
    "working",
    "through",
];

/// Whether the phrase that begins at word `first` is denied in its clause.
pub(super) fn denied(words: &[Word], first: usize) -> bool {
    let mut at = first;
    for _ in 0..=DENIAL_REACH {
        // The phrase's own first word may begin the clause; then nothing before it denies it.
        if at == 0 || words[at].begins_clause {
            return false;
        }
        at -= 1;
        let word = words[at].folded.as_str();
        let next = words[at + 1].folded.as_str();
        let after = words.get(at + 2).map_or("", |word| word.folded.as_str());
        if word == "never" {
            // "never flooded" denies; "never seen such flooding" reports one.
            return at + 1 == first;
        }
        // The second word of "no longer flooded" belongs to the denial; "no longer coping" is a cry for help.
        if INABILITY.contains(&word) {
            return SEEING.contains(&next);
        }
        if DENIALS.contains(&word) {
            let taken = NOT_A_DENIAL.contains(&next)
                || (next == "longer" && matches!(after, "coping" | "cope" | "safe" | "passable"));
            let own = at + 1 == first;
            return own || !taken;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_bend_as_english_does() {
        for (word, forms) in [
            ("flood", "flood floods flooded flooding"),
            ("gully", "gully gullies gullied gullying"),
            ("collapse", "collapse collapses collapsed collapsing"),
            ("branch", "branch branches branched branching"),
            ("grit", "grit grits grited griting gritted gritting"),
            ("fell", "fall falls fell fallen falling"),
            ("ice", "ice ices iced icing"),
            ("down", "down"),
        ] {
            assert_eq!(forms_of(word, Endings::All).join(" "), forms);
        }
    }
}
