//! `[subscriptions.NAME]`: what is consumed, and how.

use std::{collections::BTreeSet, time::Duration};

use super::{
    SinkConfig, name, retry, schema,
    section::{Section, Words},
    sink,
    units::{show_duration, show_size},
};
use crate::{
    backoff::BackoffPolicy,
    client::{LONGEST_ACK_DEADLINE, SubscriptionName},
};

/// The least that a batch may need; one message of the service is smaller.
pub(super) const MIN_BATCH_BYTES: usize = 8 << 20;
const MAX_BATCH_BYTES: usize = 64 << 20;
const MAX_MESSAGES: u32 = 1000;
const POLL_MIN: Duration = Duration::from_millis(100);
const POLL_MAX: Duration = Duration::from_secs(2);

/// One AMS subscription and its sinks.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionConfig {
    /// Its key in the configuration, and its label in the metrics.
    pub key: String,
    /// The key of its connection.
    pub connection: String,
    /// Its name in AMS.
    pub subscription: SubscriptionName,
    /// The most messages of one pull.
    pub max_messages: u32,
    /// The most bytes of one pull's answer; never above [`Config::in_flight_bytes`](super::Config::in_flight_bytes).
    pub max_batch_bytes: usize,
    /// What to do when the topic was made anew.
    pub on_log_reset: OnLogReset,
    /// The pause after an empty pull; it doubles with each further one.
    pub poll_min: Duration,
    /// The longest pause between empty pulls.
    pub poll_max: Duration,
    /// What to do with a record that the service cannot hand out.
    pub on_poison: OnPoison,
    /// How long after a pull the service shall take an acknowledgement, in whole seconds; `None` leaves it as it is.
    pub ack_deadline: Option<Duration>,
    /// The pauses after a failed pull or acknowledgement.
    pub retry: BackoffPolicy,
    /// Where its messages go, in order of name; at least one is required.
    pub sinks: Vec<SinkConfig>,
}

/// What to do when the topic was made anew, so that its log begins at 0 again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLogReset {
    /// Go on from the new log's beginning.
    FromStart,
    /// Stop until somebody decides.
    Halt,
}

/// What to do with a record that the service cannot hand out, so that nothing behind it can be pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnPoison {
    /// Stop until somebody decides.
    Halt,
    /// Note it among the dead letters, and move the subscription past it.
    Skip,
}

static ON_POISON: Words<OnPoison> =
    Words { now: &[("halt", OnPoison::Halt), ("skip", OnPoison::Skip)], later: &[] };

static ON_LOG_RESET: Words<OnLogReset> =
    Words { now: &[("from_start", OnLogReset::FromStart), ("halt", OnLogReset::Halt)], later: &[] };

/// What a subscription is read against.
pub(super) struct Surroundings<'a> {
    /// The keys of all connections, valid or not.
    pub(super) connections: &'a BTreeSet<String>,
    pub(super) in_flight_bytes: usize,
}

pub(super) fn read(
    key: &str,
    mut section: Section<'_>,
    around: &Surroundings<'_>,
) -> Option<SubscriptionConfig> {
    let connection = connection(&mut section, around.connections);
    let subscription = if section.has("subscription") {
        section.parsed("subscription", name::<SubscriptionName>)
    } else {
        // A key that is no name is a problem already.
        key.parse().ok()
    };
    let max_messages = section.integer("max_messages", 1..=100_000).unwrap_or(MAX_MESSAGES);
    let max_batch_bytes = max_batch_bytes(&mut section, around.in_flight_bytes);
    let on_log_reset = section.word("on_log_reset", &ON_LOG_RESET).unwrap_or(OnLogReset::FromStart);
    let (poll_min, poll_max) = poll(&mut section);
    let on_poison = section.word("on_poison", &ON_POISON).unwrap_or(OnPoison::Halt);
    let ack_deadline = ack_deadline(&mut section);
    let mut retry_section = section.table("retry", &schema::SUBSCRIPTION_RETRY);
    let retry = retry::read(&mut retry_section);
    retry_section.finish();
    let of_sinks = sink::Surroundings { connections: around.connections, own: connection.as_deref() };
    let sinks = sinks(&mut section, &of_sinks);
    section.finish();
    Some(SubscriptionConfig {
        key: key.to_owned(),
        connection: connection?,
        subscription: subscription?,
        max_messages,
        max_batch_bytes,
        on_log_reset,
        poll_min,
        poll_max,
        on_poison,
        ack_deadline,
        retry: retry?,
        sinks,
    })
}

fn connection(section: &mut Section<'_>, known: &BTreeSet<String>) -> Option<String> {
    let list = known.iter().map(String::as_str).collect::<Vec<_>>();
    if !section.has("connection") {
        if let [only] = list.as_slice() {
            return Some((*only).to_owned());
        }
        if !list.is_empty() {
            section.missing("connection", format!("one of {}", list.join(", ")));
        }
        return None;
    }
    named_connection(section, known)
}

/// The value of the key `connection`, which must name one there is.
pub(super) fn named_connection(section: &mut Section<'_>, known: &BTreeSet<String>) -> Option<String> {
    let list = known.iter().map(String::as_str).collect::<Vec<_>>();
    let name = section.parsed("connection", |text| Ok(text.to_owned()))?;
    if known.contains(&name) {
        return Some(name);
    }
    if list.is_empty() {
        return None;
    }
    let hint = match schema::nearest(&name, &list) {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => format!("one of {}", list.join(", ")),
    };
    section.unmet(
        "connection",
        format!("{} names no connection there is", section.shown("connection")),
        hint,
    );
    None
}

fn max_batch_bytes(section: &mut Section<'_>, in_flight_bytes: usize) -> usize {
    let Some(bytes) = section.size("max_batch_bytes", MIN_BATCH_BYTES) else {
        return MAX_BATCH_BYTES.min(in_flight_bytes);
    };
    if bytes > in_flight_bytes {
        section.problem(
            "max_batch_bytes",
            format!(
                "{} is more than limits.in_flight_bytes, so that such a batch would never be let in",
                section.shown("max_batch_bytes")
            ),
            format!("at most \"{}\"", show_size(in_flight_bytes as u64)),
        );
    }
    bytes
}

fn poll(section: &mut Section<'_>) -> (Duration, Duration) {
    let before = section.reader.report.count();
    let bounds = Duration::from_millis(10)..=Duration::from_hours(1);
    let poll_min = section.duration("poll_min", bounds.clone(), POLL_MIN);
    let poll_max = section.duration("poll_max", bounds, POLL_MAX);
    if section.reader.report.count() == before && poll_min > poll_max {
        let key = if section.has("poll_min") { "poll_min" } else { "poll_max" };
        let what = format!(
            "poll_min ({}) is longer than poll_max ({})",
            show_duration(poll_min),
            show_duration(poll_max)
        );
        section.problem(key, what, "poll_min at most poll_max");
    }
    (poll_min, poll_max)
}

/// The service counts in whole seconds; with none at all, no acknowledgement would be in time.
fn ack_deadline(section: &mut Section<'_>) -> Option<Duration> {
    if !section.has("ack_deadline") {
        return None;
    }
    let least = Duration::from_secs(1);
    let deadline = section.duration("ack_deadline", least..=LONGEST_ACK_DEADLINE, least);
    if deadline.subsec_nanos() > 0 {
        let what = format!("{} is no number of whole seconds", section.shown("ack_deadline"));
        section.problem("ack_deadline", what, "as in \"120s\"");
    }
    Some(deadline)
}

fn sinks(section: &mut Section<'_>, around: &sink::Surroundings<'_>) -> Vec<SinkConfig> {
    let sections = section.named_tables("sinks", &schema::SINK);
    if !section.has("sinks") {
        section.missing(
            "sinks",
            "at least one sink, as in [subscriptions.NAME.sinks.archive] with type = \"file\"",
        );
        return Vec::new();
    }
    let before = section.reader.report.count();
    let mut sinks = Vec::new();
    let mut any_required = false;
    for (name, inner) in sections {
        let (required, sink) = sink::read(&name, inner, around);
        any_required |= required;
        sinks.extend(sink);
    }
    if !any_required && section.reader.report.count() == before {
        section.unmet(
            "sinks",
            "has no sink that is required",
            "a message is acknowledged once every required sink has it: one at least",
        );
    }
    sinks
}
