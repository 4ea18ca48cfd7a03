//! What the metrics count: how much went in and out, how fast, and on which day.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// What was published to a topic, or pulled from a subscription, repeated pulls included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub(crate) messages: u64,
    /// Of the data as it was sent, base64 and all; attributes do not count.
    pub(crate) bytes: u64,
    pub(crate) latest: Option<Timestamp>,
    /// Messages per second between the last two events.
    pub(crate) rate: f64,
}

impl Activity {
    /// One publish or pull, of no messages perhaps. The first one is taken to have lasted a second.
    pub(crate) fn record(&mut self, messages: u64, bytes: u64, now: Timestamp) {
        let seconds = self.latest.map_or(1.0, |latest| now.duration_since(latest).as_secs_f64());
        self.messages += messages;
        self.bytes += bytes;
        self.latest = Some(now);
        self.rate = messages as f64 / seconds.max(1e-9);
    }
}

/// How many messages were published on each day (UTC), by the name of the topic. It outlives the topics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DailyCounts(HashMap<String, BTreeMap<Date, u64>>);

impl DailyCounts {
    pub(crate) fn record(&mut self, topic: &str, messages: u64, now: Timestamp) {
        let day = day_of(now);
        if let Some(days) = self.0.get_mut(topic) {
            *days.entry(day).or_default() += messages;
        } else {
            self.0.insert(topic.to_owned(), BTreeMap::from([(day, messages)]));
        }
    }

    /// The days of one topic.
    pub(crate) fn of_topic(&self, topic: &str) -> BTreeMap<Date, u64> {
        self.0.get(topic).cloned().unwrap_or_default()
    }

    /// The days of all topics together.
    pub(crate) fn total(&self) -> BTreeMap<Date, u64> {
        let mut total = BTreeMap::new();
        for (&day, messages) in self.0.values().flatten() {
            *total.entry(day).or_default() += messages;
        }
        total
    }
}

/// The day in UTC.
pub(crate) fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_between_the_last_two_events() {
        let mut activity = Activity::default();
        let second = |second| Timestamp::from_second(second).unwrap();
        activity.record(3, 30, second(100));
        assert_eq!((activity.messages, activity.bytes, activity.rate), (3, 30, 3.0));
        activity.record(8, 10, second(104));
        assert_eq!((activity.messages, activity.bytes, activity.rate), (11, 40, 2.0));
        activity.record(0, 0, second(104));
        assert_eq!((activity.messages, activity.rate), (11, 0.0));
        activity.record(1, 0, second(104));
        assert!(activity.rate.is_finite(), "two events at the same time");
    }

    #[test]
    fn days_are_counted_by_topic_and_together() {
        let mut counts = DailyCounts::default();
        let midnight = "2026-11-24T00:00:00Z".parse::<Timestamp>().unwrap();
        let before = midnight - jiff::SignedDuration::from_nanos(1);
        counts.record("a", 2, before);
        counts.record("a", 1, midnight);
        counts.record("b", 5, midnight);
        let shown = |days: BTreeMap<Date, u64>| {
            days.iter().map(|(day, count)| format!("{day} {count}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(shown(counts.of_topic("a")), "2026-11-23 2, 2026-11-24 1");
        assert_eq!(shown(counts.total()), "2026-11-23 2, 2026-11-24 6");
        assert_eq!(shown(counts.of_topic("c")), "");
    }
}
