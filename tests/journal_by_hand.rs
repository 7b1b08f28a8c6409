//! The auditor in twenty years, who has the files and `sha256sum` but no callout. (A file of its own: starting another
//! program briefly doubles every open file of the process, locks included, which would disturb other tests.)
#![allow(clippy::unwrap_used)]

use callout::domain::id::Seq;
use callout::domain::time::Timestamp;
use callout::log::{Entry, Journal, Options};
use std::process::Command;

/// Each line's digest against `sha256sum`, and each `prev` against the digest of the line before.
const BY_HAND: &str = r#"
prev=$(printf '%064d' 0)
for file in "$1"/*.log; do
    tr -d '\000' < "$file" > "$1/text"
    while IFS= read -r line; do
        digest=${line%% *}
        json=${line#* }
        [ "$(printf %s "$json" | sha256sum | cut -c -64)" = "$digest" ] || { echo "bad digest: $line"; exit 1; }
        case $json in *"\"prev\":\"$prev\""*) ;; *) echo "bad chain: $line"; exit 1 ;; esac
        prev=$digest
    done < "$1/text"
done
echo "$prev"
"#;

#[test]
fn the_whole_chain_can_be_checked_with_a_shell_and_sha256sum() {
    if Command::new("sha256sum").arg("--version").output().is_err() {
        println!("skipped: sha256sum is not on this machine");
        return;
    }
    let dir = tempfile::TempDir::new().unwrap();
    let options = Options { segment_bytes: 4 << 10, ballast_bytes: 0, ..Options::default() };
    let at = Timestamp::from_second(1_795_313_647).unwrap();
    let (mut journal, _) = Journal::open(dir.path(), &options, at).unwrap();
    for seq in 1..=40 {
        let record = format!("{{\"type\":\"note\",\"text\":\"na\\u00efve £{seq} \\\\ ünïcode\"}}");
        journal.append(&[Entry { seq: Seq(seq), at, occurred_at: None, record: record.as_bytes() }]).unwrap();
    }
    let hand = Command::new("sh").args(["-c", BY_HAND, "sh"]).arg(dir.path()).output().unwrap();
    assert_eq!(String::from_utf8(hand.stdout).unwrap().trim(), journal.head().1.to_string());
}
