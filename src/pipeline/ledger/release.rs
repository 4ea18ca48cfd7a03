//! Giving files up: nothing is cut from them after a crash, whatever somebody else does to them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::journal::Journal;
use super::{Ledger, LedgerError, LedgerKey};

impl Ledger {
    /// There is nothing to cut from the files of these owners after a crash, whatever somebody else does to them.
    pub(crate) async fn release(self: &Arc<Self>, owners: impl Iterator<Item = &str>) {
        let released = {
            let mut state = self.state();
            owners.filter_map(|owner| state.files.remove(owner)).count() > 0
        };
        if released {
            let _ = self.on_disk(|ledger| ledger.write(false)).await;
        }
    }

    /// The same for the ledgers beside those of `keys`, which nobody uses: their files may be another's now. Blocks.
    pub(crate) fn release_others(state_dir: &Path, keys: &[LedgerKey]) {
        let used: BTreeSet<_> = keys.iter().map(|key| key.path(state_dir)).collect();
        let Ok(entries) = std::fs::read_dir(state_dir.join("ledger")) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let is_journal = path.extension().is_some_and(|extension| extension == "journal");
            if is_journal
                && !used.contains(&path)
                && let Err(error) = Self::release_all(&path)
            {
                tracing::warn!("a ledger that no subscription uses: {error}");
            }
        }
    }

    fn release_all(path: &Path) -> Result<(), LedgerError> {
        let (mut journal, found) = Journal::open(path)?;
        let state = found.and_then(|found| found.state).filter(|state| !state.files.is_empty());
        if let Some(mut state) = state {
            state.files.clear();
            journal.keep(&state, true)?;
        }
        Ok(())
    }
}
