//! What a ledger holds, for people: read from the disk, whether the daemon runs or not.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{DEAD_LETTERS, Ledger, LedgerError, Tally, journal};
use crate::sink::FileMark;

/// What a ledger holds. All ids are those of the next message.
#[derive(Debug, Serialize)]
pub(crate) struct LedgerContent {
    pub(crate) epoch: u64,
    /// The first message that is not acknowledged.
    pub(crate) acknowledged: Option<u64>,
    /// What was lost, skipped and sent again since the ledger was begun.
    pub(crate) tally: Tally,
    pub(crate) sinks: BTreeMap<String, SinkContent>,
}

/// What it holds of one sink.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SinkContent {
    /// The first message that it does not have.
    pub(crate) next: u64,
    /// Files that may have to be cut back after a crash, with the length that is vouched for.
    pub(crate) files: Vec<FileMark>,
}

impl Ledger {
    /// Where the journal at `path` says that dead letters end. Changes nothing.
    pub(crate) fn read_letters(path: &Path) -> Result<Vec<FileMark>, LedgerError> {
        let state = journal::read(path)?.and_then(|found| found.state);
        Ok(state.and_then(|mut state| state.files.remove(DEAD_LETTERS)).unwrap_or_default())
    }

    /// What the journal at `path` holds; `None` if there is none, or nothing whole in it. Changes nothing.
    pub(crate) fn read(path: &Path) -> Result<Option<LedgerContent>, LedgerError> {
        let state = journal::read(path)?.and_then(|found| found.state);
        Ok(state.map(|mut state| LedgerContent {
            epoch: state.epoch,
            acknowledged: state.acked,
            tally: state.tally,
            sinks: state
                .sinks
                .into_iter()
                .map(|(name, next)| {
                    let files = state.files.remove(&name).unwrap_or_default();
                    (name, SinkContent { next, files })
                })
                .collect(),
        }))
    }
}
