//! The loop of one subscription: pull, admit, deliver, acknowledge. One batch at a time, for the service allows no
//! more: each pull replaces what may be acknowledged.
//!
//! ```text
//!          +-------------------------- one task per subscription ---------------------------+
//! AMS ----> | pull -> admit (ledger: gap? rewind? delivered before?) -> deliver to every sink |
//!  ^        |                                         all receipts in -> record in the ledger |
//!  +------- | acknowledge (cumulative, the highest contiguous id) <---------------------------+
//! ```
//!
//! What holds at every moment: nothing is acknowledged that a required sink has not vouched for, and that is not noted
//! down durably (`ledger`); what is not acknowledged stays in the service, so giving up a batch at any point loses
//! nothing; every wait ends when the daemon stops.

mod ack_deadline;
mod acknowledge;
mod admit;
mod at_work;
mod budget;
mod complaint;
mod dead_letters;
mod deliver;
mod lane;
mod ledger;
mod look;
mod obstacle;
mod pace;
mod poison;
mod pull;
mod rival;
mod status;
mod story;
mod tend;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::client::{AmsClient, PollInterval};
use crate::config::SubscriptionConfig;
pub use crate::metrics::State;
use crate::metrics::SubscriptionMetrics;
use crate::sink::{Occasion, Sink, Source};

use ack_deadline::AckDeadline;
use admit::Admitted;
use complaint::Complaint;
use lane::Lane;
use ledger::Page;
use obstacle::Obstacle;
use pace::BatchSize;
use pull::Pulled;
use rival::RivalWatch;

pub(crate) use crate::sink::{Outlet, OutletError};
pub(crate) use budget::Budget;
pub use dead_letters::NotKept;
pub(crate) use dead_letters::{About, Choice, DeadLetters};
pub use ledger::LedgerError;
pub(crate) use ledger::{Ledger, LedgerContent, LedgerKey, Tally};
pub(crate) use status::StatusHandle;
pub use status::{SinkStatus, Status};

/// How often the service is asked where the subscription stands, apart from surprises.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What a pipeline is made of. Kept by the supervisor, which makes a new pipeline of it after a panic.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) config: Arc<SubscriptionConfig>,
    pub(crate) client: AmsClient,
    /// One for each sink of the configuration.
    pub(crate) outlets: Arc<[Outlet]>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) budget: Budget,
    pub(crate) metrics: Arc<SubscriptionMetrics>,
    pub(crate) status: StatusHandle,
    /// To be cancelled where the daemon is to end.
    pub(crate) end: CancellationToken,
    /// Changes when files are to be opened anew.
    pub(crate) reopen: watch::Receiver<()>,
}

/// The loop of one subscription.
pub(crate) struct Pipeline {
    config: Arc<SubscriptionConfig>,
    client: AmsClient,
    ledger: Arc<Ledger>,
    dead_letters: DeadLetters,
    budget: Budget,
    metrics: Arc<SubscriptionMetrics>,
    status: StatusHandle,
    reopen: watch::Receiver<()>,
    ack_deadline: AckDeadline,
    /// Whether the dead letters end where the ledger says, after a crash.
    restored: bool,
    lanes: Vec<Lane>,
    size: BatchSize,
    poll: PollInterval,
    backoff: Backoff,
    complaint: Complaint,
    next_look: Instant,
    /// One past the newest message of the log, as far as is known.
    log_end: u64,
    /// One past the highest id pulled in this epoch, so that a batch pulled twice counts once.
    seen: u64,
    /// Whether an acknowledgement of ours may have been accepted without our hearing of it. While it may, an
    /// unexpected one is no proof of a rival.
    unresolved: bool,
    /// Acknowledgements refused in a row.
    refusals: u32,
    /// The poisoned record or the new log that was already counted.
    counted_poison: Option<u64>,
    counted_reset: bool,
    rivals: RivalWatch,
}

/// How a round ended that met no obstacle.
enum Round {
    Moved,
    Idle,
}

impl Pipeline {
    pub(crate) fn new(parts: Parts) -> Self {
        let source = Source {
            project: parts.client.project().clone(),
            subscription: parts.config.subscription.clone(),
            key: parts.config.key.clone(),
        };
        let ledger = Arc::clone(&parts.ledger);
        Self::with_sinks(parts, |outlet| {
            outlet.open(&source, Arc::new(Page::new(&ledger, &outlet.config.name)))
        })
    }

    fn with_sinks(parts: Parts, open: impl Fn(&Outlet) -> Box<dyn Sink>) -> Self {
        let lane = |outlet: &Outlet| Lane::new(&outlet.config, open(outlet), &parts);
        let lanes = parts.outlets.iter().map(lane).collect();
        let Parts {
            config,
            client,
            outlets: _,
            ledger,
            dead_letters,
            budget,
            metrics,
            status,
            reopen,
            end: _,
        } = parts;
        Self {
            lanes,
            ack_deadline: AckDeadline::default(),
            restored: false,
            size: BatchSize::new(config.max_messages, config.max_batch_bytes),
            poll: PollInterval::new(config.poll_min, config.poll_max),
            backoff: Backoff::new(config.retry),
            complaint: Complaint::default(),
            next_look: Instant::now(),
            log_end: 0,
            seen: 0,
            // The one before this may have left one on its way.
            unresolved: true,
            refusals: 0,
            counted_poison: None,
            counted_reset: false,
            rivals: RivalWatch::new(),
            config,
            client,
            ledger,
            dead_letters,
            budget,
            metrics,
            status,
            reopen,
        }
    }

    /// Runs until `stop`. What was delivered by then is acknowledged; the rest stays in the service.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let flow = match self.round(&stop).await {
                Ok(round) => self.rest(&round, &stop).await,
                Err(obstacle) => self.wait_out(obstacle, &stop).await,
            };
            if flow.is_break() {
                break;
            }
        }
        self.tend(Occasion::Stop).await;
        // From now on the files may be written to by anybody.
        self.ledger.release(self.lanes.iter().filter_map(Lane::settled)).await;
        self.say_goodbye();
    }

    async fn round(&mut self, stop: &CancellationToken) -> Result<Round, Obstacle> {
        if Instant::now() >= self.next_look {
            self.look(stop).await?;
            self.restore_dead_letters().await?;
            self.see_to_ack_deadline(stop).await?;
        }
        let Some(pulled) = self.pull(stop).await? else {
            return Ok(Round::Idle);
        };
        let delivered = match self.admit(&pulled, stop).await? {
            Admitted::New => {
                // The way to the sinks is clear, and each of them speaks for itself.
                self.goes_well();
                let started = Instant::now();
                let delivered = self.deliver(&pulled, stop).await;
                if let Some(hold) = self.rivals.hold(started.elapsed()) {
                    let _ = pause(hold, stop).await;
                }
                delivered
            }
            Admitted::DeliveredBefore => Ok(()),
        };
        self.compare_with_ack_deadline(pulled.at.elapsed());
        if let Some(token) = self.ledger.commit(pulled.end()).await? {
            self.acknowledge(token, stop).await?;
        }
        self.account(&pulled);
        delivered.map(|()| Round::Moved)
    }

    /// Once, and after the service was asked: it knows whether the ledger is to be trusted.
    async fn restore_dead_letters(&mut self) -> Result<(), Obstacle> {
        if !self.restored {
            self.dead_letters.cut_back(&self.ledger).await.map_err(Obstacle::NotKept)?;
            self.restored = true;
        }
        Ok(())
    }

    /// The pause after a round that went well: none while messages come.
    async fn rest(&mut self, round: &Round, stop: &CancellationToken) -> ControlFlow<()> {
        self.goes_well();
        match round {
            Round::Moved => {
                self.poll.reset();
                ControlFlow::Continue(())
            }
            Round::Idle => {
                let pause = self.poll.next();
                self.idle(pause, stop).await
            }
        }
    }

    /// Shows what is left. A full batch that ends where the log is known to end says that the log has grown since.
    fn account(&mut self, pulled: &Pulled) {
        let Some(position) = self.ledger.position() else {
            return;
        };
        self.show_backlog(position.acked, pulled.published);
        if pulled.full && self.log_end <= pulled.end() {
            self.next_look = Instant::now();
        }
    }

    fn goes_well(&mut self) {
        self.backoff.reset();
        if let Some(after) = self.complaint.settled() {
            tracing::info!(
                subscription = self.config.key,
                after_seconds = after.as_secs_f64(),
                "{}: going on",
                self.config.key
            );
        }
        self.status.set(State::Running, None);
    }

    fn say_goodbye(&self) {
        self.status.set(State::Stopped, None);
        let key = &self.config.key;
        let Some(position) = self.ledger.position() else {
            tracing::info!(subscription = key, "{key}: stopped before anything was pulled");
            return;
        };
        let next = position.acked;
        tracing::info!(
            subscription = key,
            next,
            delivered_not_acknowledged = position.delivered - position.acked,
            "{key}: stopped; what comes from message {next} on stays in the service"
        );
    }
}

/// Sleeps, unless the daemon stops.
async fn pause(time: Duration, stop: &CancellationToken) -> ControlFlow<()> {
    tokio::select! {
        biased;
        () = stop.cancelled() => ControlFlow::Break(()),
        () = tokio::time::sleep(time) => ControlFlow::Continue(()),
    }
}

#[cfg(test)]
mod tests;
