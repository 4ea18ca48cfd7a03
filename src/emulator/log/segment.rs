//! The records of one publish, as one piece of text, and the answer of a pull made from such pieces.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use super::worse;
use crate::emulator::attributes::{FIELD_LEVEL, Poison};
use crate::emulator::clock;
use crate::emulator::json;
use crate::emulator::message::Prepared;

/// What stands between the ack id and the message id.
const BEFORE_ID: &[u8] = b"\",\n         \"message\": {\n            \"messageId\": \"";
const BEFORE_DATA: &[u8] = b"\"data\": \"";
const BEFORE_TIME: &[u8] = b"\"publishTime\": \"";
const AFTER_TIME: &[u8] = b"\"\n         }\n      }";
/// About what the above, an id and a time need.
const FRAME_BYTES: usize = 224;

/// Consecutive records.
#[derive(Debug)]
pub(crate) struct Segment {
    first: u64,
    /// The records, one behind the other, from behind the ack id to the closing brace.
    text: Vec<u8>,
    records: Vec<Record>,
}

/// Where a record ends in its segment's text, and what must be known without reading it.
#[derive(Debug)]
pub(crate) struct Record {
    range: Range<usize>,
    milliseconds: i64,
    data_bytes: u64,
    poison: Option<Poison>,
}

impl Record {
    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.range.len() + size_of::<Self>()
    }
}

impl Segment {
    /// An empty segment with room for `messages`.
    pub(crate) fn with_capacity(first: u64, messages: &[Prepared<'_>]) -> Self {
        let bytes = messages.iter().map(|message| match message {
            Prepared::Good { attributes, data, .. } => attributes.len() + data.len() + FRAME_BYTES,
            Prepared::Poisoned { .. } => 0,
        });
        Self { first, text: Vec::with_capacity(bytes.sum()), records: Vec::with_capacity(messages.len()) }
    }

    /// Adds a record and gives the memory it takes; `None`, with nothing added, if it is larger than `limit`.
    pub(crate) fn push(&mut self, message: &Prepared<'_>, time: Timestamp, limit: usize) -> Option<usize> {
        let start = self.text.len();
        let poison = match message {
            Prepared::Poisoned { poison, .. } => Some(*poison),
            Prepared::Good { attributes, data, .. } => {
                self.push_text(attributes, data, time);
                None
            }
        };
        if self.text.len() - start > limit && stored_length(&self.text[start..]) > limit {
            self.text.truncate(start);
            return None;
        }
        let record = Record {
            range: start..self.text.len(),
            milliseconds: time.as_millisecond(),
            data_bytes: message.data_bytes(),
            poison,
        };
        let bytes = record.bytes();
        self.records.push(record);
        Some(bytes)
    }

    fn push_text(&mut self, attributes: &[u8], data: &[u8], time: Timestamp) {
        let id = self.end().to_string();
        let text = &mut self.text;
        text.extend_from_slice(BEFORE_ID);
        text.extend_from_slice(id.as_bytes());
        text.extend_from_slice(b"\",");
        json::push_line(text, FIELD_LEVEL);
        if !attributes.is_empty() {
            text.extend_from_slice(b"\"attributes\": ");
            text.extend_from_slice(attributes);
            text.push(b',');
            json::push_line(text, FIELD_LEVEL);
        }
        text.extend_from_slice(BEFORE_DATA);
        text.extend_from_slice(data);
        text.extend_from_slice(b"\",");
        json::push_line(text, FIELD_LEVEL);
        text.extend_from_slice(BEFORE_TIME);
        clock::push_nanoseconds(text, time);
        text.extend_from_slice(AFTER_TIME);
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// One past its last record.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// The time of its last record.
    pub(crate) fn newest(&self) -> i64 {
        self.records.last().map_or(i64::MIN, |record| record.milliseconds)
    }

    /// The first record that is not older than `milliseconds`.
    pub(crate) fn find(&self, milliseconds: i64) -> Option<u64> {
        let index = self.records.partition_point(|record| record.milliseconds < milliseconds);
        (index < self.records.len()).then(|| self.first + index as u64)
    }

    pub(crate) fn record(&self, offset: u64) -> Option<&Record> {
        let index = usize::try_from(offset.checked_sub(self.first)?).ok()?;
        self.records.get(index)
    }
}

/// The length of a record as the service stores it: the message alone, three levels less deep than in a pull.
fn stored_length(text: &[u8]) -> usize {
    let around = BEFORE_ID.len() - b"{\n            \"messageId\": \"".len() + b"\n      }".len();
    let message = text.len() - around;
    let lines = text.split(|&byte| byte == b'\n').skip(1).count() - 2;
    message - lines * 3 * 3
}

/// Records that a pull has taken, still shared with the log.
#[derive(Debug)]
pub(crate) struct Records {
    range: Range<u64>,
    segments: Vec<Arc<Segment>>,
}

impl Records {
    pub(crate) fn new(range: Range<u64>, segments: Vec<Arc<Segment>>) -> Self {
        Self { range, segments }
    }

    pub(crate) fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn iter(&self) -> impl Iterator<Item = (&Segment, &Record, u64)> {
        self.segments.iter().flat_map(move |segment| {
            let range = self.range.start.max(segment.first)..self.range.end.min(segment.end());
            range.filter_map(move |offset| Some((&**segment, segment.record(offset)?, offset)))
        })
    }

    /// The length of the data of all of them, as it was sent.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.iter().map(|(_, record, _)| record.data_bytes).sum()
    }

    /// The whole answer of a pull, or why there is none. `ack_prefix` is an ack id up to its number.
    pub(crate) fn answer(&self, ack_prefix: &str) -> Result<Vec<u8>, Poison> {
        if self.range.is_empty() {
            return Ok(b"{\n   \"receivedMessages\": []\n}".to_vec());
        }
        let mut bytes = 64;
        let mut poison = None;
        for (_, record, _) in self.iter() {
            bytes += record.range.len() + ack_prefix.len() + 48;
            poison = worse(poison, record.poison);
        }
        if let Some(poison) = poison {
            return Err(poison);
        }
        let mut out = Vec::with_capacity(bytes);
        let mut before =
            format!("{{\n   \"receivedMessages\": [\n      {{\n         \"ackId\": \"{ack_prefix}")
                .into_bytes();
        for (segment, record, offset) in self.iter() {
            let text = &segment.text[record.range.clone()];
            let digits = offset.checked_ilog10().map_or(1, |log| log as usize + 1);
            out.extend_from_slice(&before);
            out.extend_from_slice(&text[BEFORE_ID.len()..][..digits]);
            out.extend_from_slice(text);
            if offset == self.range.start {
                before = format!(",\n      {{\n         \"ackId\": \"{ack_prefix}").into_bytes();
            }
        }
        out.extend_from_slice(b"\n   ]\n}");
        Ok(out)
    }
}
