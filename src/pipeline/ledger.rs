//! What is known of a subscription's progress: how far each sink got, and how far the service was told.
//!
//! The only place where receipts become permission to acknowledge: an [`AckToken`] covers what *every* required sink
//! has vouched for, and there is no other way to make one. Kept in memory: after a restart the service's own offset
//! is where the story begins, so what was delivered but not acknowledged is delivered again.
//!
//! All positions are "one past": the id of the next message.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::dead_letters::Extent;
use crate::sink::Receipt;

/// The progress of one subscription. Shared by its sinks; outlives a pipeline that panicked.
#[derive(Debug)]
pub(crate) struct Ledger {
    entry: Mutex<Entry>,
}

#[derive(Debug)]
struct Entry {
    epoch: u64,
    acked: Option<u64>,
    sinks: BTreeMap<String, Progress>,
    letters: Option<Extent>,
}

#[derive(Debug, Clone, Copy)]
struct Progress {
    required: bool,
    next: u64,
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Rises whenever ids may come again with another meaning or on purpose.
    pub(crate) epoch: u64,
    /// The first message that is not acknowledged.
    pub(crate) acked: u64,
    /// The first message that some required sink does not have; never below `acked`.
    pub(crate) delivered: u64,
}

/// Permission to acknowledge, cumulatively, all messages before `end`. Dropping it acknowledges nothing.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an ack token that is dropped acknowledges nothing"]
pub(crate) struct AckToken {
    start: u64,
    end: u64,
}

impl AckToken {
    /// The id of the last message that it covers.
    pub(crate) fn through(&self) -> u64 {
        self.end - 1
    }

    /// One past [`AckToken::through`]: where the subscription stands once this is accepted.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Where the subscription stands as long as this is not accepted.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }
}

impl Ledger {
    /// For the sinks of that name, each required or not.
    pub(crate) fn new<'a>(sinks: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        let sinks = sinks
            .into_iter()
            .map(|(name, required)| (name.to_owned(), Progress { required, next: 0 }))
            .collect();
        Self { entry: Mutex::new(Entry { epoch: 0, acked: None, sinks, letters: None }) }
    }

    /// `None` until [`Ledger::start`].
    pub(crate) fn position(&self) -> Option<Position> {
        let entry = self.entry();
        entry.acked.map(|acked| Position { epoch: entry.epoch, acked, delivered: entry.delivered(acked) })
    }

    /// Begins at the service's own position, unless there is a position already.
    pub(crate) fn start(&self, current: u64) {
        let mut entry = self.entry();
        if entry.acked.is_none() {
            entry.move_to(current);
        }
    }

    /// The next message that `sink` wants.
    pub(crate) fn next_for(&self, sink: &str) -> u64 {
        self.entry().sinks.get(sink).map_or(0, |progress| progress.next)
    }

    /// `sink` holds all messages that `receipt` covers.
    pub(crate) fn delivered(&self, sink: &str, receipt: &Receipt) {
        self.entry().advance(sink, receipt.next());
    }

    /// The best-effort `sink` will not be given what comes before `next`. Says how many messages that are. A required
    /// sink is never given up.
    pub(crate) fn give_up(&self, sink: &str, next: u64) -> u64 {
        let mut entry = self.entry();
        let missed = match entry.sinks.get(sink) {
            Some(progress) if !progress.required => next.saturating_sub(progress.next),
            _ => return 0,
        };
        entry.advance(sink, next);
        missed
    }

    /// The message before `next` will never be taken by `sink`, and is among the dead letters, which end at `letters`.
    #[expect(clippy::unnecessary_wraps, reason = "recording can fail once it is on disk")]
    pub(crate) fn set_aside(&self, sink: &str, next: u64, letters: Extent) -> io::Result<()> {
        let mut entry = self.entry();
        entry.letters = Some(letters);
        entry.advance(sink, next);
        Ok(())
    }

    /// The message before `next` will never be taken by `sink`, and whoever wrote the configuration wants it dropped.
    pub(crate) fn pass_over(&self, sink: &str, next: u64) {
        self.entry().advance(sink, next);
    }

    /// The record before `next` cannot be handed out by the service, and is noted among the dead letters. No sink waits
    /// for it, and the subscription is to be moved past it.
    #[expect(clippy::unnecessary_wraps, reason = "recording can fail once it is on disk")]
    pub(crate) fn leave_out(&self, next: u64, letters: Extent) -> io::Result<()> {
        let mut entry = self.entry();
        entry.letters = Some(letters);
        for progress in entry.sinks.values_mut() {
            progress.next = progress.next.max(next);
        }
        Ok(())
    }

    /// What may be acknowledged of a pull that ended before `pulled`; `None` if that is nothing new.
    pub(crate) fn token(&self, pulled: u64) -> Option<AckToken> {
        let entry = self.entry();
        let start = entry.acked?;
        let end = entry.delivered(start).min(pulled);
        (end > start).then_some(AckToken { start, end })
    }

    /// The service accepted `token`. Says how many messages that acknowledged.
    #[expect(clippy::needless_pass_by_value, reason = "an acknowledgement uses up its token")]
    pub(crate) fn acknowledged(&self, token: AckToken) -> u64 {
        self.accepted(token.end)
    }

    /// The service says that all before `current` is acknowledged, by whomever. Says how many messages that adds;
    /// only what was delivered counts.
    pub(crate) fn accepted(&self, current: u64) -> u64 {
        let mut entry = self.entry();
        let Some(acked) = entry.acked else { return 0 };
        let accepted = current.min(entry.delivered(acked)).max(acked);
        entry.acked = Some(accepted);
        accepted - acked
    }

    /// The messages before `first` will never come: removed by retention, or skipped by somebody's seek.
    pub(crate) fn skip_to(&self, first: u64) {
        let mut entry = self.entry();
        entry.acked = Some(first);
        for progress in entry.sinks.values_mut() {
            progress.next = progress.next.max(first);
        }
    }

    /// The story begins anew at `first`: all from there on is delivered again to every sink.
    pub(crate) fn begin_epoch(&self, first: u64) {
        let mut entry = self.entry();
        entry.epoch += 1;
        entry.move_to(first);
    }

    fn entry(&self) -> MutexGuard<'_, Entry> {
        // Each change is complete before anything can panic.
        self.entry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn delivered(&self, acked: u64) -> u64 {
        let required = self.sinks.values().filter(|progress| progress.required);
        required.map(|progress| progress.next).min().unwrap_or(acked).max(acked)
    }

    fn advance(&mut self, sink: &str, next: u64) {
        if let Some(progress) = self.sinks.get_mut(sink) {
            progress.next = progress.next.max(next);
        }
    }

    fn move_to(&mut self, first: u64) {
        self.acked = Some(first);
        for progress in self.sinks.values_mut() {
            progress.next = first;
        }
    }
}

#[cfg(test)]
mod tests;
