//! What a sink has remembered for it over a crash: where its files ended when all in them was vouched for, and a note of
//! its own. Who keeps it, and what else is kept with it, is not the sink's business.

use std::fmt;
use std::io;
use std::path::Path;
use std::pin::Pin;

use super::append_file::FileMark;

/// The page of one sink in what is kept of a subscription.
pub(crate) trait Notebook: fmt::Debug + Send + Sync {
    /// The files as they were at the last receipt, and those that were begun since.
    fn files(&self) -> Vec<FileMark>;

    /// Files are about to be written to beyond their `marks`. Blocks until that is durable; they are not to be written to
    /// before.
    fn intend(&self, marks: Vec<FileMark>) -> io::Result<()>;

    /// What is in these files is whole, and they are not written to any more: whatever somebody else does to them, nothing
    /// is to be cut from them. Blocks until that is durable; they are to be closed after that, and not before.
    fn release(&self, files: &[&Path]) -> io::Result<()>;

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
    /// How often something was made durable.
    pub(crate) writes: std::sync::Mutex<u32>,
    pub(crate) note: std::sync::Mutex<Option<serde_json::Value>>,
}

#[cfg(test)]
impl Notebook for Jotter {
    fn files(&self) -> Vec<FileMark> {
        self.files.lock().unwrap().clone()
    }

    fn intend(&self, marks: Vec<FileMark>) -> io::Result<()> {
        let mut files = self.files.lock().unwrap();
        files.retain(|other| !marks.iter().any(|mark| mark.path == other.path));
        files.extend(marks);
        *self.writes.lock().unwrap() += 1;
        Ok(())
    }

    fn release(&self, released: &[&Path]) -> io::Result<()> {
        self.files.lock().unwrap().retain(|file| !released.contains(&file.path.as_path()));
        *self.writes.lock().unwrap() += 1;
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
