//! The journal against what can happen to its files: torn, flipped, half made, in use, on a full or dead disk.
#![allow(clippy::unwrap_used)]

use callout::domain::id::Seq;
use callout::domain::time::Timestamp;

use callout::log::{
    Entry, Hash, Journal, Log, LogError, Logged, MemoryLog, OpenError, Opened, Options, Room, tail, verify,
};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SMALL: u64 = 4 << 10;

fn at(seq: u64) -> Timestamp {
    Timestamp::from_millisecond(1_795_313_647_250 + seq as i64).unwrap()
}

fn small() -> Options {
    Options { segment_bytes: SMALL, ballast_bytes: 0, ..Options::default() }
}

fn record(seq: u64) -> Vec<u8> {
    format!("{{\"type\":\"contact\",\"n\":{seq},\"tags\":\"{}\"}}", "x".repeat((seq * 37 % 100) as usize)).into_bytes()
}

fn open(dir: &Path, options: &Options) -> (Journal, Opened) {
    Journal::open(dir, options, at(0)).unwrap()
}

/// Appends records `from..from + n` in one batch.
fn append(journal: &mut Journal, from: u64, n: u64) -> Result<(), LogError> {
    let records: Vec<_> = (from..from + n).map(record).collect();
    let batch: Vec<_> = (from..).zip(&records).map(|(seq, record)| entry(seq, record)).collect();
    let appended = journal.append(&batch)?;
    assert_eq!((appended.synced, appended.head), journal.head());
    Ok(())
}

fn entry(seq: u64, record: &[u8]) -> Entry<'_> {
    Entry { seq: Seq(seq), at: at(seq), occurred_at: seq.is_multiple_of(3).then(|| at(0)), record }
}

fn read(opened: Opened) -> Vec<Logged> {
    opened.entries.collect::<Result<_, _>>().unwrap()
}

/// Asserts that these are the records 1 to `n` as they were written.
fn assert_written(logged: &[Logged], n: u64) {
    assert_eq!(logged.len() as u64, n);
    for (logged, seq) in logged.iter().zip(1..) {
        assert_eq!((logged.seq, logged.at), (Seq(seq), at(seq)));
        assert_eq!(logged.occurred_at, seq.is_multiple_of(3).then(|| at(0)));
        assert_eq!(logged.record.as_bytes(), record(seq));
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "log")).collect();
    segments.sort();
    segments
}

/// A directory in memory where the machine has one: what is tested here is not the speed of its disk.
fn temp() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| TempDir::new().unwrap())
}

/// Copies a journal's directory as it would be after a crash: without the note that it was closed in order.
fn copy(from: &Path) -> TempDir {
    let to = copy_closed(from);
    fs::remove_file(to.path().join("HEAD")).unwrap();
    to
}

/// Copies a journal's directory as it is.
fn copy_closed(from: &Path) -> TempDir {
    let to = temp();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

/// A journal of some segments and batches, closed; and how many records are in it.
fn filled() -> (TempDir, u64) {
    let dir = temp();
    let (mut journal, _) = open(dir.path(), &small());
    let mut next = 1;
    for n in [1, 2, 5, 7, 3, 6, 4, 2] {
        append(&mut journal, next, n).unwrap();
        next += n;
    }
    assert!(segments(dir.path()).len() > 2, "the test needs sealed segments");
    (dir, next - 1)
}

#[test]
fn what_was_appended_is_there_after_opening_again_and_the_numbers_go_on() {
    let (dir, n) = filled();
    let (mut journal, opened) = open(dir.path(), &small());
    assert_eq!(opened.tear, None);
    assert_written(&read(opened), n);
    for batch in 0..8 {
        append(&mut journal, n + 1 + batch * 5, 5).unwrap();
    }
    assert_eq!(journal.head().0, Seq(n + 40));
    assert_written(&journal.entries(Seq(1)).collect::<Result<Vec<_>, _>>().unwrap(), n + 40);
    let late: Vec<_> = journal.entries(Seq(n)).map(|logged| logged.unwrap().seq.0).collect();
    assert_eq!(late, (n..=n + 40).collect::<Vec<_>>());
    assert_eq!(journal.entries(Seq(n + 41)).count(), 0);
}

#[test]
fn the_log_in_memory_writes_the_same_lines_as_the_log_on_disk() {
    let dir = temp();
    let mut on_disk = Log::Journal(open(dir.path(), &small()).0);
    let mut in_memory = Log::Memory(MemoryLog::new());
    for seq in 1..=3 {
        let record = record(seq);
        assert_eq!(on_disk.append(&[entry(seq, &record)]).unwrap(), in_memory.append(&[entry(seq, &record)]).unwrap());
    }
    assert_eq!(on_disk.head(), in_memory.head());
    assert_eq!(in_memory.has_room(), Room::Plenty);
    let Log::Memory(memory) = in_memory else { unreachable!("it was made so above") };
    assert!(fs::read(&segments(dir.path())[0]).unwrap().starts_with(memory.text()));
    assert_written(&memory.entries().collect::<Vec<_>>(), 3);
}

#[test]
fn a_sealed_segment_is_plain_text_named_by_its_first_record() {
    let (dir, _) = filled();
    let files = segments(dir.path());
    for file in &files[..files.len() - 1] {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.ends_with('\n') && !text.contains('\0'));
        let first: u64 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        assert!(text.lines().next().unwrap()[65..].starts_with(&format!("{{\"seq\":{first},")));
    }
}

#[test]
fn a_log_cut_at_any_byte_of_its_last_segment_opens_and_loses_only_what_was_cut() {
    let (dir, n) = filled();
    let last = segments(dir.path()).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    let first: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap();
    for cut in 0..=end {
        // Cut short, and cut with zeros behind: a file system may leave either.
        for padded in [false, true] {
            let copy = copy(dir.path());
            let file = copy.path().join(last.file_name().unwrap());
            let mut left = bytes[..cut].to_vec();
            if padded {
                left.resize(bytes.len(), 0);
            }
            fs::write(&file, left).unwrap();
            let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count() as u64;
            let (mut journal, opened) = open(copy.path(), &small());
            let torn = cut > 0 && bytes[cut - 1] != b'\n';
            assert_eq!(opened.tear.as_ref().map(|tear| tear.seq), torn.then_some(Seq(first + whole)), "cut at {cut}");
            assert_written(&read(opened), first - 1 + whole);
            if cut % 16 == 0 {
                append(&mut journal, first + whole, 2).unwrap();
                drop(journal);
                let (_, opened) = open(copy.path(), &small());
                assert_eq!(opened.tear, None);
                assert_written(&read(opened), first + 1 + whole);
            }
        }
    }
    assert!(n > first, "the last segment held several records");
}

#[test]
fn two_processes_cannot_have_one_log_and_the_second_is_told_who_has_it() {
    let dir = temp();
    let (_journal, _) = open(dir.path(), &small());
    let error = Journal::open(dir.path(), &small(), at(0)).unwrap_err();
    let OpenError::Held { holder, .. } = &error else { panic!("{error}") };
    let words = format!("process {} on ", std::process::id());
    assert!(holder.starts_with(&words) && holder.contains("since 2026-"), "{holder}");
    assert!(error.to_string().contains("in use by another callout"), "{error}");
}

#[test]
fn a_log_of_another_version_is_refused_by_name() {
    let (dir, _) = filled();
    fs::write(dir.path().join("FORMAT"), "callout log 2\n").unwrap();
    let error = Journal::open(dir.path(), &small(), at(0)).unwrap_err().to_string();
    assert!(error.contains("says \"callout log 2\"") && error.contains("reads \"callout log 1\" only"), "{error}");
}

#[test]
fn a_batch_with_a_bad_record_is_refused_whole() {
    let dir = temp();
    let (mut journal, _) = open(dir.path(), &small());
    for bad in [&b"[1]"[..], b"{\n}", b"{} ", b"", b"{\0}"] {
        let error = journal.append(&[entry(1, b"{}"), entry(2, bad)]).unwrap_err();
        assert!(matches!(error, LogError::NotARecord { seq: Seq(2) }), "{error}");
    }
    let large = [b"{".to_vec(), vec![b' '; SMALL as usize], b"}".to_vec()].concat();
    let error = journal.append(&[entry(1, &large)]).unwrap_err();
    assert!(matches!(error, LogError::RecordTooLarge { .. }), "{error}");
    let error = journal.append(&(1..=20).map(|seq| entry(seq, b"{}")).collect::<Vec<_>>()).unwrap_err();
    assert!(matches!(error, LogError::BatchTooLarge { .. }), "{error}");
    assert_eq!(journal.head().0, Seq(0));
    append(&mut journal, 1, 1).unwrap();
}

#[test]
fn a_flipped_byte_anywhere_is_found_and_no_record_known_to_be_safe_is_lost_in_silence() {
    let (dir, n) = filled();
    let files = segments(dir.path());
    let mut found = [0; 2];
    for (index, file) in files.iter().enumerate() {
        let is_last = index + 1 == files.len();
        let good = fs::read(file).unwrap();
        let name = file.file_name().unwrap();
        // Past the last line of the last file there are only zeros: a few of them stand for all.
        let end = good.iter().rposition(|byte| *byte != 0).unwrap() + 20;
        for at in (0..end.min(good.len())).chain([good.len() - 1]) {
            let copy = copy(dir.path());
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(copy.path().join(name), &bad).unwrap();
            let report = verify::verify(copy.path()).unwrap();
            let opened = Journal::open(copy.path(), &small(), crate::at(0));
            let first: u64 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let seq = Seq(first + good[..at].iter().filter(|byte| **byte == b'\n').count() as u64);
            match (report.damage, report.tear, opened) {
                (Some(damage), None, Err(OpenError::Damaged(refused))) => {
                    found[0] += 1;
                    assert_eq!((damage.seq, &damage.file), (seq, &copy.path().join(name)), "byte {at}");
                    assert_eq!((refused.seq, refused.offset), (seq, damage.offset), "byte {at}");
                    assert!(refused.offset <= at as u64);
                }
                (None, Some(tear), Ok((journal, opened))) => {
                    found[1] += 1;
                    assert!(is_last && seq.0 > n - 2, "byte {at} of {name:?}: record {seq} was known to be safe");
                    assert_eq!((tear.seq, Some(&tear)), (seq, opened.tear.as_ref()), "byte {at}");
                    assert_written(&read(opened), seq.0 - 1);
                    drop(journal);
                    let report = verify::verify(copy.path()).unwrap();
                    assert!(report.is_sound() && report.tear.is_none() && report.records == seq.0 - 1);
                }
                other => panic!("byte {at} of {name:?}: {other:?}"),
            }
        }
    }
    assert!(found[0] > 1_000 && found[1] > 100, "both sorts were met: {found:?}");
}

#[test]
fn a_flipped_byte_in_a_log_closed_in_order_is_never_taken_for_a_torn_write() {
    let (dir, n) = filled();
    let last = segments(dir.path()).pop().unwrap();
    let good = fs::read(&last).unwrap();
    let end = good.iter().rposition(|byte| *byte != 0).unwrap();
    for at in end - 300..=end {
        let copy = copy_closed(dir.path());
        let mut bad = good.clone();
        bad[at] ^= 2;
        fs::write(copy.path().join(last.file_name().unwrap()), &bad).unwrap();
        let damage = verify::verify(copy.path()).unwrap().damage.unwrap();
        let error = Journal::open(copy.path(), &small(), crate::at(0)).unwrap_err();
        let OpenError::Damaged(refused) = error else { panic!("{error}") };
        assert_eq!((damage.seq, damage.offset), (refused.seq, refused.offset));
        assert_eq!(fs::read(copy.path().join(last.file_name().unwrap())).unwrap(), bad, "evidence stays as it is");
    }
    // Nor is a log that has lost its last files, or all of them, begun anew.
    for gone in [1, segments(dir.path()).len()] {
        let copy = copy_closed(dir.path());
        segments(copy.path()).iter().rev().take(gone).for_each(|file| fs::remove_file(file).unwrap());
        assert!(!verify::verify(copy.path()).unwrap().is_sound());
        let error = Journal::open(copy.path(), &small(), crate::at(0)).unwrap_err();
        assert!(matches!(error, OpenError::Damaged(_)), "{error}");
    }
    // A bad note is no reason not to start.
    let copy = copy_closed(dir.path());
    fs::write(copy.path().join("HEAD"), b"\xff\xfe").unwrap();
    assert_eq!(open(copy.path(), &small()).0.head().0, Seq(n));
}

#[test]
fn verify_agrees_with_a_sound_log_and_names_its_head() {
    let (dir, n) = filled();
    let report = verify::verify(dir.path()).unwrap();
    let (journal, _) = open(dir.path(), &small());
    assert!(report.is_sound() && report.tear.is_none());
    assert_eq!((Seq(report.records), report.head), journal.head());
    assert_eq!(report.segments, segments(dir.path()).len() as u64);
    assert_eq!(report.first_at.unwrap(), format!("{:.3}", at(1)));
    assert_eq!(report.last_at.unwrap(), format!("{:.3}", at(n)));
}

#[test]
fn a_segment_that_is_gone_is_damage_and_named() {
    let (dir, _) = filled();
    let files = segments(dir.path());
    fs::remove_file(&files[1]).unwrap();
    let missing: u64 = files[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(verify::verify(dir.path()).unwrap().damage.unwrap().seq, Seq(missing));
    let error = Journal::open(dir.path(), &small(), at(0)).unwrap_err().to_string();
    assert!(error.contains(&format!("record {missing} is damaged")) && error.contains("last backup"), "{error}");
}

#[test]
fn records_taken_out_and_rechained_by_hand_are_damage_not_a_tear() {
    // Whole lines in the wrong place: no interrupted write does that.
    let (dir, n) = filled();
    let last = segments(dir.path()).pop().unwrap();
    let text = fs::read_to_string(&last).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('\0')).collect();
    let mut swapped = lines.clone();
    let end = lines.len() - 1;
    swapped.swap(end, end - 1);
    fs::write(&last, swapped.join("\n") + "\n").unwrap();
    assert_eq!(verify::verify(dir.path()).unwrap().damage.unwrap().seq, Seq(n - 1));
    let error = Journal::open(dir.path(), &small(), at(0)).unwrap_err();
    assert!(matches!(&error, OpenError::Damaged(damage) if damage.seq == Seq(n - 1)), "{error}");
}

#[test]
fn a_crash_at_any_step_of_going_on_to_the_next_segment_leaves_a_log_that_opens() {
    let (dir, n) = filled();
    let files = segments(dir.path());
    let (first, last) = (&files[0], files.last().unwrap());
    let name = |path: &Path| path.file_name().unwrap().to_owned();
    let zeros = vec![0; SMALL as usize];
    let text_of_last = {
        let bytes = fs::read(last).unwrap();
        bytes[..=bytes.iter().rposition(|byte| *byte != 0).unwrap()].to_vec()
    };
    let check = |what: &str, damage: &dyn Fn(&Path)| {
        let copy = copy(dir.path());
        damage(copy.path());
        let (mut journal, opened) = open(copy.path(), &small());
        assert_eq!(opened.tear, None, "{what}");
        assert_written(&read(opened), n);
        for from in (n + 1..n + 21).step_by(4) {
            append(&mut journal, from, 4).unwrap();
        }
        drop(journal);
        let (_, opened) = open(copy.path(), &small());
        assert_written(&read(opened), n + 20);
        let report = verify::verify(copy.path()).unwrap();
        assert!(report.is_sound() && report.tear.is_none(), "{what}: {report:?}");
        let half_made = |file: fs::DirEntry| file.file_name().to_str().unwrap().ends_with(".new");
        assert!(!fs::read_dir(copy.path()).unwrap().any(|file| half_made(file.unwrap())), "{what}");
        let cut = fs::read(copy.path().join(name(first))).unwrap();
        assert!(!cut.contains(&0), "{what}: a sealed segment is cut, at the latest when the log is opened again");
    };
    check("while the next one is made", &|dir| {
        fs::remove_file(dir.join("reserved")).unwrap();
        fs::write(dir.join("reserved.new"), &zeros[..100]).unwrap();
        fs::write(dir.join("ballast.new"), &zeros[..100]).unwrap();
    });
    check("before the next one is made", &|dir| fs::remove_file(dir.join("reserved")).unwrap());
    check("after the old one is cut", &|dir| fs::write(dir.join(name(last)), &text_of_last).unwrap());
    check("after the old one is cut, with no next one", &|dir| {
        fs::write(dir.join(name(last)), &text_of_last).unwrap();
        fs::remove_file(dir.join("reserved")).unwrap();
    });
    check("after the next one is named", &|dir| {
        fs::write(dir.join(name(last)), &text_of_last).unwrap();
        fs::rename(dir.join("reserved"), dir.join(format!("{:020}.log", n + 1))).unwrap();
    });
    check("before an old one was cut", &|dir| {
        let mut padded = fs::read(first).unwrap();
        padded.resize(zeros.len(), 0);
        fs::write(dir.join(name(first)), padded).unwrap();
    });
    check("with rubbish in the reserved one", &|dir| fs::write(dir.join("reserved"), vec![7; zeros.len()]).unwrap());
    check("with a reserved one of another size", &|dir| fs::write(dir.join("reserved"), &zeros[..9]).unwrap());
    check("while the format is written", &|dir| {
        fs::rename(dir.join("FORMAT"), dir.join("FORMAT.new")).unwrap();
        fs::remove_file(dir.join("LOCK")).unwrap();
    });
}

#[test]
fn a_log_begins_in_an_empty_directory_or_in_none() {
    let above = temp();
    let dir = above.path().join("data").join("log");
    for _ in 0..2 {
        let (journal, opened) = open(&dir, &small());
        assert_eq!((journal.head().0, opened.tear.is_none(), opened.entries.count()), (Seq(0), true, 0));
        assert_eq!(verify::verify(&dir).unwrap().records, 0);
    }
    fs::write(&segments(&dir)[0], "").unwrap();
    let (mut journal, _) = open(&dir, &small());
    append(&mut journal, 1, 3).unwrap();
    drop(journal);
    assert_written(&read(open(&dir, &small()).1), 3);
}

#[test]
fn segments_of_an_impossible_size_are_refused() {
    for bytes in [0, 100, 1 << 40] {
        let error = Journal::open(temp().path(), &Options { segment_bytes: bytes, ..small() }, at(0)).unwrap_err();
        assert!(error.to_string().contains("the range is 4096 to"), "{error}");
    }
}

#[test]
fn any_part_of_a_log_can_be_read_beside_the_process_that_writes_it() {
    let (dir, n) = filled();
    let (mut journal, _) = open(dir.path(), &small());
    let numbers = |from, most| -> Vec<u64> {
        let lines = tail::from(dir.path(), Seq(from), most).unwrap();
        lines.iter().for_each(|line| assert_eq!(line.hash, Hash::of(line.json().as_bytes())));
        lines.iter().map(|line| line.seq.0).collect()
    };
    for from in 1..=n {
        assert_eq!(numbers(from, 7), (from..=n.min(from + 6)).collect::<Vec<_>>(), "from {from}");
    }
    assert_eq!(numbers(n + 1, 7), [0; 0]);
    assert_eq!(numbers(n + 50, 7), [0; 0]);
    let mut follow = tail::Follow::from(dir.path(), Seq(n - 1));
    let mut read = Vec::new();
    for round in 0..12 {
        read.extend(follow.lines(1_000).unwrap().iter().map(|line| line.seq.0));
        assert_eq!(read.last(), Some(&(n + round * 3)));
        append(&mut journal, n + 1 + round * 3, 3).unwrap();
    }
    assert_eq!(read, (n - 1..=n + 33).collect::<Vec<_>>());
    assert_eq!(tail::last(dir.path(), 10_000).unwrap().len() as u64, n + 36);
}

#[test]
fn a_line_longer_than_one_read_is_followed_too() {
    let dir = temp();
    let (mut journal, _) = open(dir.path(), &Options { segment_bytes: 2 << 20, ..small() });
    let long = format!("{{\"type\":\"document_recorded\",\"text\":\"{}\"}}", "w".repeat(900_000)).into_bytes();
    let batch: Vec<_> = (1..=2).map(|seq| entry(seq, &long)).collect();
    journal.append(&batch).unwrap();
    let lines = tail::from(dir.path(), Seq(1), 9).unwrap();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.record.as_bytes() == long));
}
