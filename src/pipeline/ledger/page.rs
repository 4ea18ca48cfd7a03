//! The part of a ledger that belongs to one sink.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use super::{Ledger, Unwritable};
use crate::sink::{FileMark, Notebook};

/// What the ledger keeps for the owner of some files.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    ledger: Arc<Ledger>,
    owner: String,
}

impl Page {
    /// `owner` is the name of a sink, or one that no sink can have.
    pub(crate) fn new(ledger: &Arc<Ledger>, owner: &str) -> Self {
        Self { ledger: Arc::clone(ledger), owner: owner.to_owned() }
    }
}

impl Notebook for Page {
    fn files(&self) -> Vec<FileMark> {
        self.ledger.state().files.get(&self.owner).cloned().unwrap_or_default()
    }

    fn intend(&self, marks: Vec<FileMark>) -> io::Result<()> {
        let intended = self.ledger.change(|state| state.intend(&self.owner, &marks));
        intended.map_err(|Unwritable { source, .. }| source)
    }

    fn release(&self, files: &[&Path]) -> io::Result<()> {
        let released = self.ledger.change(|state| state.release(&self.owner, files));
        released.map_err(|Unwritable { source, .. }| source)
    }

    fn note(&self) -> Option<serde_json::Value> {
        self.ledger.state().notes.get(&self.owner).cloned()
    }

    fn write(&self, note: serde_json::Value) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.ledger.state().notes.insert(self.owner.clone(), note);
        Box::pin(async {
            // Lost, a request that is repeated may be cut otherwise.
            let _ = self.ledger.keep().await;
        })
    }

    fn strike_out(&self) {
        self.ledger.state().notes.remove(&self.owner);
    }
}
