//! The metrics of one subscription, ready to count: no label is looked up while messages flow.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use prometheus::{Gauge, Histogram, IntCounter, IntGauge};

use super::{State, unix_seconds};

/// The metrics of one subscription.
#[derive(Debug)]
pub struct SubscriptionMetrics {
    pub(crate) received: IntCounter,
    pub(crate) received_bytes: IntCounter,
    pub(crate) acknowledged: IntCounter,
    pub(crate) lost: IntCounter,
    pub(crate) skipped: IntCounter,
    pub(crate) redelivered: IntCounter,
    pub(crate) log_resets: IntCounter,
    pub(crate) rewinds: IntCounter,
    pub(crate) poisoned: IntCounter,
    pub(crate) rivals: IntCounter,
    pub(crate) restarts: IntCounter,
    pub(crate) backlog: IntGauge,
    pub(crate) headroom: IntGauge,
    pub(crate) last_success: Gauge,
    pub(crate) batch_messages: Histogram,
    pub(crate) pull_duration: Histogram,
    pub(crate) acknowledge_duration: Histogram,
    pub(crate) pull_failures: Failures,
    pub(crate) acknowledge_failures: Failures,
    pub(super) oldest_age: Gauge,
    pub(super) oldest: Mutex<Option<SystemTime>>,
    pub(super) states: [(State, IntGauge); State::ALL.len()],
    pub(super) sinks: BTreeMap<String, SinkMetrics>,
}

impl SubscriptionMetrics {
    /// Records something of the sink of that name.
    pub(crate) fn sink(&self, name: &str, record: impl FnOnce(&SinkMetrics)) {
        if let Some(sink) = self.sinks.get(name) {
            record(sink);
        }
    }

    pub(crate) fn set_state(&self, now: State) {
        for (state, gauge) in &self.states {
            gauge.set(i64::from(*state == now));
        }
    }

    /// When the oldest message was published that is known and not delivered; `None` with no backlog.
    pub(crate) fn set_oldest(&self, published: Option<SystemTime>) {
        if let Ok(mut oldest) = self.oldest.lock() {
            *oldest = published;
        }
    }

    /// There is a backlog, and nothing is known of its age yet: it is at least as old as the knowledge of it.
    pub(crate) fn set_oldest_if_unknown(&self, noticed: SystemTime) {
        if let Ok(mut oldest) = self.oldest.lock() {
            oldest.get_or_insert(noticed);
        }
    }

    pub(crate) fn succeeded(&self) {
        self.last_success.set(unix_seconds(SystemTime::now()));
    }

    /// The age grows while nothing happens, so it is worked out when somebody asks.
    pub(super) fn refresh_age(&self, now: SystemTime) {
        let oldest = self.oldest.lock().ok().and_then(|oldest| *oldest);
        let age =
            oldest.map_or(0.0, |at| now.duration_since(at).unwrap_or_default().as_secs_f64().max(0.001));
        self.oldest_age.set(age);
    }
}

/// The metrics of one sink of a subscription.
#[derive(Debug)]
pub(crate) struct SinkMetrics {
    pub(crate) delivered: IntCounter,
    pub(crate) dead_lettered: IntCounter,
    pub(crate) dropped: IntCounter,
    pub(crate) duration: Histogram,
    pub(crate) failures: Failures,
}

/// `failures_total` of one operation, by class.
#[derive(Debug)]
pub(crate) struct Failures(pub(super) Vec<(&'static str, IntCounter)>);

impl Failures {
    /// Counts a failure; a class that this operation does not know counts as its first, the general one.
    pub(crate) fn count(&self, class: &str) {
        let counter = self.0.iter().find(|(name, _)| *name == class).or(self.0.first());
        if let Some((_, counter)) = counter {
            counter.inc();
        }
    }
}
