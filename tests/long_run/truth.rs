//! What was done to a subscription, as far as it explains what arrives.

use std::collections::{BTreeMap, BTreeSet};

/// Which message. The topic may be made anew: ids begin at 0 then, in another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) log: u64,
    pub(crate) offset: u64,
}

/// More logs than a topic has here; the padding of a message says of which it is.
const LOGS: usize = 256;

impl Id {
    /// How much padding its message has, with `more` times as much as needed.
    pub(crate) fn padding(log: u64, more: usize) -> usize {
        usize::try_from(log).unwrap() + more * LOGS
    }

    /// From the number of a message and its padding.
    pub(crate) fn of(number: u64, padding: usize) -> Self {
        Self { log: (padding % LOGS) as u64, offset: number }
    }

    /// From a payload.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (number, padding) = text.split_once(' ')?;
        Some(Self::of(number.parse().ok()?, padding.len()))
    }
}

/// One log of the topic.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// One past the newest message.
    pub(crate) end: u64,
    /// Retention has removed what is below.
    pub(crate) cut: u64,
    /// Records that the service cannot hand out.
    pub(crate) poison: BTreeSet<u64>,
}

/// A seek.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) log: u64,
    /// Where the subscription was before, or further on.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// It goes back for certain, and nobody else moves the subscription: all from there on must come again.
    pub(crate) is_seen: bool,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) logs: Vec<Log>,
    pub(crate) moves: Vec<Move>,
    /// How often each kind of mischief was done.
    pub(crate) done: BTreeMap<&'static str, u64>,
}

impl Truth {
    pub(crate) fn new() -> Self {
        Self { logs: vec![Log::default()], moves: Vec::new(), done: BTreeMap::new() }
    }

    /// The log that there is now.
    pub(crate) fn log(&mut self) -> &mut Log {
        self.logs.last_mut().unwrap()
    }

    pub(crate) fn number(&self) -> u64 {
        self.logs.len() as u64 - 1
    }

    fn of(&self, log: u64) -> Option<&Log> {
        self.logs.get(usize::try_from(log).unwrap())
    }

    pub(crate) fn end_of(&self, log: u64) -> u64 {
        self.of(log).map_or(0, |log| log.end)
    }

    pub(crate) fn is_poison(&self, id: Id) -> bool {
        self.of(id.log).is_some_and(|log| log.poison.contains(&id.offset))
    }

    pub(crate) fn was_published(&self, id: Id) -> bool {
        id.offset < self.end_of(id.log) && !self.is_poison(id)
    }

    /// Whether retention removed it.
    pub(crate) fn was_cut(&self, id: Id) -> bool {
        self.of(id.log).is_some_and(|log| id.offset < log.cut)
    }

    /// Whether a seek has moved the subscription over it.
    pub(crate) fn was_passed(&self, id: Id) -> bool {
        self.moves.iter().any(|seek| seek.log == id.log && (seek.from..seek.to).contains(&id.offset))
    }

    pub(crate) fn published(&self) -> u64 {
        self.logs.iter().map(|log| log.end - log.poison.len() as u64).sum()
    }

    /// The most messages that can have been lost to retention.
    pub(crate) fn most_lost(&self) -> u64 {
        self.logs.iter().map(|log| log.cut).sum()
    }

    /// The most messages that seeks can have skipped.
    pub(crate) fn most_skipped(&self) -> u64 {
        self.moves.iter().map(|seek| seek.to.saturating_sub(seek.from)).sum()
    }
}
