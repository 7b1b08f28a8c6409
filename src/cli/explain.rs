//! `callout explain CODE`: what an error means, why it matters, how to mend it.

use crate::domain::problem::{Code, Gravity};
use anyhow::Result;
use std::io::Write;

/// Arguments of `callout explain`.
#[derive(Debug, Clone, clap::Args)]
pub struct ExplainArgs {
    /// The code, e.g. P014; without one, all codes are listed
    pub code: Option<String>,
}

/// Explains a code, or lists them all. Gives the exit code: 0, or 2 if there is no such code.
///
/// # Errors
/// Only if `out` cannot be written.
pub fn run(args: &ExplainArgs, out: &mut dyn Write) -> Result<u8> {
    let Some(wanted) = &args.code else {
        for code in Code::ALL {
            writeln!(out, "{code}  {:8} {}", code.gravity().as_str(), page(*code).0)?;
        }
        return Ok(0);
    };
    match wanted.parse::<Code>() {
        Ok(code) => {
            let (title, text) = page(code);
            let effect = match code.gravity() {
                Gravity::Error => "An error: callout does not start with it, and a running one keeps what it had.",
                Gravity::Warning => "A finding: callout starts with it; somebody should look.",
            };
            writeln!(out, "{code}: {title}\n\n{text}\n\n{effect}")?;
            Ok(0)
        }
        Err(why) => {
            writeln!(out, "{why}")?;
            Ok(2)
        }
    }
}

/// The title and the text of a code. No wildcard: a new code does not compile without its page.
fn page(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::T001 => (
            "this is not TOML",
            "The file breaks the rules of its format near the marked place. Often a quote or a bracket is missing, on this line\n\
             or the one before. Texts stand in quotes:   title = \"Power cut\"",
        ),
        Code::T002 => (
            "a key that does not exist here",
            "Nothing reads this key, so whatever it was to do would not happen. It is a slip of the hand, or it stands under the\n\
             wrong heading: a key belongs to the nearest [heading] or [[heading]] above it.",
        ),
        Code::T003 => (
            "something is missing",
            "The named key must be there. A missing title, owner or severity is never guessed, since people act on it.",
        ),
        Code::T004 => (
            "the wrong kind of value",
            "Texts and lengths of time stand in quotes, numbers and true/false do not, lists stand in [brackets].",
        ),
        Code::T005 => {
            ("a word that is not one of the choices", "Only the listed words are understood; the help line names them.")
        }
        Code::T006 => (
            "out of range",
            "The value is outside the range in which callout has been thought through and tested. The range is in the message.",
        ),
        Code::T007 => (
            "not a length of time",
            "Write a number and a unit, in quotes: \"45s\", \"20m\", \"2h\", \"1h 30m\", \"7d\". A bare number is refused, since\n\
             nobody can tell minutes from seconds.",
        ),
        Code::T008 => (
            "not a date or time",
            "Dates are 2026-09-01. Dates with a time are 2026-12-24T17:00:00, in the council's own zone and without an offset.",
        ),
        Code::T009 => ("empty", "An empty text or list says nothing. Fill it, or take the key out."),
        Code::T010 => (
            "the same name twice",
            "Two entries share a name, and callout cannot know which one is meant. Rename or remove one.",
        ),
        Code::T011 => (
            "not a short name",
            "Short names connect files: lower-case letters, digits, _ - and . only, at most 64, e.g. duty_officer, priya.nair.",
        ),
        Code::C001 => (
            "a file cannot be read",
            "The file named in [files] is not there, is too long, is not UTF-8, or callout's user may not read it.",
        ),
        Code::C002 => (
            "no such time zone",
            "The zone is a name of the IANA time zone database. The United Kingdom's is \"Europe/London\".",
        ),
        Code::C003 => (
            "not an address",
            "listen is an address and a port, \"127.0.0.1:8080\"; public_url begins with http:// or https:// and has no slash at\n\
             the end.",
        ),
        Code::C004 => (
            "email or text messages cannot be sent with this",
            "A setting of [email] or [sms] is wrong, or a file that it names cannot be used. Passwords stand in files of their own\n\
             that only callout may read (chmod 600). Nothing has been sent while checking.",
        ),
        Code::C005 => (
            "too long",
            "The text is shown where there is little room, e.g. at the start of a text message. Shorten it.",
        ),
        Code::B001 => (
            "a slip in the table of responsible bodies",
            "config/bodies.toml says who answers for which ground and what the advisor tells the caller. The message names the\n\
             slip and its line.",
        ),
        Code::B002 => (
            "a number that nobody has checked for a year",
            "Advisors read the numbers of config/bodies.toml out to callers, some of them in danger. Ring it; if the right people\n\
             answer, set `checked` of its [[body.line]] to today, else mend the number.",
        ),
        Code::N001 => (
            "a person who cannot be reached",
            "Somebody on a rota without mobile and email would be passed over in silence. Give at best both: where a text is not\n\
             delivered within two minutes, the email follows.",
        ),
        Code::N002 => (
            "not a mobile number",
            "Write it as 07700 900123 or +447700900123. A landline is refused, since it does not show texts. The line is not shown\n\
             here, because it is somebody's number.",
        ),
        Code::N003 => (
            "not an email address",
            "Write the bare address, name@example.gov.uk. The line is not shown here, because it is somebody's address.",
        ),
        Code::N004 => (
            "a channel without its number or address",
            "The person is to be reached by a channel for which the file has nothing. Add mobile or email, or take the channel out.",
        ),
        Code::R001 => (
            "the rota names an unknown person",
            "The short name is not in the people file, so nobody would be paged. Often a spelling: the help line guesses.",
        ),
        Code::R002 => (
            "an override that ends before it begins",
            "`to` is at or before `from`. Times are wall clock in the council's zone.",
        ),
        Code::R003 => (
            "a person holds a role that is not theirs",
            "The people file lists the roles for which a person is trained and has agreed (`eligible`); this one is not among\n\
             them. Add it there, or put somebody else on the rota.",
        ),
        Code::R004 => (
            "nobody is on call for a while",
            "In the next 14 days there are hours in which this role has nobody. A page to it would go on at once to the next role.\n\
             Add an override for those hours.",
        ),
        Code::R005 => (
            "no last resort",
            "When a whole ladder stays silent, callout pages everybody, the managers and the fallback list, every ten minutes.\n\
             Name at least one person in `fallback` who must always hear.",
        ),
        Code::R006 => (
            "a handover that cannot be read",
            "Write the day and the time of the weekly handover:   handover = \"Mon 08:00\"\n\
             For turns of hours, days or months the time alone:   handover = \"08:00\"",
        ),
        Code::R007 => (
            "hours of a rotation that cannot be read",
            "`when` holds lines such as \"Mon-Fri 17:00-09:00\", \"Sat-Sun and holidays 00:00-24:00\", \"holidays 09:00-17:00\",\n\
             \"Fri 17:00 - Mon 09:00\", \"core hours\" and \"out of hours\".",
        ),
        Code::R008 => (
            "two overrides that contradict each other",
            "Both speak of the same person at the same time, so nobody could say which counts. Take one out, or make their times\n\
             meet instead of overlapping.",
        ),
        Code::R009 => (
            "a length of turns that cannot be read",
            "`every` is \"week\", \"2 weeks\", \"day\", \"3 days\", \"12 hours\" or \"month\". With `on` or `for` it says how often there is\n\
             a shift at all: every = \"2 weeks\", on = \"Sat\" is every second Saturday.",
        ),
        Code::R010 => (
            "two temporary rotas at the same time",
            "A temporary rota takes the place of the usual one, so there can be only one at a time for a role. Cut one of them.",
        ),
        Code::R011 => ("a swap with oneself", "`owner` asks for cover and `taken_by` gives it; they are two people."),
        Code::R012 => (
            "the rota has no such role",
            "An override, swap or temporary rota names a role for which there is no [[role]]. Often a spelling: the help line\n\
             guesses.",
        ),
        Code::R013 => (
            "on call while on leave",
            "Booked leave and a shift meet. Leave takes nobody off by itself: add an override with somebody else, or a swap.",
        ),
        Code::R014 => (
            "no proven way to reach somebody",
            "In the next 14 days this person is on call, and has never answered a page or a test page by any channel. Send one:\n\
             callout page test --person ID",
        ),
        Code::R015 => (
            "the clocks change during a shift",
            "The shift is an hour shorter or longer than usual. Tell whoever has it, and look at handovers between 01:00 and 02:00.",
        ),
        Code::R016 => (
            "a file is not what is in force",
            "After the first start the record is the truth for people and rota: an edited file counts when it is applied.\n\
             To see what it would change:   callout rota apply FILE --dry-run",
        ),
        Code::D001 => (
            "days or hours that cannot be read",
            "Days are \"Mon-Fri\", \"Sat\" or \"Mon, Wed\"; hours are \"08:45-17:00\", \"24:00\" is midnight at the end of the day.",
        ),
        Code::D002 => (
            "the bank holidays run out",
            "After the last one in the table, a bank holiday counts as a working day, and playbooks for out of hours would wait.\n\
             Add the coming years from www.gov.uk/bank-holidays.",
        ),
        Code::K001 => (
            "a phrase that matches never or too often",
            "It holds only little words (the, is, my ...), or one word beside them, is too long, or has a star in the\n\
             middle. Stars stand at the beginning or end of a phrase of at least four letters.",
        ),
        Code::K002 => (
            "the same phrase counts and does not count",
            "It stands in `words` or `exact`, and in `not`. Exclusions are looked at first, so it would never count. Keep one.",
        ),
        Code::K003 => (
            "an example that fails",
            "Each topic has texts that must match (`yes`) and texts that must not (`no`); they are tried whenever the file is\n\
             read. Mend the phrases, or the example if it was wrong. `callout classify` shows what a text is taken for.",
        ),
        Code::K004 => (
            "a topic without examples",
            "Give it `yes` and `no`, a few texts each, as people really write them: the next one who changes a phrase will see\n\
             at once what it breaks.",
        ),
        Code::P010 => (
            "a step that is not exactly one thing",
            "Each [[step]] has exactly one of page (call a role out), task (something to be done) and say (words for advisors).\n\
             Split it into several steps.",
        ),
        Code::P012 => (
            "a condition that is not exactly one thing",
            "Each [[when]] has exactly one of surge (many contacts), cluster (close together) and warning (from an agency).",
        ),
        Code::P013 => (
            "the rota has no such role",
            "A step names a role for which the rota has no [[role]]. Often a spelling: the help line guesses.",
        ),
        Code::P014 => (
            "a step needs a role that nobody holds",
            "The rota has the role, but nobody ever stands on it: no standing people, no rotation, no override. The page would go\n\
             to nobody.",
        ),
        Code::P015 => (
            "not reviewed for a year",
            "Plans grow old: people leave, numbers change, bridges close. Ask the owner whether it is still true, then set\n\
             `reviewed` to today.",
        ),
        Code::P016 => (
            "a step wants more people than there are",
            "`wanted` is how many must say \"I have got this\". With fewer on the role, the call-out can never be complete.",
        ),
        Code::P017 => (
            "no keyword rule gives this topic",
            "The condition counts contacts with this tag, and no [[topic]] of the keywords gives it. Only contacts that an advisor\n\
             tags by hand would count.",
        ),
        Code::P018 => (
            "a step waits for what never comes",
            "`only_if` names a kind of evidence, but no [[when]] of this playbook gives that kind.",
        ),
        Code::P019 => (
            "it starts by itself but pages nobody",
            "An automatic playbook without a page runs unseen. Add a step with `page`.",
        ),
        Code::P020 => (
            "automatic, but without a condition",
            "Nothing can start it by itself. Add a [[when]], or write   activate = \"proposed\"",
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn explain(code: Option<&str>) -> (u8, String) {
        let mut out = Vec::new();
        let exit = run(&ExplainArgs { code: code.map(str::to_owned) }, &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_code_has_a_page_and_a_line_in_the_list() {
        let (_, list) = explain(None);
        for code in Code::ALL {
            let (title, text) = page(*code);
            assert!(title.len() > 4 && text.len() > 30 && !title.ends_with('.'), "{code}");
            assert!(text.lines().all(|line| line.chars().count() <= 125 && line.trim_end() == line), "{code}");
            assert!(list.contains(&format!("{code}  ")), "{code}");
        }
        assert_eq!(list.lines().count(), Code::ALL.len());
    }

    #[test]
    fn a_code_is_found_in_either_case_and_an_unknown_one_is_a_usage_error() {
        let (exit, out) = explain(Some("p014"));
        assert_eq!(exit, 0);
        assert!(out.starts_with("P014: a step needs a role that nobody holds\n"), "{out}");
        let (exit, out) = explain(Some("P999"));
        assert_eq!(
            (exit, out.as_str()),
            (2, "there is no code P999; `callout explain` without a code lists them all\n")
        );
    }
}
