//! One sink of a subscription, with its own progress, backoff and complaints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::complaint::Complaint;
use super::ledger::Ledger;
use super::obstacle::Obstacle;
use super::pull::Pulled;
use super::{Parts, SinkStatus, State, StatusHandle};
use crate::backoff::Backoff;
use crate::config::SinkConfig;
use crate::metrics::SubscriptionMetrics;
use crate::sink::{Delivery, Sink, SinkError, Slice, Trouble};

/// A delivery that takes longer than this is told about.
const SLOW: Duration = Duration::from_secs(30);

/// A sink and what is known of it.
pub(super) struct Lane {
    name: String,
    key: String,
    required: bool,
    attempts: Option<u32>,
    sink: Box<dyn Sink>,
    backoff: Backoff,
    not_before: Option<tokio::time::Instant>,
    complaint: Complaint,
    too_slow: Complaint,
    ledger: Arc<Ledger>,
    metrics: Arc<SubscriptionMetrics>,
    status: StatusHandle,
}

/// How a sink came out of a batch.
#[derive(Debug)]
pub(super) enum End {
    /// It has all of it.
    Done,
    /// A best-effort sink has failed as often as it may.
    GivenUp,
    /// It has what the ledger says, and this is in the way of the rest.
    Stuck(Obstacle),
}

impl End {
    pub(super) fn obstacle(self) -> Option<Obstacle> {
        match self {
            Self::Stuck(obstacle) => Some(obstacle),
            Self::Done | Self::GivenUp => None,
        }
    }
}

impl Lane {
    pub(super) fn new(config: &SinkConfig, sink: Box<dyn Sink>, parts: &Parts) -> Self {
        Self {
            name: config.name.clone(),
            key: parts.config.key.clone(),
            required: config.required,
            attempts: config.attempts,
            sink,
            backoff: Backoff::new(config.retry),
            not_before: None,
            complaint: Complaint::default(),
            too_slow: Complaint::default(),
            ledger: Arc::clone(&parts.ledger),
            metrics: Arc::clone(&parts.metrics),
            status: parts.status.clone(),
        }
    }

    pub(super) fn is_required(&self) -> bool {
        self.required
    }

    /// Gives the sink what it does not have of the batch, again and again until it has all of it, or there is no use.
    /// After the daemon was told to stop, no new attempt begins.
    pub(super) async fn deliver(
        &mut self,
        pulled: &Pulled,
        budget: &Budget,
        stop: &CancellationToken,
    ) -> End {
        if !self.required && self.waits() {
            return End::GivenUp;
        }
        let mut failures = 0;
        while let Some(slice) = self.rest_of(pulled) {
            if let Some(end) = self.wait(budget, stop).await {
                return end;
            }
            let started = Instant::now();
            let Delivery { receipt, trouble } = self.give(slice).await;
            if let Some(receipt) = receipt {
                self.metrics.sink(&self.name, |sink| {
                    sink.duration.observe(started.elapsed().as_secs_f64());
                    sink.delivered.inc_by(receipt.messages());
                });
                self.ledger.delivered(&self.name, &receipt);
                failures = 0;
                if trouble.is_none() {
                    self.goes_well();
                }
                // Now, and not when all sinks are done: another one may be stuck for hours.
                self.show(|sink| {
                    sink.delivered += receipt.messages();
                    sink.next = Some(receipt.next());
                });
            }
            let (wait, error) = match trouble {
                None => continue,
                Some(Trouble::Reject { message, reason }) => {
                    let error =
                        SinkError { class: "rejected", message: format!("message {message}: {reason}") };
                    if self.required {
                        return self.stuck(error);
                    }
                    self.failed(&error, "leaving it out");
                    self.give_up(message + 1);
                    continue;
                }
                // What a best-effort sink does not have is not pulled again.
                Some(Trouble::Incomplete(_)) if !self.required => continue,
                Some(Trouble::Incomplete(error)) => {
                    self.not_before(Duration::ZERO);
                    self.failed(&error, "pulling again");
                    return self.given_back();
                }
                Some(Trouble::Fatal(error)) if self.required => return self.stuck(error),
                Some(Trouble::Fatal(error)) => {
                    self.failed(&error, "giving up");
                    self.not_before(Duration::ZERO);
                    return End::GivenUp;
                }
                Some(Trouble::Retry { after, error }) => (after.unwrap_or_default(), error),
            };
            self.not_before(wait);
            failures += 1;
            if self.attempts.is_some_and(|most| failures >= most) {
                self.failed(&error, "giving up");
                return End::GivenUp;
            }
            self.failed(&error, "trying again");
        }
        End::Done
    }

    /// No attempt before the backoff is over, nor before the receiver has what it asked for: also not with another
    /// batch.
    fn not_before(&mut self, asked: Duration) {
        let until = tokio::time::Instant::now() + self.backoff.next().max(asked);
        self.not_before = self.not_before.max(Some(until));
    }

    fn waits(&self) -> bool {
        self.not_before.is_some_and(|until| until > tokio::time::Instant::now())
    }

    /// Its time with this batch was over before it was done. The next batches go on without it for a while.
    pub(super) fn was_too_slow(&mut self) {
        self.not_before(Duration::ZERO);
    }

    /// One attempt. A disk or a receiver that hangs shows in the status while it does.
    async fn give(&mut self, slice: Slice) -> Delivery {
        let (started, mut delivery) = (Instant::now(), self.sink.deliver(slice));
        loop {
            tokio::select! {
                biased;
                delivery = &mut delivery => return delivery,
                () = tokio::time::sleep(SLOW) => {
                    let reason = format!("sink {}: one delivery has taken {} s so far", self.name, started.elapsed().as_secs());
                    if self.required {
                        self.status.set(State::Retrying, Some(reason));
                    }
                }
            }
        }
    }

    /// Whether it still works on what it was given before and nobody waits for any more.
    pub(super) fn is_busy(&self) -> bool {
        self.sink.is_busy()
    }

    /// What it does not have before `next` is not given to this sink again. Only for best-effort sinks.
    pub(super) fn give_up(&mut self, next: u64) {
        let missed = self.ledger.give_up(&self.name, next);
        self.metrics.sink(&self.name, |sink| sink.dropped.inc_by(missed));
        if missed > 0 && self.too_slow.is_news("") {
            let (subscription, sink) = (&self.key, &self.name);
            tracing::warn!(
                subscription,
                sink,
                messages = missed,
                "{subscription}: {missed} messages dropped: the best-effort sink {sink} failed or was too slow"
            );
        }
    }

    fn rest_of(&self, pulled: &Pulled) -> Option<Slice> {
        let next = self.ledger.next_for(&self.name);
        let epoch = self.ledger.position().map_or(0, |position| position.epoch);
        let has = pulled.count_before(next);
        Slice::new(Arc::clone(&pulled.batch), has..pulled.batch.len(), epoch)
    }

    /// Waits before the next attempt. While it does, its batch may be given back for the sake of others: the service
    /// still has it.
    async fn wait(&self, budget: &Budget, stop: &CancellationToken) -> Option<End> {
        let now = tokio::time::Instant::now();
        let Some(until) = self.not_before.filter(|until| *until > now) else {
            return stop.is_cancelled().then_some(End::Stuck(Obstacle::Stopping));
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => Some(End::Stuck(Obstacle::Stopping)),
            () = tokio::time::sleep_until(until) => None,
            () = budget.is_wanted(), if self.required => Some(self.given_back()),
        }
    }

    /// The batch is pulled again when it is time for the next attempt.
    fn given_back(&self) -> End {
        let wait = self.not_before.map(|until| until.saturating_duration_since(tokio::time::Instant::now()));
        End::Stuck(Obstacle::GivenBack { wait: wait.unwrap_or_default() })
    }

    /// The pipeline parks for it, once the other sinks are done or give the batch back.
    fn stuck(&mut self, error: SinkError) -> End {
        self.count(&error);
        let reason = format!("sink {}: {error}", self.name);
        if self.complaint.is_news(&error.message) {
            tracing::error!(subscription = self.key, sink = self.name, state = %State::Parked, "{}: {reason}", self.key);
        }
        self.status.set(State::Parked, Some(reason));
        End::Stuck(Obstacle::Sink { name: self.name.clone(), problem: error.message })
    }

    fn count(&self, error: &SinkError) {
        self.metrics.sink(&self.name, |sink| sink.failures.count(error.class));
        self.show(|sink| sink.error = Some(error.message.clone()));
    }

    fn failed(&mut self, error: &SinkError, what_now: &str) {
        self.count(error);
        if self.complaint.is_news(&error.message) {
            tracing::warn!(
                subscription = self.key,
                sink = self.name,
                "{}: sink {}: {error}; {what_now}",
                self.key,
                self.name
            );
        }
        if self.required {
            self.status.set(State::Retrying, Some(format!("sink {}: {error}", self.name)));
        }
    }

    fn goes_well(&mut self) {
        self.backoff.reset();
        self.not_before = None;
        if let Some(after) = self.complaint.settled() {
            let after_seconds = after.as_secs_f64();
            tracing::info!(
                subscription = self.key,
                sink = self.name,
                after_seconds,
                "{}: sink {} takes messages again",
                self.key,
                self.name
            );
        }
        self.show(|sink| sink.error = None);
    }

    fn show(&self, change: impl FnOnce(&mut SinkStatus)) {
        self.status.update(|status| {
            if let Some(sink) = status.sinks.get_mut(&self.name) {
                change(sink);
            }
        });
    }
}
