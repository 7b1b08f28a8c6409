//! What a page says: the text message, the email, its subject.
//!
//! It is read at 3 am by somebody just woken. So: who is calling, what has happened, and what to do about it, in that
//! order and in the fewest words. The reply code and the link stand in the first segment of the text, because the
//! second may come late or never; they stand above the fold of the email for the same reason.
//!
//! Everything is plain data in, plain text out. No personal data goes in, so none can come out: a page names the
//! role, never the person, and the place as a grid reference, never an address.
//! Not here: which people and channels ([`super::paging`]); codes and links ([`super::reply_code`]).

use super::sms_text::{GSM7_JOINED, fold, segments, septets};

/// Most segments of a paging text. Two are carried dependably everywhere and cost twice a text, not more.
pub const SMS_SEGMENTS_MAX: usize = 2;
/// Most characters of a subject, so that a phone's list shows the whole of it (RFC 5322 part 2.1.1).
pub const SUBJECT_CHARS_MAX: usize = 78;
/// Most characters of the council's name at the start of a text.
pub const COUNCIL_CHARS_MAX: usize = 24;
/// The longest link that is sure to stand in the first segment, whatever else is said. A link is the address of the
/// desk, `/p/` and a token of about 32 characters, so the address may have some 33.
pub const LINK_CHARS_MAX: usize = 68;

/// What is to be said, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wording {
    /// The council as it stands at the start of a text, e.g. `WEXMOOR`; cut to [`COUNCIL_CHARS_MAX`].
    pub council: String,
    /// The incident's reference, e.g. `INC-42`.
    pub incident: String,
    /// What has happened, e.g. `flooding calls far above normal`.
    pub title: String,
    /// Why we think so, and where, e.g. `6 in 60 min near SJ 494 253`. May be empty.
    pub evidence: String,
    /// Why it is you, e.g. `duty officer`; underscores are shown as spaces.
    pub role: String,
    /// The reply code, e.g. `48213`.
    pub code: String,
    /// The signed link, e.g. `https://desk.example.gov.uk/p/p512-…`. No white space in it.
    pub link: String,
    /// The number that replies go to, for the email's reader; `None` where replies by text are not set up.
    pub reply_number: Option<String>,
    /// When somebody else is paged, e.g. `5 min`; `None` where nobody follows.
    pub next_after: Option<String>,
    /// How often this person has been told already; 0 for the first page.
    pub repeat: u32,
    /// An exercise: every form of the page says so first.
    pub exercise: bool,
    /// The incidents that one message stands for, when they are several, e.g. `INC-42 Surface-water flooding`; then
    /// [`Wording::title`] and [`Wording::evidence`] are passed over, since the list says more.
    pub list: Vec<String>,
}

/// A message that asks for no answer, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NoticeWording {
    /// The council, as in [`Wording::council`].
    pub council: String,
    /// Who has it, by name, where it says that somebody has; otherwise it brings news.
    pub by: Option<String>,
    /// The incidents, e.g. `INC-42 Surface-water flooding`.
    pub list: Vec<String>,
    /// What is new about each, in words.
    pub evidence: Vec<String>,
    /// An exercise: it says so first.
    pub exercise: bool,
}

impl NoticeWording {
    /// One line: the text message before it is cut, and the beginning of the subject.
    fn line(&self) -> String {
        let exercise = if self.exercise { "EXERCISE. " } else { "" };
        let council = cut_chars(&one_line(&self.council), COUNCIL_CHARS_MAX);
        let list: Vec<String> = self.list.iter().map(|each| one_line(each)).collect();
        match &self.by {
            Some(by) => {
                format!("{exercise}{council}: {} has {}. Nothing to do for you.", one_line(by), list.join(", "))
            }
            None => {
                let each = list.iter().zip(&self.evidence);
                let each: Vec<String> =
                    each.map(|(what, why)| sentence(&format!("{what}: {}", one_line(why)))).collect();
                format!("{exercise}{council}: news of what you have. {}", each.join(" "))
            }
        }
    }

    /// All forms of it.
    pub fn texts(&self) -> Texts {
        let line = self.line();
        let room = SMS_SEGMENTS_MAX * GSM7_JOINED - 1;
        let mut text = line.clone() + "\n";
        text.push_str("No answer is needed.\n");
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n</head>\n\
             <body style=\"margin:0;padding:16px;max-width:560px;font-family:Arial,sans-serif;font-size:18px\">\n\
             <p>{0}</p>\n<p>No answer is needed.</p>\n</body>\n</html>\n",
            escape(&line)
        );
        Texts { sms: shorten(&fold(&line), room), subject: cut_chars(&line, SUBJECT_CHARS_MAX), text, html }
    }
}

/// A page in all its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// The text message: GSM-7, at most [`SMS_SEGMENTS_MAX`] segments, code and link in the first.
    pub sms: String,
    /// The email's subject, one line.
    pub subject: String,
    /// The email's plain part.
    pub text: String,
    /// The email's HTML part: no scripts, no pictures, nothing fetched.
    pub html: String,
}

impl Wording {
    /// All forms of the page.
    pub fn texts(&self) -> Texts {
        Texts { sms: self.sms(), subject: self.subject(), text: self.plain(), html: self.html() }
    }

    /// The text message.
    ///
    /// The natural order (what, why, who, what to do) is used where everything fits into one segment; otherwise the
    /// reason moves behind code and link, and what does not fit into two segments is cut with `...`.
    /// A link longer than [`LINK_CHARS_MAX`] may follow the code in the second segment, and is left out where that
    /// cannot hold it either: the code alone suffices.
    pub fn sms(&self) -> String {
        let opening = self.opening();
        let title = sentence(&fold(&self.title()));
        let evidence = sentence(&fold(&if self.list.is_empty() { self.evidence.clone() } else { self.numbered() }));
        let role = self.you_are();
        let all = if self.list.is_empty() { "" } else { " for all" };
        let act = format!("Reply ACK {}{all} or open {}", self.code, self.link);
        let reference = if self.list.is_empty() { fold(&self.incident) } else { String::new() };

        let natural = join(&[&opening, &title, &evidence, &role, &act]);
        if segments(&natural).count == 1 {
            return natural;
        }

        let (act, tail) = if septet_len(&opening) + 1 + septet_len(&act) <= GSM7_JOINED {
            // What waits is more than who is asked, when it is a list.
            let (first, second) = if self.list.is_empty() { (&role, &evidence) } else { (&evidence, &role) };
            (act, join(&[first, second, &reference]))
        } else {
            let link = format!("Open {}", self.link);
            let code_only = format!("Reply ACK {}{all}", self.code);
            let room = SMS_SEGMENTS_MAX * GSM7_JOINED - 1;
            let fits = septet_len(&join(&[&opening, &code_only, &link])) <= room;
            let head = if fits { link } else { String::new() };
            (format!("{code_only}."), join(&[&head, &role, &evidence, &reference]))
        };
        let room = GSM7_JOINED.saturating_sub(septet_len(&opening) + septet_len(&act) + 2);
        let head = join(&[&opening, &shorten(&title, room), &act]);
        // One septet is kept back: an escaped character at the seam may leave one empty.
        let room = (SMS_SEGMENTS_MAX * GSM7_JOINED - 1).saturating_sub(septet_len(&head) + 1);
        join(&[&head, &shorten(&tail, room)])
    }

    /// The subject: council, incident, what has happened; one line, at most [`SUBJECT_CHARS_MAX`] characters.
    pub fn subject(&self) -> String {
        let repeat = if self.repeat > 0 { format!(" (repeat {})", self.repeat) } else { String::new() };
        let exercise = if self.exercise { "EXERCISE " } else { "" };
        let incident = if self.list.is_empty() { format!(" {}", one_line(&self.incident)) } else { String::new() };
        let start = format!("{exercise}{}{incident}{repeat}: ", self.council());
        let room = SUBJECT_CHARS_MAX.saturating_sub(start.chars().count());
        start + &cut_chars(&one_line(&self.title()), room)
    }

    /// The email's plain part: code and link within the first eight lines.
    pub fn plain(&self) -> String {
        let mut text = String::new();
        let mut line = |words: &str| {
            text.push_str(words);
            text.push('\n');
        };
        if self.exercise {
            line(EXERCISE_LINE);
            line("");
        }
        if self.list.is_empty() {
            line(&format!("{} {}: {}", self.council(), one_line(&self.incident), sentence(&one_line(&self.title))));
            line(&join(&[&sentence(&one_line(&self.evidence)), &self.you_are_plain()]));
        } else {
            line(&format!("{}: {}", self.council(), sentence(&self.title())));
            for (number, each) in (1..).zip(&self.list) {
                line(&format!("{number}. {}", one_line(each)));
            }
            line(&self.you_are_plain());
        }
        line("");
        line(if self.list.is_empty() { "I have got this:" } else { "I have got all of this:" });
        line(&self.link);
        line(&self.reply_words());
        line("");
        line(&self.decline_words());
        if let Some(words) = self.next_words() {
            line(&words);
        }
        if self.repeat > 0 {
            line(&format!("You have been told of this {} before.", times(self.repeat)));
        }
        text
    }

    /// The email's HTML part: the same words, one big button, readable at 320 px in light and dark.
    pub fn html(&self) -> String {
        let paragraph = |words: &str| format!("<p style=\"margin:0 0 16px\">{}</p>\n", escape(words));
        let mut body = String::new();
        if self.exercise {
            body += &format!(
                "<p style=\"margin:0 0 16px;padding:8px 12px;border:3px solid #d4351c\"><strong>{}</strong></p>\n",
                escape(EXERCISE_LINE)
            );
        }
        body += &format!(
            "<p style=\"margin:0 0 4px\">{} {}</p>\n<h1 style=\"margin:0 0 12px;font-size:22px;line-height:1.25\">{}</h1>\n",
            escape(&self.council()),
            escape(&if self.list.is_empty() { one_line(&self.incident) } else { String::new() }),
            escape(&one_line(&self.title()))
        );
        if self.list.is_empty() {
            body += &paragraph(&join(&[&sentence(&one_line(&self.evidence)), &self.you_are_plain()]));
        } else {
            let items: Vec<String> =
                self.list.iter().map(|each| format!("<li>{}</li>", escape(&one_line(each)))).collect();
            body += &format!("<ol style=\"margin:0 0 16px\">{}</ol>\n", items.concat());
            body += &paragraph(&self.you_are_plain());
        }
        body += &format!(
            "<p style=\"margin:0 0 16px\"><a href=\"{}\" style=\"display:block;padding:18px 12px;background:#00703c;\
             color:#ffffff;font-size:20px;font-weight:bold;text-align:center;text-decoration:none\">\
             {}</a></p>\n",
            escape(&self.link),
            if self.list.is_empty() { "I have got this" } else { "I have got all of this" }
        );
        body += &paragraph(&self.reply_words());
        body += &paragraph(&self.decline_words());
        if let Some(words) = self.next_words() {
            body += &paragraph(&words);
        }
        if self.repeat > 0 {
            body += &paragraph(&format!("You have been told of this {} before.", times(self.repeat)));
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
             </head>\n<body style=\"margin:0;padding:16px;max-width:560px;font-family:Arial,sans-serif;font-size:18px;\
             line-height:1.4\">\n{body}</body>\n</html>\n",
            escape(&self.subject())
        )
    }

    /// What has happened, or how many things.
    fn title(&self) -> String {
        if self.list.is_empty() { self.title.clone() } else { format!("{} incidents wait for you", self.list.len()) }
    }

    /// The list in one line: `1 INC-42 Flooding, 2 INC-57 Power cut`.
    fn numbered(&self) -> String {
        let each = (1..).zip(&self.list).map(|(number, each): (u32, _)| format!("{number} {}", one_line(each)));
        each.collect::<Vec<_>>().join(", ")
    }

    fn council(&self) -> String {
        cut_chars(&one_line(&self.council), COUNCIL_CHARS_MAX)
    }

    fn opening(&self) -> String {
        let exercise = if self.exercise { "EXERCISE. " } else { "" };
        let repeat = if self.repeat > 0 { format!(" (repeat {})", self.repeat) } else { String::new() };
        format!("{exercise}{}{repeat}:", shorten(&fold(&self.council), COUNCIL_CHARS_MAX))
    }

    fn you_are(&self) -> String {
        fold(&self.you_are_plain())
    }

    fn you_are_plain(&self) -> String {
        let role = one_line(&self.role).replace('_', " ");
        if role.is_empty() { String::new() } else { format!("You are {role}.") }
    }

    fn reply_words(&self) -> String {
        match &self.reply_number {
            Some(number) => format!("or text ACK {} to {}", self.code, one_line(number)),
            None => format!("Code of this page: {}", self.code),
        }
    }

    fn decline_words(&self) -> String {
        match &self.reply_number {
            Some(_) => format!("Cannot attend? Open the link and say so, or text NO {}.", self.code),
            None => "Cannot attend? Open the link and say so.".to_owned(),
        }
    }

    fn next_words(&self) -> Option<String> {
        let after = self.next_after.as_deref()?;
        Some(format!("Without an answer within {}, the next person is paged.", one_line(after)))
    }
}

const EXERCISE_LINE: &str = "EXERCISE EXERCISE EXERCISE: this is not a real incident.";

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

/// The words on one line: controls and line ends become spaces, so that no header or line can be forged with them.
fn one_line(words: &str) -> String {
    words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The words with a full stop, unless they are empty or end in a mark already.
fn sentence(words: &str) -> String {
    match words.chars().last() {
        None => String::new(),
        Some('.' | '!' | '?') => words.to_owned(),
        Some(_) => format!("{words}."),
    }
}

/// The parts that say something, with a space between.
fn join(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

/// The length in septets of a text that is GSM-7 already; a stranger (in a link, say) counts as one.
fn septet_len(text: &str) -> usize {
    text.chars().map(|c| septets(c).unwrap_or(1)).sum()
}

/// The text, cut to `room` septets at a word where one is near, with `...`; empty where not even that fits.
fn shorten(text: &str, room: usize) -> String {
    if septet_len(text) <= room {
        return text.to_owned();
    }
    let mut width = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            width += septets(*c).unwrap_or(1);
            width + 3 > room
        })
        .map_or(text.len(), |(at, _)| at);
    let kept = &text[..end];
    // Whole words where that costs no more than half of what is left.
    let kept = kept.rfind(' ').filter(|at| *at > end / 2).map_or(kept, |at| &kept[..at]);
    let kept = kept.trim_end_matches(|c: char| !c.is_alphanumeric());
    if kept.is_empty() { String::new() } else { format!("{kept}...") }
}

fn cut_chars(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::sms_text::{Coding, Segments, first_segment};
    use proptest::prelude::*;

    const LINK: &str = "https://desk.wexmoor.example.gov.uk/p/p512-k3jq7yd2mzt4bfa6xw5hc2nroe";

    fn flood() -> Wording {
        Wording {
            council: "WEXMOOR".into(),
            incident: "INC-42".into(),
            title: "flooding calls far above normal".into(),
            evidence: "6 in 60 min near SJ 494 253".into(),
            role: "duty_officer".into(),
            code: "48213".into(),
            link: LINK.into(),
            reply_number: Some("07700 900999".into()),
            next_after: Some("5 min".into()),
            ..Wording::default()
        }
    }

    #[test]
    fn a_short_page_is_one_text_in_the_order_in_which_people_ask() {
        let page = Wording { link: "https://d.example.gov.uk/p/p512-k3j".into(), ..flood() };
        assert_eq!(
            page.sms(),
            "WEXMOOR: flooding calls far above normal. 6 in 60 min near SJ 494 253. You are duty officer. \
             Reply ACK 48213 or open https://d.example.gov.uk/p/p512-k3j"
        );
        assert_eq!(segments(&page.sms()).count, 1);
    }

    #[test]
    fn whoever_need_do_nothing_is_told_so_in_one_text() {
        let taken = NoticeWording {
            council: "WEXMOOR".into(),
            by: Some("Imran Shah".into()),
            list: vec!["INC-42 Surface-water flooding".into()],
            ..NoticeWording::default()
        };
        assert_eq!(taken.texts().sms, "WEXMOOR: Imran Shah has INC-42 Surface-water flooding. Nothing to do for you.");
        let news = NoticeWording {
            by: None,
            evidence: vec!["3 new signs, the newest: 9 about flooding in 1 h; the rule says 5".into()],
            exercise: true,
            ..taken
        };
        assert!(
            news.texts().sms.starts_with("EXERCISE. WEXMOOR: news of what you have. INC-42"),
            "{}",
            news.texts().sms
        );
        let long = NoticeWording { evidence: vec!["more ".repeat(200)], ..news };
        assert!(segments(&long.texts().sms).count <= 2);
    }

    #[test]
    fn several_incidents_are_one_text_that_numbers_them_and_one_code_answers_all() {
        let page = Wording { list: vec!["INC-42 Surface-water flooding".into(), "INC-57 Power cut".into()], ..flood() };
        assert_eq!(
            page.sms(),
            format!(
                "WEXMOOR: 2 incidents wait for you. Reply ACK 48213 for all or open {LINK} 1 INC-42 Surface-water \
                 flooding, 2 INC-57 Power cut. You are duty officer."
            )
        );
        assert_eq!(page.subject(), "WEXMOOR: 2 incidents wait for you");
        let plain = page.plain();
        assert!(plain.contains("1. INC-42 Surface-water flooding\n2. INC-57 Power cut\n"), "{plain}");
        assert!(page.html().contains("<li>INC-57 Power cut</li>"));
        // However long the list, code and link stay in the first segment.
        let long = Wording { list: vec!["INC-100042 A long name of a plan that somebody wrote".into(); 40], ..flood() };
        assert!(first_segment(&long.sms()).contains("ACK 48213 for all"), "{}", long.sms());
        assert_eq!(segments(&long.sms()).count, 2);
    }

    #[test]
    fn a_long_link_moves_the_reason_behind_code_and_link() {
        assert_eq!(
            flood().sms(),
            format!(
                "WEXMOOR: flooding calls far above normal. Reply ACK 48213 or open {LINK} You are duty officer. \
                 6 in 60 min near SJ 494 253. INC-42"
            )
        );
    }

    #[test]
    fn r_f37_pounds_euros_and_welsh_stay_within_two_segments_with_code_and_link_in_the_first() {
        let page = Wording {
            council: "CYNGOR LLANŴRDA €".into(),
            title: "£5 “dŵr” yn y tŷ – ".repeat(20),
            evidence: "llifogydd mawr €€€ ".repeat(30),
            repeat: 3,
            exercise: true,
            ..flood()
        };
        let sms = page.sms();
        assert!(sms.starts_with("EXERCISE. CYNGOR LLANWRDA € (repeat 3): £5"), "{sms}");
        assert_eq!((segments(&sms).coding, segments(&sms).count), (Coding::Gsm7, 2), "{sms}");
        assert!(first_segment(&sms).contains("ACK 48213 or open "), "{sms}");
        assert!(first_segment(&sms).contains(LINK), "{sms}");
    }

    #[test]
    fn a_link_too_long_for_any_text_leaves_the_code() {
        let page = Wording { link: format!("https://example.gov.uk/{}", "x".repeat(400)), ..flood() };
        assert_eq!(
            page.sms(),
            "WEXMOOR: flooding calls far above normal. Reply ACK 48213. You are duty officer. \
             6 in 60 min near SJ 494 253. INC-42"
        );
    }

    #[test]
    fn an_email_says_what_and_what_to_do_in_its_first_lines() {
        assert_eq!(flood().subject(), "WEXMOOR INC-42: flooding calls far above normal");
        assert_eq!(
            flood().plain(),
            format!(
                "WEXMOOR INC-42: flooding calls far above normal.\n\
                 6 in 60 min near SJ 494 253. You are duty officer.\n\
                 \n\
                 I have got this:\n\
                 {LINK}\n\
                 or text ACK 48213 to 07700 900999\n\
                 \n\
                 Cannot attend? Open the link and say so, or text NO 48213.\n\
                 Without an answer within 5 min, the next person is paged.\n"
            )
        );
        let html = flood().html();
        assert!(html.contains(&format!("<a href=\"{LINK}\"")), "{html}");
        assert!(html.contains("or text ACK 48213 to 07700 900999"), "{html}");
    }

    #[test]
    fn an_exercise_says_so_first_in_every_form() {
        let page = Wording { exercise: true, ..flood() };
        let texts = page.texts();
        for form in [&texts.sms, &texts.subject, &texts.text] {
            assert!(form.starts_with("EXERCISE"), "{form}");
        }
        assert!(texts.html.contains("<strong>EXERCISE EXERCISE EXERCISE: this is not a real incident.</strong>"));
        let live = flood().texts();
        for form in [live.sms, live.subject, live.text, live.html] {
            assert!(!form.contains("EXERCISE"), "{form}");
        }
    }

    #[test]
    fn a_repeat_says_which_one_it_is() {
        let page = Wording { repeat: 2, ..flood() };
        assert!(page.sms().starts_with("WEXMOOR (repeat 2): flooding"));
        assert_eq!(page.subject(), "WEXMOOR INC-42 (repeat 2): flooding calls far above normal");
        assert!(page.plain().contains("told of this twice before"));
    }

    #[test]
    fn a_title_can_forge_neither_a_header_nor_a_tag() {
        let page = Wording { title: "flood\r\nBcc: all@example.gov.uk <script>alert(1)</script>".into(), ..flood() };
        assert!(!page.subject().contains(['\r', '\n']));
        assert!(!page.html().contains("<script"));
        assert!(page.html().contains("&lt;script&gt;"));
    }

    proptest! {
        #[test]
        fn whatever_the_words_the_code_is_in_the_first_segment_and_there_are_at_most_two(
            council in ".{0,40}", title in ".{0,200}", evidence in ".{0,300}", role in ".{0,60}",
            link_len in 10_usize..200, repeat in 0_u32..2_000, exercise: bool,
        ) {
            let link = format!("https://{}", "x".repeat(link_len));
            let page = Wording { council, title, evidence, role, link, repeat, exercise, ..flood() };
            let sms = page.sms();
            let Segments { coding, count, .. } = segments(&sms);
            prop_assert_eq!(coding, Coding::Gsm7);
            prop_assert!(count <= SMS_SEGMENTS_MAX, "{} segments: {}", count, sms);
            prop_assert!(first_segment(&sms).contains("Reply ACK 48213"), "{}", sms);
            if page.link.len() <= LINK_CHARS_MAX {
                prop_assert!(first_segment(&sms).contains(&page.link), "{}", sms);
            }
            prop_assert!(page.subject().chars().count() <= SUBJECT_CHARS_MAX);
        }
    }
}
