//! What a reply by text means. People answer half asleep, with thumbs, with good manners and bad spelling; phones
//! answer by themselves ("Liked ..."). What is plainly yes or no is taken; everything else is [`Reply::Unclear`],
//! which stops nothing: a page too many beats an acknowledgement that nobody meant.

use super::reply_code::CODE_DIGITS;

/// Most characters of a reply that are looked at; a longer one is unclear.
pub const REPLY_CHARS_MAX: usize = 480;

/// Nonsense from one number that is answered; what comes after it is recorded and not answered, so that two machines
/// do not talk to each other all night. A reply that means something sets the count back.
pub const NONSENSE_ANSWERS_MAX: u32 = 5;

/// Whether a text that could not be understood is answered, after `before` others since the last good one.
pub fn answers(before: u32) -> bool {
    before < NONSENSE_ANSWERS_MAX
}

/// What a reply by text means. A code is five digits, or absent where none was given: then it means the one page
/// that is open for that number, if there is exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// "I have got this".
    Acknowledge {
        /// The code, if given.
        code: Option<String>,
    },
    /// "I can't": the next person is to be paged at once.
    Decline {
        /// The code, if given.
        code: Option<String>,
    },
    /// A request to send no more texts. To be recorded and told to a manager; the networks may already obey it.
    Stop,
    /// None of these: answer how to reply, and go on paging.
    Unclear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Yes,
    No,
    /// Good manners and small talk: changes nothing.
    Filler,
    Other,
}

/// Reads a reply: case, punctuation, emoji and white space do not matter, `ACK48213` is `ACK 48213`, and the
/// prompts `1` and `2` stand for yes and no. With a code in front or right after the yes or no, further words may
/// follow ("ack 48213 there in ten minutes") as long as none of them says the opposite.
pub fn parse(text: &str) -> Reply {
    if text.chars().count() > REPLY_CHARS_MAX {
        return Reply::Unclear;
    }
    let parts = parts(text);
    if let Some(first) = parts.first()
        && matches!(first.as_str(), "stop" | "stopall" | "unsubscribe" | "quit" | "end" | "cancel")
    {
        return Reply::Stop;
    }

    // The head is what may carry the meaning: words of yes, no or manners, and the digits among them.
    let mut meaning = None;
    let mut digits: Vec<&str> = Vec::new();
    let mut rest = parts.as_slice();
    while let Some((part, after)) = rest.split_first() {
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            digits.push(part);
        } else {
            let (word, taken) = word(rest);
            match word {
                Word::Yes | Word::No if meaning.is_some_and(|said| said != word) => return Reply::Unclear,
                Word::Yes | Word::No => meaning = Some(word),
                Word::Filler => {}
                Word::Other => break,
            }
            rest = &rest[taken..];
            continue;
        }
        rest = after;
    }
    let Some((choice, code)) = read_digits(&digits) else { return Reply::Unclear };
    let meaning = match (meaning, choice) {
        (Some(said), Some(chosen)) if said != chosen => return Reply::Unclear,
        (Some(meaning), _) | (None, Some(meaning)) => meaning,
        // A bare code is an acknowledgement: it is what the text asked for.
        (None, None) if code.is_some() => Word::Yes,
        (None, None) => return Reply::Unclear,
    };
    if !rest.is_empty() {
        let opposite = if meaning == Word::Yes { Word::No } else { Word::Yes };
        let contradicted = (0..rest.len()).any(|at| word(&rest[at..]).0 == opposite);
        if code.is_none() || contradicted {
            return Reply::Unclear;
        }
    }
    if meaning == Word::Yes { Reply::Acknowledge { code } } else { Reply::Decline { code } }
}

/// The runs of letters and of digits, in lower case; apostrophes vanish (`can't` is `cant`), all else parts.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut last = None;
    for character in text.chars() {
        if matches!(character, '\'' | '’' | '‘' | '`') {
            continue;
        }
        // Marks that stand on another character (the keycap of `1️⃣`) part nothing.
        let kind = match character {
            '0'..='9' => Some(true),
            _ if character.is_alphabetic() => Some(false),
            _ => None,
        };
        match (kind, parts.last_mut()) {
            (Some(_), Some(part)) if kind == last => part.extend(character.to_lowercase()),
            (Some(_), _) => parts.push(character.to_lowercase().collect()),
            (None, _) => {}
        }
        last = kind;
    }
    parts
}

/// What the parts begin with, and how many of them that takes.
fn word(parts: &[String]) -> (Word, usize) {
    const PHRASES: [(&[&str], Word); 9] = [
        (&["i", "have", "got", "this"], Word::Yes),
        (&["ive", "got", "this"], Word::Yes),
        (&["got", "this"], Word::Yes),
        (&["got", "it"], Word::Yes),
        (&["on", "it"], Word::Yes),
        (&["on", "my", "way"], Word::Yes),
        (&["can", "not"], Word::No),
        (&["not", "me"], Word::No),
        (&["thank", "you"], Word::Filler),
    ];
    for (phrase, word) in PHRASES {
        if parts.len() >= phrase.len() && phrase.iter().zip(parts).all(|(wanted, part)| wanted == part) {
            return (word, phrase.len());
        }
    }
    let word = match parts.first().map(String::as_str) {
        Some(
            "a" | "ack" | "acked" | "acknowledge" | "acknowledged" | "yes" | "y" | "ok" | "okay" | "yep" | "accept",
        ) => Word::Yes,
        Some("no" | "n" | "nope" | "cant" | "cannot" | "decline" | "declined" | "not" | "unable" | "wont") => Word::No,
        Some("thanks" | "ta" | "please" | "hi" | "hello" | "sorry" | "code" | "i") => Word::Filler,
        _ => Word::Other,
    };
    (word, 1)
}

/// The choice (`1` yes, `2` no) and the code in the groups of digits; `None` where they make no sense.
fn read_digits(groups: &[&str]) -> Option<(Option<Word>, Option<String>)> {
    let choice = |group: &&str| match *group {
        "1" => Some(Word::Yes),
        "2" => Some(Word::No),
        _ => None,
    };
    let joined = groups.concat();
    match joined.len() {
        0 => Some((None, None)),
        1 => Some((Some(choice(groups.first()?)?), None)),
        CODE_DIGITS => Some((None, Some(joined))),
        len if len == CODE_DIGITS + 1 => {
            let (first, rest) = groups.split_first()?;
            Some((Some(choice(first)?), Some(rest.concat())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let code = |code: Option<String>| code.map_or(String::new(), |code| format!(" {code}"));
        let got = match parse(text) {
            Reply::Acknowledge { code: given } => format!("ack{}", code(given)),
            Reply::Decline { code: given } => format!("no{}", code(given)),
            Reply::Stop => "stop".into(),
            Reply::Unclear => "unclear".into(),
        };
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn r_f36_replies_as_people_write_them() {
        for text in [
            "ACK 48213",
            " Ack48213! ",
            "ack\t48213\r\n",
            "48213",
            "48213 ack",
            "48213ack",
            "ACK: 48213.",
            "ack 48213 👍",
            "ack 482 13",
            "1 48213",
            "1\u{fe0f}\u{20e3} 48213",
            "Yes 48213 thanks",
            "Ok. 48213",
            "ack 48213 there in ten minutes",
            "I've got this 48213",
        ] {
            check(text, "ack 48213");
        }
        for text in ["ack", "ACK", "a", "Yes", "ok", "1", "Got it", "on it, thanks", "Acknowledged!", "I have got this"]
        {
            check(text, "ack");
        }
        for text in ["NO 48213", "no48213", "2 48213", "48213 no", "Can't, 48213", "can’t 48213 sorry, on leave"] {
            check(text, "no 48213");
        }
        for text in ["no", "2", "Can't", "cannot", "No sorry", "I can't"] {
            check(text, "no");
        }
        for text in ["STOP", "stop.", "Stop all", "UNSUBSCRIBE", "stop 48213"] {
            check(text, "stop");
        }
    }

    #[test]
    fn what_is_not_plain_stops_nothing() {
        for text in [
            "",
            "👍",
            "?",
            "who is this",
            "ack 4821",
            "ack 482134",
            "100aa",
            "3",
            "12",
            "yes no",
            "not ack 48213",
            "ack 48213 but I can't come",
            "no 48213 yes",
            "ack 2",
            "I was in bed at 48213",
            "Liked “WEXMOOR: flooding calls far above normal. Reply ACK 48213 or open https://desk.example.gov.uk/p/x”",
            "WEXMOOR: flooding. Reply ACK 48213",
            "yes but who else is coming",
        ] {
            check(text, "unclear");
        }
        check(&"ack ".repeat(200), "unclear");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_code_is_always_five_digits(text in ".{0,200}") {
            if let Reply::Acknowledge { code: Some(code) } | Reply::Decline { code: Some(code) } = parse(&text) {
                prop_assert_eq!(code.len(), CODE_DIGITS);
            }
        }
    }
}
