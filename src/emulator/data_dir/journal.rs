//! All that is kept besides the messages: small texts by key. Changes are appended to a file, and when that has grown
//! far beyond what it says, it is written anew and put in the old one's place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::DataDirError;
use super::frames::FrameFile;
use crate::emulator::seldom::Seldom;

const NAME: &str = "journal";
const NEW_NAME: &str = "journal.new";

/// A journal that is not longer than this is never written anew.
const SMALL: u64 = 1 << 20;
/// How many times as long as what it says it may become.
const SLACK: u64 = 4;

/// What is said of one key; `None` removes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
}

/// What is kept, and the file that says it.
#[derive(Debug)]
pub(crate) struct Journal {
    directory: PathBuf,
    file: FrameFile,
    live: BTreeMap<String, String>,
    /// How long the file may become before it is looked whether it is too long.
    longest: u64,
    complaint: Seldom,
}

impl Journal {
    /// Whether a directory has one.
    pub(crate) fn is_in(directory: &Path) -> bool {
        directory.join(NAME).exists()
    }

    /// The journal in a directory, empty if there was none.
    pub(crate) fn open(directory: &Path) -> Result<Self, DataDirError> {
        let path = directory.join(NAME);
        let mut live = BTreeMap::new();
        let file = if Self::is_in(directory) {
            FrameFile::open(&path, |offset, payload| {
                read(&payload, &mut live)
                    .ok_or_else(|| DataDirError::damaged(&path, offset, "this is no frame of a journal"))
            })?
        } else {
            write_anew(directory, &live).map_err(DataDirError::unusable(&path))?
        };
        Ok(Self { directory: directory.to_owned(), file, live, longest: SMALL, complaint: Seldom::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// All that is kept.
    pub(crate) fn live(&self) -> &BTreeMap<String, String> {
        &self.live
    }

    /// Keeps all of these changes, or none of them.
    pub(crate) fn write(&mut self, mut changes: Vec<Change>) -> io::Result<()> {
        changes.retain(|change| self.live.get(&change.key) != change.value.as_ref());
        if changes.is_empty() {
            return Ok(());
        }
        self.file.append(written(&changes).as_bytes(), &[])?;
        for Change { key, value } in changes {
            match value {
                Some(value) => self.live.insert(key, value),
                None => self.live.remove(&key),
            };
        }
        self.shorten();
        Ok(())
    }

    /// Writes the journal anew if it has become much longer than it need be.
    fn shorten(&mut self) {
        let length = self.file.length();
        if length < self.longest {
            return;
        }
        let needed = self.live.iter().map(|(key, value)| (key.len() + value.len() + 2) as u64);
        self.longest = SMALL + SLACK * needed.sum::<u64>();
        if length < self.longest {
            return;
        }
        match write_anew(&self.directory, &self.live) {
            Ok(file) => self.file = file,
            Err(error) => {
                // The old one goes on.
                self.longest = length + SMALL;
                if self.complaint.is_due() {
                    tracing::warn!(
                        "{} cannot be written anew, and grows: {error}",
                        self.file.path().display()
                    );
                }
            }
        }
    }
}

/// Puts a file that says nothing but `live` in the place of the journal.
fn write_anew(directory: &Path, live: &BTreeMap<String, String>) -> io::Result<FrameFile> {
    let new = directory.join(NEW_NAME);
    let mut file = FrameFile::create(&new)?;
    let changes: Vec<_> =
        live.iter().map(|(key, value)| Change { key: key.clone(), value: Some(value.clone()) }).collect();
    for some in changes.chunks(1000) {
        file.append(written(some).as_bytes(), &[])?;
    }
    file.sync()?;
    file.rename(&directory.join(NAME))?;
    File::open(directory)?.sync_all()?;
    Ok(file)
}

/// One line for each change: the key, and after a tab the value, which is JSON and so has neither tab nor newline.
fn written(changes: &[Change]) -> String {
    let mut text = String::new();
    for Change { key, value } in changes {
        text.push_str(key);
        if let Some(value) = value {
            text.push('\t');
            text.push_str(value);
        }
        text.push('\n');
    }
    text
}

fn read(payload: &[u8], into: &mut BTreeMap<String, String>) -> Option<()> {
    for line in str::from_utf8(payload).ok()?.lines() {
        match line.split_once('\t') {
            Some((key, value)) => into.insert(key.to_owned(), value.to_owned()),
            None => into.remove(line),
        };
    }
    Some(())
}

#[cfg(test)]
mod tests;
