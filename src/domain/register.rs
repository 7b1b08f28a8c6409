//! Counts contacts: takes each one once, tells which streams it counts towards, remembers the recent ones.
//!
//! Two slices. `Keys` answers "have we had this one?" and is large, so readers never share it. `Tally` is what pages
//! show: the last contacts, and counts in bins of five minutes over a day.
//!
//! Not here: whether a count is unusual (see [`crate::domain::detect`]).

mod keys;

pub use keys::Keys;
use keys::Kind;

use super::contact::{Channel, Contact, LandKept, Receipt};
use super::decide::Decision;
use super::event::{Answer, Author, Mark, Sealed};
use super::id::{BodyId, ContactId, IncidentId, Seq, StreamId, Tag};
use super::place::GridPoint;
use super::record::Record;
use super::state::State;
use super::time::{SignedDuration, Timestamp, elapsed};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// Width of a bin of the tally.
pub const BIN_S: i64 = 300;
/// Bins kept for each stream: one day.
const BINS_MAX: usize = 288;
/// Streams with bins at most; beyond it the topic that has been silent longest goes.
const STREAMS_MAX: usize = 1_000;
/// Contacts kept for the pages.
const RECENT_MAX: usize = 2_000;
/// How old a contact may be to be withdrawn: a slip of the hand, not history. Pages offer it for half a minute.
const WITHDRAW_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// What contacts are counted under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stream {
    /// Every contact.
    All,
    /// Those of one channel.
    Channel(Channel),
    /// Those of one topic.
    Tag(Tag),
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Channel(channel) => write!(f, "channel/{}", channel.as_str()),
            Self::Tag(tag) => write!(f, "tag/{tag}"),
        }
    }
}

/// The streams that a contact of this channel and these tags counts towards.
fn streams(channel: Channel, tags: &[Tag]) -> impl Iterator<Item = Stream> + '_ {
    [Stream::All, Stream::Channel(channel)].into_iter().chain(tags.iter().cloned().map(Stream::Tag))
}

/// Counts and recent contacts, for the pages.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Contacts taken since the log began.
    pub contacts_n: u64,
    /// The newest contacts, oldest first; at most 2,000. History is not among them.
    pub recent: VecDeque<Arc<Recent>>,
    /// Per stream, contacts in each bin of five minutes (key: unix seconds / 300); the newest day of bins.
    #[serde(with = "super::pairs")]
    pub bins: BTreeMap<Stream, Arc<BTreeMap<i64, u32>>>,
    /// Calls in each bin of five minutes.
    pub calls: BTreeMap<i64, Calls>,
}

/// How calls went in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calls {
    /// Calls that came.
    pub offered: u32,
    /// Calls that were answered.
    pub answered: u32,
    /// Their waits together, seconds.
    pub wait_s: u64,
}

/// A recent contact, as pages show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// Its id.
    pub id: ContactId,
    /// When it was received.
    pub received_at: Timestamp,
    /// Channel.
    pub channel: Channel,
    /// Topics.
    pub tags: Vec<Tag>,
    /// Place to 10 m.
    pub place: Option<GridPoint>,
    /// Responsible body.
    pub body: Option<BodyId>,
    /// How sure that was, and by which edition of the maps.
    #[serde(default)]
    pub land: Option<LandKept>,
    /// The incident it counts towards.
    pub incident: Option<IncidentId>,
    /// The details' digest.
    pub digest: Option<String>,
    /// The earlier contact that this one is about the same thing as.
    pub same_as: Option<ContactId>,
    /// By when the caller was promised to hear.
    pub promised: Option<Timestamp>,
    /// Logged by mistake: it counts no more.
    pub withdrawn: bool,
}

impl Tally {
    /// Contacts of a stream in the bins that begin in [from, to).
    pub fn count(&self, stream: &Stream, from: Timestamp, to: Timestamp) -> u32 {
        let Some(bins) = self.bins.get(stream) else { return 0 };
        bins.range(from.as_second().div_euclid(BIN_S)..to.as_second().div_euclid(BIN_S)).map(|(_, n)| n).sum()
    }
}

/// Takes a contact, or answers for the one that was taken under the same key.
///
/// Returns the contact's id when it is new, for the stages after this one.
pub(super) fn take(
    state: &mut State,
    decision: &mut Decision,
    contact: &Contact,
    sealed: Option<&Sealed>,
) -> Option<ContactId> {
    if let Some(taken) = contact.key.as_deref().and_then(|key| state.keys.get(key)) {
        decision.answer = Answer::Contact { receipt: taken.receipt(), replay: true };
        return None;
    }
    let incident = if contact.history { None } else { state.incidents.open_for(&contact.tags) };
    let record =
        Record::ContactTaken { contact: contact.clone(), incident, digest: sealed.map(|sealed| sealed.digest.clone()) };
    let id = ContactId::from(decision.record_sealed(state, record, sealed));
    let counted = streams(contact.channel, &contact.tags).map(|stream| StreamId::new(stream.to_string())).collect();
    let receipt = Receipt { id, body: contact.body.clone(), counted, incident };
    decision.answer = Answer::Contact { receipt, replay: false };
    Some(id)
}

impl Tally {
    /// A recent contact.
    pub fn recent(&self, id: ContactId) -> Option<&Arc<Recent>> {
        self.recent.binary_search_by_key(&id, |contact| contact.id).ok().map(|at| &self.recent[at])
    }
}

/// Somebody says something of a contact. What was said before in the same words makes no second record.
pub(super) fn mark(state: &mut State, d: &mut Decision, id: ContactId, mark: Mark, by: &Author) {
    let Some(contact) = state.tally.recent(id) else {
        d.answer = Answer::Refused(format!("{id} is not among the newest {RECENT_MAX} contacts; write a note instead"));
        return;
    };
    let known = match mark {
        Mark::SameAs(other) => contact.same_as == Some(other),
        Mark::Promised(at) => contact.promised == Some(at),
        Mark::Withdrawn => contact.withdrawn,
    };
    let refused = match mark {
        Mark::SameAs(other) if other >= id || state.tally.recent(other).is_none() => {
            Some(format!("{other} is not an earlier contact of this time"))
        }
        Mark::Withdrawn if elapsed(contact.received_at, d.at) > WITHDRAW_WITHIN => {
            Some(format!("{id} is older than an hour and stays in the counts; write a note instead"))
        }
        Mark::SameAs(_) | Mark::Promised(_) | Mark::Withdrawn => None,
    };
    match refused {
        Some(why) => d.answer = Answer::Refused(why),
        None if known => {}
        None => {
            d.record(state, Record::ContactMarked { contact: id, mark, by: by.clone() });
        }
    }
}

/// Applies a mark; gives the contact when it has just been withdrawn, for the slices that counted it.
pub(super) fn apply_mark(state: &mut State, id: ContactId, mark: Mark) -> Option<Arc<Recent>> {
    let tally = Arc::make_mut(&mut state.tally);
    let at = tally.recent.binary_search_by_key(&id, |contact| contact.id).ok()?;
    let contact = Arc::make_mut(&mut tally.recent[at]);
    match mark {
        Mark::SameAs(other) => contact.same_as = Some(other),
        Mark::Promised(by_then) => contact.promised = Some(by_then),
        Mark::Withdrawn if contact.withdrawn => {}
        Mark::Withdrawn => {
            contact.withdrawn = true;
            let contact = Arc::clone(&tally.recent[at]);
            let bin = contact.received_at.as_second().div_euclid(BIN_S);
            for stream in streams(contact.channel, &contact.tags) {
                let bins = tally.bins.get_mut(&stream).map(Arc::make_mut);
                if let Some(count) = bins.and_then(|bins| bins.get_mut(&bin)) {
                    *count = count.saturating_sub(1);
                }
            }
            return Some(contact);
        }
    }
    None
}

/// Applies a taken contact to the two slices.
pub(super) fn apply(
    state: &mut State,
    seq: Seq,
    contact: &Contact,
    incident: Option<IncidentId>,
    digest: &Option<String>,
) {
    let id = ContactId::from(seq);
    if let Some(key) = contact.key.as_deref().and_then(|key| u128::from_str_radix(key, 16).ok()) {
        let keys_max = state.policy.in_force.as_ref().map_or(1_000_000, |policy| policy.figures.keys_max);
        let keys = Arc::make_mut(&mut state.keys);
        let kind = Kind {
            channel: contact.channel,
            tags: contact.tags.clone().into_boxed_slice(),
            body: contact.body.clone(),
        };
        keys.insert(key, id, kind, incident, keys_max);
    }
    let tally = Arc::make_mut(&mut state.tally);
    tally.contacts_n += 1;
    let bin = contact.received_at.as_second().div_euclid(BIN_S);
    for stream in streams(contact.channel, &contact.tags) {
        let bins = Arc::make_mut(tally.bins.entry(stream).or_default());
        *bins.entry(bin).or_default() += 1;
        if bins.len() > BINS_MAX {
            bins.pop_first();
        }
    }
    while tally.bins.len() > STREAMS_MAX {
        let topics = tally.bins.iter().filter(|(stream, _)| matches!(stream, Stream::Tag(_)));
        let silent = topics.min_by_key(|(_, bins)| bins.last_key_value().map(|(bin, _)| *bin));
        let silent = silent.map(|(stream, _)| stream.clone()).expect("there are fewer channels than streams");
        tally.bins.remove(&silent);
    }
    if let Some(answered) = contact.answered {
        let calls = tally.calls.entry(bin).or_default();
        calls.offered += 1;
        calls.answered += u32::from(answered);
        calls.wait_s += u64::from(contact.wait_s.unwrap_or(0));
        if tally.calls.len() > BINS_MAX {
            tally.calls.pop_first();
        }
    }
    if !contact.history {
        tally.recent.push_back(Arc::new(Recent {
            id,
            received_at: contact.received_at,
            channel: contact.channel,
            tags: contact.tags.clone(),
            place: contact.place,
            body: contact.body.clone(),
            land: contact.land,
            incident,
            digest: digest.clone(),
            same_as: None,
            promised: None,
            withdrawn: false,
        }));
        if tally.recent.len() > RECENT_MAX {
            tally.recent.pop_front();
        }
    }
}
