//! Counts for `/metrics`, in the text form of Prometheus. Names and labels hold no person, place or word.

use super::serve::Served;
use crate::domain::contact::Channel;
use crate::domain::event::SendResult;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// The content type of the text form.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the sync's buckets, in seconds: a fast disk's tenth of a millisecond to a dying one's second.
const SYNC_BUCKETS: [f64; 12] = [0.0001, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.25, 1.0, 4.0];
/// Bounds of the answers' buckets, in seconds.
const ANSWER_BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabel {
    channel: &'static str,
    provider: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SendLabel {
    channel: &'static str,
    provider: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
    status: u16,
}

/// What is read off at the moment of asking.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gauges {
    /// Open incidents.
    pub incidents_open: usize,
    /// The last durable record's position.
    pub records: u64,
    /// Events that wait for the core.
    pub queue: usize,
    /// HTTP connections.
    pub connections: usize,
    /// Live streams.
    pub live: usize,
    /// Feeds and queues that are not heard of past their heartbeat.
    pub feeds_silent: usize,
    /// Queues whose callers wait too long or give up.
    pub queues_short: usize,
}

/// The counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    contacts: Family<ChannelLabel, Counter>,
    pages: Family<OutcomeLabel, Counter>,
    sends: Family<SendLabel, Counter>,
    providers_on: Family<ProviderLabel, Gauge>,
    requests: Family<RouteLabel, Counter>,
    panics: Counter,
    answer: Histogram,
    sync: Histogram,
    incidents_open: Gauge,
    records: Gauge,
    queue: Gauge,
    connections: Gauge,
    live: Gauge,
    feeds_silent: Gauge,
    queues_short: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at nought.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("callout"),
            contacts: Family::default(),
            pages: Family::default(),
            sends: Family::default(),
            providers_on: Family::default(),
            requests: Family::default(),
            panics: Counter::default(),
            answer: Histogram::new(ANSWER_BUCKETS),
            sync: Histogram::new(SYNC_BUCKETS),
            incidents_open: Gauge::default(),
            records: Gauge::default(),
            queue: Gauge::default(),
            connections: Gauge::default(),
            live: Gauge::default(),
            feeds_silent: Gauge::default(),
            queues_short: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("contacts", "Contacts taken over HTTP, durable, by channel", metrics.contacts.clone());
        registry.register("pages", "Pages by what the transport said", metrics.pages.clone());
        registry.register("sends", "Sends by provider and what it said", metrics.sends.clone());
        let on = "Whether a provider is used (1) or left out because it failed again and again (0)";
        registry.register("provider_on", on, metrics.providers_on.clone());
        registry.register("http_requests", "HTTP requests by route and status", metrics.requests.clone());
        registry.register("http_panics", "Handlers that panicked and were answered 500", metrics.panics.clone());
        registry.register("http_answer_seconds", "From a request's head to its answer's", metrics.answer.clone());
        registry.register("log_sync_seconds", "Making a batch of records durable", metrics.sync.clone());
        registry.register("incidents_open", "Open incidents", metrics.incidents_open.clone());
        registry.register("records", "Position of the last durable record", metrics.records.clone());
        registry.register("queue_events", "Events that wait for the core", metrics.queue.clone());
        registry.register("http_connections", "HTTP connections", metrics.connections.clone());
        registry.register("live_streams", "Live pages", metrics.live.clone());
        registry.register("feeds_silent", "Feeds not heard of past their heartbeat", metrics.feeds_silent.clone());
        registry.register("queues_short", "Queues served worse than wanted", metrics.queues_short.clone());
        for channel in Channel::ALL {
            // Present at nought, so that a rate over them is never "no data".
            drop(metrics.contacts.get_or_create(&ChannelLabel { channel: channel.as_str() }));
        }
        metrics
    }

    /// A contact was taken.
    pub fn contact(&self, channel: Channel) {
        self.contacts.get_or_create(&ChannelLabel { channel: channel.as_str() }).inc();
    }

    /// A page was sent, or was not.
    pub fn page(&self, outcome: &SendResult) {
        let outcome = match outcome {
            SendResult::Accepted => "accepted",
            SendResult::Retryable { .. } => "retryable",
            SendResult::Refused { .. } => "refused",
            SendResult::Unknown { .. } => "unknown",
            SendResult::Cancelled => "cancelled",
        };
        self.pages.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Messages went to a provider, and so they ended.
    pub fn sent_by(&self, channel: &'static str, provider: &str, outcome: &'static str) {
        self.sends.get_or_create(&SendLabel { channel, provider: provider.to_owned(), outcome }).inc();
    }

    /// A provider is used, or left out.
    pub fn provider_on(&self, channel: &'static str, provider: &str, on: bool) {
        let label = ProviderLabel { channel, provider: provider.to_owned() };
        self.providers_on.get_or_create(&label).set(i64::from(on));
    }

    /// A batch of records was made durable.
    pub fn synced(&self, took: Duration) {
        self.sync.observe(took.as_secs_f64());
    }

    /// A request was answered.
    pub fn served(&self, served: Served) {
        self.requests.get_or_create(&RouteLabel { route: served.route, status: served.status.as_u16() }).inc();
        self.answer.observe(served.took.as_secs_f64());
        if served.panicked {
            self.panics.inc();
        }
    }

    /// The whole text.
    pub fn text(&self, now: Gauges) -> String {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.incidents_open.set(number(now.incidents_open));
        self.records.set(i64::try_from(now.records).unwrap_or(i64::MAX));
        self.queue.set(number(now.queue));
        self.connections.set(number(now.connections));
        self.live.set(number(now.live));
        self.feeds_silent.set(number(now.feeds_silent));
        self.queues_short.set(number(now.queues_short));
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing into a text cannot fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_each_count_under_its_name() {
        let metrics = Metrics::new();
        metrics.contact(Channel::Phone);
        metrics.page(&SendResult::Accepted);
        metrics.synced(Duration::from_millis(3));
        metrics.sent_by("texts", "notify", "accepted");
        metrics.provider_on("texts", "notify", false);
        let text = metrics.text(Gauges { incidents_open: 2, records: 17, ..Gauges::default() });
        for line in [
            "callout_contacts_total{channel=\"phone\"} 1",
            "callout_contacts_total{channel=\"open311\"} 0",
            "callout_pages_total{outcome=\"accepted\"} 1",
            "callout_sends_total{channel=\"texts\",provider=\"notify\",outcome=\"accepted\"} 1",
            "callout_provider_on{channel=\"texts\",provider=\"notify\"} 0",
            "callout_log_sync_seconds_bucket{le=\"0.004\"} 1",
            "callout_incidents_open 2",
            "callout_records 17",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is missing:\n{text}");
        }
    }
}
