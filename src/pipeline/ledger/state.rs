//! What is known of a subscription, and the rules by which it changes. Pure: where it is kept is another's business.
//!
//! All positions are "one past": the id of the next message.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{AckToken, Position};
use crate::pipeline::story::Missing;
use crate::sink::FileMark;

/// What was found since the ledger was begun and must not go unnoticed. Kept together with what follows from it, so that
/// each thing is counted once, whenever the daemon is killed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tally {
    pub(crate) lost: u64,
    pub(crate) skipped: u64,
    pub(crate) rewinds: u64,
    pub(crate) log_resets: u64,
}

/// Why the story of a subscription begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Somebody moved the subscription back.
    Rewind,
    /// The log of the topic was made anew.
    NewLog,
}

/// All that is kept of one subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    pub(super) epoch: u64,
    /// `None` until the service was asked for the first time.
    pub(super) acked: Option<u64>,
    /// Where acknowledgements ended that may have been accepted without our hearing of it.
    pub(super) asked: BTreeSet<u64>,
    /// Per sink, the next message that it wants.
    pub(super) sinks: BTreeMap<String, u64>,
    /// By their owner, the files that may have to be cut back after a crash.
    pub(super) files: BTreeMap<String, Vec<FileMark>>,
    /// What sinks have noted for themselves.
    pub(super) notes: BTreeMap<String, serde_json::Value>,
    pub(super) tally: Tally,
}

impl State {
    /// Fits what was kept to the sinks there are now: one that is new begins at what was acknowledged, one that is gone
    /// is forgotten, for nobody knows what becomes of its files. `owners` have files, too.
    pub(super) fn fit<'a>(&mut self, sinks: impl Iterator<Item = &'a str>, owners: &[&str]) {
        let acked = self.acked.unwrap_or_default();
        let next = |name: &str| (name.to_owned(), self.sinks.get(name).copied().unwrap_or(acked).max(acked));
        self.sinks = sinks.map(next).collect();
        let is_there = |name: &String| self.sinks.contains_key(name) || owners.contains(&name.as_str());
        self.files.retain(|name, _| is_there(name));
        self.notes.retain(|name, _| is_there(name));
    }

    pub(super) fn position(&self, required: &BTreeSet<String>) -> Option<Position> {
        let acked = self.acked?;
        Some(Position { epoch: self.epoch, acked, delivered: self.delivered(required, acked) })
    }

    fn delivered(&self, required: &BTreeSet<String>, acked: u64) -> u64 {
        let required = self.sinks.iter().filter(|(name, _)| required.contains(*name));
        required.map(|(_, next)| *next).min().unwrap_or(acked).max(acked)
    }

    pub(super) fn advance(&mut self, sink: &str, next: u64) {
        if let Some(progress) = self.sinks.get_mut(sink) {
            *progress = next.max(*progress);
        }
    }

    /// What may be acknowledged of a pull that ended before `pulled`; `None` if that is nothing new.
    pub(super) fn token(&self, required: &BTreeSet<String>, pulled: u64) -> Option<AckToken> {
        let start = self.acked?;
        let end = self.delivered(required, start).min(pulled);
        (end > start).then_some(AckToken { start, end })
    }

    /// All before `current` is acknowledged, by whomever; only what was delivered counts. Says how many messages that
    /// adds.
    pub(super) fn accepted(&mut self, required: &BTreeSet<String>, current: u64) -> u64 {
        let Some(acked) = self.acked else { return 0 };
        let accepted = current.min(self.delivered(required, acked)).max(acked);
        self.acked = Some(accepted);
        self.asked.retain(|end| *end > accepted);
        accepted - acked
    }

    /// No sink waits for what comes before `next` any more.
    pub(super) fn leave_out(&mut self, next: u64) {
        self.sinks.values_mut().for_each(|wanted| *wanted = next.max(*wanted));
    }

    /// The messages before `first` will never come.
    pub(super) fn skip_to(&mut self, first: u64, missing: Missing) {
        self.tally.lost += missing.lost;
        self.tally.skipped += missing.skipped;
        self.acked = Some(first);
        self.asked.clear();
        self.leave_out(first);
    }

    /// The story begins anew at `first`: all from there on is delivered again to every sink.
    pub(super) fn begin_epoch(&mut self, first: u64, turn: Turn) {
        self.epoch += 1;
        match turn {
            Turn::Rewind => self.tally.rewinds += 1,
            Turn::NewLog => self.tally.log_resets += 1,
        }
        self.move_to(first);
    }

    pub(super) fn move_to(&mut self, first: u64) {
        self.acked = Some(first);
        self.asked.clear();
        self.sinks.values_mut().for_each(|next| *next = first);
        self.notes.clear();
    }

    /// `owner` is about to write to these files, beyond their marks.
    pub(super) fn intend(&mut self, owner: &str, marks: &[FileMark]) {
        let paths: BTreeSet<_> = marks.iter().map(|mark| &mark.path).collect();
        let files = self.files.entry(owner.to_owned()).or_default();
        files.retain(|other| !paths.contains(&other.path));
        files.extend_from_slice(marks);
    }

    /// `owner` does not write to these files any more.
    pub(super) fn release(&mut self, owner: &str, paths: &[&Path]) {
        let paths: BTreeSet<_> = paths.iter().copied().collect();
        if let Some(files) = self.files.get_mut(owner) {
            files.retain(|file| !paths.contains(file.path.as_path()));
        }
        self.files.retain(|_, files| !files.is_empty());
    }

    /// These are the files that `owner` has open, as they are with all that it has vouched for.
    pub(super) fn set_files(&mut self, owner: &str, files: &[FileMark]) {
        if files.is_empty() {
            self.files.remove(owner);
        } else {
            self.files.insert(owner.to_owned(), files.to_vec());
        }
    }
}
