//! A message to be published, and the body of a publish.
//!
//! The service writes attributes into a record without escaping them. A quotation mark, a backslash or a
//! control character destroys the record, and with it every later pull over it; so such attributes never get
//! this far.

use super::data;
use std::{collections::BTreeMap, fmt};

mod raw;

pub use raw::{RawMessage, Unpublishable};

/// The largest record of a topic's log, in bytes of its JSON as the service stores it: base64, attributes and frame
/// count. One of 1,333,500 bytes was seen to be taken, one of 1,600,150 refused; between them lies the limit that the
/// service sets its Kafka producer, 1,500,000 bytes, of which the record's frame takes 36.
pub(crate) const LARGEST_RECORD: usize = 1_500_000 - 36;

/// A message that is safe to publish. Its `Debug` shows sizes, never content.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NewMessage {
    payload: Vec<u8>,
    attributes: BTreeMap<String, String>,
}

/// An attribute that would destroy the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {part} of attribute {key:?} has {character:?}: nobody could pull the record it would become")]
pub struct InvalidAttribute {
    /// The attribute's key.
    pub key: String,
    /// `key` or `value`: where the character stands.
    pub part: &'static str,
    /// The character.
    pub character: char,
}

impl NewMessage {
    /// A message without attributes. The service takes about 1.1 MB of payload.
    #[must_use]
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self { payload: payload.into(), attributes: BTreeMap::new() }
    }

    /// Adds an attribute; one of the same key is replaced.
    ///
    /// Refuses `"`, `\` and control characters in key and value: they destroy the record.
    pub fn attribute(
        mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, InvalidAttribute> {
        let (key, value) = (key.into(), value.into());
        check_attribute(&key, &value)?;
        self.attributes.insert(key, value);
        Ok(self)
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The attributes, in order of their keys.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// About what it takes in the log, base64 and attributes counted, and at least what it takes in the body of a
    /// publish. The service takes no record of more than about 1.5 MB.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        raw::record_bytes(self.attributes(), data::encoded_bytes(self.payload.len()))
    }
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage")
            .field("payload_bytes", &self.payload.len())
            .field("attributes", &self.attributes.len())
            .finish()
    }
}

fn check_attribute(key: &str, value: &str) -> Result<(), InvalidAttribute> {
    for (part, text) in [("key", key), ("value", value)] {
        if let Some(character) = text.chars().find(|c| matches!(c, '"' | '\\') || c.is_control()) {
            return Err(InvalidAttribute { key: key.to_owned(), part, character });
        }
    }
    Ok(())
}

/// The body of a publish.
pub(super) fn body(messages: &[NewMessage]) -> String {
    let size: usize = messages.iter().map(|message| message.payload.len() * 4 / 3 + 64).sum();
    let mut body = Body::with_capacity(size);
    for message in messages {
        body.message(message.attributes(), |out| data::encode(&message.payload, out));
    }
    body.end()
}

/// The body of a publish of messages that were pulled.
pub(super) fn raw_body(messages: &[RawMessage<'_>]) -> String {
    let mut body = Body::with_capacity(messages.iter().map(RawMessage::record_bytes).sum());
    for message in messages {
        body.message(message.attributes(), |out| message.push_data(out));
    }
    body.end()
}

struct Body(String);

impl Body {
    fn with_capacity(bytes: usize) -> Self {
        let mut body = String::with_capacity(bytes + 16);
        body.push_str(r#"{"messages":["#);
        Self(body)
    }

    /// Keys and values need no escaping: what would need it has been refused.
    fn message<'a>(
        &mut self,
        attributes: impl Iterator<Item = (&'a str, &'a str)>,
        data: impl FnOnce(&mut String),
    ) {
        let body = &mut self.0;
        body.push_str(if body.ends_with('[') { "{" } else { ",{" });
        let mut separator = r#""attributes":{"#;
        for (key, value) in attributes {
            body.extend([separator, "\"", key, "\":\"", value, "\""]);
            separator = ",";
        }
        if separator == "," {
            body.push_str("},");
        }
        body.push_str(r#""data":""#);
        data(body);
        body.push_str("\"}");
    }

    fn end(mut self) -> String {
        self.0.push_str("]}");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_attribute_that_destroys_the_record_is_refused() {
        for bad in ["say \"hi\"", "C:\\x", "a\nb", "a\\nb", "\u{0}", "\u{7f}", "tab\t"] {
            let in_value = NewMessage::new("x").attribute("k", bad).unwrap_err();
            assert_eq!((in_value.part, in_value.key.as_str()), ("value", "k"), "{bad:?}");
            assert_eq!(NewMessage::new("x").attribute(bad, "v").unwrap_err().part, "key", "{bad:?}");
        }
        let kept = NewMessage::new("x").attribute("h", "<a&b>").unwrap().attribute("ключ", "☂").unwrap();
        assert_eq!(kept.attributes().collect::<Vec<_>>(), [("h", "<a&b>"), ("ключ", "☂")]);
    }

    #[test]
    fn debug_shows_no_payload() {
        let message = NewMessage::new("geheim").attribute("k", "geheim").unwrap();
        assert_eq!(format!("{message:?}"), "NewMessage { payload_bytes: 6, attributes: 1 }");
    }

    proptest! {
        #[test]
        fn the_body_is_json_with_everything_in_it(
            messages in proptest::collection::vec((
                any::<Vec<u8>>(),
                proptest::collection::btree_map("[^\"\\\\\\p{Cc}]{0,5}", "[^\"\\\\\\p{Cc}]{0,5}", 0..4),
            ), 0..5),
        ) {
            let given: Vec<NewMessage> = messages
                .iter()
                .map(|(payload, attributes)| {
                    attributes.iter().fold(NewMessage::new(payload.as_slice()), |message, (key, value)| {
                        message.attribute(key, value).unwrap()
                    })
                })
                .collect();
            let parsed: serde_json::Value = serde_json::from_str(&body(&given)).unwrap();
            prop_assert_eq!(parsed["messages"].as_array().unwrap().len(), messages.len());
            for (got, (payload, attributes)) in parsed["messages"].as_array().unwrap().iter().zip(&messages) {
                let mut decoded = Vec::new();
                data::decode(got["data"].as_str().unwrap(), &mut decoded).unwrap();
                prop_assert_eq!(&decoded, payload);
                let expected = serde_json::to_value(attributes).unwrap();
                prop_assert_eq!(got.get("attributes").cloned().unwrap_or(serde_json::json!({})), expected);
            }
        }
    }
}
