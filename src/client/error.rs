//! What can go wrong with a call, told by what follows from it.
//!
//! An [`Error`] says which request it was, what came back and after how long; its [`ErrorKind`] says what to
//! do. The token never occurs in one, nor a query or the content of a message. How an answer becomes an error
//! is written in `classify`.

use super::credential::NoToken;
use std::{fmt, time::Duration};

/// The result of a call to the service.
pub type Result<T> = std::result::Result<T, Error>;

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It may pass: try again, later. No connection, a timeout, 429, 5xx, or an answer that is none of AMS.
    Transient,
    /// The server could not prove who it is: its certificate has expired, is for another host, or of an unknown CA; or the
    /// CA certificates to check it with cannot be read. Nothing was sent.
    Untrusted,
    /// No token, or one the service does not know (401); or the login with a host certificate was refused.
    Unauthorized,
    /// The token's user lacks the role, or is not in the ACL (403).
    Forbidden,
    /// No such project, topic, subscription, or path (404).
    NotFound,
    /// It exists already, the topic of the subscription is gone, or the time lies beyond the log (409).
    Conflict,
    /// Too much time has passed since the pull: nothing was acknowledged, pull again (408 on an acknowledge).
    AckDeadlinePassed,
    /// The id is not of the last pull, or was acknowledged before; `:offsets` tells which.
    AckWindowGone,
    /// A record in reach of the pull is destroyed: no pull over it will ever succeed, a smaller one may.
    PoisonedRecord,
    /// The answer was larger than allowed and was cut off, or the request was (413): ask for or send less.
    TooLarge,
    /// The request is wrong and will stay so (400, a redirect, or refused before it was sent).
    Invalid,
}

impl ErrorKind {
    /// A short fixed word, fit for a metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Untrusted => "untrusted",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::AckDeadlinePassed => "ack_deadline_passed",
            Self::AckWindowGone => "ack_window_gone",
            Self::PoisonedRecord => "poisoned_record",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A call that failed.
///
/// Shown as `POST /v1/projects/P/subscriptions/S:pull: 403 Access to this resource is forbidden (forbidden,
/// after 12 ms)`.
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    class: &'static str,
    method: &'static str,
    path: String,
    status: Option<u16>,
    message: String,
    elapsed: Duration,
    retry_after: Option<Duration>,
    may_have_happened: bool,
    attempts: u32,
}

/// No connection was made: nothing was sent.
pub(crate) const CONNECT: &str = "connect";
/// The time for the request ran out.
pub(super) const TIMEOUT: &str = "timeout";

impl Error {
    /// Every value [`class`](Self::class) can have.
    pub const CLASSES: [&'static str; 13] = [
        "transient",
        CONNECT,
        TIMEOUT,
        "untrusted",
        "unauthorized",
        "forbidden",
        "not_found",
        "conflict",
        "ack_deadline_passed",
        "ack_window_gone",
        "poisoned_record",
        "too_large",
        "invalid",
    ];

    pub(crate) fn new(
        kind: ErrorKind,
        method: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Details {
            kind,
            class: kind.as_str(),
            method,
            path: path.into(),
            status: None,
            message: message.into(),
            elapsed: Duration::ZERO,
            retry_after: None,
            may_have_happened: true,
            attempts: 1,
        }))
    }

    /// There is no token, or none but one that was refused; that decides what follows, and whether anything happened is
    /// as it was.
    pub(crate) fn for_want_of(mut self, token: NoToken) -> Self {
        let NoToken { kind, class, message, retry_after } = token;
        self.0.message = match self.0.status {
            Some(_) => format!("{}, and there is no other token: {message}", self.0.message),
            None => message,
        };
        (self.0.kind, self.0.class, self.0.retry_after) = (kind, class, retry_after);
        self
    }

    pub(crate) fn with_class(mut self, class: &'static str) -> Self {
        self.0.class = class;
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_elapsed(mut self, elapsed: Duration) -> Self {
        self.0.elapsed = elapsed;
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    pub(crate) fn with_may_have_happened(mut self, may: bool) -> Self {
        self.0.may_have_happened = may;
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Whether an earlier attempt of the same call may have been carried out: this answer may be about what that has
    /// done.
    pub(super) fn follows_doubt(&self) -> bool {
        self.0.attempts > 1 && self.0.may_have_happened
    }

    /// What follows from it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The kind's word, with `connect` and `timeout` told apart from other transient errors. One of
    /// [`CLASSES`](Self::CLASSES), so that it can be a metric label.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.0.class
    }

    /// The HTTP method of the request.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.0.method
    }

    /// The path of the request, without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The HTTP status of the answer; none when there was no answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What the service said, or the start of what somebody else said, or what hindered the request.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// How often it was tried: once, unless a [`RetryPolicy`](super::RetryPolicy) says otherwise. This is the error of
    /// the last attempt.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The time from the start of the call to its failure, of all attempts.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// How long the answer asked to wait (`Retry-After`), at most a day.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the service may have done what was asked, at any attempt.
    ///
    /// False where it certainly has not: no connection was made, it was refused before it was sent, or the
    /// service itself refused it. True where no answer came, where it broke off, or where somebody in between
    /// answered. A publish that may have happened can duplicate its messages when it is tried again.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        self.0.may_have_happened
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &*self.0;
        write!(f, "{} {}: ", details.method, details.path)?;
        if let Some(status) = details.status {
            write!(f, "{status} ")?;
        }
        write!(f, "{} ({}, after {} ms", details.message, details.class, details.elapsed.as_millis())?;
        if details.attempts > 1 {
            write!(f, ", {} attempts", details.attempts)?;
        }
        if let Some(wait) = details.retry_after {
            write!(f, ", to be tried again after {} s", wait.as_secs())?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {}
