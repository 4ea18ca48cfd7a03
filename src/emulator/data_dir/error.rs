//! Why a data directory cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// Why an emulator cannot begin with what a data directory holds. Nothing was served, and nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// A directory or file cannot be made, read or written.
    #[error("the data directory must be one that this user can write to; cannot use {path}")]
    Unusable {
        /// What cannot be used.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another emulator has it: each would undo what the other keeps.
    #[error("the data directory {path} is in use by another emulator{holder}; give each its own")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// ` (process N)`, if it told.
        holder: String,
    },
    /// It was written by a newer program, which may keep more than this one knows of.
    #[error(
        "{path} has the format {found}, and this program knows those up to {known}: \
         use the program that wrote it, or another data directory"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format that is known.
        known: u32,
    },
    /// What is there is not what an emulator wrote, and it cannot have come of a program that was killed. To leave it out
    /// silently would lose messages.
    #[error(
        "{path} is damaged at offset {offset}: {what}; restore it from a copy, or begin with another data directory"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// It holds more than the emulator may.
    #[error(
        "what {path} holds does not fit into the memory limit of {limit} bytes: raise it (--memory-limit, \
         Options::memory_limit), or keep less of each topic (--retention-bytes, --retention-messages, --retention-age)"
    )]
    MemoryLimit {
        /// The log that does not fit any more.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
}

impl DataDirError {
    /// For `map_err` of what is done with `path`.
    pub(crate) fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        |source| Self::Unusable { path: path.to_owned(), source }
    }

    pub(crate) fn damaged(path: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), offset, what: what.into() }
    }
}
