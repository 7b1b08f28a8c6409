//! An invented council on an invented night: one view of each page, for the tests and for looking at.

use crate::domain::time::Timestamp;
use crate::web::view::*;
use jiff::tz::TimeZone;

fn at(utc: &str) -> Timestamp {
    format!("2026-11-22T{utc}Z").parse().expect("a time of that night")
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/London").expect("bundled")
}

fn clock(utc: &str) -> Moment {
    Moment::second(at(utc), &zone())
}

fn text(words: &str) -> String {
    words.to_owned()
}

fn badge(tone: Tone, word: &str) -> Badge {
    Badge::new(tone, word)
}

pub fn chart() -> Chart {
    let counts = [
        2, 1, 3, 2, 2, 3, 1, 2, 3, 3, 2, 3, 3, 2, 2, 3, 1, 2, 3, 2, 3, 4, 4, 6, 9, 9, 11, 12, 14, 15, 15, 16, 19, 19,
        20, 22, 23,
    ];
    let start = at("00:00:00").as_second() - 2_400;
    let points = counts.iter().enumerate().map(|(step, &count)| {
        let unix_s = start + 300 * i64::try_from(step).expect("few steps");
        let from = Timestamp::from_second(unix_s).expect("that night");
        ChartPoint { at: Moment::clock(from, &zone()), unix_s, count, usual: Some((0.0, 4.0)) }
    });
    Chart {
        title: text("Flooding contacts, every 5 min"),
        summary: text("Flooding contacts every 5 minutes from 23:20 to 02:20: 1 to 4 until 01:10, then rising to 23."),
        points: points.collect(),
    }
}

pub fn chrome() -> Chrome {
    Chrome {
        council: text("Wexmoor Council"),
        now: clock("02:14:09"),
        zone: text("GMT"),
        speed: 1,
        user: Some(text("Priya Nair")),
        csrf: text("sample-form-token"),
        strip: Some(Strip {
            id: text("INC-42"),
            href: text("/incidents/INC-42"),
            badge: badge(Tone::Bad, "Active"),
            title: text("Storm Bryony: flooding, Mill Street and Wharf Road"),
            meta: text("Surface-water flooding since 01:52. Duty officer Priya Nair acknowledged 01:55."),
            number: text("23 in 5 min"),
            usual: text("usual for Sunday 02:00: 0 to 4"),
            chart: Some(chart()),
        }),
        ..Chrome::default()
    }
}

pub fn demo_chrome() -> Chrome {
    let words = "DEMO: a made-up town, a made-up storm, 60 times speed. Nothing leaves this machine.";
    Chrome { demo: Some(text(words)), speed: 60, ..chrome() }
}

fn rows() -> Vec<IncidentRow> {
    vec![
        IncidentRow {
            id: text("INC-42"),
            href: text("/incidents/INC-42"),
            title: text("Storm Bryony: flooding, Mill Street and Wharf Road"),
            badge: badge(Tone::Bad, "Active"),
            severity: text("severity 2"),
            officer: text("Priya Nair"),
            opened: Moment::day(at("01:52:00"), &zone()),
            age: text("22 min"),
            contacts: 184,
        },
        IncidentRow {
            id: text("INC-57"),
            href: text("/incidents/INC-57"),
            title: text("Trees down, Orchard estate"),
            badge: badge(Tone::Warn, "Proposed"),
            severity: text("severity 2"),
            officer: text("Nobody yet: the duty officer decides"),
            opened: Moment::day(at("02:09:00"), &zone()),
            age: text("5 min"),
            contacts: 6,
        },
    ]
}

pub fn start() -> StartPage {
    let line = |role: &str, who: &str| OnCallLine { role: text(role), who: text(who), badge: None };
    let health = |what: &str, tone, word: &str, words: &str| HealthLine {
        what: text(what),
        badge: badge(tone, word),
        words: text(words),
    };
    StartPage {
        phone_href: String::new(),
        look_back_href: text("/incidents/INC-42"),
        incidents: rows(),
        signals: vec![SignalRow {
            title: text("Flooding"),
            evidence: text("23 in 5 min; usual for Sunday 02:00 is 0 to 4"),
            since: Moment::clock(at("01:51:00"), &zone()),
            incident: text("INC-42"),
        }],
        on_call: vec![
            line("Duty officer", "Priya Nair until Mon 08:00"),
            line("Deputy", "Imran Shah until Mon 08:00"),
            OnCallLine {
                role: text("Highways standby"),
                who: text("Nobody until Mon 08:00"),
                badge: Some(badge(Tone::Bad, "Gap")),
            },
        ],
        health: vec![
            health("Log", Tone::Ok, "Well", "Every entry is on disk; chain checked 02:14:05."),
            health("Texts", Tone::Warn, "Slow", "Receipts take 40 s; usual is 6 s."),
            health("Email", Tone::Ok, "Well", "Last accepted 02:13:50."),
            health("Disk", Tone::Ok, "Well", "41 GB free."),
        ],
    }
}

pub fn incident() -> IncidentPage {
    let figure = |value: &str, label: &str, target: &str, tone| Figure {
        value: text(value),
        label: text(label),
        target: text(target),
        tone,
    };
    let entry = |seq, kind, title: &str, by: &str, utc: &str, words: &str| Entry {
        seq,
        kind,
        title: text(title),
        by: text(by),
        at: clock(utc),
        text: text(words),
    };
    let person = |name: &str, tone, word: &str, detail: &str| PersonRow {
        name: text(name),
        badge: badge(tone, word),
        detail: text(detail),
    };
    let task = |id: &str, title: &str, detail: &str, due: Option<(Tone, &str)>, done| TaskRow {
        id: text(id),
        title: text(title),
        detail: text(detail),
        badge: due.map(|(tone, word)| badge(tone, word)),
        done,
    };
    let report = |letter: &str, id: &str, title: &str, place: &str, utc: &str| MapReport {
        letter: text(letter),
        id: text(id),
        title: text(title),
        place: text(place),
        at: clock(utc),
    };
    IncidentPage {
        id: text("INC-42"),
        title: text("Storm Bryony: flooding, Mill Street and Wharf Road"),
        badge: badge(Tone::Bad, "Active"),
        severity: text("Severity 2, wake somebody"),
        playbook: text("Surface-water flooding (version 3f9a1c)"),
        officer: text("Duty officer Priya Nair"),
        age: text("Open 22 min"),
        opened: clock("01:52:02"),
        open: true,
        proposed: vec![],
        figures: vec![
            figure("184", "contacts counted", "", Tone::Grey),
            figure("23", "in 5 min, usual 0 to 4", "", Tone::Grey),
            figure("1 min 40 s", "surge to first page", "target 60 s", Tone::Bad),
            figure("2 min 5 s", "page to acknowledged", "target 5 min", Tone::Ok),
            figure("86%", "calls connected", "target 90%", Tone::Bad),
            figure("52 s", "mean wait", "target 45 s", Tone::Bad),
        ],
        entries: runs(vec![
            entry(
                212,
                EntryKind::Decision,
                "Decision: open Corn Hall rest centre",
                "by Priya Nair",
                "02:12:40",
                "Why: 6 homes flooding, 1 person on oxygen. Considered: hotel rooms, none free.",
            ),
            entry(206, EntryKind::System, "40 contacts added", "5 advisors", "02:12:00", ""),
            entry(
                190,
                EntryKind::Action,
                "On scene at Mill Street",
                "by Tom Ashdown",
                "02:10:02",
                "Two gullies blocked. Road closed at Tanners Row.",
            ),
            entry(171, EntryKind::Action, "Acknowledged", "by Priya Nair, text link", "01:55:03", ""),
            entry(166, EntryKind::System, "Paged Priya Nair", "text delivered, email accepted", "01:52:58", ""),
            entry(
                160,
                EntryKind::Signal,
                "Surge: flooding",
                "rule flooding",
                "01:51:18",
                "9 in 5 min. Usual for Sunday 01:50 is 0 to 4.",
            ),
        ]),
        methane: methane(),
        escalate: AskForm {
            choices: vec![Choice::new("tactical", "Tactical manager: Kwame Boateng")],
            ..AskForm::default()
        },
        hand_over: AskForm { choices: vec![Choice::new("imran.shah", "Imran Shah")], ..AskForm::default() },
        shows: String::new(),
        log_href: text("/log?incident=INC-42"),
        entry_form: EntryForm::default(),
        stand_down: StandDownForm {
            reason: Field::default(),
            open_tasks: 3,
            suggest_when: vec![
                text("no new property reports for 2 h"),
                text("warning ended"),
                text("no open emergency task"),
            ],
        },
        chart: Some(chart()),
        reports: vec![
            report("F", "C-1042", "Road under water", "SJ 4942 2530, highways", "01:56:10"),
            report("F", "C-1047", "Water near a property", "SJ 4944 2531, highways", "02:05:44"),
            report("R", "C-1039", "Debris on the road", "SJ 4935 2534, highways", "01:43:00"),
            report("T", "C-1051", "Tree down", "SJ 4949 2519, Riverside Housing", "02:07:30"),
        ],
        reports_more: 14,
        people: vec![
            person("Priya Nair", Tone::Ok, "Acknowledged", "Duty officer, by text and email. 2 min 5 s to reply"),
            person("Tom Ashdown", Tone::Ok, "On scene", "Highways standby"),
            person("Leah Marsh", Tone::Warn, "No reply 3 min", "Rest centre, by text. We page Ian Cole at 02:21"),
            person(
                "Sam Okafor",
                Tone::Bad,
                "Failed",
                "Contact centre lead, by text: number refused. Email goes at 02:15",
            ),
            person("Marches Homes", Tone::Grey, "Email accepted", "Housing association, no reply expected"),
        ],
        tasks: vec![
            task("T-171", "Contact centre lead told", "01:56 Priya Nair", None, true),
            task("T-172", "Crew sent to Mill Street", "01:58 Priya Nair", None, true),
            task("T-173", "Police and fire told (METHANE)", "02:03 Priya Nair", None, true),
            task("T-174", "Phone message changed", "Contact centre", Some((Tone::Warn, "Due 02:20")), false),
            task("T-175", "Gully and pump crews to hotspots", "Highways", Some((Tone::Bad, "Overdue 4 min")), false),
            task("T-176", "Website and social post", "Communications", None, false),
        ],
        say: vec![
            text("Is anyone in danger, or is water coming into the building?"),
            text("Please keep off the road. Water moves covers you cannot see."),
        ],
        proof: text("212 entries, chain intact. Last hash 9f3a1c2b…c41e, checked 02:14:05."),
    }
}

pub fn incidents() -> IncidentsPage {
    IncidentsPage {
        open: rows(),
        closed: vec![IncidentRow {
            id: text("INC-12"),
            href: text("/incidents/INC-12"),
            title: text("Power cut, Castle Lane"),
            badge: badge(Tone::Grey, "Stood down"),
            severity: text("severity 3"),
            officer: text("Imran Shah"),
            opened: Moment::day(at("00:05:00"), &zone()),
            age: text("lasted 1 h 12 min"),
            contacts: 31,
        }],
        warnings: vec![WarningRow {
            id: text("W-7"),
            what: text("Met Office, rain"),
            badge: badge(Tone::Warn, "Amber"),
            from: Moment::day(at("00:00:00"), &zone()),
            to: Moment::day(at("09:00:00"), &zone()),
            area: text("Wexmoor and the Marches"),
        }],
        playbooks: vec![
            Choice::new("surface-water-flooding", "Surface-water flooding"),
            Choice::new("severe-weather", "Severe weather"),
        ],
        open_form: OpenForm::default(),
        warning_form: WarningForm::default(),
    }
}

pub fn incidents_with_errors() -> IncidentsPage {
    IncidentsPage {
        open_form: OpenForm {
            title: Field::of("Flooding at the mill"),
            reason: Field::wrong("", "Say why, in a few words"),
            severity: Field::of("1"),
            ..OpenForm::default()
        },
        warning_form: WarningForm {
            to: Field::wrong("2026-11-21T09:00", "The end is before the beginning: give a later end"),
            ..WarningForm::default()
        },
        ..incidents()
    }
}

fn methane() -> Vec<MethaneField> {
    vec![
        MethaneField { name: "e", label: "Exact location", value: text("SJ 49401 25322") },
        MethaneField { name: "h", label: "Hazards, present or possible", value: String::new() },
    ]
}

/// The newest stand alone; the rest is one run.
pub fn runs(mut entries: Vec<Entry>) -> Vec<EntryRun> {
    let rest = entries.split_off(entries.len().min(4));
    let alone = entries.into_iter().map(|entry| EntryRun { summary: String::new(), entries: vec![entry] });
    let run = (!rest.is_empty())
        .then(|| EntryRun { summary: text("entries by callout itself, 01:51 to 01:55"), entries: rest });
    alone.chain(run).collect()
}

pub fn contact() -> ContactForm {
    let hot = |label: &str, value: &str| HotTopic { label: text(label), value: text(value) };
    let topic = |value: &str, note: &str| Topic { value: text(value), note: text(note), also: vec![text("gully")] };
    ContactForm {
        key: text("form-7KQ4"),
        channel: Field::of("phone"),
        hot: vec![
            hot("Water near home", "Flooding: water near a property"),
            hot("Water inside", "Flooding: water inside a property"),
            hot("Road flooded", "Flooding: road under water"),
            hot("Tree down", "Tree: fallen, blocking road"),
            hot("Sandbags", "Sandbags: request"),
            hot("Not an incident", "Not an incident"),
        ],
        topics: vec![
            topic("Flooding: water near a property", "Incident"),
            topic("Flooding: water inside a property", "Urgent"),
            topic("Flooding: road under water", "Incident"),
            topic("Flooding: sewer or drain overflow", "Water company"),
            topic("Tree: fallen, blocking road", "Incident"),
            topic("Sandbags: request", "Incident"),
            topic("Power: no electricity", "Call 105"),
            topic("Not an incident", "Routine"),
        ],
        channels: vec![Choice::new("phone", "Phone"), Choice::new("face_to_face", "At the counter")],
        say: vec![SayLine {
            words: text("Is anyone in danger, or is water coming into the building?"),
            then: text("If yes: “Hang up and call 999 now.” Then press Alt X."),
        }],
        effects: vec![
            text("Counts towards INC-42 and its map"),
            text("Highways standby sees it at once"),
            text("No new page: the last was 19 min ago"),
        ],
        mine: text("Your last hour: 31 calls, 14 s typical."),
        extent_m: Some([349_000.0, 325_000.0, 349_800.0, 325_700.0]),
        ..ContactForm::default()
    }
}

pub fn land() -> LandReply {
    let nearby = |id: &str, letter: &str, title: &str, detail: &str| NearbyReport {
        id: text(id),
        letter: text(letter),
        title: text(title),
        topic: text("flooding"),
        detail: text(detail),
    };
    LandReply {
        place: Some(Place {
            reading: text("easting, northing"),
            label: text("Mill Street, outside number 14"),
            grid_ref: text("SJ 49401 25322"),
            easting_m: 349_401.0,
            northing_m: 325_322.0,
            sigma_m: 1.0,
        }),
        problem: String::new(),
        matches: vec![PlaceMatch { text: text("Mill Street, outside number 14"), note: text("SJ 494 253") }],
        owner: Some(Owner {
            body: text("Wexmoor Council, highways"),
            badge: badge(Tone::Ok, "Inside the boundary"),
            question: String::new(),
            lines: vec![text("Highways standby 01632 960123, day and night")],
            why: text("Adopted highway, loaded 20 Nov. The Environment Agency’s bank is 62 m away."),
            tell_caller: text("Mill Street is ours. A crew was sent at 01:58 and is there now."),
            raise: text("Highways standby, through this form"),
            also: vec![text("Environment Agency")],
        }),
        say: vec![
            SayLine {
                words: text("Is anyone in danger, or is water coming into the building?"),
                then: text("If yes: “Hang up and call 999 now.” Then press Alt X."),
            },
            SayLine {
                words: text("Mill Street is ours. A crew was sent at 01:58 and is there now."),
                then: String::new(),
            },
            SayLine {
                words: text("Please keep off the road. Water moves covers you cannot see."),
                then: String::new(),
            },
        ],
        effects: vec![text("Counts towards INC-42 and its map")],
        nearby: vec![
            nearby("C-1042", "F", "Road under water", "24 m away, 18 min ago, 6 callers, crew on site"),
            nearby("C-1047", "F", "Water near a property", "41 m away, 9 min ago, 2 callers"),
            nearby("C-1039", "R", "Debris on the road", "64 m away, 31 min ago, 1 caller"),
        ],
        nearby_total: 7,
    }
}

pub fn contact_logged() -> ContactForm {
    ContactForm {
        logged: Some(Logged {
            id: text("C-20418"),
            body: text("Wexmoor Council, highways acts."),
            counted: vec![text("all contacts"), text("phone"), text("flooding")],
            incident: Some(Choice::new("/incidents/INC-42", "INC-42")),
        }),
        ..contact()
    }
}

pub fn contact_with_errors() -> ContactForm {
    ContactForm {
        topic: Field::wrong("", "Say what it is about: choose a topic or use your own words"),
        place: Field::wrong(
            "SJ 4x",
            "“SJ 4x” is not a place: a grid reference has an even number of digits, like SJ 494 253",
        ),
        note: Field::of("Water at kerb height and rising"),
        caller_phone: Field::of("07700 900417"),
        land: Some(land()),
        ..contact()
    }
}

pub fn wall() -> WallPage {
    let room = incident();
    WallPage {
        badge: badge(Tone::Bad, "Active 22 min"),
        title: room.title,
        figures: room.figures,
        chart: room.chart,
        people: room.people,
        due: vec![(badge(Tone::Warn, "Due 02:20"), text("Phone message changed"))],
        last: vec![(Moment::clock(at("02:12:00"), &zone()), text("Decision by Priya Nair"))],
        ..WallPage::default()
    }
}

pub fn phone() -> PhonePage {
    let fact = |value: &str, label: &str| Fact { value: text(value), label: text(label) };
    let step =
        |title: &str, detail: &str| PhoneStep { title: text(title), detail: text(detail), ..PhoneStep::default() };
    PhonePage {
        methane: methane(),
        token: text("7KQ4-M2"),
        name: text("Priya"),
        headline: text("Flooding calls far above normal near Mill Street"),
        why: text("Surface-water flooding, out of hours. You are duty officer until 08:00."),
        facts: vec![fact("23", "calls in 5 min (usual 0 to 4)"), fact("5", "streets"), fact("1", "danger to life")],
        chart: Some(chart()),
        state: PhoneState::Asked,
        next: Some((text("Imran Shah"), clock("02:21:49"))),
        steps: vec![
            step("Ring the contact centre lead", "Sam Okafor, 01632 960123"),
            step("Send the highways crew to Mill Street", "Standby: Tom Ashdown"),
            step("Decide: open the rest centre?", "Needed if more than 5 homes flood. Now: 2"),
            step("Tell the police and fire control room", "With a METHANE report"),
        ],
        desk: Some((text("+441632960123"), text("01632 960123"))),
        incident: text("INC-42"),
        incident_href: text("/incidents/INC-42"),
        foot: text("Sent by text and email 01:52:58. This link is yours and works until 08:00."),
    }
}

pub fn phone_in(state: PhoneState) -> PhonePage {
    PhonePage { state, ..phone() }
}

pub fn phone_mine() -> PhonePage {
    phone_in(PhoneState::Mine { at: clock("02:14:30") })
}

pub fn phone_taken() -> PhonePage {
    phone_in(PhoneState::Taken { by: text("Imran"), at: Moment::clock(at("01:57:00"), &zone()) })
}

pub fn log() -> LogPage {
    let line = |seq, utc: &str, kind: &str, words: &str, who: &str, hash: &str| LogLine {
        seq,
        at: Moment::full(at(utc), &zone()),
        occurred: None,
        kind: text(kind),
        text: text(words),
        who: text(who),
        hash: text(hash),
    };
    LogPage {
        filter: LogFilter::default(),
        kinds: vec![
            Choice::new("contact", "Contacts"),
            Choice::new("page", "Pages"),
            Choice::new("decision", "Decisions"),
        ],
        lines: vec![
            line(212, "02:12:40", "Decision", "Open Corn Hall rest centre", "Priya Nair", "9f3a1c2b"),
            LogLine {
                occurred: Some(clock("02:08:00")),
                ..line(
                    190,
                    "02:10:02",
                    "Action",
                    "On scene at Mill Street. Two gullies blocked.",
                    "Tom Ashdown",
                    "77b0e1aa",
                )
            },
            line(171, "01:55:03", "Acknowledged", "P-166 by text link", "Priya Nair", "1c9e02f4"),
            line(166, "01:52:58", "Page sent", "P-166 to the duty officer by text, attempt 1", "", "e4d1ba90"),
            line(160, "01:51:18", "Signal", "Surge of flooding: 9 in 5 min, usual 0 to 4", "", "03aa71ce"),
        ],
        total: 212,
        newer_href: String::new(),
        older_href: text("/log?before=160"),
        chain: badge(Tone::Ok, "Intact"),
        chain_words: text("212 entries checked at 02:14:05 GMT."),
        head: text("9f3a1c2b5d6e7f80112233445566778899aabbccddeeff00112233445566c41e"),
        problem: String::new(),
    }
}

pub fn outbox() -> OutboxPage {
    OutboxPage {
        messages: vec![
            OutMessage {
                id: text("P-166"),
                kind: OutMessageKind::Sms,
                name: text("Priya Nair"),
                to: text("07700 900142"),
                at: clock("01:52:58"),
                subject: String::new(),
                body: text(
                    "WEXMOOR: flooding calls far above normal near Mill St. 23 in 5 min (usual 0-4). You are duty officer. \
                     Reply 1 = got it, 2 = can't. http://127.0.0.1:8080/p/7KQ4-M2",
                ),
                href: text("/p/7KQ4-M2"),
                badge: badge(Tone::Warn, "Delivered"),
            },
            OutMessage {
                id: text("P-167"),
                kind: OutMessageKind::Email,
                name: text("Priya Nair"),
                to: text("priya.nair@council.test"),
                at: clock("01:52:58"),
                subject: text("Paged: flooding calls far above normal near Mill St"),
                body: text(
                    "You are duty officer until 08:00.\n\n23 in 5 min, usual 0 to 4.\n\nSay that you have it: http://127.0.0.1:8080/p/7KQ4-M2",
                ),
                href: text("/p/7KQ4-M2"),
                badge: badge(Tone::Grey, "Accepted"),
            },
        ],
        older: 3,
    }
}

pub fn rota() -> RotaPage {
    let holder =
        |name: &str, span: &str, badge: Option<Badge>| RotaHolder { name: text(name), span: text(span), badge };
    RotaPage {
        rows: vec![
            RotaRow {
                role: text("Duty officer"),
                now: vec![holder("Priya Nair", "until Mon 23 Nov 08:00", None)],
                next: vec![holder("Imran Shah", "from Mon 23 Nov 08:00", None)],
            },
            RotaRow {
                role: text("Highways standby"),
                now: vec![holder("Tom Ashdown", "until Sun 22 Nov 20:00", Some(badge(Tone::Warn, "Stands in")))],
                next: vec![],
            },
            RotaRow {
                role: text("Rest centre"),
                now: vec![],
                next: vec![holder("Leah Marsh", "from Mon 23 Nov 08:00", None)],
            },
        ],
        gaps: vec![text("Rest centre: now to Mon 23 Nov 08:00 (29 h 46 min)")],
        note: text("When a ladder ends, everybody, the managers and the fallback list are paged."),
    }
}

pub fn sign_in() -> SignInPage {
    SignInPage {
        name: Field::of("priya.nair"),
        password: Field::wrong(
            "",
            "Name or password is wrong. Check both, or ask your administrator for a new password",
        ),
        next: text("/incidents/INC-42"),
        demo_users: vec![],
    }
}
