//! Whether a message that fails again and again is at fault, or the broker is down.
//!
//! The service says the same of both. Evidence is a message that passes *between* two failures of the one on trial, each
//! sent as soon as the one before was answered: that the broker was down, came back for one message and was gone again
//! for the next is then no explanation. What passed at another time proves nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::sink::Slice;

/// How often a message fails, with the waits between attempts, before another one is sent ahead of it.
const FAILURES: u32 = 5;

/// How many others pass, each between two failures, before a message is rejected; as many as there are, if these are
/// fewer.
const PASSES: u32 = 5;

/// An answer that took longer says nothing of the one before it: a broker may freeze and thaw meanwhile, and a pipeline
/// give the batch back.
const AT_ONCE: Duration = Duration::from_secs(30);

/// A message that failed alone.
#[derive(Debug)]
pub(super) struct Trial {
    epoch: u64,
    message: u64,
    failures: u32,
    passes: u32,
    /// The message that is to be sent next, out of its turn.
    witness: Option<u64>,
    last_witness: u64,
    /// A witness passed since the last failure, and nothing else has happened.
    passed: bool,
    /// When it or a witness was answered last.
    answered: Instant,
    rejected: bool,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may be the broker: the message is tried again later.
    Later,
    /// The same, and there is no other message left to tell by.
    Alone,
    /// [`Trial::witness`] is to be sent now.
    Hear,
    /// It is the message.
    Reject,
}

impl Trial {
    pub(super) fn of(epoch: u64, message: u64) -> Self {
        Self {
            epoch,
            message,
            failures: 0,
            passes: 0,
            witness: None,
            last_witness: message,
            passed: false,
            answered: Instant::now(),
            rejected: false,
        }
    }

    /// Whether it is of the first message of `slice`.
    pub(super) fn is_of(&self, slice: &Slice) -> bool {
        self.epoch == slice.epoch && slice.first().is_some_and(|first| first.id() == self.message)
    }

    pub(super) fn message(&self) -> u64 {
        self.message
    }

    /// The message that is to be sent now instead of the one on trial.
    pub(super) fn witness(&self) -> Option<u64> {
        self.witness
    }

    /// The message failed again. `next_after` finds the next message behind an id that can be a witness.
    pub(super) fn failed(&mut self, next_after: impl Fn(u64) -> Option<u64>) -> Verdict {
        self.failures = self.failures.saturating_add(1);
        let at_once = self.is_at_once();
        self.passes += u32::from(std::mem::take(&mut self.passed) && at_once);
        if self.rejected {
            return Verdict::Reject;
        }
        if self.failures < FAILURES {
            return Verdict::Later;
        }
        let witness = next_after(self.last_witness);
        self.rejected = self.passes >= PASSES || (self.passes > 0 && witness.is_none());
        if self.rejected {
            return Verdict::Reject;
        }
        self.witness = witness;
        // One that failed itself may have been at fault as well, or not.
        self.last_witness = witness.unwrap_or(self.message);
        if witness.is_some() { Verdict::Hear } else { Verdict::Alone }
    }

    /// The witness passed: now the message itself, at once.
    pub(super) fn witness_passed(&mut self) {
        (self.witness, self.passed) = (None, self.is_at_once());
    }

    /// The witness did not pass, or something else is in the way: what comes next begins anew.
    pub(super) fn interrupted(&mut self) {
        (self.witness, self.passed) = (None, false);
    }

    /// Whether this answer came soon after the one before.
    fn is_at_once(&mut self) -> bool {
        std::mem::replace(&mut self.answered, Instant::now()).elapsed() < AT_ONCE
    }
}

/// Witnesses that passed, so that they are not sent again when it is their turn.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ahead {
    epoch: u64,
    messages: BTreeSet<u64>,
}

impl Ahead {
    /// Forgets what comes before `slice`, or had another meaning.
    pub(super) fn forget_before(&mut self, slice: &Slice) {
        if self.epoch != slice.epoch {
            (self.epoch, self.messages) = (slice.epoch, BTreeSet::new());
        }
        if let Some(first) = slice.first().filter(|_| !self.messages.is_empty()) {
            self.messages = self.messages.split_off(&first.id());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn insert(&mut self, message: u64) {
        self.messages.insert(message);
    }

    pub(super) fn has(&self, message: u64) -> bool {
        self.messages.contains(&message)
    }

    /// How many messages at the start of `slice` are there already.
    pub(super) fn leads(&self, slice: &Slice) -> usize {
        slice.messages().take_while(|message| self.has(message.id())).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::slice;

    /// Of messages 0 to 9.
    fn behind(id: u64) -> Option<u64> {
        (id < 9).then_some(id + 1)
    }

    /// A trial of message 0 that has come to its first witness.
    fn at_the_first_witness() -> Trial {
        let mut trial = Trial::of(0, 0);
        for _ in 1..FAILURES {
            assert_eq!(trial.failed(behind), Verdict::Later);
        }
        assert_eq!(trial.failed(behind), Verdict::Hear);
        assert_eq!(trial.witness(), Some(1));
        trial
    }

    #[test]
    fn a_message_is_rejected_when_five_others_passed_each_between_two_failures() {
        let mut trial = at_the_first_witness();
        for witness in 2..=5 {
            trial.witness_passed();
            assert_eq!(trial.failed(behind), Verdict::Hear);
            assert_eq!(trial.witness(), Some(witness));
        }
        trial.witness_passed();
        assert_eq!(trial.failed(behind), Verdict::Reject);
        assert_eq!(trial.failed(behind), Verdict::Reject, "and stays so");
    }

    #[test]
    fn fewer_witnesses_do_if_there_are_no_more() {
        let mut trial = at_the_first_witness();
        trial.witness_passed();
        assert_eq!(trial.failed(|_| None), Verdict::Reject);
    }

    #[test]
    fn a_witness_that_passed_before_an_interruption_proves_nothing() {
        let mut trial = at_the_first_witness();
        trial.witness_passed();
        trial.interrupted();
        assert_eq!(trial.failed(|_| None), Verdict::Alone);
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_proves_nothing() {
        for slow in [0, 1] {
            let mut trial = at_the_first_witness();
            for step in 0..2 {
                tokio::time::advance(if step == slow { AT_ONCE } else { Duration::ZERO }).await;
                if step == 0 {
                    trial.witness_passed();
                } else {
                    assert_eq!(trial.failed(|_| None), Verdict::Alone);
                }
            }
        }
    }

    #[test]
    fn witnesses_that_fail_prove_nothing_and_are_heard_again_when_all_were() {
        let mut trial = at_the_first_witness();
        for witness in 2..=9 {
            trial.interrupted();
            assert_eq!((trial.failed(behind), trial.witness()), (Verdict::Hear, Some(witness)));
        }
        trial.interrupted();
        assert_eq!((trial.failed(behind), trial.witness()), (Verdict::Alone, None));
        assert_eq!((trial.failed(behind), trial.witness()), (Verdict::Hear, Some(1)));
    }

    #[test]
    fn what_is_ahead_is_remembered_until_it_is_passed_or_means_something_else() {
        let mut ahead = Ahead::default();
        for id in [3, 4, 6] {
            ahead.insert(id);
        }
        ahead.forget_before(&slice(2, 9, 0));
        assert_eq!((ahead.leads(&slice(2, 9, 0)), ahead.leads(&slice(3, 9, 0))), (0, 2));
        assert_eq!(ahead.leads(&slice(3, 4, 0)), 1);
        ahead.forget_before(&slice(5, 9, 0));
        assert!(!ahead.has(4) && ahead.has(6));
        ahead.forget_before(&slice(5, 9, 1));
        assert!(!ahead.has(6));
    }
}
