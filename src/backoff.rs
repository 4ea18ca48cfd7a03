//! How long to wait after a failure: exponential growth with full jitter.
//!
//! A [`BackoffPolicy`] is checked when it is made, so that a [`Backoff`] can promise two things: it never
//! returns a wait so short that a loop becomes busy, and never one above the policy's maximum. Knows nothing
//! of messages; the client library and the daemon use it alike.

use std::time::Duration;

/// The shortest first wait a policy may name: anything below would be a busy loop.
pub const SHORTEST_INITIAL: Duration = Duration::from_millis(1);

/// The longest wait for somebody who cannot be connected to, unless a policy begins with a longer one.
pub const LONGEST_UNREACHABLE: Duration = Duration::from_secs(5);

/// How waits grow: from `initial`, doubling, up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffPolicy {
    initial: Duration,
    max: Duration,
}

impl BackoffPolicy {
    /// A policy whose first ceiling is `initial` and whose last is `max`.
    ///
    /// Refuses an `initial` below [`SHORTEST_INITIAL`] and a `max` below `initial`.
    pub fn new(initial: Duration, max: Duration) -> Result<Self, InvalidBackoff> {
        if initial < SHORTEST_INITIAL {
            return Err(InvalidBackoff::InitialTooShort { initial });
        }
        if max < initial {
            return Err(InvalidBackoff::MaxBelowInitial { initial, max });
        }
        Ok(Self { initial, max })
    }

    /// The ceiling of the first wait.
    #[must_use]
    pub fn initial(&self) -> Duration {
        self.initial
    }

    /// The longest wait.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }
}

impl Default for BackoffPolicy {
    /// From 250 ms up to a minute.
    fn default() -> Self {
        Self { initial: Duration::from_millis(250), max: Duration::from_mins(1) }
    }
}

/// Why two durations make no [`BackoffPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBackoff {
    /// The first wait would make a busy loop.
    #[error("initial is {initial:?}; it must be at least {SHORTEST_INITIAL:?}")]
    InitialTooShort {
        /// What was asked for.
        initial: Duration,
    },
    /// The waits would shrink.
    #[error("max is {max:?}, below initial ({initial:?})")]
    MaxBelowInitial {
        /// The first wait asked for.
        initial: Duration,
        /// The longest wait asked for.
        max: Duration,
    },
}

/// The waits of one row of failures.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    attempts: u32,
    /// How often the ceiling has doubled.
    growth: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// Starts with no failures counted.
    #[must_use]
    pub fn new(policy: BackoffPolicy) -> Self {
        Self { policy, attempts: 0, growth: 0, random: fastrand::Rng::new() }
    }

    /// Counts a failure and says how long to wait: uniformly up to `min(max, initial * 2^n)`, and at least
    /// half of `initial`.
    ///
    /// Full jitter keeps clients that failed together from coming back together.
    #[expect(clippy::should_implement_trait, reason = "the row has no end, so it is no iterator")]
    pub fn next(&mut self) -> Duration {
        self.grow(self.policy.max)
    }

    /// The same for a failure to connect, at [`LONGEST_UNREACHABLE`] at the most: an attempt costs next to nothing, and
    /// who comes back is to be found soon. Waits for other failures after it grow on from there.
    pub fn next_unreachable(&mut self) -> Duration {
        self.grow(LONGEST_UNREACHABLE.max(self.policy.initial).min(self.policy.max))
    }

    fn grow(&mut self, most: Duration) -> Duration {
        let growth = 2_u32.saturating_pow(self.growth);
        let ceiling = self.policy.initial.saturating_mul(growth).min(most);
        let floor = self.policy.initial / 2;
        self.attempts = self.attempts.saturating_add(1);
        if ceiling < most {
            self.growth += 1;
        }
        let spread = u64::try_from(ceiling.saturating_sub(floor).as_nanos()).unwrap_or(u64::MAX);
        floor.saturating_add(Duration::from_nanos(self.random.u64(0..=spread)))
    }

    /// Forgets the failures: call it on success.
    pub fn reset(&mut self) {
        (self.attempts, self.growth) = (0, 0);
    }

    /// How many failures in a row were counted.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The policy the waits follow.
    #[must_use]
    pub fn policy(&self) -> BackoffPolicy {
        self.policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn policy(initial: u64, max: u64) -> BackoffPolicy {
        BackoffPolicy::new(millis(initial), millis(max)).unwrap()
    }

    #[test]
    fn a_policy_that_would_be_busy_or_shrink_is_refused() {
        let zero = BackoffPolicy::new(Duration::ZERO, millis(5)).unwrap_err();
        assert_eq!(zero, InvalidBackoff::InitialTooShort { initial: Duration::ZERO });
        let shrinks = BackoffPolicy::new(millis(20), millis(10)).unwrap_err();
        assert_eq!(shrinks.to_string(), "max is 10ms, below initial (20ms)");
    }

    #[test]
    fn waits_spread_over_the_whole_range_and_reach_both_ends() {
        let mut backoff = Backoff::new(policy(100, 1000));
        for _ in 0..10 {
            backoff.next();
        }
        let waits: Vec<_> = (0..2000).map(|_| backoff.next()).collect();
        assert!(waits.iter().any(|wait| *wait < millis(150)), "never short");
        assert!(waits.iter().any(|wait| *wait > millis(900)), "never long");
    }

    #[test]
    fn reset_begins_at_the_first_ceiling_again() {
        let mut backoff = Backoff::new(policy(100, 60_000));
        for _ in 0..50 {
            backoff.next();
        }
        assert_eq!(backoff.attempts(), 50);
        backoff.reset();
        assert_eq!(backoff.attempts(), 0);
        assert!(backoff.next() <= millis(100));
    }

    #[test]
    fn who_cannot_be_connected_to_is_tried_every_few_seconds_and_its_first_words_are_not_held_against_it() {
        let mut backoff = Backoff::new(policy(250, 60_000));
        for _ in 0..1000 {
            assert!(backoff.next_unreachable() <= LONGEST_UNREACHABLE);
        }
        assert_eq!(backoff.attempts(), 1000);
        assert!(backoff.next() <= 2 * LONGEST_UNREACHABLE, "an overloaded server that has just come back");
        for (policy, most) in [(policy(250, 1000), 1000), (policy(20_000, 60_000), 20_000)] {
            let mut backoff = Backoff::new(policy);
            let longest = (0..1000).map(|_| backoff.next_unreachable()).max().unwrap();
            assert!(longest <= millis(most) && longest > millis(most / 2), "{longest:?}");
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_never_busy_and_never_above_its_ceiling(
            initial in 1_u64..5_000, more in 0_u64..1_000_000, seed: u64, failures in 1_u32..200,
        ) {
            let policy = policy(initial, initial + more);
            let mut backoff = Backoff { random: fastrand::Rng::with_seed(seed), ..Backoff::new(policy) };
            for attempt in 0..failures {
                let wait = backoff.next();
                let ceiling = policy.initial().saturating_mul(2_u32.saturating_pow(attempt)).min(policy.max());
                prop_assert!(wait >= policy.initial() / 2 && wait <= ceiling);
            }
        }

        #[test]
        fn the_longest_durations_do_not_overflow(seed: u64) {
            let policy = BackoffPolicy::new(millis(1), Duration::MAX).unwrap();
            let mut backoff = Backoff { random: fastrand::Rng::with_seed(seed), ..Backoff::new(policy) };
            for _ in 0..200 {
                prop_assert!(backoff.next() >= Duration::from_micros(500));
            }
        }
    }
}
