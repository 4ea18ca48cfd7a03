//! Every metric by name, with its help text and labels.

use prometheus::core::Collector;
use prometheus::{
    Error, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::subscription::Failures;

const NAMESPACE: &str = "ams_forwarder";
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];
const MESSAGES: [f64; 9] = [1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10000.0];

/// The metrics with the label `subscription`.
#[derive(Debug)]
pub(super) struct OfSubscription {
    pub(super) received: IntCounterVec,
    pub(super) received_bytes: IntCounterVec,
    pub(super) acknowledged: IntCounterVec,
    pub(super) lost: IntCounterVec,
    pub(super) skipped: IntCounterVec,
    pub(super) redelivered: IntCounterVec,
    pub(super) log_resets: IntCounterVec,
    pub(super) rewinds: IntCounterVec,
    pub(super) poisoned: IntCounterVec,
    pub(super) rivals: IntCounterVec,
    pub(super) restarts: IntCounterVec,
    pub(super) backlog: IntGaugeVec,
    pub(super) headroom: IntGaugeVec,
    pub(super) oldest_age: GaugeVec,
    pub(super) last_success: GaugeVec,
    pub(super) batch_messages: HistogramVec,
    pub(super) pull_duration: HistogramVec,
    pub(super) acknowledge_duration: HistogramVec,
    pub(super) state: IntGaugeVec,
    pub(super) failures: IntCounterVec,
}

/// The metrics with the labels `subscription` and `sink`.
#[derive(Debug)]
pub(super) struct OfSink {
    pub(super) delivered: IntCounterVec,
    pub(super) dead_lettered: IntCounterVec,
    pub(super) dropped: IntCounterVec,
    pub(super) duration: HistogramVec,
}

impl OfSubscription {
    #[rustfmt::skip]
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let by = &["subscription"];
        let failures = counter;
        let counter = |name, help| counter(registry, name, help, by);
        let gauge = |name, help| register(registry, IntGaugeVec::new(opts(name, help), by)?);
        let float = |name, help| register(registry, GaugeVec::new(opts(name, help), by)?);
        Ok(Self {
            received: counter("messages_received_total", "Messages pulled; one that is pulled again counts once.")?,
            received_bytes: counter("bytes_received_total", "Bytes of pull answers, as they came over the wire.")?,
            acknowledged: counter("messages_acknowledged_total", "Messages whose acknowledgement was accepted.")?,
            lost: counter("messages_lost_total", "Messages that the service removed before they were pulled: its retention was shorter than the lag. Goes on over restarts, as the state directory has it.")?,
            skipped: counter("messages_skipped_total", "Messages never pulled here: a seek moved the subscription over them, or another consumer acknowledged them. Goes on over restarts.")?,
            redelivered: counter("messages_redelivered_total", "Messages pulled again although they were delivered; acknowledged, not sent twice.")?,
            log_resets: counter("log_resets_total", "Times the log of the topic was found to be made anew. Goes on over restarts.")?,
            rewinds: counter("rewinds_total", "Times somebody moved the subscription back; its messages are sent again. Goes on over restarts.")?,
            poisoned: counter("poisoned_messages_total", "Records that the service cannot deliver and that block the subscription.")?,
            rivals: counter("rival_acknowledgements_total", "Batches that another consumer of the same subscription acknowledged first.")?,
            restarts: counter("restarts_total", "Times the pipeline was started again after a panic.")?,
            backlog: gauge("backlog_messages", "Messages in the log that are not yet acknowledged.")?,
            headroom: gauge("retention_headroom_messages", "From the start of the log to the next message: at 0, retention removes what was not pulled.")?,
            oldest_age: float("oldest_message_age_seconds", "Age of the oldest undelivered message known; 0 with no backlog, and before the service was reached.")?,
            last_success: float("last_success_timestamp_seconds", "When the service last answered a pull or an acknowledgement well, in Unix time.")?,
            batch_messages: histogram(registry, "batch_messages", "Messages in each pull that was not empty.", &MESSAGES, by)?,
            pull_duration: histogram(registry, "pull_duration_seconds", "Time of each successful pull.", &SECONDS, by)?,
            acknowledge_duration: histogram(registry, "acknowledge_duration_seconds", "Time of each acknowledgement that was answered.", &SECONDS, by)?,
            state: register(registry, IntGaugeVec::new(opts("subscription_state", "1 for the state that the subscription is in, 0 for the others."), &["subscription", "state"])?)?,
            failures: failures(registry, "failures_total", "Failed attempts: to pull, to acknowledge, or of the sink of that name.", &["subscription", "operation", "class"])?,
        })
    }

    /// `failures_total` of one operation, all classes at zero.
    pub(super) fn failures(&self, key: &str, operation: &str, classes: &[&'static str]) -> Failures {
        let counter =
            |class: &&'static str| (*class, self.failures.with_label_values(&[key, operation, class]));
        Failures(classes.iter().map(counter).collect())
    }
}

impl OfSink {
    #[rustfmt::skip]
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let by = &["subscription", "sink"];
        let counter = |name, help| counter(registry, name, help, by);
        Ok(Self {
            delivered: counter("messages_delivered_total", "Messages that the sink took durably.")?,
            dead_lettered: counter("messages_dead_lettered_total", "Messages that the sink rejected and that were put aside.")?,
            dropped: counter("messages_dropped_total", "Messages that a best-effort sink was not given, or that were dropped on rejection.")?,
            duration: histogram(registry, "delivery_duration_seconds", "Time of each attempt of the sink that delivered something.", &SECONDS, by)?,
        })
    }
}

/// The metric with the label `connection`.
pub(super) fn register_credential_expiry(registry: &Registry) -> Result<GaugeVec, Error> {
    let help = "When the certificate of a connection that logs in with one ends, in Unix time; 0 before it was read.";
    register(registry, GaugeVec::new(opts("credential_expiry_timestamp_seconds", help), &["connection"])?)
}

/// What is known once the process runs: its version, its configuration, and the process itself.
pub(super) fn register_process(registry: &Registry, config_read_at: f64) -> Result<(), Error> {
    let build_info = opts("build_info", "Always 1; the version is in the label.");
    let build_info = register(registry, IntGaugeVec::new(build_info, &["version"])?)?;
    build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    let successful =
        opts("config_last_reload_successful", "1 if the configuration was last read without an error.");
    register(registry, IntGauge::with_opts(successful)?)?.set(1);
    let read_at =
        opts("config_last_reload_timestamp_seconds", "When the configuration in use was read, in Unix time.");
    register(registry, Gauge::with_opts(read_at)?)?.set(config_read_at);
    registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
    register(registry, IntCounterVec::new(opts(name, help), labels)?)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
    labels: &[&str],
) -> Result<HistogramVec, Error> {
    let opts = HistogramOpts::new(name, help).namespace(NAMESPACE).buckets(buckets.to_vec());
    register(registry, HistogramVec::new(opts, labels)?)
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace(NAMESPACE)
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
