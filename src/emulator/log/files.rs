//! A log on the disk: files of [frames](FrameFile), each named after the id of its first record.
//!
//! What is removed from the log is removed from the disk a file at a time, so the disk holds a quarter more than the log
//! at most, or a MiB. The newest file stays, since it knows the next id.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::segment::Segment;
use crate::emulator::data_dir::{DataDirError, FrameFile};
use crate::emulator::memory::{Full, Memory};
use crate::emulator::seldom::Seldom;

/// A file that is so long is followed by another one; in between it is a quarter of the log.
const SHORTEST: u64 = 1 << 20;
const LONGEST: u64 = 16 << 20;
/// The same where the log is empty.
const LONGEST_EMPTY: u64 = 64 << 10;

/// How many files are kept open; the logs beyond open theirs for each publish.
const MOST_OPEN: usize = 256;

const SUFFIX: &str = ".log";

const RECORDS: u8 = 0;
const START: u8 = 1;

/// The files of one log.
#[derive(Debug)]
pub(crate) struct LogFiles {
    directory: PathBuf,
    /// The ids in the names, rising.
    firsts: VecDeque<u64>,
    newest: Option<FrameFile>,
    /// The first record of the log, as the files tell.
    start: u64,
    open: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    complaint: Seldom,
}

/// Where the log is after a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) first: u64,
    pub(crate) next: u64,
    pub(crate) last_time: Timestamp,
}

impl LogFiles {
    /// Those in `directory`, which is made when the first is. Of all logs together, as many files stay open as there are
    /// permits.
    pub(crate) fn new(directory: PathBuf, open: Arc<Semaphore>) -> Self {
        let (firsts, complaint) = (VecDeque::new(), Seldom::default());
        Self { directory, firsts, newest: None, start: 0, open, permit: None, complaint }
    }

    /// How many files may be open.
    pub(crate) fn permits() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MOST_OPEN))
    }

    /// The name of their directory.
    pub(crate) fn name(&self) -> String {
        self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn path(&self, first: u64) -> PathBuf {
        self.directory.join(format!("{first:020}{SUFFIX}"))
    }

    /// Gives all that is kept to `take`, in order: records, and where the log is with them.
    pub(crate) fn read(
        &mut self,
        memory: &Arc<Memory>,
        mut take: impl FnMut(Option<Segment>, Place),
    ) -> Result<(), DataDirError> {
        self.firsts = names(&self.directory).map_err(DataDirError::unusable(&self.directory))?.into();
        let oldest = self.firsts.front().copied().unwrap_or_default();
        let mut place = Place { first: oldest, next: oldest, last_time: Timestamp::UNIX_EPOCH };
        for &first in &self.firsts {
            let path = self.path(first);
            if first != place.next {
                let what = format!("the records from {} to {first} are missing before it", place.next);
                return Err(DataDirError::damaged(&path, 0, what));
            }
            self.newest = Some(FrameFile::open(&path, |offset, payload| {
                let damaged = || DataDirError::damaged(&path, offset, "this is no frame of such a log");
                let full = |Full| DataDirError::MemoryLimit {
                    path: self.directory.clone(),
                    limit: memory.limit().unwrap_or(usize::MAX),
                };
                let (kind, payload) = payload.split_first().ok_or_else(damaged)?;
                let (now, records) = Place::decode(payload).ok_or_else(damaged)?;
                let segment = match *kind {
                    RECORDS => Segment::decode(place.next, records, memory).map_err(full)?,
                    _ => None,
                };
                let next = segment.as_ref().map_or(place.next, Segment::end);
                let is_known = segment.is_some() || (*kind == START && records.is_empty());
                if !is_known || now.next != next || now.first > next {
                    return Err(damaged());
                }
                place = now;
                take(segment, now);
                Ok(())
            })?);
        }
        self.start = place.first;
        self.close_some();
        Ok(())
    }

    /// Writes records down, before anybody hears of them; the log has `bytes` already. After an error nothing of them is
    /// kept.
    pub(crate) fn append(&mut self, segment: &Segment, place: Place, bytes: usize) -> io::Result<()> {
        let mut head = place.encode(RECORDS);
        let text = segment.encode(&mut head);
        let longest = (bytes as u64 / 4).clamp(SHORTEST, LONGEST);
        self.write(segment.first(), longest, &head, text).inspect_err(|error| {
            if self.complaint.is_due() {
                tracing::warn!(
                    "{} cannot be written, publishes are refused: {error}",
                    self.directory.display()
                );
            }
        })?;
        self.start = place.first;
        Ok(())
    }

    /// Writes down where the log begins, if that has changed. What cannot be written is tried again the next time.
    pub(crate) fn note_start(&mut self, place: Place) {
        if place.first == self.start {
            return;
        }
        let longest = if place.first == place.next { LONGEST_EMPTY } else { u64::MAX };
        match self.write(place.next, longest, &place.encode(START), &[]) {
            Ok(()) => self.start = place.first,
            Err(error) if self.complaint.is_due() => {
                tracing::warn!("{} cannot be written: {error}", self.directory.display());
            }
            Err(_) => {}
        }
        self.forget_below(place.first);
    }

    fn write(&mut self, next: u64, longest: u64, head: &[u8], text: &[u8]) -> io::Result<()> {
        let is_long = self.newest.as_ref().is_none_or(|file| file.length() > longest);
        if is_long && self.firsts.back() != Some(&next) {
            self.newest = Some(self.begin(next)?);
        }
        let file = self.newest.as_mut().ok_or(ErrorKind::NotFound)?;
        let written = file.append(head, text);
        self.close_some();
        written
    }

    fn begin(&mut self, first: u64) -> io::Result<FrameFile> {
        match DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let file = FrameFile::create(&self.path(first))?;
        self.firsts.push_back(first);
        Ok(file)
    }

    /// Closes the newest file if as many of other logs are open as may be.
    fn close_some(&mut self) {
        if self.permit.is_none() {
            self.permit = Arc::clone(&self.open).try_acquire_owned().ok();
        }
        if let (Some(file), None) = (&mut self.newest, &self.permit) {
            file.close();
        }
    }

    /// Removes the files that have nothing but records before `first`. What cannot be removed now is tried again.
    pub(crate) fn forget_below(&mut self, first: u64) {
        while let Some(oldest) = self.firsts.front().copied()
            && self.firsts.get(1).is_some_and(|&following| following <= first)
        {
            match fs::remove_file(self.path(oldest)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return,
                _ => self.firsts.pop_front(),
            };
        }
    }
}

impl Place {
    fn encode(self, kind: u8) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.next.to_le_bytes());
        bytes.extend_from_slice(&self.last_time.as_nanosecond().to_le_bytes());
        bytes
    }

    /// What was encoded so, and what follows it.
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (first, bytes) = bytes.split_first_chunk()?;
        let (next, bytes) = bytes.split_first_chunk()?;
        let (time, rest) = bytes.split_first_chunk()?;
        let last_time = Timestamp::from_nanosecond(i128::from_le_bytes(*time)).ok()?;
        Some((Self { first: u64::from_le_bytes(*first), next: u64::from_le_bytes(*next), last_time }, rest))
    }
}

/// The ids in the names of a directory's files, rising. One that is not there has none.
fn names(directory: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut firsts = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        firsts.extend(name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse::<u64>().ok()));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

#[cfg(test)]
mod tests;
