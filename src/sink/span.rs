//! Neighbouring messages by their ids, remembered from one attempt to the next.

use serde::{Deserialize, Serialize};

use super::Slice;

/// Some messages of one epoch, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    epoch: u64,
    first: u64,
    last: u64,
    messages: usize,
}

impl Span {
    /// The first `count` messages of `slice`.
    pub(super) fn of(slice: &Slice, count: usize) -> Option<Self> {
        let last = slice.messages().nth(count.checked_sub(1)?)?;
        Some(Self { epoch: slice.epoch, first: slice.first()?.id(), last: last.id(), messages: count })
    }

    /// Whether `slice` begins where it does.
    pub(super) fn begins(&self, slice: &Slice) -> bool {
        self.epoch == slice.epoch && slice.first().is_some_and(|first| first.id() == self.first)
    }

    /// Whether `slice` begins somewhere in it.
    pub(super) fn touches(&self, slice: &Slice) -> bool {
        let within = |first| (self.first..=self.last).contains(&first);
        self.epoch == slice.epoch && slice.first().is_some_and(|first| within(first.id()))
    }

    /// How many messages it has, if `slice` begins with the very same ones.
    pub(super) fn covered_by(&self, slice: &Slice) -> Option<usize> {
        (Self::of(slice, self.messages) == Some(*self)).then_some(self.messages)
    }

    /// Whether `slice` ends before it does.
    pub(super) fn outlasts(&self, slice: &Slice) -> bool {
        self.epoch == slice.epoch && slice.last().is_some_and(|last| last.id() < self.last)
    }

    /// How many messages of `slice` belong to it.
    pub(super) fn count(&self, slice: &Slice) -> usize {
        slice.messages().take_while(|message| message.id() <= self.last).count()
    }
}
