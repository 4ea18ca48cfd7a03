//! A small publisher of made-up monitoring results, through the same client and wire as everybody else.

mod results;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::MissedTickBehavior;

use crate::client::{AmsClient, NewMessage, TopicName};

/// Publishes no more often than this; a higher rate makes larger batches.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Publishes `rate` messages a second, for ever. What fails is not published again: there is more to come.
pub(crate) async fn publish(client: &AmsClient, topic: &TopicName, rate: f64) {
    let pause = pause(rate);
    let mut ticks = tokio::time::interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut random = fastrand::Rng::new();
    let mut arrears = 0.0;
    let mut failing = false;
    loop {
        ticks.tick().await;
        arrears += rate * pause.as_secs_f64();
        let messages = due(&mut arrears, &mut random);
        if messages.is_empty() {
            continue;
        }
        match client.publish(topic, &messages).await {
            Ok(_) => failing = false,
            Err(error) if !failing => {
                tracing::warn!("the demo publisher is failing: {error}");
                failing = true;
            }
            Err(_) => {}
        }
    }
}

/// The time between two batches: that of one message, unless that is very short.
fn pause(rate: f64) -> Duration {
    Duration::try_from_secs_f64(rate.recip())
        .unwrap_or(Duration::MAX)
        .clamp(SHORTEST_PAUSE, Duration::from_hours(24))
}

fn due(arrears: &mut f64, random: &mut fastrand::Rng) -> Vec<NewMessage> {
    let now = Timestamp::now();
    let mut messages = Vec::new();
    // A little less than one, for fractions that add up inexactly.
    while *arrears > 0.999 {
        *arrears -= 1.0;
        messages.extend(results::message(now, random));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of ten seconds at this rate.
    fn in_ten_seconds(rate: f64) -> usize {
        let pause = pause(rate);
        let mut random = fastrand::Rng::with_seed(1);
        let mut arrears = 0.0;
        let mut count = 0;
        let mut elapsed = Duration::ZERO;
        while elapsed < Duration::from_secs(10) {
            elapsed += pause;
            arrears += rate * pause.as_secs_f64();
            count += due(&mut arrears, &mut random).len();
        }
        count
    }

    #[test]
    fn it_publishes_as_many_messages_a_second_as_it_was_told() {
        for (rate, expected) in [(0.1, 1), (1.0, 10), (5.0, 50), (25.0, 250), (2_000.0, 20_000)] {
            let count = in_ten_seconds(rate);
            assert!(count.abs_diff(expected) <= 1, "{rate}: {count} instead of {expected}");
        }
    }

    #[test]
    fn the_slowest_rate_there_is_still_makes_a_pause() {
        assert_eq!(pause(f64::MIN_POSITIVE), Duration::from_hours(24));
    }
}
