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

    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// Whether `slice` begins where it does.
    pub(super) fn begins(&self, slice: &Slice) -> bool {
        self.epoch == slice.epoch && slice.first().is_some_and(|first| first.id() == self.first)
    }

    /// Whether `slice` begins somewhere in it.
    pub(super) fn touches(&self, slice: &Slice) -> bool {
        self.reaches(slice) && slice.first().is_some_and(|first| first.id() >= self.first)
    }

    /// Whether `slice` begins somewhere in it, or before it.
    pub(super) fn reaches(&self, slice: &Slice) -> bool {
        self.epoch == slice.epoch && slice.first().is_some_and(|first| first.id() <= self.last)
    }

    /// Whether `slice` begins with the very same messages.
    pub(super) fn covered_by(&self, slice: &Slice) -> bool {
        Self::of(slice, self.messages) == Some(*self)
    }

    /// Whether `slice` ends before it does.
    pub(super) fn outlasts(&self, slice: &Slice) -> bool {
        self.epoch == slice.epoch && slice.last().is_some_and(|last| last.id() < self.last)
    }

    /// How many messages of `slice` belong to it, or come before it.
    pub(super) fn count(&self, slice: &Slice) -> usize {
        slice.messages().take_while(|message| message.id() <= self.last).count()
    }

    /// How many messages of `slice` come before it.
    pub(super) fn before(&self, slice: &Slice) -> usize {
        slice.messages().take_while(|message| message.id() < self.first).count()
    }

    /// Its two halves, if it is of several messages, which are in `slice`.
    pub(super) fn halves(&self, slice: &Slice) -> Option<[Self; 2]> {
        let first = slice.after(self.before(slice))?;
        let half = self.messages / 2;
        Some([Self::of(&first, half)?, Self::of(&first.after(half)?, self.messages - half)?])
    }

    /// Whether a later one begins with the next id.
    pub(super) fn meets(&self, later: Self) -> bool {
        self.epoch == later.epoch && self.last.checked_add(1) == Some(later.first)
    }

    /// Whether it ends where `other` does, or before that.
    pub(super) fn ends_in(&self, other: Self) -> bool {
        self.epoch == other.epoch && self.last <= other.last
    }

    /// With all up to the end of a later one.
    pub(super) fn with(&self, later: Self) -> Self {
        Self { last: later.last, messages: self.messages + later.messages, ..*self }
    }
}
