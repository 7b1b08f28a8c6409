//! Keyword rules over 1 MB of short texts, beside the `regex` crate's set of the same phrases: 500 phrases of one part, as
//! the sample rules have them. The set only says which phrases are there; the rules also bend words, take hashtags apart,
//! exclude and understand denials. Then the whole sample, phrases of several parts and all.
//!
//! `cargo bench --bench keywords` prints milliseconds for 1 MB and the ratio.
#![allow(clippy::unwrap_used, missing_docs)]

use callout::domain::keywords::Keywords;
use regex::{RegexSet, RegexSetBuilder};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Bytes of text.
const BYTES: usize = 1_000_000;
/// Phrases of the comparison.
const RULES: usize = 500;
/// The best of so many runs counts.
const RUNS: usize = 7;

/// Short texts as residents write them; most are about nothing that a rule knows.
const TEXTS: [&str; 10] = [
    "hello I would like to know when my bin will be collected as it has been missed again this week",
    "water is coming in under my back door and it is up to the kerb outside",
    "can you tell me how to renew my resident parking permit please, the website is confusing",
    "there is a huge tree down across Church Road near the school, nobody can get past",
    "the street light outside number 7 has been out for a fortnight",
    "we have had no electric since four o'clock in the whole street and my mum is on her own",
    "I am writing about my council tax bill, the amount is wrong and I have sent the form twice",
    "no flooding here thank you, just asking about the flood risk map for a house purchase",
    "someone has dumped a mattress and some tins of paint in the lane behind the garages",
    "pavement is sheer ice outside the surgery and an old lady has gone over",
];

fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    let mut bytes = 0;
    for n in 0.. {
        let text = format!("{} {}", TEXTS[n % TEXTS.len()], n);
        bytes += text.len();
        texts.push(text);
        if bytes >= BYTES {
            break;
        }
    }
    texts
}

fn best(mut run: impl FnMut() -> usize) -> Duration {
    let once = |_| {
        let begin = Instant::now();
        black_box(run());
        begin.elapsed()
    };
    (0..RUNS).map(once).min().unwrap()
}

fn main() {
    let sample = Keywords::parse(include_str!("../config/keywords.toml")).unwrap();
    let single = |phrase: &&String| !phrase.contains(['+', '{', '*']) && !phrase.contains("...");
    let mut phrases: Vec<&String> =
        sample.topics.iter().flat_map(|topic| topic.words.iter().chain(&topic.not)).filter(single).collect();
    phrases.sort();
    phrases.dedup();
    phrases.truncate(RULES);
    let quoted: Vec<String> = phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
    let rules = format!("[[topic]]\ntag = \"x\"\ntitle = \"X\"\nwords = [{}]\n", quoted.join(", "));
    let begin = Instant::now();
    let ours = Keywords::parse(&rules).unwrap();
    let compiled = begin.elapsed();
    let patterns = phrases.iter().map(|phrase| format!(r"\b{}", regex::escape(phrase).replace(' ', r"\W+")));
    let theirs: RegexSet = RegexSetBuilder::new(patterns)
        .case_insensitive(true)
        .size_limit(1 << 30)
        .dfa_size_limit(1 << 30)
        .build()
        .unwrap();
    let texts = texts();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let of_ours = best(|| texts.iter().map(|text| ours.classify(text).len()).sum());
    let of_theirs = best(|| texts.iter().map(|text| theirs.matches(text).iter().count()).sum());
    let of_sample = best(|| texts.iter().map(|text| sample.classify(text).len()).sum());
    println!("{} texts, {BYTES} bytes, {} phrases, compiled in {:.0} ms", texts.len(), phrases.len(), ms(compiled));
    println!("keyword rules       {:>8.1} ms for 1 MB", ms(of_ours));
    println!(
        "regex set           {:>8.1} ms for 1 MB; rules to set {:.2}",
        ms(of_theirs),
        of_ours.as_secs_f64() / of_theirs.as_secs_f64()
    );
    println!("the whole sample    {:>8.1} ms for 1 MB ({} phrases)", ms(of_sample), sample.phrases_n());
}
