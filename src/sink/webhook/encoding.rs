//! The body, the headers and the key of a request.
//!
//! One file for each format but `ams`, which is here: what the push service of AMS sends, so that its receivers work
//! unchanged: field names and their order, no `attributes` where there are none, and the text of `data` as it was
//! published.

mod cloud_event;
mod raw;
mod template;

use std::borrow::Cow;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::client::{Message, attributes, quote};
use crate::config::{CloudEventsMode, WebhookFormat};
use crate::sink::{Slice, Source};
use cloud_event::CloudEvents;
use raw::Raw;
use template::Rendering;

/// A request with more messages than one does not grow beyond this.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Writes requests with the messages of one subscription.
#[derive(Debug)]
pub(super) struct Encoding {
    /// `P/S`, with which every key begins.
    key: String,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Ams { subscription: String },
    CloudEvents { events: CloudEvents, mode: CloudEventsMode },
    Raw(Raw),
    Template(Rendering),
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) body: Bytes,
    /// What goes with this format.
    pub(super) headers: HeaderMap,
    /// The same for the same messages, and for no others.
    pub(super) idempotency_key: String,
    pub(super) messages: usize,
}

/// The first messages of a slice, so many of them, make no request. The reason holds nothing of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) messages: usize,
    pub(super) reason: Cow<'static, str>,
}

impl Unfit {
    fn first(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { messages: 1, reason: reason.into() }
    }
}

/// A body with its headers, of so many messages.
struct Content {
    body: Vec<u8>,
    headers: HeaderMap,
    messages: usize,
}

impl Content {
    fn new(body: Vec<u8>, content_type: &str, messages: usize) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(content_type) = HeaderValue::from_str(content_type) {
            headers.insert(CONTENT_TYPE, content_type);
        }
        Self { body, headers, messages }
    }
}

impl Encoding {
    /// `endpoint` is the base URL of the service that the messages come from.
    pub(super) fn new(source: &Source, format: &WebhookFormat, endpoint: &str) -> Self {
        let subscription = source.subscription.qualified(&source.project);
        let form = match format {
            WebhookFormat::Ams => Form::Ams { subscription },
            WebhookFormat::CloudEvents { mode, content_type } => Form::CloudEvents {
                events: CloudEvents::new(endpoint, &subscription, content_type.clone()),
                mode: *mode,
            },
            WebhookFormat::Raw { content_type } => Form::Raw(Raw::new(&subscription, content_type)),
            WebhookFormat::Template { template, content_type } => {
                Form::Template(Rendering::new(source, template.clone(), content_type))
            }
        };
        Self { key: format!("{}/{}", source.project, source.subscription), form }
    }

    /// The request of the first messages of `slice`: as many as `wanted`, or as fit; one at least.
    pub(super) fn request(&self, slice: &Slice, wanted: usize) -> Result<Request, Unfit> {
        let wanted = wanted.max(1);
        let Content { body, headers, messages } = match &self.form {
            Form::Ams { subscription } => ams(slice, wanted, subscription)?,
            Form::CloudEvents { events, mode } => events.content(slice, wanted, *mode)?,
            Form::Raw(raw) => raw.content(slice)?,
            Form::Template(rendering) => rendering.content(slice, wanted)?,
        };
        let id = |nth: usize| slice.messages().nth(nth).map_or(0, |message| message.id());
        let (key, epoch, first) = (&self.key, slice.epoch, id(0));
        let idempotency_key = match messages {
            1 => format!("{key}/{epoch}/{first}"),
            _ => format!("{key}/{epoch}/{first}-{}", id(messages - 1)),
        };
        Ok(Request { body: body.into(), headers, idempotency_key, messages })
    }
}

fn ams(slice: &Slice, wanted: usize, subscription: &str) -> Result<Content, Unfit> {
    const OPENING: &[u8] = b"{\"messages\":[";
    let (mut body, messages) = list(slice, wanted, OPENING, |message, out| {
        push(message, subscription, out);
        Ok(())
    })?;
    if messages == 1 {
        body.drain(..OPENING.len());
    } else {
        body.extend_from_slice(b"]}");
    }
    Ok(Content::new(body, "application/json", messages))
}

fn push(message: &Message<'_>, subscription: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"message\":{\"messageId\":\"");
    out.extend_from_slice(message.id().to_string().as_bytes());
    out.extend_from_slice(b"\",");
    if message.has_attributes() {
        attributes(message, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"data\":");
    quote(message.data_text(), out);
    out.extend_from_slice(b",\"publishTime\":");
    quote(message.publish_time(), out);
    out.extend_from_slice(b"},\"subscription\":");
    quote(subscription, out);
    out.push(b'}');
}

/// Messages with commas between them, behind an opening: as many as wanted, as fit, and as can be written.
fn list(
    slice: &Slice,
    wanted: usize,
    opening: &[u8],
    mut push: impl FnMut(&Message<'_>, &mut Vec<u8>) -> Result<(), &'static str>,
) -> Result<(Vec<u8>, usize), Unfit> {
    let (mut body, mut count) = (opening.to_vec(), 0);
    for message in slice.messages().take(wanted) {
        let before = body.len();
        if count > 0 {
            body.push(b',');
        }
        match push(&message, &mut body) {
            Err(reason) if count == 0 => return Err(Unfit::first(reason)),
            Ok(()) if count == 0 || body.len() <= LARGEST_BODY => count += 1,
            Ok(()) | Err(_) => {
                body.truncate(before);
                break;
            }
        }
    }
    Ok((body, count))
}

/// The payload, or why there is none.
fn payload(message: &Message<'_>) -> Result<Vec<u8>, &'static str> {
    let mut payload = Vec::new();
    message.decode_data(&mut payload).map_err(|_| "its data is no base64")?;
    Ok(payload)
}

#[cfg(test)]
mod tests;
