//! One dead letter: the line of the message in format jsonl, with `deadLetter` added to it.

use std::fmt;

use jiff::Timestamp;
use serde_json::json;

use crate::client::Message;
use crate::config::Format;
use crate::sink::Encoder;

/// A line that is ready to be written. Holds a payload, which its `Debug` form does not show.
pub(crate) struct Letter {
    line: Vec<u8>,
}

/// Why a message is among the dead letters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rejection<'a> {
    pub(crate) sink: &'a str,
    pub(crate) reason: &'a str,
    /// How often the sink was tried with this message first.
    pub(crate) tries: u32,
    /// Tells ids apart that came again.
    pub(crate) epoch: u64,
}

impl Letter {
    /// A message that its sink did not take. `subscription` is the full name, `projects/P/subscriptions/S`.
    pub(crate) fn rejected(message: &Message<'_>, subscription: &str, rejection: Rejection<'_>) -> Self {
        let Rejection { sink, reason, tries, epoch } = rejection;
        let mut line = Vec::new();
        // Any message has this form.
        let _ = Encoder::new(Format::Jsonl, subscription).encode(message, &mut line);
        let about = json!({ "sink": sink, "reason": reason, "tries": tries, "time": now(), "epoch": epoch });
        Self::with(line, &about)
    }

    /// The record at `offset`, of which the service says nothing but `reason`.
    pub(crate) fn unreadable(offset: u64, subscription: &str, reason: &str, epoch: u64) -> Self {
        let name = json!({ "messageId": offset.to_string(), "subscription": subscription });
        let line = format!("{name}\n").into_bytes();
        let about = json!({ "offset": offset, "reason": reason, "time": now(), "epoch": epoch });
        Self::with(line, &about)
    }

    /// A line with its end, to which `about` is added.
    fn with(mut line: Vec<u8>, about: &serde_json::Value) -> Self {
        line.truncate(line.len().saturating_sub(b"}\n".len()));
        line.extend_from_slice(format!(",\"deadLetter\":{about}}}\n").as_bytes());
        Self { line }
    }

    /// With its newline.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("bytes", &self.line.len()).finish()
    }
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
