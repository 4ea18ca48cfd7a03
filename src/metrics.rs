//! Every metric of the daemon, named once, with its help text.
//!
//! Labels come from the configuration (subscription, sink) and from small fixed sets (error class, state), never from
//! messages, so the number of series is known at start. All of them are created at zero when a subscription is set
//! up: an alert on `rate()` must not wait for the first event to see the series.

mod families;
mod state;
mod subscription;

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{Gauge, GaugeVec, Registry, TextEncoder};

use crate::client::{AmsClient, Error};
use families::{OfSink, OfSubscription};
pub use state::State;
use subscription::SinkMetrics;
pub use subscription::SubscriptionMetrics;

/// The values of the label `class` of `failures_total` for sinks; for the service they are [`Error::CLASSES`].
/// Files have the first three, sinks on the network those of the service; any sink rejects.
const SINK_CLASSES: &[&str] = &[
    "io",
    "full",
    "permission",
    "transient",
    "timeout",
    "connect",
    "untrusted",
    "unauthorized",
    "forbidden",
    "not_found",
    "conflict",
    "invalid",
    "rejected",
];

/// All metrics of one daemon. [`Metrics::encode`] is what `/metrics` answers.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    of_subscription: OfSubscription,
    of_sink: OfSink,
    subscriptions: Mutex<Vec<Arc<SubscriptionMetrics>>>,
    credential_expiry: GaugeVec,
    certificates: Mutex<Vec<(Gauge, AmsClient)>>,
}

impl Metrics {
    /// Registers every metric. Fails only when two of them have the same name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        families::register_process(&registry, unix_seconds(SystemTime::now()))?;
        Ok(Self {
            of_subscription: OfSubscription::register(&registry)?,
            of_sink: OfSink::register(&registry)?,
            credential_expiry: families::register_credential_expiry(&registry)?,
            registry,
            subscriptions: Mutex::default(),
            certificates: Mutex::default(),
        })
    }

    /// The metrics of one subscription and its sinks, all created at zero.
    #[must_use]
    pub fn subscription(&self, key: &str, sinks: &[String]) -> Arc<SubscriptionMetrics> {
        let (of, by) = (&self.of_subscription, &[key]);
        let metrics = Arc::new(SubscriptionMetrics {
            received: of.received.with_label_values(by),
            received_bytes: of.received_bytes.with_label_values(by),
            acknowledged: of.acknowledged.with_label_values(by),
            lost: of.lost.with_label_values(by),
            skipped: of.skipped.with_label_values(by),
            redelivered: of.redelivered.with_label_values(by),
            log_resets: of.log_resets.with_label_values(by),
            rewinds: of.rewinds.with_label_values(by),
            poisoned: of.poisoned.with_label_values(by),
            rivals: of.rivals.with_label_values(by),
            restarts: of.restarts.with_label_values(by),
            backlog: of.backlog.with_label_values(by),
            headroom: of.headroom.with_label_values(by),
            last_success: of.last_success.with_label_values(by),
            batch_messages: of.batch_messages.with_label_values(by),
            pull_duration: of.pull_duration.with_label_values(by),
            acknowledge_duration: of.acknowledge_duration.with_label_values(by),
            oldest_age: of.oldest_age.with_label_values(by),
            oldest: Mutex::default(),
            states: State::ALL.map(|state| (state, of.state.with_label_values(&[key, state.as_str()]))),
            sinks: sinks.iter().map(|sink| (sink.clone(), self.sink(key, sink))).collect(),
            pull_failures: of.failures(key, "pull", &Error::CLASSES),
            acknowledge_failures: of.failures(key, "acknowledge", &Error::CLASSES),
        });
        if let Ok(mut all) = self.subscriptions.lock() {
            all.push(Arc::clone(&metrics));
        }
        metrics
    }

    /// Shows when the certificate ends that this connection logs in with. A connection with a token has no such series:
    /// when a token ends, only the service knows.
    pub fn certificate(&self, connection: &str, client: &AmsClient) {
        let gauge = self.credential_expiry.with_label_values(&[connection]);
        if let Ok(mut all) = self.certificates.lock() {
            all.push((gauge, client.clone()));
        }
    }

    /// All metrics in the text exposition format of Prometheus.
    pub fn encode(&self) -> Result<String, prometheus::Error> {
        if let Ok(all) = self.subscriptions.lock() {
            for subscription in all.iter() {
                subscription.refresh_age(SystemTime::now());
            }
        }
        if let Ok(all) = self.certificates.lock() {
            for (gauge, client) in all.iter() {
                gauge.set(client.certificate_expiry().map_or(0.0, unix_seconds));
            }
        }
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    fn sink(&self, key: &str, sink: &str) -> SinkMetrics {
        let by = &[key, sink];
        SinkMetrics {
            delivered: self.of_sink.delivered.with_label_values(by),
            dead_lettered: self.of_sink.dead_lettered.with_label_values(by),
            dropped: self.of_sink.dropped.with_label_values(by),
            duration: self.of_sink.duration.with_label_values(by),
            failures: self.of_subscription.failures(key, sink, SINK_CLASSES),
        }
    }
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
