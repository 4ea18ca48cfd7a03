//! The dead letters of one subscription: messages that a sink will never take, and records that the service cannot hand
//! out, kept in files of lines (format jsonl) until a person has looked at them.
//!
//! They stand in `dead-letters/KEY/NUMBER.jsonl` of the state directory, for its owner alone: payloads are in them. The
//! last file grows, and a new one begins when it is large; all together have a bound, and when it is reached nothing more
//! is kept. Nothing is ever removed but by a person.
//!
//! Where the last file ends goes into the ledger together with the progress that a letter stands for: what a crash left
//! behind that is cut off at the next start, and its message comes again. Whoever reads or changes the files holds a
//! lock on their directory, so that letters can be dropped beside a running daemon. Dropping changes no file that the
//! ledger knows: what is left of it is a new file, and the next letter goes to another.

mod files;
mod letter;
mod read;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinError;

use super::ledger::{DEAD_LETTERS, Ledger, Page, Unwritable};
use crate::fail_point;
use crate::sink::{FileMark, Notebook};
use files::{Directory, Locking, Numbered};
pub(super) use letter::{Letter, Rejection};
pub(crate) use read::{About, Choice};

/// A file is ended when it would grow beyond this, or beyond a sixteenth of all that is kept.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// The store of one subscription. Cheap to make; touches nothing before it is used.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetters {
    key: String,
    directory: PathBuf,
    limit: u64,
}

/// Why a letter was not kept. The message is then as it was: not taken, and not to be acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// There are as many as there may be.
    #[error(
        "the dead letters of {key} are full: {kept} of {limit} bytes are taken, and {needed} more are needed. Make room with \
         `ams-forwarder dead-letters drop {key}`, once `show` has told what is in them, or raise limits.dead_letter_bytes"
    )]
    Full {
        /// The subscription's key.
        key: String,
        /// Bytes of all letters.
        kept: u64,
        /// What they may have.
        limit: u64,
        /// Bytes of the one that was to be kept.
        needed: u64,
    },
    /// The file system did not do it.
    #[error("dead letters: {doing}: {error}")]
    Io {
        /// What was tried, with the path.
        doing: String,
        /// What the operating system says.
        error: io::Error,
    },
}

impl NotKept {
    fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let doing = format!("{doing} {}", path.display());
        move |error| Self::Io { doing, error }
    }
}

impl DeadLetters {
    /// Those of the subscription of this key, with at most `limit` bytes.
    pub(crate) fn new(state_dir: &Path, key: &str, limit: u64) -> Self {
        Self { key: key.to_owned(), directory: state_dir.join("dead-letters").join(key), limit }
    }

    /// Makes `letter` durable, and then hands where the letters end to `record`, which records the progress that the
    /// letter stands for; if that fails, the letter is taken back. Goes on to its end also when nobody waits any more.
    pub(crate) async fn keep(
        &self,
        letter: Letter,
        ledger: &Arc<Ledger>,
        record: impl FnOnce(&Ledger, FileMark) -> Result<(), Unwritable> + Send + 'static,
    ) -> Result<(), NotKept> {
        let (store, ledger) = (self.clone(), Arc::clone(ledger));
        blocking(move || {
            let record =
                |end| record(&ledger, end).map_err(|unwritable| io::Error::other(unwritable.to_string()));
            store.keep_now(&letter, &Page::new(&ledger, DEAD_LETTERS), record)
        })
        .await
    }

    fn keep_now(
        &self,
        letter: &Letter,
        notebook: &dyn Notebook,
        record: impl FnOnce(FileMark) -> io::Result<()>,
    ) -> Result<(), NotKept> {
        let directory = Directory::make(&self.directory)?;
        let file = self.room_for(letter, &directory)?;
        let mut output = directory.append(&file)?;
        fail_point::pass("letter begun");
        let kept = Self::announce(&directory, &file, &output, notebook)
            .and_then(|()| append(&mut output, letter, &file))
            .map_err(NotKept::io("writing to", &file.path))
            .and_then(|end| record(end).map_err(NotKept::io("recording a letter in", &file.path)));
        fail_point::pass("letter recorded");
        if kept.is_err() {
            // What cannot be taken back now is no more than a letter too many.
            let _ = output.set_len(file.length).and_then(|()| output.sync_data());
        }
        kept
    }

    /// Before anything is written behind the end of a file, that end is in the ledger.
    fn announce(
        directory: &Directory,
        file: &Numbered,
        output: &File,
        notebook: &dyn Notebook,
    ) -> io::Result<()> {
        let end = FileMark::of(&file.path, output, file.length)?;
        if notebook.files().contains(&end) {
            return Ok(());
        }
        directory.sync()?;
        notebook.intend(vec![end])?;
        fail_point::pass("letter announced");
        Ok(())
    }

    /// The file that `letter` goes to.
    fn room_for(&self, letter: &Letter, directory: &Directory) -> Result<Numbered, NotKept> {
        let needed = letter.line().len() as u64;
        let files = directory.files()?;
        let kept: u64 = files.iter().map(|file| file.length).sum();
        if kept + needed > self.limit {
            return Err(NotKept::Full { key: self.key.clone(), kept, limit: self.limit, needed });
        }
        let largest = (self.limit / 16).min(LARGEST_FILE);
        let next = files.last().map_or(1, |last| last.number + 1);
        Ok(match files.into_iter().next_back() {
            Some(last) if last.length == 0 || last.length + needed <= largest => last,
            _ => directory.next(next),
        })
    }

    /// Takes the letters back to where the ledger says that they end: what stands behind that was not recorded, and its
    /// messages come again.
    pub(crate) async fn cut_back(&self, ledger: &Arc<Ledger>) -> Result<(), NotKept> {
        let (store, page) = (self.clone(), Page::new(ledger, DEAD_LETTERS));
        let cut = blocking(move || store.cut_back_now(&page)).await?;
        if cut > 0 {
            let key = &self.key;
            tracing::info!(
                subscription = key,
                bytes = cut,
                "{key}: dead letters that a crash kept from being recorded are cut off; their messages come again"
            );
        }
        Ok(())
    }

    /// Says how many bytes that are.
    fn cut_back_now(&self, notebook: &dyn Notebook) -> Result<u64, NotKept> {
        if notebook.files().is_empty() {
            return Ok(0);
        }
        let Some(directory) = Directory::open(&self.directory, Locking::ToWrite)? else { return Ok(0) };
        let mut cut = 0;
        for (file, end) in unrecorded(&directory, &notebook.files())? {
            let output = directory.append(&file)?;
            output
                .set_len(end)
                .and_then(|()| output.sync_data())
                .map_err(NotKept::io("cutting back", &file.path))?;
            cut += file.length - end;
        }
        Ok(cut)
    }

    /// Whether there is something behind where the ledger says that the letters end: while a daemon runs, for a moment;
    /// after a crash, until the next start.
    pub(crate) fn are_beyond(&self, ends: &[FileMark]) -> Result<bool, NotKept> {
        let Some(directory) = Directory::open(&self.directory, Locking::ToRead)? else { return Ok(false) };
        Ok(!unrecorded(&directory, ends)?.is_empty())
    }
}

/// The files that go on behind their recorded end, and where that is. A file that is another by now holds what was left
/// when letters were dropped from it, and all of that was recorded.
fn unrecorded(directory: &Directory, ends: &[FileMark]) -> Result<Vec<(Numbered, u64)>, NotKept> {
    let end_of = |file: &Numbered| {
        let is_same =
            |end: &&FileMark| end.path.file_name() == file.path.file_name() && end.inode == file.inode;
        ends.iter().find(is_same).map(|end| end.length).filter(|end| *end < file.length)
    };
    let files = directory.files()?.into_iter();
    Ok(files.filter_map(|file| end_of(&file).map(|end| (file, end))).collect())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime ends, and nobody is left to answer.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// Writes a letter behind what is there, durably. Where it ends.
fn append(output: &mut File, letter: &Letter, file: &Numbered) -> io::Result<FileMark> {
    end_torn_line(output, file.length)?;
    fail_point::tear("letter torn", letter.line(), |half| drop(output.write_all(half)));
    output.write_all(letter.line())?;
    fail_point::pass("letter written");
    output.sync_data()?;
    fail_point::pass("letter synced");
    FileMark::of(&file.path, output, output.metadata()?.len())
}

/// A last line without its end, left by a crash that the ledger knows nothing of, spoils no other.
fn end_torn_line(output: &mut File, length: u64) -> io::Result<()> {
    let Some(last) = length.checked_sub(1) else { return Ok(()) };
    let mut end = [0];
    output.read_exact_at(&mut end, last)?;
    if end == *b"\n" { Ok(()) } else { output.write_all(b"\n") }
}

#[cfg(test)]
mod tests;
