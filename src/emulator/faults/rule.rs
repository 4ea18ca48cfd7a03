//! A fault in force: checked, and counting.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::broker::Broker;
use super::fault::{Fault, InvalidFault, Kind};
use super::route::Route;
use super::subject::{self, Subject};
use crate::emulator::answer::{Answer, JSON, Refusal};

/// A fault and what became of it so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaultStatus {
    /// Its number, by which it can be removed.
    pub id: u64,
    /// How many requests have met it.
    pub hits: u64,
    /// As it was injected.
    pub fault: Fault,
}

/// A fault in force.
#[derive(Debug)]
pub(super) struct Rule {
    status: FaultStatus,
    route: Option<Route>,
    probability: f64,
    delay: Duration,
    effect: Effect,
}

/// A request has met a rule.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) delay: Duration,
    pub(super) effect: Effect,
}

/// What is done.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// This answer, without carrying anything out.
    Answer(Canned),
    /// The request is carried out, with the broker as it is then.
    Proceed(Broker),
    Reset,
    Hang,
    Truncate,
    LoseAnswer,
    /// Besides what else is done: first the log is cut below this offset.
    Cut(u64),
    /// Besides what else is done: by a clock that is wrong by this.
    Skew(SignedDuration),
}

/// An answer that is always the same.
#[derive(Clone, Debug)]
pub(super) struct Canned {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Rule {
    pub(super) fn new(id: u64, fault: Fault) -> Result<Self, InvalidFault> {
        let wrong = |what: &str| Err(InvalidFault::new(what));
        let route = fault.route.as_deref().map(Route::parse).transpose();
        let route = route.map_err(|why| InvalidFault::new(format!("route {why}")))?;
        let probability = fault.probability.unwrap_or(1.0);
        if !(probability > 0.0 && probability <= 1.0) {
            return wrong("probability is above 0 and at most 1");
        }
        if fault.times == Some(0) {
            return wrong("times is at least 1");
        }
        let foreign = fault.body.is_some() || fault.content_type.is_some() || !fault.headers.is_empty();
        if fault.effect != Kind::Status && (foreign || fault.status.is_some()) {
            return wrong("status, body, content_type and headers belong to the effect \"status\"");
        }
        if fault.effect != Kind::PublishFailsMidway && fault.message.is_some() {
            return wrong("message belongs to the effect \"publish_fails_midway\"");
        }
        for (given, kind) in [(&fault.topic, "topics"), (&fault.subscription, "subscriptions")] {
            subject::check_name(given.as_deref(), kind).map_err(InvalidFault::new)?;
        }
        if fault.user.as_deref() == Some("") {
            return wrong("user is the name of a user");
        }
        if fault.effect != Kind::RetentionCut && fault.below.is_some() {
            return wrong("below belongs to the effect \"retention_cut\"");
        }
        if fault.effect != Kind::ClockSkew && fault.by.is_some() {
            return wrong("by belongs to the effect \"clock_skew\"");
        }
        if matches!(fault.effect, Kind::RetentionCut | Kind::ClockSkew) && fault.delay.is_some() {
            return wrong("retention and clock know no delay");
        }
        let effect = match fault.effect {
            Kind::Status => Effect::Answer(Canned::of(&fault)?),
            Kind::Latency if fault.delay.is_none() => return wrong("the effect \"latency\" needs a delay"),
            Kind::Latency => Effect::Proceed(Broker::Up),
            Kind::Reset => Effect::Reset,
            Kind::Hang => Effect::Hang,
            Kind::Truncate => Effect::Truncate,
            Kind::LostAnswer => Effect::LoseAnswer,
            Kind::AckDeadlinePassed => Effect::Answer(Canned::refusal(Refusal::ack_timeout())),
            Kind::BrokerDown => Effect::Proceed(Broker::Down),
            Kind::PublishFailsMidway => match fault.message {
                Some(message) if message > 0 => Effect::Proceed(Broker::Refuses(message)),
                _ => return wrong("message says which message of a publish fails, counted from 1"),
            },
            Kind::RetentionCut => match fault.below {
                Some(below) => Effect::Cut(below),
                None => return wrong("below is the offset of the first record that stays"),
            },
            Kind::ClockSkew => match fault.by {
                Some(by) => Effect::Skew(by),
                None => return wrong("by says how wrong the clock is, as in \"1h\" or \"-90s\""),
            },
        };
        let delay = fault.delay.unwrap_or_default();
        let status = FaultStatus { id, hits: 0, fault };
        Ok(Self { status, route, probability, delay, effect })
    }

    pub(super) fn id(&self) -> u64 {
        self.status.id
    }

    pub(super) fn status(&self) -> FaultStatus {
        self.status.clone()
    }

    pub(super) fn is_in_force(&self) -> bool {
        self.status.fault.times.is_none_or(|times| self.status.hits < times)
    }

    /// Whether it goes with other rules instead of being one to choose among them.
    pub(super) fn is_beside(&self) -> bool {
        matches!(self.effect, Effect::Cut(_) | Effect::Skew(_))
    }

    /// Counts the request if this rule is for it.
    pub(super) fn meet(&mut self, subject: &Subject) -> Option<Hit> {
        let Fault { topic, subscription, user, .. } = &self.status.fault;
        let met = self.is_in_force()
            && self.route.as_ref().is_none_or(|route| route.is_for(&subject.method, &subject.path))
            && subject.is_of(topic.as_deref(), subscription.as_deref(), user.as_deref())
            && self.concerns(subject)
            && (self.probability >= 1.0 || fastrand::f64() < self.probability);
        if !met {
            return None;
        }
        self.status.hits += 1;
        Some(Hit { delay: self.delay, effect: self.effect.clone() })
    }

    /// Whether this kind of fault can befall such a request.
    fn concerns(&self, subject: &Subject) -> bool {
        let verbs: &[&str] = match self.status.fault.effect {
            Kind::AckDeadlinePassed => &["acknowledge"],
            Kind::PublishFailsMidway => &["publish"],
            Kind::BrokerDown => &["publish", "pull", "offsets", "modifyOffset", "timeToOffset"],
            Kind::RetentionCut => return subject.log.is_some(),
            _ => return true,
        };
        subject.path.rsplit_once(':').is_some_and(|(_, verb)| verbs.contains(&verb))
    }
}

impl Canned {
    fn of(fault: &Fault) -> Result<Self, InvalidFault> {
        let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status
            .filter(|status| (200..=599).contains(&status.as_u16()))
            .ok_or_else(|| InvalidFault::new("status is from 200 to 599"))?;
        let mut canned = match &fault.body {
            None => Self::refusal(Refusal::of_status(status)),
            Some(body) => {
                let json = (header::CONTENT_TYPE, HeaderValue::from_static(JSON));
                Self { status, headers: HeaderMap::from_iter([json]), body: body.clone().into() }
            }
        };
        let own = fault.content_type.iter().map(|value| ("content-type", value));
        for (name, value) in own.chain(fault.headers.iter().map(|(name, value)| (name.as_str(), value))) {
            let Ok(found) = name.parse::<HeaderName>() else {
                return Err(InvalidFault::new(format!("{name:?} is no name of a header")));
            };
            if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&found) {
                return Err(InvalidFault::new(format!("the header {name} is the connection's own")));
            }
            let value = value.parse();
            let value = value.map_err(|_| InvalidFault::new(format!("{name} has no value of a header")))?;
            canned.headers.insert(found, value);
        }
        Ok(canned)
    }

    fn refusal(refusal: Refusal) -> Self {
        let (status, headers, body) = Answer::from(refusal).into_parts();
        Self { status, headers, body }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
