//! The service's own waits, for an emulator that is to be as slow.
//!
//! What a pull costs there is a matter of what it finds: next to nothing where there is nothing, a little for any number
//! of records, and long at the end of the log, where it waits for more. All of that time it holds its topic, so that
//! subscriptions of one topic wait for each other.

use std::time::Duration;

use super::log::Log;

/// A call that is no pull, and a pull that finds nothing.
const SHORT: Duration = Duration::from_millis(2);
/// A pull of which more records are left than it takes.
const BACKLOG: Duration = Duration::from_millis(110);
/// A pull that comes to the end of the log waits this long for more records,
const FOR_MORE: Duration = Duration::from_millis(300);
/// and takes this long to end then.
const AT_THE_END: Duration = Duration::from_millis(310);

/// How long calls take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Latency {
    /// As long as it takes to do it.
    #[default]
    None,
    /// As long as on the real service.
    Realistic,
}

impl Latency {
    /// Waits as long as a call of this path takes; pulls do so for themselves.
    pub(crate) async fn of_a_call(self, path: &str) {
        if self == Self::Realistic && !path.ends_with(":pull") {
            tokio::time::sleep(SHORT).await;
        }
    }

    /// Waits as long as a pull of `limit` records from `from` on takes.
    pub(crate) async fn of_a_pull(self, log: &Log, from: i64, limit: u64) {
        if self == Self::None {
            return;
        }
        let max = log.bounds().max;
        let end = from.saturating_add_unsigned(limit);
        if from >= max {
            tokio::time::sleep(SHORT).await;
        } else if end < max {
            tokio::time::sleep(BACKLOG).await;
        } else {
            // With or without more of them, the pull goes on.
            let more = end.max(max.saturating_add(1)).unsigned_abs();
            let _ = tokio::time::timeout(FOR_MORE, log.grown_to(more)).await;
            tokio::time::sleep(AT_THE_END).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;
    use crate::emulator::log::Limits;
    use crate::emulator::memory::Memory;
    use crate::emulator::message::Prepared;
    use crate::emulator::retention::Retention;

    fn log(records: usize) -> Arc<Log> {
        let log = Log::new(Limits { retention: Retention::UNLIMITED, memory: Memory::new(None) }, None);
        let message = Prepared::Good { attributes: Vec::new(), data: b"x".into(), data_bytes: 1 };
        log.append(&vec![message; records]).unwrap();
        Arc::new(log)
    }

    async fn taken(latency: Latency, log: &Log, from: i64, limit: u64) -> Duration {
        let began = Instant::now();
        latency.of_a_pull(log, from, limit).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pull_takes_as_long_as_the_services() {
        let log = log(10);
        let milliseconds = Duration::from_millis;
        let pull = async |from, limit| taken(Latency::Realistic, &log, from, limit).await;
        assert_eq!(pull(10, 5).await, milliseconds(2), "nothing there");
        assert_eq!(pull(99, 5).await, milliseconds(2), "beyond the end");
        assert_eq!(pull(0, 9).await, milliseconds(110), "a backlog");
        assert_eq!(pull(0, 10).await, milliseconds(610), "the end of the log");
        assert_eq!(pull(0, u64::MAX).await, milliseconds(610));
        assert_eq!(taken(Latency::None, &log, 0, 9).await, milliseconds(0));
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_of_the_log_it_waits_no_longer_than_until_there_is_enough() {
        let log = log(10);
        let publish = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let message = Prepared::Good { attributes: Vec::new(), data: b"x".into(), data_bytes: 1 };
            log.append(&[message.clone(), message]).unwrap();
        };
        let (taken, ()) = tokio::join!(taken(Latency::Realistic, &log, 0, 12), publish);
        assert_eq!(taken, Duration::from_millis(410));
    }

    #[tokio::test(start_paused = true)]
    async fn other_calls_take_two_milliseconds_and_pulls_are_left_to_themselves() {
        let began = Instant::now();
        Latency::Realistic.of_a_call("/v1/projects/P/subscriptions/s:pull").await;
        Latency::None.of_a_call("/v1/status").await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        Latency::Realistic.of_a_call("/v1/status").await;
        assert_eq!(began.elapsed(), Duration::from_millis(2));
    }
}
