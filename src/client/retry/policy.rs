//! How often to try again, and how long to wait in between.

use crate::{
    backoff::{Backoff, BackoffPolicy},
    client::error::Error,
};
use std::{fmt, sync::Arc, time::Duration};

/// What to do about a call that fails: for a whole client ([`AmsClientBuilder::retry`]) or for single calls
/// ([`AmsClient::with_retry`]). Cheap to clone.
///
/// What is tried again at all is decided by what happened and by the call: permanent errors never; a publish only when
/// it cannot have happened, unless [`allow_duplicates`](Self::allow_duplicates). `Retry-After` of an answer is honoured
/// where it is longer than the policy's wait; one that goes beyond the deadline, or beyond 5 minutes where there is
/// none, ends the call with its error.
///
/// It holds for each request; the few calls that are made of several say so.
///
/// Dropping a call that waits for its next attempt ends it: what the attempts before it may have done, they have done.
///
/// [`AmsClientBuilder::retry`]: crate::client::AmsClientBuilder::retry
/// [`AmsClient::with_retry`]: crate::client::AmsClient::with_retry
#[derive(Clone)]
#[must_use]
pub struct RetryPolicy {
    waits: Waits,
    retries: u32,
    pub(super) deadline: Option<Duration>,
    pub(super) allows_duplicates: bool,
    pub(super) hook: Option<Hook>,
}

pub(super) type Hook = Arc<dyn Fn(&Retry<'_>) + Send + Sync>;

#[derive(Clone, Debug)]
enum Waits {
    List(Arc<[Duration]>),
    Doubling(Duration),
    Jittered(BackoffPolicy),
}

impl RetryPolicy {
    /// Every call is tried once.
    pub fn none() -> Self {
        Self::new(Waits::Doubling(Duration::ZERO), 0)
    }

    /// So many retries with the same wait before each: the Python library's `retry` and `retrysleep`.
    pub fn fixed(retries: u32, wait: Duration) -> Self {
        Self::new(Waits::List([wait].into()), retries)
    }

    /// So many retries with waits that double, from half of `factor`: the Python library's `retry` and `retrybackoff`.
    pub fn doubling(retries: u32, factor: Duration) -> Self {
        Self::new(Waits::Doubling(factor / 2), retries)
    }

    /// A retry for each of these waits.
    pub fn list(waits: impl IntoIterator<Item = Duration>) -> Self {
        let waits: Arc<[_]> = waits.into_iter().collect();
        let retries = u32::try_from(waits.len()).unwrap_or(u32::MAX);
        Self::new(Waits::List(waits), retries)
    }

    /// So many retries with waits that grow as `backoff` says, with full jitter, so that clients that failed together do
    /// not come back together.
    pub fn jittered(retries: u32, backoff: BackoffPolicy) -> Self {
        Self::new(Waits::Jittered(backoff), retries)
    }

    fn new(waits: Waits, retries: u32) -> Self {
        Self { waits, retries, deadline: None, allows_duplicates: false, hook: None }
    }

    /// The same with another number of retries; beyond a list, its last wait is repeated. `u32::MAX` is for ever.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The time for everything together: attempts and waits. An attempt has no more than what is left of it, and none
    /// begins after it.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.deadline = Some(time);
        self
    }

    /// A publish that may have happened is tried again too: its messages may stand in the topic twice.
    pub fn allow_duplicates(mut self) -> Self {
        self.allows_duplicates = true;
        self
    }

    /// Calls `hook` before the wait for each retry, with what failed. It must not block. Each retry is traced as a
    /// warning as well.
    pub fn on_retry(mut self, hook: impl Fn(&Retry<'_>) + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("waits", &self.waits)
            .field("retries", &self.retries)
            .field("deadline", &self.deadline)
            .field("allows_duplicates", &self.allows_duplicates)
            .finish_non_exhaustive()
    }
}

/// An attempt that failed and is about to be repeated: what [`RetryPolicy::on_retry`] is told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Retry<'a> {
    /// The HTTP method of the call.
    pub method: &'static str,
    /// The path of the call, without its query.
    pub path: &'a str,
    /// Which attempt failed; the first is 1.
    pub attempt: u32,
    /// Why.
    pub error: &'a Error,
    /// How long it is until the next one.
    pub wait: Duration,
}

/// The waits of one call.
pub(super) struct Waiter<'a> {
    policy: &'a RetryPolicy,
    failures: u32,
    backoff: Option<Backoff>,
}

impl<'a> Waiter<'a> {
    pub(super) fn new(policy: &'a RetryPolicy) -> Self {
        Self { policy, failures: 0, backoff: None }
    }

    /// The wait before the next attempt; none if there is no next one.
    pub(super) fn next(&mut self) -> Option<Duration> {
        if self.failures == self.policy.retries {
            return None;
        }
        let failures = self.failures;
        self.failures = self.failures.saturating_add(1);
        Some(match &self.policy.waits {
            Waits::List(waits) => {
                let index = usize::try_from(failures).unwrap_or(usize::MAX);
                waits.get(index).or(waits.last()).copied().unwrap_or_default()
            }
            Waits::Doubling(first) => first.saturating_mul(2_u32.saturating_pow(failures)),
            Waits::Jittered(policy) => self.backoff.get_or_insert_with(|| Backoff::new(*policy)).next(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(policy: &RetryPolicy) -> Vec<u64> {
        let mut waiter = Waiter::new(policy);
        let waits = std::iter::from_fn(|| waiter.next());
        waits.map(|wait| u64::try_from(wait.as_millis()).unwrap()).take(100).collect()
    }

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn waits_are_as_the_policy_says() {
        for (policy, expected) in [
            (RetryPolicy::none(), vec![]),
            (RetryPolicy::fixed(3, millis(5)), vec![5, 5, 5]),
            (RetryPolicy::doubling(4, millis(10)), vec![5, 10, 20, 40]),
            (RetryPolicy::list([millis(1), millis(7)]), vec![1, 7]),
            (RetryPolicy::list([millis(1), millis(7)]).retries(4), vec![1, 7, 7, 7]),
            (RetryPolicy::list([]), vec![]),
            (RetryPolicy::fixed(0, millis(5)), vec![]),
        ] {
            assert_eq!(waits(&policy), expected, "{policy:?}");
        }
        assert_eq!(waits(&RetryPolicy::fixed(1, millis(5)).retries(u32::MAX)).len(), 100, "for ever");
    }

    #[test]
    fn jittered_waits_grow_up_to_their_maximum_and_differ() {
        let backoff = BackoffPolicy::new(millis(100), millis(1000)).unwrap();
        let policy = RetryPolicy::jittered(60, backoff);
        let (one, other) = (waits(&policy), waits(&policy));
        assert_eq!(one.len(), 60);
        assert!(one[0] <= 100 && one.iter().all(|wait| *wait <= 1000) && one.iter().any(|wait| *wait > 500));
        assert_ne!(one, other);
    }
}
