//! The memory that batches of all subscriptions may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Counted in units of this many bytes, so that budgets above 4 GiB fit the semaphore's counters.
const UNIT: usize = 4096;

/// A budget of bytes, first come first served. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    total: u32,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    count: AtomicUsize,
    came: Notify,
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    permit: OwnedSemaphorePermit,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let total = units(bytes).min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self { units: Arc::new(Semaphore::new(total as usize)), total, waiting: Arc::default() }
    }

    /// Waits until `bytes` are free, or the whole budget if that is less. Dropping the future takes nothing.
    pub(crate) async fn reserve(&self, bytes: usize) -> Reservation {
        let wanted = units(bytes).min(self.total);
        let units = Arc::clone(&self.units);
        if let Ok(permit) = Arc::clone(&units).try_acquire_many_owned(wanted) {
            return Reservation { permit };
        }
        let _waiting = Waiter::new(&self.waiting);
        match units.acquire_many_owned(wanted).await {
            Ok(permit) => Reservation { permit },
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until somebody waits for a part of the budget: time to give back what is held without being used.
    pub(crate) async fn is_wanted(&self) {
        loop {
            let came = self.waiting.came.notified();
            if self.waiting.count.load(Ordering::SeqCst) > 0 {
                return;
            }
            came.await;
        }
    }
}

impl Reservation {
    /// Gives back all but `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.permit.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.permit.split(surplus));
    }
}

struct Waiter<'a>(&'a Waiting);

impl<'a> Waiter<'a> {
    fn new(waiting: &'a Waiting) -> Self {
        waiting.count.fetch_add(1, Ordering::SeqCst);
        waiting.came.notify_waiters();
        Self(waiting)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_seen_and_gets_what_is_given_back() {
        let budget = Budget::new(10 * UNIT);
        let mut held = budget.reserve(8 * UNIT).await;
        let waiter = tokio::spawn({
            let budget = budget.clone();
            async move { budget.reserve(5 * UNIT).await.permit.num_permits() }
        });
        budget.is_wanted().await;
        held.shrink_to(5 * UNIT);
        assert_eq!(waiter.await.unwrap(), 5);
    }

    #[tokio::test]
    async fn more_than_there_is_means_all_of_it() {
        let budget = Budget::new(UNIT);
        assert_eq!(budget.reserve(100 * UNIT).await.permit.num_permits(), 1);
        assert_eq!(budget.reserve(1).await.permit.num_permits(), 1);
    }
}
