//! Why a ledger cannot be used, and why it cannot be written.

use std::io;
use std::path::PathBuf;

use super::journal;

/// Why a ledger cannot be used. Nothing was pulled yet.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read, or no file can be made beside it.
    #[error("the ledger {path} cannot be used: it must be readable and writable for this user")]
    Unusable {
        /// Its journal, or the directory of it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A later version has written it.
    #[error(
        "the ledger {path} is of version {version}, and this program knows only versions up to {known}: run the version \
         of ams-forwarder that wrote it, or start at what the service has acknowledged, with messages that come again, \
         by `ams-forwarder ledger forget`",
        known = journal::VERSION
    )]
    Newer {
        /// Its journal.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// The ledger could not be written. Nothing is acknowledged meanwhile, and nothing is lost.
#[derive(Debug, thiserror::Error)]
#[error("the ledger {path} cannot be written: {source}; nothing is acknowledged meanwhile")]
pub(crate) struct Unwritable {
    pub(super) path: PathBuf,
    pub(in crate::pipeline) source: io::Error,
}

impl From<Unwritable> for LedgerError {
    fn from(Unwritable { path, source }: Unwritable) -> Self {
        Self::Unusable { path, source }
    }
}
