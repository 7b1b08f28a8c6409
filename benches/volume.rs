//! The volume detector: what one minute of a thousand streams costs, all windows, on one core.
//!
//! `cargo bench --bench volume`. The streams are as busy as a council's: a telephone queue to a rare topic.
#![allow(clippy::unwrap_used)]

use callout::domain::detect::volume::week::CivilWeek;
use callout::domain::detect::volume::{Aim, Volume};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::time::{Duration, Instant};

const STREAMS: usize = 1_000;
/// Monday 5 January 2026.
const START: i64 = 1_767_571_200;
const WARM_UP_MIN: i64 = 2 * 1_440;
const MEASURED_MIN: i64 = 1_440;

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        println!("volume: run it with cargo bench --bench volume");
        return;
    }
    let zone = TimeZone::get("Europe/London").unwrap();
    let week = CivilWeek { zone: &zone, is_holiday: &|_: Date| false };
    let mut streams: Vec<Volume> = (0..STREAMS).map(|_| Volume::new(Aim::default())).collect();
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    let mut tick = |minute: i64| -> Duration {
        let counts: Vec<u32> = (0..STREAMS)
            .map(|stream| {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                // Every tenth stream has some five a minute, the others one in an hour.
                if stream % 10 == 0 { (dice >> 40) as u32 % 11 } else { u32::from((dice >> 40).is_multiple_of(60)) }
            })
            .collect();
        let begun = Instant::now();
        let mut highest = f64::MIN;
        for (volume, count) in streams.iter_mut().zip(counts) {
            highest = highest.max(volume.step(&week, START + minute * 60, count, true).margin());
        }
        std::hint::black_box(highest);
        begun.elapsed()
    };
    for minute in 0..WARM_UP_MIN {
        tick(minute);
    }
    let mut ticks: Vec<Duration> = (WARM_UP_MIN..WARM_UP_MIN + MEASURED_MIN).map(&mut tick).collect();
    ticks.sort();
    let at = |share: f64| ticks[((ticks.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    println!("a minute of {STREAMS} streams, six windows each:");
    println!("  median {:.3} ms, 99 % {:.3} ms, longest {:.3} ms", at(0.5), at(0.99), at(1.0));
}
