//! How far a file is known to be whole, and cutting it back to that after a crash.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirEntryExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::{Failure, lock, parent};
use crate::fail_point;

/// So many bytes before the mark must be what they were.
const TAIL: u64 = 64;

/// A file that is only appended to, and its length when all in it was vouched for. What is behind that is ours to cut,
/// as long as the file is provably the same: the inode, the time of its birth (an inode is used again), and the bytes
/// in front of the mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileMark {
    pub(crate) path: PathBuf,
    pub(crate) inode: u64,
    /// In nanoseconds since 1970; not every file system knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<u64>,
    pub(crate) length: u64,
    /// The checksum of the last bytes before the mark.
    tail: u32,
}

impl FileMark {
    /// Where `file` of that path has `length` bytes that are vouched for.
    pub(crate) fn of(path: &Path, file: &File, length: u64) -> io::Result<Self> {
        let found = file.metadata()?;
        let tail = tail(file, length)?;
        Ok(Self { path: path.to_owned(), inode: found.ino(), born: born(&found), length, tail })
    }

    /// Cuts the file back to the mark, unless it is not provably the same; then it is left as it is, and that is said:
    /// what is behind the mark may come a second time. A file that was renamed within its directory, as logrotate does
    /// it, is found there. Where what was vouched for was not `durable`, a power loss may have cost a part of it: that is
    /// said, too. Says whether it still has its name.
    pub(crate) fn restore(&self, durable: bool) -> Result<bool, Failure> {
        let path = self.path.display();
        let failed = |doing: &str| {
            let doing = format!("{doing} {path} after the last run");
            move |error| Failure { doing, error }
        };
        let Some((found, file)) = self.find().map_err(failed("looking for"))? else {
            let or_lost = if durable { "" } else { ", or a power loss has cost it" };
            tracing::warn!(
                "{path} was moved away or removed since the last run{or_lost}: if it had a part of the last batch, that \
                 comes again"
            );
            return Ok(false);
        };
        lock(&file, &found)?;
        fail_point::pass("file found again");
        let has_its_name = found == self.path;
        let length = file.metadata().map_err(failed("reading the size of"))?.len();
        if !durable && self.is_lost_from(&file, length).map_err(failed("reading"))? {
            let (found, had) = (found.display(), self.length);
            tracing::error!(
                had,
                has = length,
                "messages that are acknowledged are missing in {found}: of {had} bytes it has {}. A power loss costs what is \
                 not synced, as this sink's sync has it, unless somebody else has changed the file; seek the subscription \
                 back to have them again",
                if length < had { length.to_string() } else { "some that differ".to_owned() }
            );
            return Ok(has_its_name);
        }
        if !durable {
            // A kill has taken away who would have done it.
            file.sync_data()
                .and_then(|()| File::open(parent(&found))?.sync_all())
                .map_err(failed("syncing"))?;
        }
        if length == self.length {
            return Ok(has_its_name);
        }
        let same = length > self.length && tail(&file, self.length).map_err(failed("reading"))? == self.tail;
        let found = found.display();
        if !same {
            tracing::warn!(
                "{found} was changed by somebody else since the last run and is left as it is: a part of the last batch \
                 may come into it twice"
            );
            return Ok(has_its_name);
        }
        file.set_len(self.length).and_then(|()| file.sync_data()).map_err(failed("cutting back"))?;
        fail_point::pass("file cut back");
        tracing::info!(
            bytes = length - self.length,
            "{found} is cut back to its last whole batch; what was behind that comes again"
        );
        Ok(has_its_name)
    }

    /// Whether something is missing of what was vouched for.
    fn is_lost_from(&self, file: &File, length: u64) -> io::Result<bool> {
        Ok(length < self.length || tail(file, self.length)? != self.tail)
    }

    fn find(&self) -> io::Result<Option<(PathBuf, File)>> {
        if let Some(file) = self.open_if_same(&self.path)? {
            return Ok(Some((self.path.clone(), file)));
        }
        let entries = match fs::read_dir(parent(&self.path)) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            if entry.ino() == self.inode
                && let Some(file) = self.open_if_same(&entry.path())?
            {
                return Ok(Some((entry.path(), file)));
            }
        }
        Ok(None)
    }

    fn open_if_same(&self, path: &Path) -> io::Result<Option<File>> {
        let is_same =
            |found: &Metadata| found.is_file() && (found.ino(), born(found)) == (self.inode, self.born);
        match path.metadata() {
            Ok(found) if is_same(&found) => {}
            Ok(_) => return Ok(None),
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        let found = file.metadata()?;
        Ok(is_same(&found).then_some(file))
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn born(found: &Metadata) -> Option<u64> {
    let since = found.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

fn tail(file: &File, length: u64) -> io::Result<u32> {
    let start = length.saturating_sub(TAIL);
    let mut bytes = vec![0; usize::try_from(length - start).unwrap_or_default()];
    file.read_exact_at(&mut bytes, start)?;
    Ok(crc32fast::hash(&bytes))
}

#[cfg(test)]
mod tests;
