//! The details store: there before the record that names it, gone when it is erased, never more than the log knows.
#![allow(clippy::unwrap_used)]

use callout::domain::id::Seq;
use callout::domain::time::Timestamp;
use callout::log::details::{Details, NewDetail, Opened, digest};
use callout::log::{Hash, LogError, OpenError, Options};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn small() -> Options {
    Options { segment_bytes: 4 << 10, ballast_bytes: 0, ..Options::for_details() }
}

fn open(dir: &Path, head: u64) -> (Details, Opened) {
    Details::open(dir, &small(), Seq(head), Timestamp::UNIX_EPOCH).unwrap()
}

fn salt(seq: u64) -> String {
    format!("{:032x}", seq * 7_919)
}

/// What the caller of record `seq` said: every one another, so that it can be looked for in the files' bytes.
fn said(seq: u64) -> String {
    format!("{{\"text\":\"water over the kerb, says caller {seq} {}\"}}", "y".repeat((seq * 53 % 200) as usize))
}

fn meant(seq: u64) -> Hash {
    digest(&salt(seq), said(seq).as_bytes())
}

fn append(details: &mut Details, seqs: impl Iterator<Item = u64>) -> Result<(), LogError> {
    let new: Vec<_> = seqs.map(|seq| (seq, salt(seq), format!("C-{seq}"), said(seq))).collect();
    let new: Vec<_> = new
        .iter()
        .map(|(seq, salt, subject, said)| NewDetail {
            seq: Seq(*seq),
            salt,
            subject,
            class: "contact",
            detail: said.as_bytes(),
        })
        .collect();
    new.chunks(8).try_for_each(|batch| details.append(batch))
}

/// Which of these records have their details.
fn there(details: &Details, seqs: impl Iterator<Item = u64>) -> Vec<u64> {
    let reader = details.reader();
    seqs.filter(|seq| {
        let got = reader.get(Seq(*seq), &meant(*seq)).unwrap();
        got.inspect(|got| assert_eq!((got.seq, &got.detail), (Seq(*seq), &said(*seq)))).is_some()
    })
    .collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "details"));
    files.sort();
    files
}

fn anywhere(dir: &Path, needle: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

/// A store with details of the even records to 100, in several segments.
fn filled() -> TempDir {
    let dir = TempDir::new().unwrap();
    let (mut details, _) = open(dir.path(), 0);
    for from in (2..=100).step_by(10) {
        append(&mut details, (from..from + 10).step_by(2)).unwrap();
    }
    assert!(files(dir.path()).len() > 3);
    dir
}

#[test]
fn details_are_found_by_record_and_digest_before_and_after_opening_again() {
    let dir = filled();
    let (mut details, opened) = open(dir.path(), 100);
    assert_eq!(opened, Opened { details: 50, dropped: 0, damaged: vec![] });
    assert_eq!(there(&details, 1..=100), (2..=100).step_by(2).collect::<Vec<_>>());
    append(&mut details, 101..=103).unwrap();
    assert_eq!(there(&details, 100..=104), [100, 101, 102, 103]);
    let got = details.reader().get(Seq(4), &meant(4)).unwrap().unwrap();
    assert_eq!((got.subject.as_str(), got.class.as_str()), ("C-4", "contact"));
    assert!(!format!("{got:?}").contains("kerb"), "what was said never gets into the trace");
    assert_eq!(details.reader().get(Seq(4), &meant(6)).unwrap(), None, "another digest means other details");
    assert_eq!(details.reader().of_subject("C-8").unwrap(), BTreeSet::from([Seq(8)]));
}

#[test]
fn details_whose_record_never_reached_the_log_are_removed_and_the_number_can_be_used_again() {
    for head in [100, 99, 98, 80, 79] {
        let dir = filled();
        let (mut details, opened) = open(dir.path(), head);
        let kept = head / 2;
        assert_eq!((opened.details, opened.dropped), (kept, 50 - kept), "head {head}");
        assert_eq!(opened.damaged, []);
        assert_eq!(there(&details, 1..=100).len() as u64, kept);
        assert!(!anywhere(dir.path(), "caller 100 ") || head == 100, "nor are they left in the files");
        append(&mut details, head + 1..=head + 30).unwrap();
        drop(details);
        let (details, opened) = open(dir.path(), head + 30);
        assert_eq!((opened.details, opened.dropped), (kept + 30, 0), "head {head}");
        assert_eq!(there(&details, head + 1..=head + 30).len(), 30);
    }
}

#[test]
fn a_store_far_ahead_of_its_log_is_not_emptied_but_refused() {
    let dir = filled();
    let error = Details::open(dir.path(), &small(), Seq(3), Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(matches!(error, OpenError::DetailsAhead { records_n: 49, .. }), "{error}");
    assert_eq!(open(dir.path(), 100).1.details, 50);
}

#[test]
fn a_store_cut_at_any_byte_of_its_last_segment_opens_with_what_is_whole() {
    let dir = filled();
    let last = files(dir.path()).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap();
    let before: u64 = last.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap() - 2;
    for cut in 0..=end {
        let mut left = bytes[..cut].to_vec();
        left.resize(if cut % 2 == 0 { cut } else { bytes.len() }, 0);
        fs::write(&last, &left).unwrap();
        let whole = left.iter().filter(|byte| **byte == b'\n').count() as u64;
        let (mut details, opened) = open(dir.path(), 100);
        assert_eq!((opened.details, opened.damaged.len()), (before / 2 + whole, 0), "cut at {cut}");
        assert_eq!(there(&details, 2..=100).last(), Some(&(before + 2 * whole)));
        if cut % 64 == 0 {
            append(&mut details, 101..=102).unwrap();
            assert_eq!(there(&details, 101..=102), [101, 102]);
        }
        drop(details);
        for file in files(dir.path()).into_iter().filter(|file| *file > last) {
            fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn a_damaged_line_is_told_and_costs_no_other_line() {
    let dir = filled();
    let second = &files(dir.path())[1];
    let mut bytes = fs::read(second).unwrap();
    let line_ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let start = line_ends.take(2).last().unwrap() + 1;
    bytes[start + 2] ^= 1;
    fs::write(second, &bytes).unwrap();
    let (mut details, opened) = open(dir.path(), 100);
    assert_eq!((opened.details, opened.dropped), (49, 0));
    assert_eq!(opened.damaged, [(second.clone(), start as u64)]);
    assert_eq!(there(&details, 1..=100).len(), 49);
    // The lines around it can be erased and read all the same.
    let first: u64 = second.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(details.erase(&BTreeSet::from([Seq(first), Seq(first + 6)])).unwrap(), 2);
    assert_eq!(there(&details, 1..=100).len(), 47);
}

#[test]
fn an_altered_detail_is_not_given_out_as_the_one_that_was_meant() {
    let dir = filled();
    let first = &files(dir.path())[0];
    let text = fs::read_to_string(first).unwrap().replace("caller 2 ", "caller 3 ");
    fs::write(first, text).unwrap();
    let (details, _) = open(dir.path(), 100);
    assert_eq!(there(&details, 1..=4), [4]);
}

#[test]
fn what_is_erased_is_in_no_file_any_more_and_the_rest_is_untouched() {
    let dir = filled();
    let (mut details, _) = open(dir.path(), 100);
    let reader = details.reader();
    // The first and the last of all (which stands in the segment being written), and some between.
    let gone: BTreeSet<_> = [2, 4, 30, 52, 100].map(Seq).into();
    assert!(gone.iter().all(|seq| anywhere(dir.path(), &format!("caller {seq} "))));
    assert_eq!(details.erase(&gone).unwrap(), 5);
    assert_eq!(details.erase(&gone).unwrap(), 0, "twice is as good as once");
    let kept: Vec<_> = (2..=100).step_by(2).filter(|seq| !gone.contains(&Seq(*seq))).collect();
    assert_eq!(there(&details, 1..=100), kept);
    assert_eq!(reader.get(Seq(30), &meant(30)).unwrap(), None);
    for seq in &gone {
        assert!(!anywhere(dir.path(), &format!("caller {seq} ")) && !anywhere(dir.path(), &salt(seq.0)));
    }
    append(&mut details, 101..=140).unwrap();
    drop(details);
    let (details, opened) = open(dir.path(), 140);
    assert_eq!((opened.details, opened.damaged.len()), (85, 0));
    assert_eq!(there(&details, 101..=140).len(), 40);
    assert_eq!(there(&details, 1..=100), kept);
}

#[test]
fn all_can_be_erased_and_the_store_goes_on() {
    let dir = filled();
    let (mut details, _) = open(dir.path(), 100);
    assert_eq!(details.erase(&(1..=100).map(Seq).collect()).unwrap(), 50);
    append(&mut details, std::iter::once(101)).unwrap();
    assert_eq!(there(&details, 1..=101), [101]);
    drop(details);
    assert_eq!(there(&open(dir.path(), 101).0, 1..=101), [101]);
}

#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let above = TempDir::new().unwrap();
    let dir = above.path().join("details");
    append(&mut open(&dir, 0).0, 1..=3).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(&dir).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn a_detail_that_is_too_large_or_not_one_line_is_refused_with_its_whole_batch() {
    let dir = TempDir::new().unwrap();
    let (mut details, _) = open(dir.path(), 0);
    let salt = salt(1);
    for bad in [&b"{\n}"[..], b"\"text\"", &[b"{".to_vec(), vec![b' '; 4_000], b"}".to_vec()].concat()] {
        let new = |seq, detail| NewDetail { seq: Seq(seq), salt: &salt, subject: "C-1", class: "contact", detail };
        let error = details.append(&[new(1, b"{}"), new(2, bad)]).unwrap_err();
        assert!(matches!(error, LogError::NotARecord { .. } | LogError::RecordTooLarge { .. }), "{error}");
    }
    drop(details);
    assert_eq!(open(dir.path(), 9).1.details, 0);
}
