//! A pulled message on its way to another topic, as it is.

use super::{InvalidAttribute, LARGEST_RECORD, check_attribute};
use crate::client::Message;
use std::{borrow::Cow, fmt};

/// A pulled message that is safe to publish: its attributes and the text of its data unchanged, be that base64 or
/// not. Its `Debug` shows sizes, never content.
#[derive(Clone)]
pub struct RawMessage<'a> {
    message: Message<'a>,
    added: Vec<(&'a str, Cow<'a, str>)>,
    record_bytes: usize,
}

/// A pulled message that cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unpublishable {
    /// One of its attributes would destroy the record.
    #[error(transparent)]
    Attribute(#[from] InvalidAttribute),
    /// The service takes no record that large.
    #[error("it would become a record of {bytes} bytes, and the service takes {LARGEST_RECORD} at the most")]
    TooLarge {
        /// The record's size, its id counted with one digit.
        bytes: usize,
    },
}

impl<'a> RawMessage<'a> {
    /// Refuses what would destroy the record, and what would be too large a record.
    pub fn new(message: Message<'a>) -> Result<Self, Unpublishable> {
        Self::with_attributes(message, Vec::new())
    }

    /// The same with further attributes; one that the message has under the same key is replaced. They count for what is
    /// refused.
    pub fn with_attributes(
        message: Message<'a>,
        added: Vec<(&'a str, Cow<'a, str>)>,
    ) -> Result<Self, Unpublishable> {
        let mut raw = Self { message, added, record_bytes: 0 };
        raw.attributes().try_for_each(|(key, value)| check_attribute(key, value))?;
        raw.record_bytes = record_bytes(raw.attributes(), escaped_bytes(message.data_text()));
        if raw.record_bytes > LARGEST_RECORD {
            return Err(Unpublishable::TooLarge { bytes: raw.record_bytes });
        }
        Ok(raw)
    }

    /// About what it takes in the log, and at least what it takes in the body of a publish.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Its attributes, those that were added last.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_kept = |key| !self.added.iter().any(|(added, _)| *added == key);
        let added = self.added.iter().map(|(key, value)| (*key, &**value));
        self.message.attributes().filter(move |(key, _)| is_kept(*key)).chain(added)
    }

    pub(super) fn push_data(&self, out: &mut String) {
        let text = self.message.data_text();
        if !text.bytes().any(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')) {
            out.push_str(text);
            return;
        }
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\0'..' ' => out.extend(["\\u", &format!("{:04x}", u32::from(character))]),
                _ => out.push(character),
            }
        }
    }
}

impl fmt::Debug for RawMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMessage").field("record_bytes", &self.record_bytes).finish_non_exhaustive()
    }
}

/// The record as the service stores it, which is JSON over several lines; without attributes, and with them.
const FRAME: &str = "{\n   \"messageId\": \"0\",\n   \"data\": \"\",\n   \"publishTime\": \"2026-11-23T07:05:18.157214377Z\"\n}";
const FRAME_OF_ATTRIBUTES: &str = "   \"attributes\": {\n   },\n";
const FRAME_OF_ATTRIBUTE: &str = "      \"\": \"\",\n";

/// The size of a record with these attributes, its id counted with one digit and its data as it is escaped.
pub(super) fn record_bytes<'a>(attributes: impl Iterator<Item = (&'a str, &'a str)>, data: usize) -> usize {
    let attributes: usize = attributes
        .map(|(key, value)| key.len() + value.len() + FRAME_OF_ATTRIBUTE.len())
        // The last one has no comma.
        .reduce(|sum, bytes| sum + bytes)
        .map_or(0, |bytes| bytes + FRAME_OF_ATTRIBUTES.len() - 1);
    FRAME.len() + attributes + data
}

/// The service escapes what might be HTML or a line's end in a script, too.
fn escaped_bytes(text: &str) -> usize {
    let escape = |character| match character {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        _ => character.len_utf8(),
    };
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')) {
        return text.len();
    }
    text.chars().map(escape).sum()
}

#[cfg(test)]
mod tests;
