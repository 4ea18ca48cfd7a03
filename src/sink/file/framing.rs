//! How records stand in a file: what is before the first, and between them.

use super::super::append_file::{AppendFile, Failure};
use super::super::avro::Container;
use crate::config::FileFormat;

/// Lines are written in pieces of this size, so that a large batch needs no buffer of its own size.
const CHUNK: usize = 1024 * 1024;

/// What a file is made of beside its records.
pub(super) enum Framing {
    /// Each record is a line, with its end.
    Lines,
    /// Records are datums of Avro.
    Container(Container),
}

impl Framing {
    /// That of files of this format, none of which is looked at yet.
    pub(super) fn of(format: &FileFormat) -> Self {
        match format {
            FileFormat::Lines(_) => Self::Lines,
            FileFormat::Avro(avro) => Self::Container(Container::new(avro)),
        }
    }

    /// That of another file of the same sink.
    pub(super) fn of_another(&self) -> Self {
        match self {
            Self::Lines => Self::Lines,
            Self::Container(container) => Self::Container(container.of_another()),
        }
    }

    /// How much is appended at a time.
    pub(super) fn chunk(&self) -> usize {
        match self {
            Self::Lines => CHUNK,
            Self::Container(_) => Container::FULL,
        }
    }

    /// Before the mark of a batch is taken: sees to it that the file is one of this kind.
    pub(super) fn mend(&mut self, file: &mut AppendFile) -> Result<(), Failure> {
        match self {
            Self::Lines => Ok(()),
            Self::Container(container) => container.mend(file),
        }
    }

    /// Before the first record of a batch. A last line without its end, left by a crash, is ended, so that it spoils no
    /// other.
    pub(super) fn begin(&mut self, file: &mut AppendFile) -> Result<(), Failure> {
        match self {
            Self::Lines => {
                if file.last_byte()?.is_none_or(|last| last == b'\n') {
                    return Ok(());
                }
                tracing::warn!(
                    "the last line of {} has no end, after a crash; ending it",
                    file.path().display()
                );
                file.append(b"\n")
            }
            Self::Container(_) => Ok(()),
        }
    }

    /// Appends these records, of which there are `count`.
    pub(super) fn append(
        &mut self,
        count: usize,
        records: &[u8],
        file: &mut AppendFile,
    ) -> Result<(), Failure> {
        match self {
            Self::Lines => file.append(records),
            Self::Container(container) => container.append(count, records, file),
        }
    }
}
