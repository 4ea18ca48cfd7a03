//! One open file, what is to be appended to it, and how records stand in it.

use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;

use super::super::append_file::{AppendFile, Failure, FileMark};
use super::super::jsonl::{Encoder, Unfit};
use super::Framing;
use crate::client::Message;
use crate::config::FileAccess;

/// So much of a buffer is kept from one batch to the next.
const KEPT: usize = 64 * 1024;

pub(super) struct Output {
    pub(super) file: AppendFile,
    framing: Framing,
    buffer: Vec<u8>,
    /// How many records are in the buffer.
    records: usize,
    /// When the last batch that it had a part in was begun.
    pub(super) last_used: Instant,
    /// When it is to be rotated at the latest.
    pub(super) due: Option<Timestamp>,
    /// Since when there is something in it that is not durable.
    pub(super) dirty_since: Option<Instant>,
}

impl Output {
    /// Opens the file, and makes it and its directories where they are missing.
    pub(super) fn open(path: PathBuf, framing: Framing, access: &FileAccess) -> Result<Self, Failure> {
        Ok(Self {
            file: AppendFile::open(path, access)?,
            framing,
            buffer: Vec::new(),
            records: 0,
            last_used: Instant::now(),
            due: None,
            dirty_since: None,
        })
    }

    /// Before a batch. The mark is to be made known before the file is written to; `None` if it is known already.
    pub(super) fn prepare(&mut self) -> Result<Option<FileMark>, Failure> {
        self.framing.mend(&mut self.file)?;
        self.file.begin()
    }

    /// After its mark was made known: makes the file ready for records.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        self.last_used = Instant::now();
        self.dirty_since.get_or_insert(self.last_used);
        self.framing.begin(&mut self.file)
    }

    /// Adds the record of `message` to what is to be appended. Says how many bytes that is more.
    pub(super) fn push(&mut self, message: &Message<'_>, encoder: &mut Encoder) -> Result<usize, Unfit> {
        let before = self.buffer.len();
        encoder.encode(message, &mut self.buffer)?;
        self.records += 1;
        Ok(self.buffer.len() - before)
    }

    /// How many bytes are to be appended.
    pub(super) fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Whether that is to be done now.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= self.framing.chunk()
    }

    /// Appends what there is.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        if self.records > 0 {
            self.framing.append(self.records, &self.buffer, &mut self.file)?;
            self.buffer.clear();
            self.records = 0;
        }
        Ok(())
    }

    /// The batch is done.
    pub(super) fn finish(&mut self) {
        self.file.used = false;
        self.buffer.shrink_to(KEPT);
    }

    /// Takes back what the batch appended.
    pub(super) fn take_back(&mut self) -> Result<(), Failure> {
        self.buffer.clear();
        self.records = 0;
        self.file.take_back()
    }
}
