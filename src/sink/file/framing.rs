//! How records stand in a file: what is before the first, and between them.

use super::super::append_file::{AppendFile, Failure};

/// What a file is made of beside its records.
#[derive(Debug, Clone)]
pub(super) enum Framing {
    /// Each record is a line, with its end.
    Lines,
}

impl Framing {
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
        }
    }

    /// Appends these records.
    pub(super) fn append(&mut self, records: &[u8], file: &mut AppendFile) -> Result<(), Failure> {
        match self {
            Self::Lines => file.append(records),
        }
    }
}
