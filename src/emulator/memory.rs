//! How much an emulator may hold, over all its topics, requests and answers.
//!
//! Whoever wants to hold something large reserves [`Room`] for it first, and the room is free again when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::answer::Refusal;
use super::seldom::Seldom;

/// A number of bytes that are shared out.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    limit: Option<usize>,
    used: AtomicUsize,
    complaint: Seldom,
}

/// There is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl From<Full> for Refusal {
    fn from(Full: Full) -> Self {
        Self::internal("The emulator's memory limit is reached")
    }
}

impl Memory {
    pub(crate) fn new(limit: Option<usize>) -> Arc<Self> {
        Arc::new(Self { limit, ..Self::default() })
    }

    pub(crate) fn limit(&self) -> Option<usize> {
        self.limit
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    /// Room for `bytes`, if there is as much left.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Result<Room, Full> {
        let mut room = Room { memory: Arc::clone(self), bytes: 0 };
        room.grow(bytes)?;
        Ok(room)
    }

    fn take(&self, bytes: usize) -> Result<(), Full> {
        let limit = self.limit.unwrap_or(usize::MAX);
        let fits = |used: usize| used.checked_add(bytes).filter(|&sum| sum <= limit);
        if self.used.try_update(Ordering::AcqRel, Ordering::Acquire, fits).is_ok() {
            return Ok(());
        }
        if self.complaint.is_due() {
            tracing::warn!(
                used = self.used(),
                limit,
                wanted = bytes,
                "the emulator's memory limit is reached, requests are refused: raise it (--memory-limit, \
                 Options::memory_limit), keep less of each topic (--retention-bytes, --retention-messages, \
                 --retention-age), or delete topics"
            );
        }
        Err(Full)
    }
}

/// Bytes that somebody holds.
#[derive(Debug)]
pub(crate) struct Room {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Room {
    /// Room for `bytes` more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        self.memory.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// Bytes together with the room they take.
#[derive(Debug)]
pub(crate) struct Held<T> {
    bytes: T,
    _room: Room,
}

impl<T> Held<T> {
    pub(crate) fn new(bytes: T, room: Room) -> Self {
        Self { bytes, _room: room }
    }
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Held<T> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_what_is_dropped_is_free_again() {
        let memory = Memory::new(Some(100));
        let mut one = memory.reserve(60).unwrap();
        assert_eq!(memory.reserve(41).unwrap_err(), Full);
        let other = memory.reserve(40).unwrap();
        assert_eq!(one.grow(1), Err(Full));
        drop(other);
        assert_eq!(one.grow(1), Ok(()));
        assert_eq!(memory.used(), 61);
        assert_eq!(one.grow(usize::MAX), Err(Full));
        drop(one);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn without_a_limit_everything_fits() {
        let memory = Memory::new(None);
        let _room = memory.reserve(usize::MAX / 2).unwrap();
    }
}
