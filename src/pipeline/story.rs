//! What the ids of a batch and the service's offsets tell about the log. Pure judgement: the pipeline acts on it.
//!
//! The service never says that messages were removed, that somebody moved the subscription, or that its topic was made
//! anew. All it shows are ids and `:offsets`, and these are the rules to read them by.

use crate::client::Offsets;
use crate::pipeline::ledger::Position;

/// What the first id of a batch means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// The batch goes on where the last one ended.
    Expected,
    /// It begins with messages that were delivered and not yet acknowledged.
    Redelivered,
    /// Messages before it are missing; `:offsets` tells why.
    Gap,
    /// It begins with messages that were acknowledged: somebody moved the subscription back.
    Rewind,
}

/// Compares the first id of a batch with where the subscription stands.
pub(crate) fn ids(first: u64, position: Position) -> Ids {
    if first < position.acked {
        Ids::Rewind
    } else if first < position.delivered {
        Ids::Redelivered
    } else if first == position.delivered {
        Ids::Expected
    } else {
        Ids::Gap
    }
}

/// What it means where the service is when all that is known comes from an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inherited {
    /// It is where that run may have left it; or before that, which the ids will tell.
    AsLeft,
    /// Somebody moved the subscription back into what was delivered and not acknowledged: that is wanted again.
    Rewound,
    /// It is beyond all that is known: somebody moved it, or what is known is older than what it was told.
    Ahead,
}

/// Judges where the service is, with `was_asked` if an acknowledgement that would have led there was under way. Retention
/// moves a subscription that is behind the start of the log, `min`, to it: that is nobody's seek.
pub(crate) fn inherited(current: u64, min: u64, was_asked: bool, position: Position) -> Inherited {
    if current > position.delivered {
        Inherited::Ahead
    } else if current <= position.acked || current == position.delivered || current == min || was_asked {
        Inherited::AsLeft
    } else {
        Inherited::Rewound
    }
}

/// Why messages are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Removed by the service before they were pulled.
    pub(crate) lost: u64,
    /// Still in the log or not: a seek moved the subscription over them, or another consumer acknowledged them.
    pub(crate) skipped: u64,
}

/// Accounts for the messages between `expected` and `first`, with `min` as the start of the log now.
pub(crate) fn missing(expected: u64, first: u64, min: u64) -> Missing {
    let gap = first.saturating_sub(expected);
    let lost = min.saturating_sub(expected).min(gap);
    Missing { lost, skipped: gap - lost }
}

/// What `:offsets` tells about the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    /// The broker does not answer the service; nothing can be told.
    BrokerDown,
    /// Nothing unusual.
    Fine,
    /// The log ends before what was delivered already: its topic was deleted and made anew. Pulls answer empty, and
    /// nothing else shows it.
    MadeAnew {
        /// The start of the new log.
        min: u64,
        /// Whether somebody has moved the subscription into the new log already.
        inside: bool,
    },
    /// The subscription was moved beyond the end of the log by a seek that the service refused and did all the same.
    /// Pulls answer empty until the log has grown past it.
    Astray,
}

/// Compares the log with where the subscription stood.
pub(crate) fn log(offsets: &Offsets, position: Option<Position>) -> Log {
    let Some((min, max)) = offsets.bounds() else {
        return Log::BrokerDown;
    };
    let current = u64::try_from(offsets.current);
    let beyond = current.is_ok_and(|current| current > max);
    match position {
        Some(position) if max < position.delivered => {
            // Where it stood before may lie in the new log by chance: then nobody has chosen it.
            Log::MadeAnew { min, inside: !beyond && current != Ok(position.acked) }
        }
        None if beyond => Log::MadeAnew { min, inside: false },
        Some(_) if beyond => Log::Astray,
        _ => Log::Fine,
    }
}

#[cfg(test)]
mod tests;
