//! How a message becomes a line: JSON with everything known about it, or the raw payload.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::Message;
use crate::config::Format;

/// Turns messages of one subscription into lines, reusing its buffers.
pub(crate) struct Encoder {
    format: Format,
    /// `projects/P/subscriptions/S`, quoted as JSON.
    subscription: String,
    payload: Vec<u8>,
}

/// Why a message cannot be written in this format.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) &'static str);

impl Encoder {
    /// `subscription` is the full name, `projects/P/subscriptions/S`.
    pub(crate) fn new(format: Format, subscription: &str) -> Self {
        Self { format, subscription: format!("\"{subscription}\""), payload: Vec::new() }
    }

    /// Appends the line of `message` to `out`; on an error `out` is as it was.
    pub(crate) fn encode(&mut self, message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match self.format {
            Format::Jsonl => self.json(message, out),
            Format::Raw => {
                message
                    .decode_data(out)
                    .map_err(|_| Unfit("its data is not base64, so format raw cannot write it"))?;
            }
        }
        out.push(b'\n');
        Ok(())
    }

    fn json(&mut self, message: &Message<'_>, out: &mut Vec<u8>) {
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
            out.extend_from_slice(b",\"data_base64\":\"");
            out.extend_from_slice(STANDARD.encode(&self.payload).as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
    }
}

/// `"attributes":{…}`, in the order in which they came.
pub(super) fn attributes(message: &Message<'_>, out: &mut Vec<u8>) {
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

pub(super) fn quote(text: &str, out: &mut Vec<u8>) {
    // A string always has a JSON form, and writing to a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests;
