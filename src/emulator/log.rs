//! The log behind a topic: one partition of records, numbered from 0 without holes.
//!
//! Records are kept as the text a pull will show, so that a pull is little more than copying. They lie in segments,
//! one for each publish, shared with the pulls that are copying from them. What a log promises: ids are contiguous
//! and rise with the publish times, whoever publishes; the oldest records go first when it grows beyond its bound. A log
//! that is kept on the disk too has there what it has here before anybody hears of it.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::answer::Refusal;
use super::attributes::Poison;
use super::clock;
use super::data_dir::DataDirError;
use super::memory::{Full, Memory};
use super::message::Prepared;
use super::retention::Retention;
use crate::client::LARGEST_RECORD;

mod files;
mod segment;
pub(crate) use files::LogFiles;
use files::Place;
pub(crate) use segment::Records;
use segment::{Record, Segment};

/// Where a log begins and ends, as `:offsets` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    /// The oldest record that is still there.
    pub(crate) min: i64,
    /// One past the newest record.
    pub(crate) max: i64,
}

impl Bounds {
    pub(crate) fn contains(self, offset: i64) -> bool {
        (self.min..=self.max).contains(&offset)
    }
}

/// How much a log may keep.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) retention: Retention,
    pub(crate) memory: Arc<Memory>,
}

/// Why a publish failed, in whole or in part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// A message is larger than the service takes. Those before it are in the log.
    TooLarge,
    /// There is no memory left. Nothing is in the log.
    NoRoom,
    /// The data directory does not take it. Nothing is in the log.
    NotKept,
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::TooLarge | Rejected::NotKept => Self::backend(),
            Rejected::NoRoom => Full.into(),
        }
    }
}

/// The records of one topic.
#[derive(Debug)]
pub(crate) struct Log {
    /// Held by every pull while it looks for records, and by a waiting pull while it waits.
    pub(crate) pulling: tokio::sync::Mutex<()>,
    grown: watch::Sender<End>,
    state: Mutex<State>,
    memory: Arc<Memory>,
}

/// What a waiting pull watches.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    next: u64,
    gone: bool,
}

#[derive(Debug)]
struct State {
    /// What is kept unless this log was told otherwise.
    usual_retention: Retention,
    own_retention: Option<Retention>,
    first: u64,
    next: u64,
    /// Of the records from `first` on.
    bytes: usize,
    last_time: Timestamp,
    segments: VecDeque<Arc<Segment>>,
    /// Where it is kept besides, if anywhere.
    files: Option<LogFiles>,
}

impl Log {
    /// An empty log, to be kept in `files` if there are such.
    pub(crate) fn new(limits: Limits, files: Option<LogFiles>) -> Self {
        let state = State {
            usual_retention: limits.retention,
            own_retention: None,
            first: 0,
            next: 0,
            bytes: 0,
            last_time: Timestamp::UNIX_EPOCH,
            segments: VecDeque::new(),
            files,
        };
        Self {
            pulling: tokio::sync::Mutex::default(),
            grown: watch::Sender::default(),
            state: Mutex::new(state),
            memory: limits.memory,
        }
    }

    /// The log that is kept in `files`, without what is more than it may keep now.
    pub(crate) fn open(
        limits: Limits,
        own_retention: Option<Retention>,
        mut files: LogFiles,
    ) -> Result<Self, DataDirError> {
        let memory = Arc::clone(&limits.memory);
        let log = Self::new(limits, None);
        let mut state = log.state();
        state.own_retention = own_retention;
        files.read(&memory, |segment, place| state.restore(segment, place))?;
        files.forget_below(state.first);
        state.files = Some(files);
        state.expire();
        state.note_start();
        log.grown.send_modify(|end| end.next = state.next);
        drop(state);
        Ok(log)
    }

    /// The log as it is now: without what has become too old.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.expire();
        state
    }

    /// The room that pulls share with the log.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    pub(crate) fn retention(&self) -> Retention {
        self.state().retention()
    }

    /// What it was told to keep, if it was.
    pub(crate) fn own_retention(&self) -> Option<Retention> {
        self.state().own_retention
    }

    /// The name of the directory that it is kept in, if it is.
    pub(crate) fn directory_name(&self) -> Option<String> {
        self.state().files.as_ref().map(LogFiles::name)
    }

    pub(crate) fn set_retention(&self, retention: Retention) {
        let mut state = self.state();
        state.own_retention = Some(retention);
        state.trim();
        state.expire();
        state.note_start();
    }

    /// Removes what has become too old.
    pub(crate) fn expire(&self) {
        self.state().note_start();
    }

    /// What the records take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.state().bytes
    }

    pub(crate) fn bounds(&self) -> Bounds {
        let state = self.state();
        Bounds { min: state.first.cast_signed(), max: state.next.cast_signed() }
    }

    /// Appends `messages` one by one and gives their ids.
    pub(crate) fn append(&self, messages: &[Prepared<'_>]) -> Result<Range<u64>, Rejected> {
        let room = self.memory.reserve(Segment::bytes_for(messages)).map_err(|Full| Rejected::NoRoom)?;
        let mut state = self.state();
        let first = state.next;
        let mut segment = Segment::with_capacity(first, messages, room);
        let (mut last_time, mut bytes, mut outcome) = (state.last_time, 0, Ok(()));
        for message in messages {
            let time = last_time.max(clock::now());
            let time = if time == last_time { next_nanosecond(time) } else { time };
            let Some(taken) = segment.push(message, time, LARGEST_RECORD) else {
                outcome = Err(Rejected::TooLarge);
                break;
            };
            last_time = time;
            bytes += taken;
        }
        if segment.end() > first {
            let place = Place { first: state.first, next: segment.end(), last_time };
            state.keep(&segment, place).map_err(|_| Rejected::NotKept)?;
            state.add(segment, bytes, last_time);
            let next = state.next;
            self.grown.send_modify(|end| end.next = next);
        }
        outcome.map(|()| first..state.next)
    }

    /// Up to `limit` records from `from` on; fewer at the end of the log.
    pub(crate) fn records(&self, from: u64, limit: u64) -> Records {
        let state = self.state();
        let from = from.max(state.first);
        let range = from..from.saturating_add(limit).min(state.next).max(from);
        let skipped = state.segments.partition_point(|segment| segment.end() <= range.start);
        let segments =
            state.segments.range(skipped..).take_while(|segment| segment.first() < range.end).map(Arc::clone);
        Records::new(range.clone(), segments.collect())
    }

    /// Waits until the log reaches `offset` or its topic is gone.
    pub(crate) async fn grown_to(&self, offset: u64) {
        let mut end = self.grown.subscribe();
        // It fails only when the log itself is dropped.
        let _ = end.wait_for(|end| end.gone || end.next >= offset).await;
    }

    /// Ends what waits for this log: its topic was deleted.
    pub(crate) fn close(&self) {
        self.grown.send_modify(|end| end.gone = true);
    }

    /// The first record that is not older than `milliseconds` since 1970.
    pub(crate) fn offset_at(&self, milliseconds: i64) -> Option<u64> {
        let state = self.state();
        let behind = state.segments.partition_point(|segment| segment.newest() < milliseconds);
        let found = state.segments.get(behind)?.find(milliseconds)?;
        Some(found.max(state.first))
    }

    /// Removes the records below `offset`, as retention does.
    pub(crate) fn remove_below(&self, offset: u64) {
        let mut state = self.state();
        let offset = offset.min(state.next);
        while state.first < offset {
            state.remove_oldest();
        }
        state.note_start();
    }
}

impl State {
    fn retention(&self) -> Retention {
        self.own_retention.unwrap_or(self.usual_retention)
    }

    /// Adds the records of a segment, which take `bytes`, at the end.
    fn add(&mut self, segment: Segment, bytes: usize, last_time: Timestamp) {
        self.next = segment.end();
        self.bytes += bytes;
        self.last_time = last_time;
        self.segments.push_back(Arc::new(segment));
        self.trim();
    }

    /// Takes back what was kept.
    fn restore(&mut self, segment: Option<Segment>, place: Place) {
        if let Some(segment) = segment {
            let bytes = segment.bytes();
            if self.segments.is_empty() {
                self.first = segment.first();
            }
            self.add(segment, bytes, place.last_time);
        }
        while self.first < place.first.min(self.next) {
            self.remove_oldest();
        }
        // Where there are no records any more, this is all that is known.
        if self.segments.is_empty() {
            (self.first, self.next) = (place.next, place.next);
        }
        self.last_time = place.last_time;
    }

    fn keep(&mut self, segment: &Segment, place: Place) -> io::Result<()> {
        let bytes = self.bytes;
        self.files.as_mut().map_or(Ok(()), |files| files.append(segment, place, bytes))
    }

    /// Keeps where the log begins, if that has changed.
    fn note_start(&mut self) {
        let place = Place { first: self.first, next: self.next, last_time: self.last_time };
        if let Some(files) = &mut self.files {
            files.note_start(place);
        }
    }

    /// Removes the oldest records while there are too many, or too many bytes of them.
    fn trim(&mut self) {
        let Retention { bytes, messages, .. } = self.retention();
        let (bytes, messages) = (bytes.unwrap_or(usize::MAX), messages.unwrap_or(u64::MAX));
        while self.first + 1 < self.next && (self.bytes > bytes || self.next - self.first > messages) {
            self.remove_oldest();
        }
    }

    /// Removes the records that are too old.
    fn expire(&mut self) {
        let Some(age) = self.retention().age else { return };
        // An age beyond the clock's range is none.
        let Ok(oldest) = clock::now().checked_sub(age) else { return };
        let oldest = oldest.as_millisecond();
        let is_too_old = |state: &Self| {
            let record = state.segments.front().and_then(|segment| segment.record(state.first));
            record.is_some_and(|record| record.milliseconds() < oldest)
        };
        while is_too_old(self) {
            self.remove_oldest();
        }
    }

    fn remove_oldest(&mut self) {
        let Some(segment) = self.segments.front() else {
            return;
        };
        self.bytes -= segment.record(self.first).map_or(0, |record: &Record| record.bytes());
        self.first += 1;
        if segment.end() <= self.first {
            self.segments.pop_front();
            if let Some(files) = &mut self.files {
                files.forget_below(self.first);
            }
        }
    }
}

fn next_nanosecond(time: Timestamp) -> Timestamp {
    Timestamp::from_nanosecond(time.as_nanosecond() + 1).unwrap_or(time)
}

/// The first poison that a pull over these records meets: what cannot be read is met before what cannot be written.
pub(crate) fn worse(one: Option<Poison>, other: Option<Poison>) -> Option<Poison> {
    match (one, other) {
        (Some(Poison::Unreadable), _) | (_, Some(Poison::Unreadable)) => Some(Poison::Unreadable),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
