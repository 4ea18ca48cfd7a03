//! A subscription's place in its log, and the window of ids that may be acknowledged.
//!
//! The service keeps three numbers for a subscription: where it stands, where the last pull ended, and when that was.
//! Each pull replaces the window, an acknowledgement or a seek closes it. All rules about what may be acknowledged
//! follow from these numbers and are here; finding records is the log's business.

use super::answer::Refusal;
use super::log::Bounds;

/// Where a subscription stands. Offsets are signed since a seek may put it anywhere, below 0 too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    current: i64,
    /// One past the last record of the last pull. The service takes 0 for "no acknowledgement pending".
    next: i64,
    /// When that pull was, in whole seconds: the service keeps no finer time.
    pulled_at: i64,
    ack_deadline: i64,
}

impl Cursor {
    /// At `current`, with nothing to acknowledge.
    pub(crate) fn new(current: i64, ack_deadline: i64) -> Self {
        Self { current, next: 0, pulled_at: 0, ack_deadline }
    }

    pub(crate) fn current(&self) -> i64 {
        self.current
    }

    /// Seconds.
    pub(crate) fn ack_deadline(&self) -> i64 {
        self.ack_deadline
    }

    pub(crate) fn set_ack_deadline(&mut self, seconds: i64) {
        self.ack_deadline = seconds;
    }

    /// Moves to `offset`, wherever that is. Nothing can be acknowledged until the next pull.
    pub(crate) fn seek(&mut self, offset: i64) {
        self.current = offset;
        self.next = 0;
        self.pulled_at = 0;
    }

    /// Moves up to the start of the log if retention has removed where it stood; without a word to anybody.
    pub(crate) fn catch_up(&mut self, bounds: Bounds) {
        if self.current < bounds.min {
            self.seek(bounds.min);
        }
    }

    /// A pull that began at `offset` answered `count` messages at the second `now`.
    pub(crate) fn pulled(&mut self, offset: i64, count: u64, now: i64) {
        self.next = offset.saturating_add_unsigned(count);
        self.pulled_at = now;
    }

    /// Acknowledges everything up to `id`, at the second `now`. A refusal changes nothing: after the deadline the
    /// window stays open, and every further try is too late as well.
    pub(crate) fn acknowledge(&mut self, id: i64, now: i64) -> Result<(), Refusal> {
        let target = id.saturating_add(1);
        if self.next == 0 {
            return Err(Refusal::internal("no ack pending"));
        }
        if target <= self.current || target > self.next {
            return Err(Refusal::internal("wrong ack"));
        }
        // Whole seconds are compared, so an acknowledgement may come up to a second late.
        if now - self.pulled_at > self.ack_deadline {
            return Err(Refusal::ack_timeout());
        }
        self.seek(target);
        Ok(())
    }
}

/// The highest number in `ids`, each of which must be an ack id of this subscription. Ids below 0 count for nothing.
pub(crate) fn highest_ack_id(ids: &[&str], project: &str, subscription: &str) -> Result<i64, Refusal> {
    let invalid = || Refusal::invalid("Invalid ack id");
    let mut highest = None;
    for id in ids {
        let number = number_of(id, project, subscription).ok_or_else(invalid)?;
        highest = highest.max((number >= 0).then_some(number));
    }
    highest.ok_or_else(invalid)
}

fn number_of(id: &str, project: &str, subscription: &str) -> Option<i64> {
    let rest = id.strip_prefix("projects/")?.strip_prefix(project)?;
    let rest = rest.strip_prefix("/subscriptions/")?.strip_prefix(subscription)?;
    rest.strip_prefix(':')?.parse().ok()
}

#[cfg(test)]
mod tests;
