//! A fault as one writes it down, in Rust or as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::serde::duration::friendly::compact::optional as signed;
use jiff::fmt::serde::unsigned_duration::friendly::compact::optional as friendly;
use serde::{Deserialize, Serialize};

/// Something an [`Emulator`](super::super::Emulator) is to do wrong, and to which requests: to all of them unless
/// [`on`](Fault::on) says which, until it is removed unless [`times`](Fault::times) says how often.
///
/// ```
/// use std::time::Duration;
/// use ams_forwarder::emulator::{Emulator, Fault, Options};
///
/// let emulator = Emulator::new(Options::default());
/// emulator.inject(Fault::reset().on("POST *:pull").times(3))?;
/// emulator.inject(Fault::status(503).header("retry-after", "2").with_probability(0.3))?;
/// emulator.inject(Fault::broker_down().delayed_by(Duration::from_millis(1500)))?;
/// emulator.clear_faults();
/// # Ok::<(), ams_forwarder::emulator::InvalidFault>(())
/// ```
///
/// Its JSON form is what `/emulator/faults` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub(super) effect: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subscription: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) times: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) probability: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "friendly")]
    pub(super) delay: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) below: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "signed")]
    pub(super) by: Option<SignedDuration>,
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Status,
    Latency,
    Reset,
    Hang,
    Truncate,
    LostAnswer,
    AckDeadlinePassed,
    BrokerDown,
    PublishFailsMidway,
    RetentionCut,
    ClockSkew,
}

/// Why a [`Fault`] makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this fault cannot be injected: {0}")]
pub struct InvalidFault(String);

impl InvalidFault {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl Fault {
    fn new(effect: Kind) -> Self {
        Self {
            effect,
            route: None,
            topic: None,
            subscription: None,
            user: None,
            times: None,
            probability: None,
            delay: None,
            status: None,
            body: None,
            content_type: None,
            headers: BTreeMap::new(),
            message: None,
            below: None,
            by: None,
        }
    }

    /// The request is not carried out and answered with this status; with an error as the service writes it, unless a
    /// [`body`](Fault::body) is given.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::new(Kind::Status) }
    }

    /// The request waits this long and is carried out then.
    #[must_use]
    pub fn latency(delay: Duration) -> Self {
        Self::new(Kind::Latency).delayed_by(delay)
    }

    /// The request is not carried out; its connection is reset.
    #[must_use]
    pub fn reset() -> Self {
        Self::new(Kind::Reset)
    }

    /// The request is not carried out and never answered. Its connection stays until the client leaves or the emulator
    /// stops.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(Kind::Hang)
    }

    /// The request is carried out. Of its answer the head arrives, half the body, and then the end of the connection.
    #[must_use]
    pub fn truncate() -> Self {
        Self::new(Kind::Truncate)
    }

    /// The request is carried out; its connection is closed without an answer.
    #[must_use]
    pub fn lost_answer() -> Self {
        Self::new(Kind::LostAnswer)
    }

    /// An acknowledgement is not carried out and answered with 408 `ack timeout`. Other requests are left alone.
    #[must_use]
    pub fn ack_deadline_passed() -> Self {
        Self::new(Kind::AckDeadlinePassed)
    }

    /// The broker behind the service is gone: publishing and pulling fail, and `:offsets` shows no bounds. Requests
    /// that need no broker are left alone.
    #[must_use]
    pub fn broker_down() -> Self {
        Self::new(Kind::BrokerDown)
    }

    /// A publish of at least `message` messages fails at that one, counted from 1; those before it are in the log.
    /// Other requests are left alone.
    #[must_use]
    pub fn publish_fails_midway(message: u64) -> Self {
        Self { message: Some(message), ..Self::new(Kind::PublishFailsMidway) }
    }

    /// Before the request is carried out, retention removes the records below `offset` of the topic that it is about, or
    /// that its subscription reads. Only for requests about a topic or a subscription.
    #[must_use]
    pub fn retention_cut(offset: u64) -> Self {
        Self { below: Some(offset), ..Self::new(Kind::RetentionCut) }
    }

    /// The request is carried out by a clock that is ahead by this much: publish times, acknowledgement deadlines,
    /// retention by age, dates of creation and the header `date`.
    #[must_use]
    pub fn clock_ahead(by: Duration) -> Self {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        Self { by: Some(by), ..Self::new(Kind::ClockSkew) }
    }

    /// The same by a clock that is behind.
    #[must_use]
    pub fn clock_behind(by: Duration) -> Self {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        Self { by: Some(-by), ..Self::new(Kind::ClockSkew) }
    }

    /// Only for requests about this topic or one of its subscriptions: a name, in whatever project, or
    /// `projects/P/topics/T`.
    #[must_use]
    pub fn on_topic(self, topic: &str) -> Self {
        Self { topic: Some(topic.to_owned()), ..self }
    }

    /// Only for requests about this subscription: a name, in whatever project, or `projects/P/subscriptions/S`.
    #[must_use]
    pub fn on_subscription(self, subscription: &str) -> Self {
        Self { subscription: Some(subscription.to_owned()), ..self }
    }

    /// Only for requests with the token of the user of this name.
    #[must_use]
    pub fn by_user(self, user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..self }
    }

    /// Only for requests of this route: a method, if it matters, and a path in which `*` stands for any characters, as
    /// in `POST /v1/projects/*/subscriptions/s:pull` or `*:pull`.
    #[must_use]
    pub fn on(self, route: &str) -> Self {
        Self { route: Some(route.to_owned()), ..self }
    }

    /// Only for the next `times` requests.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// For each request with this probability, above 0 and at most 1.
    #[must_use]
    pub fn with_probability(self, probability: f64) -> Self {
        Self { probability: Some(probability), ..self }
    }

    /// Not before this time has passed.
    #[must_use]
    pub fn delayed_by(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// What a [`status`](Fault::status) is answered with, whatever it is.
    #[must_use]
    pub fn body(self, body: &str) -> Self {
        Self { body: Some(body.to_owned()), ..self }
    }

    /// What the body of a [`status`](Fault::status) is said to be; the service's JSON unless given.
    #[must_use]
    pub fn content_type(self, content_type: &str) -> Self {
        Self { content_type: Some(content_type.to_owned()), ..self }
    }

    /// Another header of a [`status`](Fault::status), such as `retry-after`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }
}
