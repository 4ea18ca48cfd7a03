//! What callers hand in and get back, apart from messages: pages, offsets, and what projects, topics and
//! subscriptions are. What only one resource has stands in its file, as do the forms on the wire.

use super::{
    name::{ProjectName, SubscriptionName, TopicName},
    push::PushInfo,
};
use serde::{Deserialize, Serialize, Serializer};
use std::time::Duration;

/// How much one pull may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullLimits {
    /// At most so many messages; at least 1. Big batches are the one way to be fast: a pull costs about as
    /// much for 5,000 messages as for one.
    pub max_messages: u32,
    /// An answer larger than this many bytes is cut off while it is read; 2 GiB is the most.
    pub max_bytes: usize,
}

/// The bounds of a topic's log and a subscription's place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offsets {
    /// The lowest id still there; retention moves it up. -1 while the broker is down.
    pub min: i64,
    /// One past the newest id. -1 while the broker is down.
    pub max: i64,
    /// The id of the next message the subscription will get; stale while the broker is down.
    pub current: i64,
}

impl Offsets {
    /// `min` and `max`, between which (both included) a subscription can be moved; none while the broker is
    /// down.
    #[must_use]
    pub fn bounds(&self) -> Option<(u64, u64)> {
        Some((u64::try_from(self.min).ok()?, u64::try_from(self.max).ok()?))
    }
}

/// Which part of a list to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many items; the service's own choice when absent.
    pub size: Option<u32>,
    /// [`Page::next`] of the page before; absent for the first one.
    pub token: Option<String>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// What this page has.
    pub items: Vec<T>,
    /// What asks for the next page; none on the last one.
    pub next: Option<String>,
    /// How many items there are on all pages.
    pub total: u64,
}

/// A project. Times are RFC 3339, as the service sent them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProjectInfo {
    /// Its name.
    pub name: ProjectName,
    /// When it was made.
    #[serde(default)]
    pub created_on: String,
    /// When it was changed last.
    #[serde(default)]
    pub modified_on: String,
    /// The user who made it, where the service says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// A text for people.
    #[serde(default)]
    pub description: String,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TopicInfo {
    /// Its project.
    pub project: ProjectName,
    /// Its name.
    pub name: TopicName,
    /// When it was made: RFC 3339, as the service sent it.
    pub created_on: String,
    /// The qualified name of the schema its messages are checked against.
    pub schema: Option<String>,
}

/// A subscription.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// Its project.
    pub project: ProjectName,
    /// Its name.
    pub name: SubscriptionName,
    /// The project of its topic.
    pub topic_project: ProjectName,
    /// Its topic, which may be gone by now.
    pub topic: TopicName,
    /// How long after a pull its messages can be acknowledged. Written as whole seconds, `ack_deadline_seconds`.
    #[serde(rename = "ack_deadline_seconds", serialize_with = "as_seconds")]
    pub ack_deadline: Duration,
    /// When it was made: RFC 3339, as the service sent it.
    pub created_on: String,
    /// Where the service pushes its messages; none if they are to be pulled.
    pub push: Option<PushInfo>,
}

fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}
