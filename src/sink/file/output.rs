//! One open file, what is to be appended to it, and how records stand in it.

use std::path::PathBuf;
use std::time::Instant;

use super::super::append_file::{AppendFile, Failure};
use super::super::jsonl::{Encoder, Unfit};
use super::Framing;
use crate::client::Message;

/// So much of a buffer is kept from one batch to the next.
const KEPT: usize = 64 * 1024;

pub(super) struct Output {
    pub(super) file: AppendFile,
    framing: Framing,
    buffer: Vec<u8>,
    /// When the last batch that it had a part in was begun.
    pub(super) last_used: Instant,
}

impl Output {
    /// Opens the file, and makes it and its directories where they are missing.
    pub(super) fn open(path: PathBuf, framing: Framing) -> Result<Self, Failure> {
        Ok(Self { file: AppendFile::open(path)?, framing, buffer: Vec::new(), last_used: Instant::now() })
    }

    /// After its mark was made known: makes the file ready for records.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        self.last_used = Instant::now();
        self.framing.begin(&mut self.file)
    }

    /// Adds the record of `message` to what is to be appended. Says how many bytes that is more.
    pub(super) fn push(&mut self, message: &Message<'_>, encoder: &mut Encoder) -> Result<usize, Unfit> {
        let before = self.buffer.len();
        encoder.encode(message, &mut self.buffer)?;
        Ok(self.buffer.len() - before)
    }

    /// How many bytes are to be appended.
    pub(super) fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Appends what there is.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        if !self.buffer.is_empty() {
            self.framing.append(&self.buffer, &mut self.file)?;
            self.buffer.clear();
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
        self.file.take_back()
    }
}
