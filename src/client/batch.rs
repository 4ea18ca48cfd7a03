//! The messages of one pull, read in place.
//!
//! The hot path: the answer's body is one buffer, and a message is a few spans into it. Parsing copies
//! nothing and allocates nothing per message; only a string with escapes is unescaped into a second buffer.
//! `data` stays the base64 text it was until somebody asks for it. How the spans are found is in
//! `batch/parse`.

use super::data::{self, NotBase64};
use std::fmt;

mod parse;

pub(super) use parse::{LARGEST_BODY, place};

/// Messages in the order of the log, with ids that rise.
///
/// Its `Debug` shows numbers, never content.
pub struct Batch {
    body: String,
    unescaped: String,
    entries: Vec<Entry>,
    attributes: Vec<(Span, Span)>,
}

/// Where a string stands: in the body, or behind the body's end in the second buffer.
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    id: u64,
    publish_time: Span,
    data: Span,
    first_attribute: u32,
    end_of_attributes: u32,
}

/// A text that is no answer to a pull.
///
/// Says where it stops being one, and never what stands there: an answer holds payloads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotABatch(String);

impl Batch {
    /// Reads the body of an answer to a pull.
    ///
    /// Unknown fields are passed over. A message without `data` has empty data, one without `messageId` is an
    /// error; so are ids that do not rise: the acknowledgement is cumulative and relies on it.
    pub fn from_json(body: Vec<u8>) -> Result<Self, NotABatch> {
        parse::parse(body)
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none. An empty answer is no proof of an empty log; `:offsets` is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The id of the first message, which is the lowest.
    #[must_use]
    pub fn first_id(&self) -> Option<u64> {
        self.entries.first().map(|entry| entry.id)
    }

    /// The id of the last message, which is the highest: acknowledging it acknowledges all.
    #[must_use]
    pub fn last_id(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.id)
    }

    /// The message at a place, counted from 0.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Message<'_>> {
        self.entries.get(index).map(|entry| Message { batch: self, entry })
    }

    /// The messages, lowest id first.
    #[must_use]
    pub fn iter(&self) -> Messages<'_> {
        Messages { batch: self, entries: self.entries.iter() }
    }

    /// The size of the answer in bytes, as it came.
    #[must_use]
    pub fn wire_bytes(&self) -> usize {
        self.body.len()
    }

    fn text(&self, span: Span) -> &str {
        let (start, len) = (span.start as usize, span.len as usize);
        let found = match start.checked_sub(self.body.len()) {
            None => self.body.get(start..start + len),
            Some(start) => self.unescaped.get(start..start + len),
        };
        found.unwrap_or_default()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.len())
            .field("first_id", &self.first_id())
            .field("last_id", &self.last_id())
            .field("wire_bytes", &self.wire_bytes())
            .finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a Batch {
    type Item = Message<'a>;
    type IntoIter = Messages<'a>;

    fn into_iter(self) -> Messages<'a> {
        self.iter()
    }
}

/// The messages of a [`Batch`], one after the other.
#[derive(Clone)]
pub struct Messages<'a> {
    batch: &'a Batch,
    entries: std::slice::Iter<'a, Entry>,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        self.entries.next().map(|entry| Message { batch: self.batch, entry })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl DoubleEndedIterator for Messages<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entries.next_back().map(|entry| Message { batch: self.batch, entry })
    }
}

impl ExactSizeIterator for Messages<'_> {}

/// One message: a view into its batch.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    batch: &'a Batch,
    entry: &'a Entry,
}

impl<'a> Message<'a> {
    /// The message's place in the topic's log: the first has 0, and there are no holes.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.entry.id
    }

    /// When the service took it, as it was sent: RFC 3339 in UTC with nanoseconds. Empty if the answer had
    /// none.
    #[must_use]
    pub fn publish_time(&self) -> &'a str {
        self.batch.text(self.entry.publish_time)
    }

    /// The attributes, key and value, in the order they came.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        let range = self.entry.first_attribute as usize..self.entry.end_of_attributes as usize;
        Attributes { batch: self.batch, spans: self.batch.attributes.get(range).unwrap_or_default().iter() }
    }

    /// Whether there are attributes.
    #[must_use]
    pub fn has_attributes(&self) -> bool {
        self.entry.first_attribute < self.entry.end_of_attributes
    }

    /// The payload as it was sent: base64, if its publisher kept to the rules. The service does not check it.
    #[must_use]
    pub fn data_text(&self) -> &'a str {
        self.batch.text(self.entry.data)
    }

    /// Appends the decoded payload to `out`.
    ///
    /// ASCII white space and missing padding are accepted: some publishers send them. On an error `out` is as
    /// it was, and [`data_text`](Self::data_text) still has what was sent.
    pub fn decode_data(&self, out: &mut Vec<u8>) -> Result<(), NotBase64> {
        data::decode(self.data_text(), out)
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id())
            .field("publish_time", &self.publish_time())
            .field("attributes", &self.attributes().len())
            .field("data_text_bytes", &self.data_text().len())
            .finish_non_exhaustive()
    }
}

/// The attributes of a [`Message`].
#[derive(Clone)]
pub struct Attributes<'a> {
    batch: &'a Batch,
    spans: std::slice::Iter<'a, (Span, Span)>,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.spans.next().map(|(key, value)| (self.batch.text(*key), self.batch.text(*value)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Attributes<'_> {}

#[cfg(test)]
mod tests;
