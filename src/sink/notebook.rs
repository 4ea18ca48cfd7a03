//! What a sink has remembered for it over a crash: where its files ended when all in them was vouched for, and a note of
//! its own. Who keeps it, and what else is kept with it, is not the sink's business.

use std::fmt;
use std::io;
use std::pin::Pin;

use super::append_file::FileMark;

/// The page of one sink in what is kept of a subscription.
pub(crate) trait Notebook: fmt::Debug + Send + Sync {
    /// The files as they were at the last receipt, and those that were begun since.
    fn files(&self) -> Vec<FileMark>;

    /// A file is about to be written to beyond `mark`. Blocks until that is durable; it is not to be written to before.
    fn intend(&self, mark: FileMark) -> io::Result<()>;

    /// What was last noted.
    fn note(&self) -> Option<serde_json::Value>;

    /// Notes something before it happens, so that it is known after a kill; after a power loss it may be forgotten.
    fn write(&self, note: serde_json::Value) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// The note is true no more. Kept with the next receipt.
    fn strike_out(&self);
}

/// One that forgets everything when it is dropped.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Jotter {
    pub(crate) files: std::sync::Mutex<Vec<FileMark>>,
    pub(crate) note: std::sync::Mutex<Option<serde_json::Value>>,
}

#[cfg(test)]
impl Notebook for Jotter {
    fn files(&self) -> Vec<FileMark> {
        self.files.lock().unwrap().clone()
    }

    fn intend(&self, mark: FileMark) -> io::Result<()> {
        let mut files = self.files.lock().unwrap();
        files.retain(|other| other.path != mark.path);
        files.push(mark);
        Ok(())
    }

    fn note(&self) -> Option<serde_json::Value> {
        self.note.lock().unwrap().clone()
    }

    fn write(&self, note: serde_json::Value) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        *self.note.lock().unwrap() = Some(note);
        Box::pin(async {})
    }

    fn strike_out(&self) {
        *self.note.lock().unwrap() = None;
    }
}
