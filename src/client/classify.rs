//! From an answer that is no success to what it means.
//!
//! The content decides, not the content type: the service sends some of its errors as `text/plain`, and a
//! proxy in front may answer with pages of its own. The same status means different things on different
//! calls, so the call is part of the question.

use super::error::ErrorKind;
use serde::Deserialize;
use std::time::{Duration, SystemTime};

/// Which calls have rules of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Pull,
    Acknowledge,
    ModifyOffset,
    Other,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) may_have_happened: bool,
}

/// How much of a foreign answer is kept.
const EXCERPT: usize = 200;
/// A longer wait is no use to anybody, and could overflow a clock.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// The two texts by which a pull tells that a record in its reach is destroyed.
const POISON: [&str; 2] =
    ["Message retrieved from broker network has invalid JSON Structure", "Error exporting data to JSON"];
const ACK_WINDOW: [&str; 2] = ["no ack pending", "wrong ack"];

/// Judges an answer. `text` is its body, already without the token.
pub(super) fn judge(call: Call, status: u16, reason: &str, text: &str) -> Verdict {
    let service = service_message(text);
    let said = service.as_deref().unwrap_or_default();
    let kind = match (status, call) {
        (408, Call::Acknowledge) if service.is_some() => ErrorKind::AckDeadlinePassed,
        (500, Call::Acknowledge) if ACK_WINDOW.contains(&said) => ErrorKind::AckWindowGone,
        (500, Call::Pull) if POISON.contains(&said) => ErrorKind::PoisonedRecord,
        (401 | 407, _) => ErrorKind::Unauthorized,
        (403, _) => ErrorKind::Forbidden,
        (404, _) => ErrorKind::NotFound,
        (409, _) => ErrorKind::Conflict,
        (413, _) => ErrorKind::TooLarge,
        (408 | 425 | 429, _) => ErrorKind::Transient,
        (300..=499, _) => ErrorKind::Invalid,
        _ => ErrorKind::Transient,
    };
    // A seek out of bounds is answered with 400 and done all the same.
    let refused = match kind {
        ErrorKind::Invalid => service.is_some() && call != Call::ModifyOffset,
        ErrorKind::TooLarge => true,
        ErrorKind::Transient => service.is_some() && status == 429,
        _ => service.is_some(),
    };
    let message = match service.map_or_else(|| excerpt(text), |message| excerpt(&message)) {
        message if message.is_empty() => reason.to_owned(),
        message => message,
    };
    Verdict { kind, message, may_have_happened: !refused }
}

#[derive(Deserialize)]
struct ServiceError {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

/// What the service itself said, if the body is the service's.
pub(super) fn service_message(text: &str) -> Option<String> {
    serde_json::from_str::<ServiceError>(text).ok().map(|body| body.error.message)
}

/// The start of a text on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let mut line = String::new();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 4 * EXCERPT {
            break;
        }
    }
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => {
            line.truncate(end);
            line
        }
        None => line,
    }
}

/// `Retry-After`: seconds, or a date.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(value).ok()?;
        SystemTime::from(date.timestamp()).duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
