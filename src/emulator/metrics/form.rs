//! How the service writes metrics down.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

/// The most days that are shown.
const MOST_DAYS: usize = 30;

#[derive(Serialize)]
pub(crate) struct List {
    pub(crate) metrics: Vec<Metric>,
}

/// One metric of one resource.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
pub(crate) struct Metric {
    metric: &'static str,
    metric_type: &'static str,
    value_type: &'static str,
    resource_type: &'static str,
    resource_name: String,
    timeseries: Vec<Point>,
    description: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Point {
    timestamp: String,
    value: Number,
}

/// A number as the service's language writes it: without a fraction where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Count(u64),
    Float(f64),
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Below this every whole number is exact, and printed in full.
        const WHOLE: f64 = 9_007_199_254_740_992.0;
        match *self {
            Self::Count(count) => serializer.serialize_u64(count),
            Self::Float(value) if value.fract() == 0.0 && value.abs() < WHOLE =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
                serializer.serialize_i64(value as i64)
            }
            Self::Float(value) => serializer.serialize_f64(value),
        }
    }
}

/// What a metric is of, and how it is described.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    metric: &'static str,
    metric_type: &'static str,
    resource_type: &'static str,
    description: &'static str,
}

impl Kind {
    const fn new(
        metric: &'static str,
        metric_type: &'static str,
        resource_type: &'static str,
        description: &'static str,
    ) -> Self {
        Self { metric, metric_type, resource_type, description }
    }

    pub(crate) const NODE_CPU: Self = Self::new(
        "ams_node.cpu_usage",
        "percentage",
        "ams_node",
        "Percentage value that displays the CPU usage of ams service in the specific node",
    );
    pub(crate) const NODE_MEMORY: Self = Self::new(
        "ams_node.memory_usage",
        "percentage",
        "ams_node",
        "Percentage value that displays the Memory usage of ams service in the specific node",
    );
    pub(crate) const PROJECT_TOPICS: Self = Self::new(
        "project.number_of_topics",
        "counter",
        "project",
        "Counter that displays the number of topics belonging to the specific project",
    );
    pub(crate) const PROJECT_SUBSCRIPTIONS: Self = Self::new(
        "project.number_of_subscriptions",
        "counter",
        "project",
        "Counter that displays the number of subscriptions belonging to the specific project",
    );
    pub(crate) const PROJECT_DAILY: Self = Self::new(
        "project.number_of_daily_messages",
        "counter",
        "project",
        "A collection of counters that represents the total number of messages published each day to all of the project's topics",
    );
    pub(crate) const USER_TOPICS: Self = Self::new(
        "project.user.number_of_topics",
        "counter",
        "project.user",
        "Counter that displays the number of topics that a user has access to the specific project",
    );
    pub(crate) const USER_SUBSCRIPTIONS: Self = Self::new(
        "project.user.number_of_subscriptions",
        "counter",
        "project.user",
        "Counter that displays the number of subscriptions that a user has access to the specific project",
    );
    pub(crate) const TOPIC_SUBSCRIPTIONS: Self = Self::new(
        "topic.number_of_subscriptions",
        "counter",
        "topic",
        "Counter that displays the number of subscriptions belonging to a specific topic",
    );
    pub(crate) const TOPIC_MESSAGES: Self = Self::new(
        "topic.number_of_messages",
        "counter",
        "topic",
        "Counter that displays the number of messages published to the specific topic",
    );
    pub(crate) const TOPIC_BYTES: Self = Self::new(
        "topic.number_of_bytes",
        "counter",
        "topic",
        "Counter that displays the total size of data (in bytes) published to the specific topic",
    );
    pub(crate) const TOPIC_DAILY: Self = Self::new(
        "topic.number_of_daily_messages",
        "counter",
        "topic",
        "A collection of counters that represents the total number of messages published each day to a specific topic",
    );
    pub(crate) const TOPIC_RATE: Self = Self::new(
        "topic.publishing_rate",
        "rate",
        "topic",
        "A rate that displays how many messages were published per second between the last two publish events",
    );
    pub(crate) const SUBSCRIPTION_MESSAGES: Self = Self::new(
        "subscription.number_of_messages",
        "counter",
        "subscription",
        "Counter that displays the number of messages consumed from the specific subscription",
    );
    pub(crate) const SUBSCRIPTION_BYTES: Self = Self::new(
        "subscription.number_of_bytes",
        "counter",
        "subscription",
        "Counter that displays the total size of data (in bytes) consumed from the specific subscription",
    );
    pub(crate) const SUBSCRIPTION_RATE: Self = Self::new(
        "subscription.consumption_rate",
        "rate",
        "subscription",
        "A rate that displays how many messages were consumed per second between the last two consume events",
    );
}

impl Metric {
    pub(crate) fn new(kind: Kind, resource_name: &str, timeseries: Vec<Point>) -> Self {
        Self {
            metric: kind.metric,
            metric_type: kind.metric_type,
            value_type: if kind.metric_type == "counter" { "int64" } else { "float64" },
            resource_type: kind.resource_type,
            resource_name: resource_name.to_owned(),
            timeseries,
            description: kind.description,
        }
    }

    /// A number of things at one time.
    pub(crate) fn count<N: TryInto<u64>>(
        kind: Kind,
        resource_name: &str,
        timestamp: String,
        count: N,
    ) -> Self {
        let value = Number::Count(count.try_into().unwrap_or(u64::MAX));
        Self::new(kind, resource_name, vec![Point { timestamp, value }])
    }

    /// A rate or a percentage at one time.
    pub(crate) fn rate(kind: Kind, resource_name: &str, timestamp: String, rate: f64) -> Self {
        Self::new(kind, resource_name, vec![Point { timestamp, value: Number::Float(rate) }])
    }
}

/// Counts by day, the newest first.
pub(crate) fn days(counts: &BTreeMap<Date, u64>) -> Vec<Point> {
    let point =
        |(day, &count): (&Date, &u64)| Point { timestamp: day.to_string(), value: Number::Count(count) };
    counts.iter().rev().take(MOST_DAYS).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_fraction_only_where_there_is_one() {
        let written = |number| serde_json::to_string(&number).unwrap();
        assert_eq!(written(Number::Count(7)), "7");
        assert_eq!(written(Number::Float(0.0)), "0");
        assert_eq!(written(Number::Float(2.0)), "2");
        assert_eq!(written(Number::Float(21.329_439_658_343_33)), "21.32943965834333");
    }

    #[test]
    fn only_the_last_thirty_days_are_shown() {
        let first = jiff::civil::date(2026, 1, 1);
        let counts: BTreeMap<Date, u64> =
            (0..40).map(|day| (first.saturating_add(jiff::Span::new().days(day)), 1)).collect();
        let shown = days(&counts);
        assert_eq!(shown.len(), 30);
        assert_eq!((shown[0].timestamp.as_str(), shown[29].timestamp.as_str()), ("2026-02-09", "2026-01-11"));
    }
}
