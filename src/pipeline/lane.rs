//! One sink of a subscription, with its own progress, backoff and complaints.

mod closed;
mod missed;
mod reject;
mod tend;
mod wait;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::at_work::AtWork;
use super::budget::Budget;
use super::complaint::Complaint;
use super::dead_letters::DeadLetters;
use super::ledger::Ledger;
use super::pull::Pulled;
use super::{Parts, State, StatusHandle};
use crate::backoff::Backoff;
use crate::config::{OnReject, SinkConfig};
use crate::fail_point;
use crate::metrics::SubscriptionMetrics;
use crate::sink::{Delivery, Occasion, Sink, SinkError, Slice, Trouble, io_class};

/// A delivery that takes longer than this is told about.
const SLOW: Duration = Duration::from_secs(30);

/// A sink and what is known of it.
pub(super) struct Lane {
    name: String,
    key: String,
    /// The full name of the subscription.
    subscription: String,
    required: bool,
    attempts: Option<u32>,
    on_reject: OnReject,
    tries: Tries,
    sink: Box<dyn Sink>,
    backoff: Backoff,
    not_before: Option<tokio::time::Instant>,
    /// Somebody has to mend something before it takes messages again.
    parked: bool,
    /// What it has vouched for is in the ledger.
    kept: bool,
    /// Why nothing is given to it any more.
    disabled: Option<SinkError>,
    /// Ends the daemon.
    end: CancellationToken,
    complaint: Complaint,
    too_slow: Complaint,
    rejections: Complaint,
    tending: Complaint,
    /// Changes when files are to be opened anew.
    pub(super) reopen: watch::Receiver<()>,
    dead_letters: DeadLetters,
    ledger: Arc<Ledger>,
    metrics: Arc<SubscriptionMetrics>,
    status: StatusHandle,
}

/// A batch and what bounds the work on it.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) pulled: &'a Pulled,
    pub(super) budget: &'a Budget,
    pub(super) at_work: &'a AtWork,
    pub(super) stop: &'a CancellationToken,
}

/// How often a sink failed before one message.
#[derive(Debug, Default)]
struct Tries {
    epoch: u64,
    message: u64,
    failed: u32,
}

/// How a sink came out of a batch. It has what the ledger says.
#[derive(Debug)]
pub(super) enum End {
    /// It has all of it.
    Done,
    /// A best-effort sink has failed as often as it may.
    GivenUp,
    /// The daemon stops.
    Stopping,
    /// The rest is to be pulled again and given to it after `wait`.
    GivenBack { wait: Duration },
}

impl End {
    pub(super) fn wait(self) -> Option<Duration> {
        match self {
            Self::GivenBack { wait } => Some(wait),
            Self::Done | Self::GivenUp | Self::Stopping => None,
        }
    }
}

impl Lane {
    pub(super) fn new(config: &SinkConfig, sink: Box<dyn Sink>, parts: &Parts) -> Self {
        Self {
            name: config.name.clone(),
            key: parts.config.key.clone(),
            subscription: parts.config.subscription.qualified(parts.client.project()),
            required: config.required,
            attempts: config.attempts,
            on_reject: config.on_reject,
            tries: Tries::default(),
            sink,
            backoff: Backoff::new(config.retry),
            not_before: None,
            parked: false,
            kept: true,
            disabled: None,
            end: parts.end.clone(),
            complaint: Complaint::default(),
            too_slow: Complaint::default(),
            rejections: Complaint::default(),
            tending: Complaint::default(),
            reopen: parts.reopen.clone(),
            dead_letters: parts.dead_letters.clone(),
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
    pub(super) async fn deliver(&mut self, job: Job<'_>) -> End {
        if !self.required && (self.disabled.is_some() || self.waits()) {
            return End::GivenUp;
        }
        if !self.required {
            // It has so many attempts with each batch.
            self.tries = Tries::default();
        }
        while let Some(slice) = self.rest_of(job.pulled) {
            if let Some(end) = self.wait(job).await {
                return end;
            }
            if !self.keeps_up().await {
                continue;
            }
            if self.reopen.has_changed().unwrap_or(false) {
                self.tend(Occasion::Lull).await;
            }
            let started = Instant::now();
            let Delivery { receipt, trouble } = self.give(slice.clone()).await;
            if let Some(receipt) = receipt {
                self.metrics.sink(&self.name, |sink| {
                    sink.duration.observe(started.elapsed().as_secs_f64());
                    sink.delivered.inc_by(receipt.messages());
                });
                fail_point::pass("receipt");
                self.ledger.delivered(&self.name, &receipt);
                fail_point::pass("receipt known");
                self.kept = self.ledger.keep().await.is_ok();
                fail_point::pass("receipt kept");
                if trouble.is_none() {
                    self.goes_well();
                }
                // Now, and not when all sinks are done: another one may be stuck for hours.
                self.status.sink(&self.name, |sink| {
                    sink.delivered += receipt.messages();
                    sink.misdated += receipt.misdated();
                    sink.next = Some(receipt.next());
                });
            }
            let more_would_help = matches!(trouble, Some(Trouble::Alone { .. }));
            let (wait, error) = match trouble {
                None => continue,
                Some(Trouble::Reject { message, reason }) => {
                    if self.rejected(&slice, message, &reason).await {
                        self.goes_well();
                    }
                    continue;
                }
                // What a best-effort sink does not have is not pulled again.
                Some(Trouble::Incomplete(_)) if !self.required => continue,
                Some(Trouble::Incomplete(error)) => {
                    self.not_before(Duration::ZERO);
                    self.failed(&error, "pulling again");
                    return self.given_back();
                }
                Some(Trouble::Closed { error, then }) => return self.closed(&error, then, job).await,
                Some(Trouble::Fatal(error)) if self.required => {
                    self.park(&error);
                    continue;
                }
                Some(Trouble::Fatal(error)) => {
                    self.failed(&error, "giving up");
                    self.not_before(Duration::ZERO);
                    return End::GivenUp;
                }
                Some(Trouble::Retry { after, error } | Trouble::Alone { after, error }) => {
                    (after.unwrap_or_default(), error)
                }
            };
            self.not_before_another(wait, &error);
            let (message, failures) = self.tried();
            if self.attempts.is_some_and(|most| failures >= most) {
                self.failed(&error, "giving up");
                if !self.required {
                    return End::GivenUp;
                }
                self.used_up(&slice, message, &error).await;
                continue;
            }
            self.failed(&error, "trying again");
            if more_would_help && self.required {
                return self.given_back();
            }
        }
        End::Done
    }

    /// Whether its progress is in the ledger: as long as it is not, nothing more is sent, for a kill would repeat all of
    /// that.
    async fn keeps_up(&mut self) -> bool {
        if self.kept {
            return true;
        }
        match self.ledger.keep().await {
            Ok(()) => self.kept = true,
            Err(unwritable) => {
                let error =
                    SinkError { class: io_class(&unwritable.source), message: unwritable.to_string() };
                self.not_before(Duration::ZERO);
                self.failed(&error, "sending nothing more before that is possible");
            }
        }
        self.kept
    }

    /// One attempt. A disk or a receiver that hangs shows in the status while it does.
    async fn give(&mut self, slice: Slice) -> Delivery {
        let (started, mut delivery) = (Instant::now(), self.sink.deliver(slice));
        loop {
            tokio::select! {
                biased;
                delivery = &mut delivery => return delivery,
                () = tokio::time::sleep(SLOW) => {
                    let error = format!("one delivery has taken {} s so far", started.elapsed().as_secs());
                    if !self.parked {
                        self.status.sink(&self.name, |sink| (sink.state, sink.error) = (State::Retrying, Some(error)));
                    }
                }
            }
        }
    }

    /// The name of the sink, if nothing would have to be cut from its files after a crash.
    pub(super) fn settled(&self) -> Option<&str> {
        self.sink.is_settled().then_some(self.name.as_str())
    }

    fn rest_of(&self, pulled: &Pulled) -> Option<Slice> {
        let next = self.ledger.next_for(&self.name);
        let epoch = self.ledger.position().map_or(0, |position| position.epoch);
        let has = pulled.count_before(next);
        Slice::new(Arc::clone(&pulled.batch), has..pulled.batch.len(), epoch)
    }

    /// It is tried again at the slowest pace.
    fn park(&mut self, error: &SinkError) {
        let wait = self.backoff.policy().max();
        self.parked = true;
        self.waits_for(wait);
        self.count(error, State::Parked);
        if self.complaint.is_news(&error.message) {
            let (subscription, sink) = (&self.key, &self.name);
            tracing::error!(
                subscription,
                sink,
                state = %State::Parked,
                next_try_in = wait.as_secs_f64(),
                "{subscription}: sink {sink}: {error}"
            );
        }
    }

    fn count(&self, error: &SinkError, state: State) {
        self.metrics.sink(&self.name, |sink| sink.failures.count(error.class));
        let message = error.message.clone();
        self.status.sink(&self.name, |sink| (sink.state, sink.error) = (state, Some(message)));
    }

    fn failed(&mut self, error: &SinkError, what_now: &str) {
        self.parked = false;
        self.count(error, State::Retrying);
        if self.complaint.is_news(&error.message) {
            tracing::warn!(
                subscription = self.key,
                sink = self.name,
                "{}: sink {}: {error}; {what_now}",
                self.key,
                self.name
            );
        }
    }

    fn goes_well(&mut self) {
        self.backoff.reset();
        (self.not_before, self.parked) = (None, false);
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
        self.status.sink(&self.name, |sink| (sink.state, sink.error) = (State::Running, None));
    }
}
