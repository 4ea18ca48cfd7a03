//! The body and the key of a request.
//!
//! What the push service of AMS sends, so that its receivers work unchanged: field names and their order, no
//! `attributes` where there are none, and the text of `data` as it was published.

use crate::client::Message;
use crate::client::{attributes, quote};
use crate::sink::{Slice, Source};

/// A request with more messages than one does not grow beyond this.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Writes requests with the messages of one subscription.
#[derive(Debug)]
pub(super) struct Encoding {
    /// `P/S`, with which every key begins.
    key: String,
    /// `projects/P/subscriptions/S`.
    subscription: String,
}

/// What is to be sent.
pub(super) struct Request {
    pub(super) body: Vec<u8>,
    /// The same for the same messages, and for no others.
    pub(super) idempotency_key: String,
    pub(super) messages: usize,
}

impl Encoding {
    pub(super) fn new(source: &Source) -> Self {
        Self {
            key: format!("{}/{}", source.project, source.subscription),
            subscription: source.subscription.qualified(&source.project),
        }
    }

    /// The request of the first messages of `slice`: as many as `wanted`, or as fit; one at least.
    pub(super) fn request(&self, slice: &Slice, wanted: usize) -> Option<Request> {
        const OPENING: &[u8] = b"{\"messages\":[";
        let mut messages = slice.messages().take(wanted.max(1));
        let first = messages.next()?;
        let mut body = OPENING.to_vec();
        self.push(&first, &mut body);
        let (mut last, mut count) = (first, 1);
        for message in messages {
            let before = body.len();
            body.push(b',');
            self.push(&message, &mut body);
            if body.len() > LARGEST_BODY {
                body.truncate(before);
                break;
            }
            (last, count) = (message, count + 1);
        }
        let (key, epoch, first) = (&self.key, slice.epoch, first.id());
        let idempotency_key = if count == 1 {
            body.drain(..OPENING.len());
            format!("{key}/{epoch}/{first}")
        } else {
            body.extend_from_slice(b"]}");
            format!("{key}/{epoch}/{first}-{}", last.id())
        };
        Some(Request { body, idempotency_key, messages: count })
    }

    fn push(&self, message: &Message<'_>, out: &mut Vec<u8>) {
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
        quote(&self.subscription, out);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests;
