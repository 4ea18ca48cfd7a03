//! How often to ask for more.

use std::time::Duration;

/// The wait after an empty pull.
#[derive(Debug)]
pub(crate) struct PollInterval {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl PollInterval {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
    }

    /// The wait now; the next one is twice as long, up to the maximum.
    pub(crate) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = now.saturating_mul(2).min(self.max);
        now
    }

    /// Messages came: the next wait is the shortest again.
    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_slow_down_while_nothing_comes() {
        let mut poll = PollInterval::new(Duration::from_millis(100), Duration::from_millis(300));
        let waits: Vec<u128> = (0..4).map(|_| poll.next().as_millis()).collect();
        assert_eq!(waits, [100, 200, 300, 300]);
        poll.reset();
        assert_eq!(poll.next().as_millis(), 100);
    }
}
