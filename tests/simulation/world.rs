//! The world outside: transports with good and bad spells, people who are awake or not.

use super::chance::Chance;
use callout::domain::event::{Receipt, SendResult};
use callout::domain::id::PersonId;
use callout::domain::person::PageChannel;
use callout::domain::time::{SignedDuration, Timestamp};

/// What becomes of one send.
pub struct Fate {
    /// What the transport says, and after how many milliseconds.
    pub outcomes: Vec<(i64, SendResult)>,
    /// What the network says.
    pub receipts: Vec<(i64, Receipt)>,
    /// It reaches the phone or the mailbox.
    pub arrives: bool,
}

/// Text and email, each with its own weather.
pub struct Transports {
    salt: u64,
}

impl Transports {
    pub fn new(chance: &mut Chance) -> Self {
        Self { salt: chance.next() }
    }

    pub fn send(&mut self, channel: PageChannel, now: Timestamp, chance: &mut Chance) -> Fate {
        // Spells of 40 min, the same for all sends of a channel.
        let spell = now.as_second() as u64 / 2_400;
        let weather = Chance::new(self.salt ^ (spell << 1) ^ u64::from(channel == PageChannel::Email)).below(10);
        let why = || "so it is".to_owned();
        let quick = 50 + chance.below(900) as i64;
        let (outcome, after, arrives) = match (weather, chance.below(20)) {
            (0, _) => (SendResult::Refused { why: why() }, quick, false),
            (1, _) => (SendResult::Retryable { why: why() }, quick, false),
            // Hangs until the shell's own limit; it may have gone.
            (2, _) | (_, 0) => (SendResult::Unknown { why: why() }, 15_000, chance.one_in(2)),
            // Accepted and lost.
            (3, _) | (_, 1) => (SendResult::Accepted, quick, false),
            (_, 2) => (SendResult::Accepted, 14_000, true),
            (_, 3) => (SendResult::Refused { why: why() }, quick, false),
            _ => (SendResult::Accepted, quick, true),
        };
        let mut receipts = Vec::new();
        if channel == PageChannel::Sms && outcome == SendResult::Accepted {
            let last = if arrives { Receipt::Delivered } else { Receipt::Failed };
            for receipt in [Receipt::Underway, last, last, Receipt::Failed, Receipt::Underway] {
                // Late, doubled, out of order, or never.
                if chance.one_in(2) {
                    let late = if chance.one_in(6) { 600_000 } else { 30_000 };
                    if receipt != Receipt::Failed || !arrives || chance.one_in(10) {
                        receipts.push((after + chance.below(late) as i64, receipt));
                    }
                }
            }
        }
        let mut outcomes = vec![(after, outcome.clone())];
        if chance.one_in(30) {
            outcomes.push((after + chance.below(60_000) as i64, outcome));
        }
        Fate { outcomes, receipts, arrives }
    }
}

/// The people of the rota.
pub struct People {
    salt: u64,
}

impl People {
    pub fn new(chance: &mut Chance) -> Self {
        Self { salt: chance.next() }
    }

    /// When this person answers a page that reached them, and whether they take it.
    pub fn answers(&mut self, person: &PersonId, now: Timestamp, chance: &mut Chance) -> Vec<(i64, bool)> {
        // For hours at a time a person is asleep, or away, or there.
        let spell = (now + SignedDuration::from_secs(777)).as_second() as u64 / 14_400;
        let who = person.as_str().bytes().fold(0_u64, |n, byte| n.wrapping_mul(131) + u64::from(byte));
        let mood = Chance::new(self.salt ^ who ^ (spell << 20)).below(10);
        let after = 5_000 + chance.below(240_000) as i64;
        match (mood, chance.below(10)) {
            (0..=3, _) => Vec::new(),
            (4, _) => vec![(after, false)],
            // Changes their mind.
            (5, 0..=4) => vec![(after, true), (after + 60_000 + chance.below(600_000) as i64, false)],
            // Answers twice, or very late.
            (_, 0) => vec![(after, true), (after + chance.below(5_000) as i64, true)],
            (_, 1) => vec![(after + 1_800_000, true)],
            (_, 2..=3) => Vec::new(),
            _ => vec![(after, true)],
        }
    }
}
