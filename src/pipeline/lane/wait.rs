//! When a sink is tried again, and what may end the wait before that.

use std::time::Duration;

use super::{End, Job, Lane};
use crate::client::CONNECT;
use crate::sink::SinkError;

impl Lane {
    /// No attempt before the backoff is over, nor before the receiver has what it asked for: also not with another
    /// batch.
    pub(super) fn not_before(&mut self, asked: Duration) {
        let wait = self.backoff.next().max(asked);
        self.waits_for(wait);
    }

    /// The same before another attempt at a sink that failed so.
    pub(super) fn not_before_another(&mut self, asked: Duration, error: &SinkError) {
        let wait = match error.class {
            CONNECT => self.backoff.next_unreachable(),
            _ => self.backoff.next(),
        };
        self.waits_for(wait.max(asked));
    }

    pub(super) fn waits_for(&mut self, wait: Duration) {
        self.not_before = self.not_before.max(Some(tokio::time::Instant::now() + wait));
    }

    pub(super) fn waits(&self) -> bool {
        self.not_before.is_some_and(|until| until > tokio::time::Instant::now())
    }

    /// Waits before the next attempt. While it does, its batch may be given back for the sake of others: the service
    /// still has it. One that is parked gives it back once nobody else is at work on it: when it is pulled again, it shows
    /// whether somebody has moved the subscription over what cannot be delivered.
    pub(super) async fn wait(&self, job: Job<'_>) -> Option<End> {
        let now = tokio::time::Instant::now();
        let Some(until) = self.not_before.filter(|until| *until > now) else {
            return job.stop.is_cancelled().then_some(End::Stopping);
        };
        let left_alone = async {
            let _away = job.at_work.park();
            job.at_work.nobody().await;
        };
        tokio::select! {
            biased;
            () = job.stop.cancelled() => Some(End::Stopping),
            () = tokio::time::sleep_until(until) => None,
            () = job.budget.is_wanted(), if self.required => Some(self.given_back()),
            () = left_alone, if self.parked => Some(self.given_back()),
        }
    }

    /// The batch is pulled again when it is time for the next attempt.
    pub(super) fn given_back(&self) -> End {
        let wait = self.not_before.map(|until| until.saturating_duration_since(tokio::time::Instant::now()));
        End::GivenBack { wait: wait.unwrap_or_default() }
    }
}
