//! What a subscription is doing, for people: the state, why it is in it, and how far it got. Read by `/status`,
//! `/readyz` and the report in the log; never by the loop itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use crate::config::SubscriptionConfig;
use crate::metrics::{State, SubscriptionMetrics};

/// What one subscription is doing.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The key in the configuration, which is the metric label.
    pub key: String,
    /// The full name in the service, `projects/P/subscriptions/S`.
    pub subscription: String,
    /// See [`State`]: the worst of its own and of those of its required sinks.
    pub state: State,
    /// Why it is not running, in words; `None` while all is well.
    pub reason: Option<String>,
    /// When it came into this state.
    pub since: Timestamp,
    /// Whether anything was tried since the start, well or not.
    pub tried: bool,
    /// Rises with each rewind and each log made anew; see `Idempotency-Key` of the webhook.
    pub epoch: u64,
    /// The id of the next message to acknowledge; `None` before the service was asked.
    pub next: Option<u64>,
    /// Messages in the log that are not yet acknowledged, when the service was last asked or answered.
    pub backlog: Option<u64>,
    /// When the service last answered a pull or an acknowledgement well.
    pub last_success: Option<Timestamp>,
    /// Each sink by name.
    pub sinks: BTreeMap<String, SinkStatus>,
}

/// How far a sink got.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SinkStatus {
    /// Whether messages wait for this sink before they are acknowledged.
    pub required: bool,
    /// See [`State`]: retrying and parked until it takes messages again.
    pub state: State,
    /// The id of the next message it is to be given.
    pub next: Option<u64>,
    /// Messages it took since the start.
    pub delivered: u64,
    /// Those of them that were of days which it does not accept, and went to its `error_path`.
    pub misdated: u64,
    /// Its last failure, in words, until it takes messages again.
    pub error: Option<String>,
}

/// The writing side of a [`Status`], with the state's metric. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StatusHandle {
    status: watch::Sender<Status>,
    /// The state that is not a sink's, and its reason.
    own: Arc<Mutex<(State, Option<String>)>>,
    metrics: Arc<SubscriptionMetrics>,
}

impl StatusHandle {
    /// `subscription` is the full name.
    pub(crate) fn new(
        config: &SubscriptionConfig,
        subscription: &str,
        metrics: Arc<SubscriptionMetrics>,
    ) -> Self {
        let sinks = config
            .sinks
            .iter()
            .map(|sink| (sink.name.clone(), SinkStatus { required: sink.required, ..SinkStatus::default() }))
            .collect();
        let status = Status {
            key: config.key.clone(),
            subscription: subscription.to_owned(),
            state: State::Starting,
            reason: None,
            since: Timestamp::now(),
            tried: false,
            epoch: 0,
            next: None,
            backlog: None,
            last_success: None,
            sinks,
        };
        metrics.set_state(State::Starting);
        Self { status: watch::Sender::new(status), own: Arc::default(), metrics }
    }

    /// For those who show it.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Goes into `state`, as far as its sinks let it; the time of change is kept when it is in it already.
    pub(crate) fn set(&self, state: State, reason: Option<String>) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = (state, reason);
        self.judge(|_| ());
    }

    /// Changes what is shown of the sink of that name, its state above all.
    pub(crate) fn sink(&self, name: &str, change: impl FnOnce(&mut SinkStatus)) {
        self.judge(|sinks| {
            if let Some(sink) = sinks.get_mut(name) {
                change(sink);
            }
        });
    }

    /// Shows the worst state, and why; a sink that nobody waits for makes no state of the subscription.
    fn judge(&self, change: impl FnOnce(&mut BTreeMap<String, SinkStatus>)) {
        let (mut state, mut reason) = self.own.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.status.send_modify(|status| {
            change(&mut status.sinks);
            for (name, sink) in status.sinks.iter().filter(|(_, sink)| sink.required) {
                if severity(sink.state) > severity(state) {
                    state = sink.state;
                    reason = sink.error.as_ref().map(|error| format!("sink {name}: {error}"));
                }
            }
            if status.state != state {
                status.since = Timestamp::now();
            }
            status.state = state;
            status.reason = reason;
            status.tried |= state != State::Starting;
        });
        self.metrics.set_state(state);
    }

    /// The service answered a pull or an acknowledgement well.
    pub(crate) fn succeeded(&self) {
        self.metrics.succeeded();
        self.status.send_modify(|status| status.last_success = Some(Timestamp::now()));
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }
}

fn severity(state: State) -> u8 {
    match state {
        State::Starting | State::Running => 0,
        State::Retrying => 1,
        State::Parked => 2,
        State::Stopped => 3,
    }
}
