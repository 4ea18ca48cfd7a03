//! Format `cloudevents`: `CloudEvents` 1.0 over HTTP.
//!
//! | attribute | what it has |
//! |---|---|
//! | `id` | the epoch and the message's id, `0/7`: the same for a repeated request, another one for a wanted replay |
//! | `source` | the subscription's URL in the service |
//! | `type` | [`TYPE`] |
//! | `subject` | the message's id |
//! | `time` | when it was published |
//! | `datacontenttype` | what an attribute of the message of that name or `content-type` says, or the configuration; else what the payload looks like |
//! | extensions | the other attributes of the message, see [`extension`] |

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

use super::raw::add;
use super::{Content, Unfit, list, payload};
use crate::client::{Message, quote};
use crate::config::{CloudEventsMode, is_json, is_media_type};
use crate::sink::Slice;

const TYPE: &str = "eu.egi.argo.ams.message";

/// Names that mean something else.
const TAKEN: [&str; 9] =
    ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data"];

#[derive(Debug)]
pub(super) struct CloudEvents {
    source: String,
    content_type: Option<String>,
}

/// One message as an event.
struct Event<'a> {
    /// All attributes but `datacontenttype`, by name.
    attributes: Vec<(String, String)>,
    content_type: &'a str,
    payload: Vec<u8>,
}

impl CloudEvents {
    pub(super) fn new(endpoint: &str, subscription: &str, content_type: Option<String>) -> Self {
        Self { source: format!("{endpoint}/v1/{subscription}"), content_type }
    }

    pub(super) fn content(
        &self,
        slice: &Slice,
        wanted: usize,
        mode: CloudEventsMode,
    ) -> Result<Content, Unfit> {
        let json = |message: &Message<'_>, out: &mut Vec<u8>| {
            self.event(message, slice.epoch)?.write(out);
            Ok(())
        };
        match mode {
            CloudEventsMode::Structured => {
                let (body, messages) = list(slice, 1, b"", json)?;
                Ok(Content::new(body, "application/cloudevents+json; charset=utf-8", messages))
            }
            CloudEventsMode::Batched => {
                let (mut body, messages) = list(slice, wanted, b"[", json)?;
                body.push(b']');
                Ok(Content::new(body, "application/cloudevents-batch+json; charset=utf-8", messages))
            }
            CloudEventsMode::Binary => {
                let Some(message) = slice.first() else { return Err(Unfit::first("there is no message")) };
                let Event { attributes, content_type, payload } =
                    self.event(&message, slice.epoch).map_err(Unfit::first)?;
                let mut content = Content::new(payload, content_type, 1);
                for (name, value) in attributes {
                    add(&mut content.headers, &format!("ce-{name}"), &value)?;
                }
                Ok(content)
            }
        }
    }

    fn event<'a>(&'a self, message: &Message<'a>, epoch: u64) -> Result<Event<'a>, &'static str> {
        let payload = payload(message)?;
        let id = message.id();
        let mut attributes: Vec<(String, String)> = [
            ("specversion", "1.0".to_owned()),
            ("id", format!("{epoch}/{id}")),
            ("source", self.source.clone()),
            ("type", TYPE.to_owned()),
            ("subject", id.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let time = message.publish_time();
        if time.parse::<jiff::Timestamp>().is_ok() {
            attributes.push(("time".to_owned(), time.to_owned()));
        }
        let (mut named, mut taken) = (None, BTreeSet::new());
        for (name, value) in message.attributes() {
            let plain = plain(name);
            if named.is_none()
                && matches!(plain.as_str(), "datacontenttype" | "contenttype")
                && is_of_data(value)
            {
                named = Some(value);
            } else {
                attributes.push((extension(&plain, &mut taken), value.to_owned()));
            }
        }
        let content_type = named.or(self.content_type.as_deref()).unwrap_or_else(|| looks_like(&payload));
        Ok(Event { attributes, content_type, payload })
    }
}

/// Whether it is a media type of data, and not one by which a receiver knows another mode.
fn is_of_data(value: &str) -> bool {
    is_media_type(value) && !value.to_ascii_lowercase().starts_with("application/cloudevents")
}

/// The letters and digits of a name, in lower case: of these alone the name of an extension may be.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The name under which an attribute of a message goes: its letters and digits, `partitiondate` for `partition_date`.
/// Where that is nothing, or means something else, or is taken by an attribute before it, `ams` stands before it, and
/// then a number behind it, so that none is left out.
fn extension(plain: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = plain.to_owned();
    for number in 1_u32.. {
        if !name.is_empty() && !TAKEN.contains(&name.as_str()) && taken.insert(name.clone()) {
            break;
        }
        name = if number == 1 { format!("ams{plain}") } else { format!("ams{plain}{number}") };
    }
    name
}

fn looks_like(payload: &[u8]) -> &'static str {
    if is_json_text(payload) {
        "application/json"
    } else if str::from_utf8(payload).is_ok() {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    }
}

fn is_json_text(payload: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(payload).is_ok()
}

impl Event<'_> {
    /// As JSON. The payload stands in it as JSON where it is JSON, as a string where it is text, and else as base64.
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let content_type = [("datacontenttype", self.content_type)];
        let attributes = self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in attributes.chain(content_type) {
            quote(name, out);
            out.push(b':');
            quote(value, out);
            out.push(b',');
        }
        let json = is_json(self.content_type);
        match str::from_utf8(&self.payload) {
            Ok(text) if json && is_json_text(&self.payload) => {
                out.extend_from_slice(b"\"data\":");
                out.extend_from_slice(text.as_bytes());
            }
            Ok(text) if !json && self.content_type.starts_with("text/") => {
                out.extend_from_slice(b"\"data\":");
                quote(text, out);
            }
            _ => {
                out.extend_from_slice(b"\"data_base64\":\"");
                out.extend_from_slice(STANDARD.encode(&self.payload).as_bytes());
                out.push(b'"');
            }
        }
        out.push(b'}');
    }
}
