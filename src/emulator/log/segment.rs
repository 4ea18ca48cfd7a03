//! The records of one publish, as one piece of text, and the answer of a pull made from such pieces.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use super::worse;
use crate::emulator::attributes::{FIELD_LEVEL, Poison};
use crate::emulator::clock;
use crate::emulator::json;
use crate::emulator::memory::{Full, Memory, Room};
use crate::emulator::message::Prepared;

/// What stands between the ack id and the message id.
const BEFORE_ID: &[u8] = b"\",\n         \"message\": {\n            \"messageId\": \"";
const BEFORE_DATA: &[u8] = b"\"data\": \"";
const BEFORE_TIME: &[u8] = b"\"publishTime\": \"";
const AFTER_TIME: &[u8] = b"\"\n         }\n      }";
/// About what the above, an id and a time need.
const FRAME_BYTES: usize = 224;
/// No id has more digits.
const LONGEST_ID: usize = 20;
/// What stands on the disk for a record, besides its text.
const RECORD_BYTES: usize = 25;

/// Consecutive records.
#[derive(Debug)]
pub(crate) struct Segment {
    first: u64,
    /// The records, one behind the other, from behind the ack id to the closing brace.
    text: Vec<u8>,
    records: Vec<Record>,
    /// Free again when neither the log nor a pull needs the records.
    _room: Room,
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

    pub(crate) fn milliseconds(&self) -> i64 {
        self.milliseconds
    }
}

impl Segment {
    /// An empty segment for `messages`, which take `room`.
    pub(crate) fn with_capacity(first: u64, messages: &[Prepared<'_>], room: Room) -> Self {
        let text = Vec::with_capacity(text_bytes(messages));
        Self { first, text, records: Vec::with_capacity(messages.len()), _room: room }
    }

    /// About what a segment of `messages` takes in memory.
    pub(crate) fn bytes_for(messages: &[Prepared<'_>]) -> usize {
        text_bytes(messages) + messages.len() * size_of::<Record>() + size_of::<Self>()
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

    /// What is kept of it on the disk: for each record where it ends and what is known of it, and the text as it is.
    pub(crate) fn encode(&self, head: &mut Vec<u8>) -> &[u8] {
        head.extend_from_slice(&(self.records.len() as u64).to_le_bytes());
        for record in &self.records {
            head.extend_from_slice(&(record.range.end as u64).to_le_bytes());
            head.extend_from_slice(&record.milliseconds.to_le_bytes());
            head.extend_from_slice(&record.data_bytes.to_le_bytes());
            head.push(match record.poison {
                None => 0,
                Some(Poison::Unreadable) => 1,
                Some(Poison::Unexportable) => 2,
            });
        }
        &self.text
    }

    /// The segment that was encoded so, if it was one. It holds as much of `memory` as it takes.
    pub(crate) fn decode(first: u64, bytes: &[u8], memory: &Arc<Memory>) -> Result<Option<Self>, Full> {
        let room = memory.reserve(bytes.len() + size_of::<Self>())?;
        Ok(Self::read(first, bytes, room))
    }

    fn read(first: u64, bytes: &[u8], room: Room) -> Option<Self> {
        let (count, mut bytes) = bytes.split_first_chunk()?;
        let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
        if count == 0 || count > bytes.len() / RECORD_BYTES {
            return None;
        }
        let mut records = Vec::with_capacity(count);
        let mut start = 0;
        for _ in 0..count {
            let (end, rest) = bytes.split_first_chunk()?;
            let (milliseconds, rest) = rest.split_first_chunk()?;
            let (data_bytes, rest) = rest.split_first_chunk()?;
            let (poison, rest) = rest.split_first()?;
            bytes = rest;
            let range = start..usize::try_from(u64::from_le_bytes(*end)).ok()?;
            start = range.end;
            let poison = match poison {
                0 => None,
                1 => Some(Poison::Unreadable),
                2 => Some(Poison::Unexportable),
                _ => return None,
            };
            let (milliseconds, data_bytes) =
                (i64::from_le_bytes(*milliseconds), u64::from_le_bytes(*data_bytes));
            records.push(Record { range, milliseconds, data_bytes, poison });
        }
        let fits = records.iter().all(|record| {
            let text = bytes.get(record.range.clone());
            text.is_some_and(|text| record.poison.is_some() || text.len() > BEFORE_ID.len() + LONGEST_ID)
        });
        fits.then(|| Self { first, text: bytes.to_vec(), records, _room: room })
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// What its records take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.records.iter().map(Record::bytes).sum()
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

fn text_bytes(messages: &[Prepared<'_>]) -> usize {
    let bytes = messages.iter().map(|message| match message {
        Prepared::Good { attributes, data, .. } => attributes.len() + data.len() + FRAME_BYTES,
        Prepared::Poisoned { .. } => 0,
    });
    bytes.sum()
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

    /// About how long the answer of a pull is.
    pub(crate) fn answer_bytes(&self, ack_prefix: &str) -> usize {
        let records = self.iter().map(|(_, record, _)| record.range.len() + ack_prefix.len() + 48);
        64 + records.sum::<usize>()
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
        if let Some(poison) = self.iter().fold(None, |poison, (_, record, _)| worse(poison, record.poison)) {
            return Err(poison);
        }
        let mut out = Vec::with_capacity(self.answer_bytes(ack_prefix));
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
