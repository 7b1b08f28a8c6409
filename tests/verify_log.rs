//! An export can be checked by anybody, and whatever is altered in it is found: the archive is made by callout, altered
//! here, and judged by `tools/verify_log.py` alone.

#![allow(clippy::unwrap_used)]

use callout::domain::event::{DetailClass, Sealed};
use callout::domain::id::Seq;
use callout::domain::keeping::SignedHead;
use callout::log::details::{Details, NewDetail};
use callout::log::export::select::{Selection, records};
use callout::log::export::{About, Exported, Profile, archive};
use callout::log::heads::HeadKey;
use callout::log::{Entry, Hash, Journal, Options};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::process::Command;

const ENTRIES: u64 = 60;

/// A small log: contacts with details, an incident with a page and a note, a signed head now and then.
struct Site {
    dir: tempfile::TempDir,
    key: HeadKey,
}

fn options() -> Options {
    Options { segment_bytes: 16 << 10, ballast_bytes: 0, ..Options::default() }
}

impl Site {
    fn new() -> Self {
        Self::signed_by(9)
    }

    fn signed_by(seed: u8) -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap(), key: HeadKey::from_seed(&[seed; 32]) };
        let (mut journal, _) = Journal::open(&site.log(), &options(), Timestamp::UNIX_EPOCH).unwrap();
        let (mut details, _) = Details::open(&site.details(), &options(), Seq(ENTRIES), Timestamp::UNIX_EPOCH).unwrap();
        for seq in 1..=ENTRIES {
            let at = Timestamp::from_second(1_792_890_000 + 60 * seq as i64).unwrap();
            let content = format!("{{\"text\":\"=water over the kerb, number {seq}\",\"needs\":[\"bsl\"]}}");
            let class = if seq == 33 { DetailClass::Incident } else { DetailClass::Contact };
            let sealed = Sealed::new([seq as u8; 16], class, content.into_bytes());
            let digest = &sealed.digest;
            let head = || {
                let (head, hash) = journal.head();
                let SignedHead { head, hash, signed_at, key, signature } = site.key.sign(head, hash.to_string(), at);
                format!(
                    "\"head\":{head},\"hash\":\"{hash}\",\"signed_at\":\"{signed_at}\",\"key\":\"{key}\",\"signature\":\"{signature}\""
                )
            };
            let (record, named) = match seq {
                15 | 40 => (format!("{{\"type\":\"head_signed\",{}}}", head()), false),
                30 => (r#"{"type":"incident_opened","topic":"flooding","severity":2,"by":{"who":"priya.nair","via":"console"}}"#.into(), false),
                31 => (r#"{"type":"call_out_started","incident":"INC-30","cause":"a surge","ladder":[],"wanted":1,"severity":2}"#.into(), false),
                32 => (r#"{"type":"page_intended","call_out":"CO-31","person":"priya.nair","channel":"sms","attempt":1}"#.into(), false),
                33 => (format!(r#"{{"type":"entry_written","incident":"INC-30","kind":"decision","by":{{"who":"priya.nair","via":"console"}},"digest":"{digest}"}}"#), true),
                34 => (r#"{"type":"page_sent","page":"P-32","outcome":{"result":"accepted"}}"#.into(), false),
                _ => (
                    format!(r#"{{"type":"contact_taken","contact":{{"source":"crm","channel":"phone","received_at":"{at}","tags":["flooding"],"place":[375210,210540]}},"digest":"{digest}"}}"#),
                    true,
                ),
            };
            if named {
                let new = NewDetail {
                    seq: Seq(seq),
                    salt: &sealed.salt,
                    subject: "C",
                    class: class.as_str(),
                    detail: &sealed.content,
                };
                details.append(&[new]).unwrap();
            }
            journal.append(&[Entry { seq: Seq(seq), at, occurred_at: None, record: record.as_bytes() }]).unwrap();
        }
        // Two persons asked for theirs to be erased.
        assert_eq!(details.erase(&[Seq(3), Seq(20)].into()).unwrap(), 2);
        site
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn details(&self) -> PathBuf {
        self.dir.path().join("details")
    }

    fn export(&self, name: &str, selection: &Selection, profile: Profile) -> (PathBuf, Exported) {
        let out = self.dir.path().join(name);
        let about = About {
            profile,
            selection: selection.to_string(),
            by: "priya.nair".into(),
            at: "2026-11-22T02:00:00Z".parse().unwrap(),
            entry: None,
        };
        let wanted = records(selection, &self.log(), Seq(ENTRIES)).unwrap();
        let told =
            archive((&self.log(), &self.details()), wanted.as_ref(), Seq(ENTRIES), &about, &self.key, &out).unwrap();
        (out, told)
    }
}

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok();
    if !found {
        println!("skipped: no python3 on this machine");
    }
    found
}

fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn verify(args: &[&str]) -> (bool, String) {
    let output = Command::new("python3").arg(tool("tools/verify_log.py")).args(args).output().unwrap();
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), words)
}

#[test]
fn a_good_export_passes_whole_and_in_part_for_everybody_it_is_made_for() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    let period = Selection::Period {
        from: Timestamp::from_second(1_792_890_000 + 600).unwrap(),
        to: Timestamp::from_second(1_792_890_000 + 1_260).unwrap(),
    };
    let incident = Selection::Incident("INC-30".parse().unwrap());
    let packet = Selection::Contacts(vec!["C-7".parse().unwrap(), "C-50".parse().unwrap()]);
    for (selection, entries, details) in
        [(Selection::Whole, ENTRIES, 52), (period, 11, 9), (incident, 5, 1), (packet, 2, 2)]
    {
        for profile in Profile::ALL {
            let (out, told) = site.export("good.zip", &selection, profile);
            let expected = match (profile, &selection) {
                (Profile::Public, _) => 0,
                (Profile::Foi, Selection::Whole | Selection::Incident(_)) => 1,
                (Profile::Foi, _) => 0,
                _ => details,
            };
            assert_eq!((told.entries, told.details), (entries, expected), "{selection} {profile:?}");
            let (ok, words) = verify(&[out.to_str().unwrap()]);
            let start = format!("OK {entries} entries, head {}\n", told.head);
            assert!(ok && words.starts_with(&start), "{selection} {profile:?}: {words}");
        }
    }
}

#[test]
fn what_a_profile_leaves_out_is_nowhere_in_its_export() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    let text = |profile| {
        let (out, _) = site.export("profile.zip", &Selection::Whole, profile);
        let read = "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); \
                    print(''.join(z.read(n).decode() for n in z.namelist() if n.endswith('.jsonl')))";
        let output = Command::new("python3").args(["-c", read]).arg(out).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let has = |profile| {
        ["priya.nair", "375210", "kerb, number 33", "kerb, number 7", "bsl"].map(|word| text(profile).contains(word))
    };
    assert_eq!(has(Profile::Full), [true, true, true, true, true]);
    assert_eq!(has(Profile::Police), [true, true, true, true, false]);
    assert_eq!(has(Profile::Foi), [false, false, true, false, true]);
    assert_eq!(has(Profile::Public), [false, false, false, false, false]);
    assert!(text(Profile::Full).contains("kerb, number 4\"") && !text(Profile::Full).contains("kerb, number 3\""));
}

#[test]
fn two_hundred_altered_exports_are_each_found_with_the_first_bad_record_named() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    let (good, _) = site.export("good.zip", &Selection::Whole, Profile::Full);
    let output = Command::new("python3")
        .arg(tool("tests/alter_exports.py"))
        .args([good.as_path(), site.dir.path(), tool("tools/verify_log.py").as_path()])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let found = words.lines().filter(|line| line.starts_with("found ")).count();
    assert!(found >= 200, "{words}");
}

#[test]
fn a_log_written_anew_and_signed_by_another_key_is_found_by_the_key_or_by_one_mailed_head() {
    if !has_python() {
        return;
    }
    let (real, forged) = (Site::new(), Site::signed_by(8));
    let (out, told) = forged.export("forged.zip", &Selection::Whole, Profile::Full);
    let out = out.to_str().unwrap();
    let mailed: Hash = told.head.parse().unwrap();
    assert!(verify(&[out, "--head", &format!("{ENTRIES}:{mailed}")]).0);
    let (ok, words) = verify(&[out, "--key", &real.key.public()]);
    assert!(!ok && words.contains("key.pub: not the key"), "{words}");
    let (ok, words) = verify(&[out, "--head", &format!("12:{mailed}")]);
    assert!(!ok && words.contains("record 12"), "{words}");
    let (ok, words) = verify(&[out, "--head", &format!("99:{mailed}")]);
    assert!(!ok && words.contains("record 99"), "{words}");

    let mut other = Site::new();
    other.key = HeadKey::from_seed(&[8; 32]);
    let (out, _) = other.export("other.zip", &Selection::Whole, Profile::Full);
    let (ok, words) = verify(&[out.to_str().unwrap()]);
    assert!(!ok && words.contains("if it was changed, give the new one"), "{words}");
    assert!(verify(&[out.to_str().unwrap(), "--key", &other.key.public()]).0);
}
