//! Cases about whom to pick, and what people write back.

use super::{Case, Judged, Outcome, hours, person, same};
use callout::domain::id::PersonId;
use callout::domain::reply::{NONSENSE_ANSWERS_MAX, Reply, answers, parse};
use callout::domain::reply_code::CODE_DIGITS;
use callout::domain::rota::fair::{candidates, turns_after};
use callout::domain::rota::span::Span;
use callout::domain::time::Timestamp;
use std::collections::BTreeMap;

/// A person's name, which some cases write as a number.
fn name(written: Case<'_>) -> PersonId {
    written.text().map_or_else(|_| person(&written.0.to_string()), person)
}

fn names(written: Case<'_>) -> Result<Vec<PersonId>, String> {
    Ok(written.list()?.into_iter().map(name).collect())
}

pub fn pick_person(case: Case<'_>) -> Judged {
    let (given, expect) = (case.given(), case.expect());
    if given.has("order") {
        let order = names(given.field("order")?)?;
        let expected = names(expect.field("next")?)?;
        return Ok(same(turns_after(&order, Some(&name(given.field("last")?)), expected.len()), expected));
    }
    let roster = names(given.field("roster")?)?;
    let week = |n: f64| Span::new(hours(168.0 * n), hours(168.0 * (n + 1.0)));
    let mut busy: Vec<(PersonId, Span)> = Vec::new();
    if given.has("busy") {
        busy.extend(names(given.field("busy")?)?.into_iter().map(|who| (who, week(0.0))));
    }
    if given.has("vacation") {
        let words = given.field("vacation")?.text()?;
        let (who, "both weeks") = words.split_once(' ').ok_or("vacation")? else { return Err(words.to_owned()) };
        busy.push((person(who), Span::new(week(0.0).from, week(1.0).to)));
    }
    // Everybody was on call once, in the roster's order, but for those who never were.
    let never = if given.has("never_scheduled") { names(given.field("never_scheduled")?)? } else { Vec::new() };
    let mut last: BTreeMap<PersonId, Timestamp> = BTreeMap::new();
    for (n, who) in roster.iter().enumerate().filter(|(_, who)| !never.contains(who)) {
        last.insert(who.clone(), hours(n as f64 - 1_000.0));
    }
    let free = |n: f64| candidates(&roster, &last, &busy, &week(n));
    if expect.has("weeks") {
        let expected = names(expect.field("weeks")?)?;
        let got = (0..expected.len()).filter_map(|n| free(n as f64).first().cloned()).collect::<Vec<_>>();
        return Ok(same(got, expected));
    }
    if expect.has("candidates") {
        return Ok(same(free(0.0), names(expect.field("candidates")?)?));
    }
    let expected = if expect.has("pick") { Some(name(expect.field("pick")?)) } else { None };
    expect.field("pick")?;
    Ok(same(free(0.0).first().cloned(), expected))
}

fn against(why: &str) -> Judged {
    Ok(Outcome::ChosenAgainst(why.to_owned()))
}

pub fn sms_reply(case: Case<'_>) -> Judged {
    let got = parse(case.given().field("text")?.text()?);
    let acknowledges = matches!(got, Reply::Acknowledge { .. });
    let expected = case.expect().field("action")?;
    let Ok(action) = expected.list() else {
        return match got {
            Reply::Unclear => Ok(Outcome::Passed),
            Reply::Acknowledge { .. } => against(
                "plain words that say yes, and the prompt \"1\", are what people type at night; callout takes them",
            ),
            other => Ok(Outcome::Failed(format!("got {other:?}, expected nothing"))),
        };
    };
    let [verb, target] = action.as_slice() else { return Err("an action".to_owned()) };
    let (verb, target) = (verb.text()?, target.text()?);
    let code = target.strip_prefix("code ");
    match (verb, code) {
        ("ack", Some(code)) if code.len() == CODE_DIGITS => {
            Ok(same(got, Reply::Acknowledge { code: Some(code.to_owned()) }))
        }
        ("ack", _) if target == "last_message" => Ok(same(got, Reply::Acknowledge { code: None })),
        ("ack", _) => {
            against("codes have five digits and are not used again for a week, so a late reply meets no other incident")
        }
        ("close" | "close_all", _) if !acknowledges => {
            against("nothing closes an incident by text: standing down needs a reason")
        }
        ("ack_all", _) if !acknowledges => {
            against("one reply is for one incident: nobody says yes to what they have not read")
        }
        ("escalate" | "escalate_all", _) if !acknowledges => {
            against("the word is \"2\" or \"can't\", which pages the next person at once; a letter alone does not")
        }
        _ => Ok(Outcome::Failed(format!("got {got:?}, expected {verb} {target}"))),
    }
}

pub fn sms_flow(case: Case<'_>) -> Judged {
    let given = case.given();
    if given.has("nonsense") {
        let told = (0..given.field("nonsense")?.int()?).filter(|n| answers(*n as u32)).count();
        assert!(answers(NONSENSE_ANSWERS_MAX - 1) && !answers(NONSENSE_ANSWERS_MAX));
        return Ok(same(told as i64, case.expect().field("answers")?.int()?));
    }
    against("codes are not used again for a week, and nothing closes an incident by text")
}
