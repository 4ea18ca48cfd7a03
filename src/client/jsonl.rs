//! A message as a line of JSON: what the file sink and `ams pull` write, and `ams publish` reads.
//!
//! `{"messageId":"7","publishTime":"…","subscription":"projects/P/subscriptions/S","attributes":{…},"data":"…"}`, with
//! `data` where the payload is UTF-8, `data_base64` where it is not, and `data_invalid` with the text as it came where
//! that was no base64; exactly one of them.

use std::{collections::BTreeMap, io::Write};

use serde::{Deserialize, de::IgnoredAny};

use super::{Message, NewMessage, data, publish::InvalidAttribute};

/// Writes the messages of one subscription as lines, reusing its buffers.
pub struct JsonLines {
    /// `projects/P/subscriptions/S`, quoted as JSON.
    subscription: String,
    payload: Vec<u8>,
    base64: String,
}

impl JsonLines {
    /// `subscription` is the full name, [`qualified`](super::SubscriptionName::qualified).
    #[must_use]
    pub fn new(subscription: &str) -> Self {
        Self { subscription: format!("\"{subscription}\""), payload: Vec::new(), base64: String::new() }
    }

    /// Appends the line of `message`, with its end, to `out`.
    pub fn push(&mut self, message: &Message<'_>, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{{\"messageId\":\"{}\",\"publishTime\":", message.id());
        quote(message.publish_time(), out);
        out.extend_from_slice(b",\"subscription\":");
        out.extend_from_slice(self.subscription.as_bytes());
        out.push(b',');
        attributes(message, out);
        self.payload.clear();
        if message.decode_data(&mut self.payload).is_err() {
            out.extend_from_slice(b",\"data_invalid\":");
            quote(message.data_text(), out);
        } else if let Ok(text) = std::str::from_utf8(&self.payload) {
            out.extend_from_slice(b",\"data\":");
            quote(text, out);
        } else {
            self.base64.clear();
            data::encode(&self.payload, &mut self.base64);
            let _ = write!(out, ",\"data_base64\":\"{}\"", self.base64);
        }
        out.extend_from_slice(b"}\n");
    }
}

/// `"attributes":{…}`, in the order in which they came.
pub(crate) fn attributes(message: &Message<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"attributes\":{");
    for (index, (key, value)) in message.attributes().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        quote(key, out);
        out.push(b':');
        quote(value, out);
    }
    out.push(b'}');
}

/// `text` as a string of JSON.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    // A string always has a JSON form, and writing to a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Why a line is no message that can be published. Shows nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotALine {
    /// It is not JSON.
    #[error("it is no JSON: see column {column}")]
    Json {
        /// Where it stops being JSON, counted from 1.
        column: usize,
    },
    /// A field has another type than it should have.
    #[error(
        "it is no message: one is {{\"attributes\":{{\"KEY\":\"VALUE\"}},\"data\":\"TEXT\"}}; see column {column}"
    )]
    Form {
        /// Where the type is another one, counted from 1.
        column: usize,
    },
    /// There are several payloads, or there is none.
    #[error("it needs one of `data` and `data_base64`, and has {found} of them")]
    Payload {
        /// How many there are.
        found: usize,
    },
    /// The message had no base64 when it was pulled, so that its payload is not known.
    #[error("it has `data_invalid`: the message was published without base64 once, its payload is not known")]
    Invalid,
    /// `data_base64` is something else.
    #[error("its `data_base64` is no base64")]
    NotBase64,
    /// One of its attributes would destroy the record.
    #[error(transparent)]
    Attribute(#[from] InvalidAttribute),
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    data: Option<String>,
    data_base64: Option<String>,
    data_invalid: Option<IgnoredAny>,
}

impl NewMessage {
    /// Reads a line as [`JsonLines`] writes it. Fields other than attributes and payload are passed over: id, time and
    /// subscription are those of the message that was pulled.
    pub fn from_json_line(line: &str) -> Result<Self, NotALine> {
        let line: Line = serde_json::from_str(line).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => NotALine::Form { column: error.column() },
            _ => NotALine::Json { column: error.column() },
        })?;
        if line.data_invalid.is_some() {
            return Err(NotALine::Invalid);
        }
        let payload = match (line.data, line.data_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => {
                let mut payload = Vec::new();
                data::decode(&base64, &mut payload).map_err(|_| NotALine::NotBase64)?;
                payload
            }
            (data, _) => return Err(NotALine::Payload { found: 2 * usize::from(data.is_some()) }),
        };
        let message = Self::new(payload);
        let mut attributes = line.attributes.into_iter();
        Ok(attributes.try_fold(message, |message, (key, value)| message.attribute(key, value))?)
    }
}

#[cfg(test)]
mod tests;
