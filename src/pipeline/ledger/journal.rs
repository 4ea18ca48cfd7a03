//! The ledger on disk: one file per subscription, a line for each state that was worth keeping.
//!
//! ```text
//! ams-forwarder ledger, version 1
//! 5f1d3a0c {"epoch":0,"acked":20,"asked":[40],"sinks":{"archive":40},"files":{…}}
//! ```
//!
//! A line is the whole state behind its checksum, and the last whole line counts. So a torn end costs no more than that
//! state, which was not synced, and a damaged line nothing once there is a later one. When the file has grown, and after
//! every failure to write or to sync, a new one takes its place by rename: what an operating system says of a file after
//! such a failure is not to be trusted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::state::State;
use super::{LedgerError, Unwritable};
use crate::config::FileAccess;
use crate::fail_point;
use crate::sink::{make_directories, sync_directory};

const TITLE: &str = "ams-forwarder ledger, version ";

/// The version that is written. Older ones are read, a newer one is refused.
pub(super) const VERSION: u32 = 1;

/// A journal that is longer, and holds more than a few states, is compacted with the next commit.
const LONGEST: u64 = 256 * 1024;
const FEW_STATES: u64 = 32;

/// How long a journal may become whose states have `line` bytes. A test that ends the process here does not want to wait
/// for that.
fn longest(line: &str) -> u64 {
    if fail_point::is_armed() { 2 * 1024 } else { LONGEST.max(FEW_STATES * line.len() as u64) }
}

/// The writing side.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// `None` if the next state goes to a new file.
    file: Option<File>,
    length: u64,
    /// The last line that was written.
    last: String,
    synced: bool,
}

/// What a journal says.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The last whole state; `None` if there is none.
    pub(super) state: Option<State>,
    /// Bytes that are no line of a journal: at its end, after a crash, or anywhere, after damage.
    pub(super) torn: usize,
    pub(super) damaged: usize,
}

impl Journal {
    /// Reads the journal at `path` and opens it for writing. Nothing is written yet.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<Found>), LedgerError> {
        let unusable = |source| LedgerError::Unusable { path: path.to_owned(), source };
        make_directories(path, &FileAccess::default()).map_err(io::Error::from).map_err(unusable)?;
        let found = read(path)?;
        let mut journal =
            Self { path: path.to_owned(), file: None, length: 0, last: String::new(), synced: false };
        let Some(found) = found else { return Ok((journal, None)) };
        if found.state.is_none() {
            // For somebody to look at. If that fails it is overwritten.
            let _ = std::fs::rename(path, path.with_extension("damaged"));
        } else if found.torn + found.damaged == 0 {
            let file = OpenOptions::new().append(true).open(path).map_err(unusable)?;
            journal.length = file.metadata().map_err(unusable)?.len();
            journal.file = Some(file);
        }
        Ok((journal, Some(found)))
    }

    /// Writes `state` unless it was the last; if `durable`, so that it outlives a power loss, and else a kill. Blocks.
    pub(super) fn keep(&mut self, state: &State, durable: bool) -> Result<(), Unwritable> {
        let line = line(state).map_err(|source| self.unwritable(source))?;
        let kept = if self.file.is_none() || (durable && self.length > longest(&line)) {
            self.rewrite(line)
        } else {
            self.append(line, durable)
        };
        kept.map_err(|source| {
            self.file = None;
            self.unwritable(source)
        })
    }

    fn append(&mut self, line: String, durable: bool) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if line != self.last {
            fail_point::tear("journal torn", line.as_bytes(), |half| drop(file.write_all(half)));
            file.write_all(line.as_bytes())?;
            fail_point::pass("journal written");
            self.length += line.len() as u64;
            (self.last, self.synced) = (line, false);
        }
        if durable && !self.synced {
            file.sync_data()?;
            fail_point::pass("journal synced");
            self.synced = true;
        }
        Ok(())
    }

    fn rewrite(&mut self, line: String) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut options = OpenOptions::new();
        // The first one is left over where the last attempt was not finished.
        let mut file = options.write(true).create(true).truncate(true).mode(0o640).open(&new)?;
        let text = format!("{TITLE}{VERSION}\n{line}");
        fail_point::tear("new journal torn", text.as_bytes(), |half| drop(file.write_all(half)));
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fail_point::pass("new journal written");
        std::fs::rename(&new, &self.path)?;
        fail_point::pass("new journal in place");
        sync_directory(self.path.parent().unwrap_or(Path::new("."))).map_err(io::Error::from)?;
        (self.length, self.last, self.synced, self.file) = (text.len() as u64, line, true, Some(file));
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn forget_file(&mut self) {
        self.file = None;
    }

    fn unwritable(&self, source: io::Error) -> Unwritable {
        Unwritable { path: self.path.clone(), source }
    }
}

/// `None` if there is no journal.
pub(super) fn read(path: &Path) -> Result<Option<Found>, LedgerError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A disk that cannot be read is damage, and no reason not to start.
        Err(error) if error.raw_os_error().is_some_and(|code| DAMAGE.contains(&code)) => {
            return Ok(Some(Found::default()));
        }
        Err(source) => return Err(LedgerError::Unusable { path: path.to_owned(), source }),
    };
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut found = Found::default();
    match lines.next().map(title) {
        None => return Ok(Some(found)),
        Some(Some(version)) if version > VERSION => {
            return Err(LedgerError::Newer { path: path.to_owned(), version });
        }
        Some(Some(_)) => {}
        Some(None) => found.damaged += text.iter().take_while(|byte| **byte != b'\n').count(),
    }
    for line in lines {
        match state(line) {
            Some(state) => {
                found.damaged += std::mem::take(&mut found.torn);
                found.state = Some(state);
            }
            None => found.torn += line.len(),
        }
    }
    Ok(Some(found))
}

/// `EIO`, `EBADMSG` and `EUCLEAN`: the errors of a disk or a file system that is broken, for which the standard library
/// has no names.
const DAMAGE: [i32; 3] = [5, 74, 117];

fn title(line: &[u8]) -> Option<u32> {
    std::str::from_utf8(line).ok()?.strip_suffix('\n')?.strip_prefix(TITLE)?.parse().ok()
}

fn line(state: &State) -> io::Result<String> {
    let text = serde_json::to_string(state)?;
    Ok(format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes())))
}

/// The state in a line of the version that is written; an older version is read here once there is one.
fn state(line: &[u8]) -> Option<State> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (checksum, text) = line.split_once(' ')?;
    let checksum = u32::from_str_radix(checksum, 16).ok()?;
    (crc32fast::hash(text.as_bytes()) == checksum).then(|| serde_json::from_str(text).ok())?
}

#[cfg(test)]
mod tests;
