//! What follows from a rejection: the message is kept among the dead letters, waits for a person, or is dropped.

use std::sync::Arc;
use std::time::Duration;

use super::{Lane, Tries};
use crate::config::OnReject;
use crate::pipeline::Ledger;
use crate::pipeline::dead_letters::{Letter, NotKept, Rejection};
use crate::sink::{SinkError, Slice, Trouble};

impl Lane {
    /// The sink has failed before the next message that it wants. Which one that is, and how often it has by now.
    pub(super) fn tried(&mut self) -> (u64, u32) {
        let message = self.ledger.next_for(&self.name);
        let epoch = self.ledger.position().map_or(0, |position| position.epoch);
        if (self.tries.epoch, self.tries.message) != (epoch, message) {
            self.tries = Tries { epoch, message, failed: 0 };
        }
        self.tries.failed += 1;
        (message, self.tries.failed)
    }

    /// How often the sink has failed before this message.
    fn failures_before(&self, epoch: u64, message: u64) -> u32 {
        let Tries { epoch: of, message: before, failed } = self.tries;
        if (of, before) == (epoch, message) { failed } else { 0 }
    }

    /// The sink says that it will never take this message of `given`; all before it is delivered. Whether those behind
    /// it are next.
    pub(super) async fn rejected(&mut self, given: &Slice, message: u64, reason: &str) -> bool {
        self.set_aside(given, message, reason, 1).await
    }

    /// The sink has failed before this message as often as it may.
    pub(super) async fn used_up(&mut self, given: &Slice, message: u64, error: &SinkError) -> bool {
        let reason = format!("all attempts failed: {error}");
        self.set_aside(given, message, &reason, 0).await
    }

    /// The sink's progress moves past the message only when that is durable among the dead letters, or the configuration
    /// says that it is to be dropped. `further` attempts come to those that failed.
    async fn set_aside(&mut self, given: &Slice, message: u64, reason: &str, further: u32) -> bool {
        let error = SinkError { class: "rejected", message: format!("message {message}: {reason}") };
        let epoch = self.ledger.position().map_or(0, |position| position.epoch);
        let tries = self.failures_before(epoch, message) + further;
        match (self.on_reject, given.message(message)) {
            (OnReject::Drop, _) => {
                self.drop_message(message, reason);
                true
            }
            (OnReject::DeadLetter, Some(rejected)) => {
                let rejection = Rejection { sink: &self.name, reason, tries, epoch };
                let letter = Letter::rejected(&rejected, &self.subscription, rejection);
                match self.keep(letter, message).await {
                    Ok(()) => {
                        self.tell(message, reason, "it is kept among the dead letters");
                        true
                    }
                    Err(not_kept) => self.not_kept(&error, message, not_kept),
                }
            }
            (OnReject::Halt | OnReject::DeadLetter, _) => {
                self.park(&error);
                false
            }
        }
    }

    /// Also when nobody waits for the sink any more, what is kept is recorded and counted.
    async fn keep(&self, letter: Letter, message: u64) -> Result<(), NotKept> {
        let (metrics, name) = (Arc::clone(&self.metrics), self.name.clone());
        let record = move |ledger: &Ledger, end| {
            ledger.set_aside(&name, message + 1, end);
            metrics.sink(&name, |sink| {
                sink.failures.count("rejected");
                sink.dead_lettered.inc();
            });
            Ok(())
        };
        self.dead_letters.keep(letter, &self.ledger, record).await
    }

    /// A required sink waits until the message can be kept, and is then given it once more: perhaps it takes it by then.
    /// A best-effort one holds nothing up.
    fn not_kept(&mut self, rejected: &SinkError, message: u64, not_kept: NotKept) -> bool {
        if !self.required {
            self.drop_message(message, &format!("{}; {not_kept}", rejected.message));
            return true;
        }
        let trouble = match not_kept {
            full @ NotKept::Full { .. } => {
                Trouble::Fatal(SinkError { class: "full", message: format!("{rejected}; {full}") })
            }
            NotKept::Io { doing, error } => {
                Trouble::from_io(&format!("{rejected}; dead letters: {doing}"), &error)
            }
        };
        match trouble {
            Trouble::Retry { error, .. } => {
                self.not_before(Duration::ZERO);
                self.failed(&error, "trying again");
            }
            Trouble::Fatal(error) => self.park(&error),
            _ => self.park(rejected),
        }
        false
    }

    fn drop_message(&mut self, message: u64, reason: &str) {
        self.ledger.pass_over(&self.name, message + 1);
        self.metrics.sink(&self.name, |sink| {
            sink.failures.count("rejected");
            sink.dropped.inc();
        });
        self.tell(message, reason, "it is dropped");
    }

    /// A receiver that rejects everything makes one line a minute at this level, and one for each message at `debug`.
    fn tell(&mut self, message: u64, reason: &str, what_now: &str) {
        let (subscription, sink) = (&self.key, &self.name);
        if self.rejections.is_news(reason) {
            let unsaid = self.rejections.unsaid();
            let others = if unsaid > 0 { format!("; so were {unsaid} before it") } else { String::new() };
            tracing::warn!(
                subscription,
                sink,
                id = message,
                reason,
                unsaid,
                "{subscription}: sink {sink} does not take message {message}: {reason}; {what_now}{others}"
            );
        } else {
            tracing::debug!(
                subscription,
                sink,
                id = message,
                reason,
                "{subscription}: message {message}: {what_now}"
            );
        }
    }
}
