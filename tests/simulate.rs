//! Whole days in virtual time, from a seed: bursts of contacts, people who sleep, answer, decline or lose the text,
//! transports that fail, lose, hang or answer late, crashes between every two steps, policies reloaded in the middle.
//! An oracle with its own truth says when something was broken.
//!
//! A failure prints its seed; `CALLOUT_SEED=17 cargo test --test simulate` runs that one again. `CALLOUT_SIM_S=60` runs
//! for 60 s in place of 10.
//!
//! The check can fail: each planted fault of [`simulation::Fault`] must be caught.

#![allow(clippy::unwrap_used, missing_docs)]

mod council;
mod simulation;

use simulation::{Fault, run};
use std::time::{Duration, Instant};

#[test]
fn days_from_a_seed_keep_the_invariants() {
    if let Some(seed) = std::env::var("CALLOUT_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let ran = run(seed, None).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        println!("seed {seed}: {ran:?}");
        return;
    }
    let seconds = std::env::var("CALLOUT_SIM_S").ok().and_then(|s| s.parse().ok()).unwrap_or(10);
    let from = Instant::now();
    let (mut seed, mut total) = (0, simulation::Ran::default());
    while seed < 8 || from.elapsed() < Duration::from_secs(seconds) {
        seed += 1;
        match run(seed, None) {
            Ok(ran) => total.add(&ran),
            Err(broken) => panic!("{broken}\nagain: CALLOUT_SEED={seed} cargo test --test simulate"),
        }
    }
    println!("{seed} seeds, {:.1} s: {total:?}", from.elapsed().as_secs_f64());
    assert!(total.crashes > 20 && total.acknowledged > 20 && total.widened > 0 && total.replays > 0, "{total:?}");
}

#[test]
fn each_planted_fault_is_caught() {
    for fault in Fault::ALL {
        let caught = (1..=40).find_map(|seed| run(seed, Some(fault)).err().map(|broken| (seed, broken)));
        match caught {
            Some((seed, broken)) => println!("{fault:?}: seed {seed}: {}", broken.lines().next().unwrap_or("")),
            None => panic!("the planted fault {fault:?} was not caught in 40 seeds: the check proves nothing"),
        }
    }
}

#[test]
fn a_seed_gives_the_same_days_again() {
    assert_eq!(run(3, None), run(3, None));
}
