//! The settings' page is written from the settings, and a council's files are read whole or not at all.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::time::Timestamp;
use std::fs;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Holds a generated file against what it should be; `UPDATE=1` rewrites it.
fn golden(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, expected, "{path} is out of date: UPDATE=1 cargo test rewrites it");
}

/// The page of a section whose type is the transport's own: its doc comments are in its source.
fn page_of(source: &str, name: &str, header: &str, default: &toml::Table) -> String {
    let body = source.split(&format!("pub struct {name} {{")).nth(1).unwrap().split("\n}").next().unwrap();
    let mut page = format!("[{header}]\n");
    for line in body.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            page += &format!("#{doc}\n");
        } else if let Some((field, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            match default.get(field) {
                Some(value) => page += &format!("{field} = {value}\n"),
                None => page += &format!("# {field} = \n"),
            }
        }
    }
    page
}

/// What may be there any number of times has no default; an example stands for it.
const INTAKE: &str = "\
# What is expected to be heard of, and how long each may be silent; silence is a signal, and never \"all clear\". One
# [[intake.feed]] for each system that sends contacts or queue counts, known by the `source` of what it sends.
# Range: at most 64; heartbeat from 1m to 7d; hours \"always\" (default) or \"core\", when only core hours count.
# [[intake.feed]]
# name = \"telephony\"
# source = \"telephony\"
# heartbeat = \"15m\"
# hours = \"core\"
#
# Folders that are emptied: files of CSV or NDJSON (.csv, .ndjson, .jsonl, also .gz), each taken once when it has stopped
# growing, then moved to `done` in the folder; rows that cannot be used lie beside it there as NAME.refused.csv.
# `holds` \"contacts\" (default) or \"queue_counts\"; `source` (default: the folder's name); `mapping` as for
# `callout import contacts` (default: columns named like fields); `every` from 1s to 1h (default \"30s\"). At most 16.
# [[intake.folder]]
# path = \"/srv/callout/telephony\"
# holds = \"queue_counts\"
# source = \"telephony\"
# mapping = \"mappings/telephony.toml\"
# every = \"30s\"
";

fn page() -> String {
    let config = Config::default();
    let source = fs::read_to_string(root().join("src/config/transports.rs")).unwrap();
    let head = "# callout: the settings, each with its default. A key that is not here is an error, with a guess at what was meant.\n\
                # This page is written by a test from the code, so it is complete and true.\n\
                # Check it:   callout check\n";
    let sections = [
        head.to_owned(),
        config.deciding.council.page("council"),
        config.web.page("web"),
        config.public.page("public"),
        config.files.page("files"),
        format!(
            "# Emails. Secrets stand in files of their own, never here.\n{}",
            page_of(&source, "EmailConfig", "email", &toml::Table::try_from(&config.email).unwrap())
        ),
        format!(
            "# Text messages.\n{}",
            page_of(&source, "SmsConfig", "sms", &toml::Table::try_from(&config.sms).unwrap())
        ),
        format!(
            "# Suppliers that emails and texts may go by; docs/providers.md tells how to set up each.\n{}",
            page_of(&source, "NotifyConfig", "notify", &toml::Table::try_from(&config.notify).unwrap())
        ),
        page_of(&source, "TwilioConfig", "twilio", &toml::Table::try_from(&config.twilio).unwrap()),
        page_of(&source, "ModemConfig", "modem", &toml::Table::try_from(&config.modem).unwrap()),
        format!(
            "# Who else hears of an incident; docs/providers.md.\n{}",
            page_of(&source, "VoicesConfig", "voices", &toml::Table::try_from(&config.voices).unwrap())
        ),
        config.deciding.detect.page("detect"),
        config.deciding.paging.page("paging"),
        INTAKE.to_owned(),
        config.limits.page("limits"),
        config.layers.page("layers"),
        config.watch.page("watch"),
        config.record.page("record"),
        config.demo.page("demo"),
    ];
    sections.join("\n")
}

#[test]
fn the_page_of_settings_is_the_code_and_reads_back_as_the_defaults() {
    let page = page();
    golden("config/callout.toml", &page);
    assert_eq!(Config::parse("callout.toml", &page).unwrap(), Config::default());
}

#[test]
fn an_empty_file_is_all_defaults() {
    assert_eq!(Config::parse("callout.toml", "").unwrap(), Config::default());
}

#[test]
fn providers_are_one_name_or_a_list_in_their_order() {
    use transports::{SmsVia, Ways};
    let via = |text: &str| Config::parse("callout.toml", text).map(|config| config.sms.via);
    assert_eq!(via("[sms]\nvia = \"kannel\"\n").unwrap(), SmsVia::Kannel.into());
    assert_eq!(
        via("[sms]\nvia = [\"notify\", \"twilio\", \"modem\"]\n").unwrap(),
        Ways(vec![SmsVia::Notify, SmsVia::Twilio, SmsVia::Modem])
    );
    let told = via("[sms]\nvia = [\"notify\", \"pigeon\"]\n").unwrap_err();
    assert!(told[0].message.contains("unknown variant `pigeon`"), "{told:?}");
    let relays = "[email]\nhost = \"a.example.gov.uk\"\nuser = \"x\"\n[[email.relay]]\nhost = \"b.example.gov.uk\"\n";
    let servers: Vec<_> = Config::parse("callout.toml", relays).unwrap().email.servers().collect();
    assert_eq!([&servers[0].host[..], &servers[1].host], ["a.example.gov.uk", "b.example.gov.uk"]);
    assert_eq!(servers[1].user, None, "a relay signs in with its own name or not at all");
}

#[test]
fn a_wrong_setting_is_told_with_its_place_and_nothing_is_guessed() {
    let text = "[web]\nlisten = \"8080\"\npublic_ulr = \"x\"\n[council]\nzone = \"Europe/Lundun\"\nshort_name = \"WEXMOOR METROPOLITAN\"\n\
                [limits]\nbody_bytes_max = 10\n[emial]\n[email]\nhots = \"x\"\n[sms]\ntimeout_s = \"long\"\n";
    let told: Vec<String> = Config::parse("callout.toml", text)
        .unwrap_err()
        .iter()
        .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.code))
        .collect();
    assert_eq!(
        told,
        ["2:10 C003", "3:1 T002", "5:8 C002", "6:14 C005", "8:18 T006", "9:2 T002", "11:1 T002", "12:1 C004"]
    );
}

#[test]
fn the_sample_council_loads_without_a_finding() {
    let now: Timestamp = "2026-11-20T20:00:00Z".parse().unwrap();
    let loaded = load_at(&root().join("config/callout.toml"), now).unwrap_or_else(|p| panic!("{p:#?}"));
    assert_eq!(loaded.warnings, []);
    assert!(loaded.policy.playbooks.len() >= 10);
    for document in &loaded.documents {
        assert!(!document.text.contains("+4477"), "{:?} holds a number", document.kind);
    }
    let again = crate::domain::policy::Policy::from_documents(&loaded.documents).unwrap();
    assert_eq!(again, loaded.policy);
}

#[test]
fn all_files_are_told_of_at_once_and_nothing_is_half_applied() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    fs::create_dir(directory.path().join("plans")).unwrap();
    write("callout.toml", "[files]\nplaybooks = \"plans\"\n[demo]\nspeed = 0\n");
    write("people.toml", "[[person]]\nid = \"a\"\n");
    write("rota.toml", "rotas = 1\n");
    write("keywords.toml", "[[topic]]\n");
    write("plans/flood.toml", "title = \"x");
    let problems = load(&directory.path().join("callout.toml")).unwrap_err();
    let mut files: Vec<String> = problems
        .iter()
        .map(|problem| {
            let name = Path::new(&problem.file).file_name().unwrap().to_string_lossy().into_owned();
            format!("{name} {}", problem.code)
        })
        .collect();
    files.dedup();
    for expected in [
        "callout.toml T006",
        "bodies.toml C001",
        "calendar.toml C001",
        "holidays.toml C001",
        "keywords.toml T003",
        "people.toml N001",
    ] {
        assert!(files.iter().any(|file| file == expected), "{expected} is missing in {files:?}");
    }
    assert!(files.contains(&"flood.toml T001".to_owned()) && files.contains(&"rota.toml T002".to_owned()), "{files:?}");
}

#[test]
fn paths_show_as_people_write_them() {
    for (long, short) in [("config/../playbooks", "playbooks"), ("./config/a.toml", "config/a.toml"), ("../x", "../x")]
    {
        assert_eq!(files::tidy(Path::new(long)), Path::new(short));
    }
}
