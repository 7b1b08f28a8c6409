//! The rota for other programs: an iCalendar feed for people's own calendars, a CSV for payroll and managers.
//!
//! A shift keeps its UID as long as role, person and beginning stay, so that a calendar moves an event and does not add
//! one. Times carry their zone (VTIMEZONE), written out change by change, so that no calendar has to know it.

use super::span::Span;
use super::{Rota, Shift};
use crate::domain::id::{PersonId, RoleId};
use crate::domain::time::{SignedDuration, Timestamp, after};
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// How far beyond the window a shift is followed, so that it has its own beginning and end (and so its UID): a quarter.
const BEYOND: SignedDuration = SignedDuration::from_hours(100 * 24);
/// Bytes of a line of iCalendar (RFC 5545, 3.1), without the line's end.
const LINE_BYTES: usize = 75;

/// One line of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The role.
    pub role: RoleId,
    /// As people say it.
    pub title: String,
    /// The shift; `goes_on` where the rota has no end for it within the window.
    pub shift: Shift,
}

/// The shifts that touch `window`, each from its own beginning to its own end, of one role or all, of one person or all; by when they begin. Those
/// who always hold a role have no shifts, and are left out.
pub fn entries(rota: &Rota, window: &Span, role: Option<&RoleId>, person: Option<&PersonId>) -> Vec<Entry> {
    let wide = Span::new(after(window.from, -BEYOND), after(window.to, BEYOND));
    let mut entries: Vec<Entry> = rota
        .roles
        .values()
        .filter(|named| role.is_none_or(|role| named.id == *role))
        .flat_map(|named| {
            let shifts = rota.shifts(&named.id, &wide).into_iter();
            shifts
                .filter(|shift| shift.span.overlaps(window))
                .filter(|shift| shift.span != wide && person.is_none_or(|person| shift.person == *person))
                .map(|shift| Entry { role: named.id.clone(), title: named.title.clone(), shift })
        })
        .collect();
    entries.sort_by(|one, other| (&one.shift, &one.role).cmp(&(&other.shift, &other.role)));
    entries
}

/// The entries as an iCalendar object (RFC 5545).
///
/// * `name`: what the calendar is called; `who` gives a person's name as it is to be shown.
/// * `host`: the right half of the UIDs, e.g. `callout.example.gov.uk`.
/// * `now`: when it is made.
pub fn icalendar(
    entries: &[Entry],
    zone: &TimeZone,
    name: &str,
    host: &str,
    who: &dyn Fn(&PersonId) -> String,
    now: Timestamp,
) -> String {
    let zone_name = zone.iana_name().unwrap_or("UTC");
    let mut lines: Vec<String> = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//callout//rota//EN".to_owned(),
        "CALSCALE:GREGORIAN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
        format!("X-WR-CALNAME:{}", escaped(name)),
    ];
    let first = entries.iter().map(|entry| entry.shift.span.from).min().unwrap_or(now);
    let last = entries.iter().map(|entry| entry.shift.span.to).max().unwrap_or(now);
    lines.extend(zone_lines(zone, zone_name, &Span::new(first, last)));
    let stamp = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    let local = |at: Timestamp| zone.to_datetime(at).strftime("%Y%m%dT%H%M%S").to_string();
    for Entry { role, title, shift } in entries {
        let key = format!("{role}|{}|{}", shift.person, shift.span.from.as_second());
        let digest = Sha256::digest(key.as_bytes());
        let uid: String = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{uid}@{host}"),
            format!("DTSTAMP:{}", stamp(now)),
            format!("DTSTART;TZID={zone_name}:{}", local(shift.span.from)),
            format!("DTEND;TZID={zone_name}:{}", local(shift.span.to)),
            format!("SUMMARY:{}", escaped(&format!("{title}: {}", who(&shift.person)))),
            "TRANSP:TRANSPARENT".to_owned(),
            "END:VEVENT".to_owned(),
        ]);
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

/// The zone's changes around `span`, each as it is: no rule that a calendar would have to work out.
fn zone_lines(zone: &TimeZone, name: &str, span: &Span) -> Vec<String> {
    let year = SignedDuration::from_hours(366 * 24);
    let (begin, end) = (after(span.from, -year), after(span.to, year));
    let offset = |seconds: i32| {
        let sign = if seconds < 0 { '-' } else { '+' };
        format!("{sign}{:02}{:02}", seconds.abs() / 3_600, seconds.abs() / 60 % 60)
    };
    let part = |lines: &mut Vec<String>, at: Timestamp, from: i32| {
        let info = zone.to_offset_info(at);
        let kind = if info.dst().is_dst() { "DAYLIGHT" } else { "STANDARD" };
        // The wall clock as it would have gone on showing, had it not been changed.
        let shown = after(at, SignedDuration::from_secs(i64::from(from))).to_zoned(TimeZone::UTC);
        lines.extend([
            format!("BEGIN:{kind}"),
            format!("DTSTART:{}", shown.strftime("%Y%m%dT%H%M%S")),
            format!("TZOFFSETFROM:{}", offset(from)),
            format!("TZOFFSETTO:{}", offset(info.offset().seconds())),
            format!("TZNAME:{}", info.abbreviation()),
            format!("END:{kind}"),
        ]);
    };
    let mut lines = vec!["BEGIN:VTIMEZONE".to_owned(), format!("TZID:{name}")];
    let mut before = zone.to_offset(begin).seconds();
    part(&mut lines, begin, before);
    for change in zone.following(begin).take_while(|change| change.timestamp() < end) {
        part(&mut lines, change.timestamp(), before);
        before = change.offset().seconds();
    }
    lines.push("END:VTIMEZONE".to_owned());
    lines
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            character if character.is_control() => {}
            character => escaped.push(character),
        }
    }
    escaped
}

/// The line with its end, parted where it is longer than [`LINE_BYTES`], never within a character.
fn folded(line: &str) -> String {
    let (mut folded, mut room) = (String::with_capacity(line.len() + 2), LINE_BYTES);
    for character in line.chars() {
        if character.len_utf8() > room {
            folded.push_str("\r\n ");
            room = LINE_BYTES - 1;
        }
        room -= character.len_utf8();
        folded.push(character);
    }
    folded + "\r\n"
}

/// The entries as CSV, with a heading: role, person and name, beginning and end with their offsets, elapsed hours.
pub fn csv(entries: &[Entry], zone: &TimeZone, who: &dyn Fn(&PersonId) -> String) -> String {
    let mut csv = "role,title,person,name,from,to,hours\r\n".to_owned();
    let local = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    for Entry { role, title, shift } in entries {
        let hours = shift.span.lasts().as_mins() as f64 / 60.0;
        let fields = [
            role.to_string(),
            title.clone(),
            shift.person.to_string(),
            who(&shift.person),
            local(shift.span.from),
            local(shift.span.to),
            format!("{hours}"),
        ];
        let row: Vec<String> = fields.iter().map(|field| cell(field)).collect();
        write!(csv, "{}\r\n", row.join(",")).expect("a String takes whatever is written to it");
    }
    csv
}

/// A field in quotes where it needs them. One that a spreadsheet would take for a formula is marked as text.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rota() -> Rota {
        let text = "[[role]]\nid = \"duty\"\ntitle = \"Duty officer; nights, weekends\"\n[[role.rotation]]\nfrom = 2026-01-05\n\
                    handover = \"Mon 08:00\"\npeople = [\"ann\", \"bob\"]\n\
                    [[role]]\nid = \"boss\"\ntitle = \"Boss\"\nstanding = [\"zoe\"]\n";
        Rota::parse(text, &TimeZone::get("Europe/London").unwrap()).unwrap()
    }

    fn feed(from: &str) -> String {
        let (rota, from): (Rota, Timestamp) = (rota(), from.parse().unwrap());
        let window = Span::new(from, after(from, SignedDuration::from_hours(21 * 24)));
        let entries = entries(&rota, &window, None, Some(&PersonId::from("ann")));
        icalendar(&entries, &rota.zone, "On call", "callout.example.gov.uk", &|id| format!("Ann ({id})"), from)
    }

    #[test]
    fn a_shift_keeps_its_uid_as_days_go_by_and_says_its_zone() {
        let uids = |feed: &str| -> Vec<String> {
            feed.lines().filter(|line| line.starts_with("UID:")).map(str::to_owned).collect()
        };
        let (monday, thursday) = (feed("2026-10-19T12:00:00Z"), feed("2026-10-22T12:00:00Z"));
        assert_eq!(uids(&monday)[0], uids(&thursday)[0]);
        assert_eq!(uids(&monday).len(), 2);
        assert!(monday.contains("DTSTART;TZID=Europe/London:20261026T080000\r\n"), "{monday}");
        assert!(
            monday.contains("BEGIN:STANDARD\r\nDTSTART:20261025T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0000\r\n")
        );
        assert!(monday.contains("SUMMARY:Duty officer\\; nights\\, weekends: Ann (ann)\r\n"));
        assert!(monday.lines().all(|line| line.len() <= LINE_BYTES) && monday.ends_with("END:VCALENDAR\r\n"));
    }

    #[test]
    fn a_table_has_elapsed_hours_and_no_formulas() {
        let (rota, from): (Rota, Timestamp) = (rota(), "2026-10-19T12:00:00Z".parse().unwrap());
        let window = Span::new(from, after(from, SignedDuration::from_hours(14 * 24)));
        let table = csv(&entries(&rota, &window, None, None), &rota.zone, &|_| "=1+1".to_owned());
        let rows: Vec<&str> = table.lines().collect();
        assert_eq!(
            rows[1],
            "duty,\"Duty officer; nights, weekends\",bob,'=1+1,2026-10-19T08:00:00+01:00,2026-10-26T08:00:00+00:00,169"
        );
        assert!(!table.contains("zoe"));
    }

    #[test]
    fn a_long_line_is_parted_between_characters() {
        let line = "é".repeat(100);
        let parted = folded(&line);
        assert!(parted.lines().all(|part| part.len() <= LINE_BYTES));
        assert_eq!(parted.replace("\r\n ", "").trim_end(), line);
    }
}
