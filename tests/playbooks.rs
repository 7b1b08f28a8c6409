//! `playbooks/README.md`: what a playbook may hold. Its tables are held against the reader itself, so a key that is
//! added, renamed or dropped in the code cannot be forgotten here. `UPDATE=1 cargo test --test playbooks` rewrites it.
#![allow(clippy::unwrap_used)]

use callout::domain::playbook::{Playbook, Step};
use callout::domain::problem::Code;
use std::path::{Path, PathBuf};

/// A table of the schema: its heading, a playbook with the key `zzzz` in it, and a row for each key.
struct Part {
    heading: &'static str,
    probe: &'static str,
    rows: &'static [(&'static str, &'static str, &'static str)],
}

const PARTS: &[Part] = &[
    Part {
        heading: "The top of the file",
        probe: "zzzz = 1",
        rows: &[
            ("title", "text, must be there", "What people call it."),
            ("owner", "text, must be there", "The post that keeps this plan true."),
            ("reviewed", "date, must be there", "When it was last read through; `callout check` says so after a year."),
            ("hours", "`out_of_hours`, `core`, `always` (default)", "When it may start by itself."),
            ("activate", "`automatic`, `proposed` (default)", "By itself, or the duty officer decides."),
            ("severity", "1 to 3, must be there", "1 danger to life, 2 wake somebody, 3 next morning."),
            ("when", "`[[when]]`, any number", "Any one of them proposes or starts it; all evidence is kept."),
            ("step", "`[[step]]`, at least one", "What happens, in order."),
            ("stand_down", "`[stand_down]`", "When to think of ending it."),
        ],
    },
    Part {
        heading: "`[[when]]` with `surge`: many contacts on a topic",
        probe: "[[when]]\nsurge = \"flooding\"\nzzzz = 1",
        rows: &[
            ("surge", "topic", "A tag of `config/keywords.toml`."),
            ("reports", "2 to 10,000, default 5", "So many contacts..."),
            ("within", "1m to 24h, default 60m", "...in so long."),
        ],
    },
    Part {
        heading: "`[[when]]` with `cluster`: contacts on a topic close together",
        probe: "[[when]]\ncluster = \"flooding\"\nzzzz = 1",
        rows: &[
            ("cluster", "topic", "A tag of `config/keywords.toml`."),
            ("reports", "2 to 10,000, default 3", "So many contacts..."),
            (
                "within",
                "`{ metres = 1000, minutes = 60 }`",
                "...so close together in place and time; the figures are the defaults.",
            ),
        ],
    },
    Part {
        heading: "`[[when]]` with `keyword`: a single report",
        probe: "[[when]]\nkeyword = \"flooding\"\nzzzz = 1",
        rows: &[(
            "keyword",
            "topic",
            "One contact of that topic is enough, by its words or as an advisor marked it. A further one elsewhere pages again.",
        )],
    },
    Part {
        heading: "`[[when]]` with `service_level`: callers of a queue wait too long, or give up",
        probe: "[[when]]\nservice_level = \"any\"\nzzzz = 1",
        rows: &[(
            "service_level",
            "`any`, or a queue as `source/queue`",
            "Fewer answered, or longer waits, than `[detect]` of the settings wants.",
        )],
    },
    Part {
        heading: "`[[when]]` with `feed_silent`: something is not heard of",
        probe: "[[when]]\nfeed_silent = \"any\"\nzzzz = 1",
        rows: &[(
            "feed_silent",
            "`any`, a feed, or a queue as `source/queue`",
            "Nothing from an `[[intake.feed]]` past its heartbeat, or no call at all in core hours.",
        )],
    },
    Part {
        heading: "`[[when]]` with `warning`: a warning in force",
        probe: "[[when]]\nwarning = { source = \"x\", at_least = \"red\", zzzz = 1 }",
        rows: &[
            (
                "source",
                "short name, must be there",
                "`met_office`, `environment_agency`, `ukhsa`, `network_operator`...",
            ),
            ("kinds", "list, default any", "`rain`, `thunderstorm`, `wind`, `snow`, `ice`, `river`..."),
            (
                "at_least",
                "`yellow`, `amber`, `red`, must be there",
                "This level or worse. A flood alert is yellow, a flood warning amber, a severe one red.",
            ),
        ],
    },
    Part {
        heading: "`[[step]]` with `page`: somebody is called out",
        probe: "[[step]]\npage = \"x\"\nzzzz = 1",
        rows: &[
            ("page", "role", "A role of `config/rota.toml`: everybody on call in it is paged until somebody has it."),
            ("then", "list of roles", "The next levels of the ladder, one every `escalate_after` of the rota (5 min)."),
            ("wanted", "1 to 50, default 1", "So many must say \"I have got this\"."),
            ("only_if", "a kind of `[[when]]`, e.g. `surge`", "Waits until there is evidence of that kind."),
        ],
    },
    Part {
        heading: "`[[step]]` with `task`: something is to be done",
        probe: "[[step]]\ntask = \"x\"\nby = \"x\"\nzzzz = 1",
        rows: &[
            ("task", "text", "What is to be done, so that it can be ticked."),
            ("by", "role, must be there", "Who is to accept it."),
            ("within", "1m to 7d", "Not accepted in time: the next is paged."),
        ],
    },
    Part {
        heading: "`[[step]]` with `say`: the advisor reads it out",
        probe: "[[step]]\nsay = \"x\"\nzzzz = 1",
        rows: &[("say", "text", "The words. Short, kind, and safe for anybody who calls.")],
    },
    Part {
        heading: "`[stand_down]`",
        probe: "[stand_down]\nzzzz = 1",
        rows: &[(
            "suggest_when",
            "list of texts",
            "What must hold before a person stands down. A person always decides.",
        )],
    },
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The keys that the reader knows in that place, from what it says of one that it does not know.
fn known_keys(probe: &str) -> Vec<String> {
    let problems = Playbook::parse("probe", probe).unwrap_err();
    let unknown = problems.iter().find(|p| p.code == Code::T002 && p.message.contains("zzzz")).unwrap();
    let list = unknown.help.as_deref().unwrap().strip_prefix("the keys here are ").unwrap();
    list.split(", ").map(str::to_owned).collect()
}

/// The shipped playbooks by file name.
fn shipped() -> Vec<(String, Playbook)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("playbooks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| (stem(path), Playbook::parse(&stem(path), &std::fs::read_to_string(path).unwrap()).unwrap()))
        .collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

#[test]
fn the_schema_names_exactly_the_keys_that_the_reader_knows() {
    for part in PARTS {
        let mut documented: Vec<&str> = part.rows.iter().map(|(key, _, _)| *key).collect();
        // Every condition and step is asked which of its three kinds it is; those are explained by their own headings.
        let kinds: &[&str] = match part.heading {
            heading if heading.starts_with("`[[when]]` with `warning`") => &[],
            heading if heading.starts_with("`[[when]]`") => {
                &["surge", "cluster", "keyword", "service_level", "feed_silent", "warning"]
            }
            heading if heading.starts_with("`[[step]]`") => &["page", "task", "say"],
            _ => &[],
        };
        let mut known = known_keys(part.probe);
        known.retain(|key| !kinds.contains(&key.as_str()) || documented.contains(&key.as_str()));
        known.sort();
        documented.sort_unstable();
        assert_eq!(known, documented, "{}", part.heading);
    }
}

#[test]
fn the_readme_is_written_from_the_schema() {
    let mut page = String::from(
        "# Playbooks\n\n\
         Each file is one plan: when it starts, whom it calls out, what is to be done, what advisors say. The file's name\n\
         without `.toml` is the plan's short name. A planner can read and change it without writing code; `callout check`\n\
         explains each slip with its line, and a running incident keeps the version with which it began.\n\n\
         This page is written by a test from the program's own reader, so it is complete and true.\n\n\
         ## Shipped plans\n\n| file | title | severity | starts | pages first |\n| --- | --- | --- | --- | --- |\n",
    );
    for (id, playbook) in shipped() {
        let first = playbook.steps.iter().find_map(|step| match step {
            Step::Page { role, .. } => Some(role.as_str().replace('_', " ")),
            Step::Task { .. } | Step::Say { .. } => None,
        });
        let starts = format!("{:?}, {:?}", playbook.activate, playbook.hours)
            .replace("OutOfHours", "out of hours")
            .replace("Always", "at any time")
            .replace("Core", "in core hours")
            .replace("Automatic", "by itself")
            .replace("Proposed", "proposed");
        page += &format!(
            "| [{id}]({id}.toml) | {} | {} | {starts} | {} |\n",
            playbook.title,
            u8::from(playbook.severity),
            first.unwrap()
        );
    }
    for part in PARTS {
        page += &format!("\n## {}\n\n| key | value | meaning |\n| --- | --- | --- |\n", part.heading);
        for (key, value, meaning) in part.rows {
            page += &format!("| `{key}` | {value} | {meaning} |\n");
        }
    }
    page += "\nLengths of time are texts: `\"45s\"`, `\"20m\"`, `\"2h\"`, `\"1h 30m\"`, `\"7d\"`.\n";
    let file = root().join("playbooks/README.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, page, "playbooks/README.md is out of date: UPDATE=1 cargo test --test playbooks rewrites it");
}

#[test]
fn each_shipped_plan_pages_the_duty_officer_with_a_ladder_and_says_999_first() {
    let shipped = shipped();
    assert_eq!(shipped.len(), 13);
    for (id, playbook) in shipped {
        let paged = playbook.steps.iter().any(|step| match step {
            Step::Page { role, then, .. } => {
                role.as_str() == "duty_officer" || then.iter().any(|role| role.as_str() == "duty_officer")
            }
            Step::Task { .. } | Step::Say { .. } => false,
        });
        assert!(paged, "{id} never reaches the duty officer");
        let says: Vec<&str> = playbook
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Say { text } => Some(text.as_str()),
                Step::Page { .. } | Step::Task { .. } => None,
            })
            .collect();
        let asks = says.iter().any(|text| text.contains("999") || text.contains("emergency"));
        assert!(asks, "{id} never asks whether life is at risk: {says:?}");
        assert!(!playbook.stand_down.is_empty() && !playbook.when.is_empty(), "{id}");
    }
}
