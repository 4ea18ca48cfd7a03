//! What keeps a round from going through, and what the pipeline does about it: wait and try again, or park.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::dead_letters::NotKept;
use super::ledger::Unwritable;
use super::{Pipeline, State};
use crate::client::{Error, ErrorKind};

/// A `Retry-After` above this is a mistake somewhere: it would silence the subscription.
const LONGEST_ASKED: Duration = Duration::from_mins(5);

/// Why a round ended early. In every case the messages that were not acknowledged stay in the service.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// The daemon stops.
    Stopping,
    /// The service did not do what it was asked to.
    Service(Error),
    /// The service answers, but the broker behind it does not.
    BrokerDown,
    /// What was delivered cannot be noted down.
    Ledger(Unwritable),
    /// Only a person can decide; the text says what and how.
    Halted(String),
    /// What is to be given up cannot be noted among the dead letters, so it is not given up.
    NotKept(NotKept),
    /// A sink is to be tried again after `wait`; its batch was given up meanwhile: others needed the memory, somebody may
    /// move the subscription until then, or the sink needs more messages.
    GivenBack { wait: Duration },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopping => f.write_str("the daemon stops"),
            Self::Service(error) => error.fmt(f),
            Self::BrokerDown => {
                f.write_str("the service has lost its broker: it knows of no bounds of the log")
            }
            Self::Ledger(error) => error.fmt(f),
            Self::Halted(reason) => f.write_str(reason),
            Self::NotKept(reason) => reason.fmt(f),
            Self::GivenBack { .. } => f.write_str("a sink is waited for"),
        }
    }
}

impl From<Unwritable> for Obstacle {
    fn from(error: Unwritable) -> Self {
        Self::Ledger(error)
    }
}

impl Obstacle {
    /// What tells this failure from others, without the times that differ with each attempt.
    fn identity(&self) -> String {
        match self {
            Self::Service(error) => format!("{:?} {:?} {}", error.kind(), error.status(), error.message()),
            other => other.to_string(),
        }
    }

    fn parks(&self) -> bool {
        match self {
            Self::Service(error) => is_lasting(error.kind()),
            Self::Halted(_) | Self::NotKept(NotKept::Full { .. }) => true,
            Self::Stopping
            | Self::BrokerDown
            | Self::Ledger(_)
            | Self::NotKept(_)
            | Self::GivenBack { .. } => false,
        }
    }
}

/// Whether a failure lasts until somebody mends it: hammering the service would not help.
fn is_lasting(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Untrusted
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Invalid
            | ErrorKind::TooLarge
            | ErrorKind::PoisonedRecord
    )
}

impl Pipeline {
    /// Says what is in the way, and waits until it is worth another try.
    pub(super) async fn wait_out(&mut self, obstacle: Obstacle, stop: &CancellationToken) -> ControlFlow<()> {
        let wait = match &obstacle {
            Obstacle::Stopping => return ControlFlow::Break(()),
            // The sink has said so itself, in log and status.
            Obstacle::GivenBack { wait } => {
                self.next_look = tokio::time::Instant::now();
                return self.idle(*wait, stop).await;
            }
            obstacle if obstacle.parks() => self.config.retry.max(),
            Obstacle::Service(error) => {
                let asked =
                    error.retry_after().unwrap_or_default().min(self.config.retry.max().max(LONGEST_ASKED));
                self.backoff.next().max(asked)
            }
            _ => self.backoff.next(),
        };
        let state = if obstacle.parks() { State::Parked } else { State::Retrying };
        if self.complaint.is_news(&obstacle.identity()) {
            let key = &self.config.key;
            let seconds = wait.as_secs_f64();
            if state == State::Parked {
                tracing::error!(subscription = key, state = %state, next_try_in = seconds, "{key}: {obstacle}");
            } else {
                tracing::warn!(subscription = key, state = %state, next_try_in = seconds, "{key}: {obstacle}");
            }
        }
        self.status.set(state, Some(obstacle.to_string()));
        self.next_look = tokio::time::Instant::now();
        self.idle(wait, stop).await
    }
}
