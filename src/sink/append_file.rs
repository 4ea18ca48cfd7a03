//! A file that is only appended to: opened, locked, synced, cut back when a batch fails, and cut back after a crash.
//!
//! What was written is vouched for with a [`FileMark`]; what is behind the last mark after a crash is cut off. So before
//! a file is written to anew, the place where that begins is made known: see [`AppendFile::begin`].

mod make;
mod mark;

use std::fmt;
use std::fs::{File, Metadata, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::{SinkError, Trouble};
use crate::config::FileAccess;
use crate::fail_point;
pub(crate) use make::{make_directories, sync_directory};
pub(crate) use mark::FileMark;

/// What could not be done to which file.
#[derive(Debug)]
pub(crate) struct Failure {
    doing: String,
    error: io::Error,
}

impl Failure {
    pub(crate) fn new(doing: impl Into<String>, error: io::Error) -> Self {
        Self { doing: doing.into(), error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        if failure.error.kind() == io::ErrorKind::WouldBlock {
            return Self::Retry { after: None, error: SinkError { class: "io", message: failure.doing } };
        }
        Self::from_io(&failure.doing, &failure.error)
    }
}

impl From<Failure> for SinkError {
    fn from(failure: Failure) -> Self {
        Self::from_io(&failure.doing, &failure.error)
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A file that is open for appending and locked against other writers.
#[derive(Debug)]
pub(crate) struct AppendFile {
    path: PathBuf,
    file: File,
    /// Whether the batch at hand writes to it.
    pub(crate) used: bool,
    /// Its length before the batch at hand.
    start: u64,
    /// Its length when all that the batch appended is written.
    length: u64,
    /// Whether its name is durable, not only its content.
    named: bool,
    /// The last mark that was made known.
    mark: Option<FileMark>,
}

impl AppendFile {
    /// Opens the file, and makes it and its directories where they are missing, for whom `access` says.
    pub(crate) fn open(path: PathBuf, access: &FileAccess) -> Result<Self, Failure> {
        let failed = |doing: &str| {
            let doing = format!("{doing} {}", path.display());
            move |error| Failure { doing, error }
        };
        make_directories(&path, access)?;
        // Opening a pipe would wait for its reader, and nothing there could be synced.
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            let error = io::Error::new(io::ErrorKind::IsADirectory, "it is no regular file");
            return Err(failed("opening")(error));
        }
        let file = make::open(&path, access)?;
        lock(&file, &path)?;
        fail_point::pass("file opened");
        Ok(Self { file, used: false, start: 0, length: 0, named: false, mark: None, path })
    }

    /// How long it is now.
    pub(crate) fn size(&self) -> Result<u64, Failure> {
        self.file
            .metadata()
            .map(|found| found.len())
            .map_err(|error| self.failure("reading the size of", error))
    }

    /// The file, to be read.
    pub(crate) fn content(&self) -> &File {
        &self.file
    }

    /// Cuts off, durably, what is behind `end`.
    pub(crate) fn cut(&mut self, end: u64) -> Result<(), Failure> {
        let cut = self.file.set_len(end).and_then(|()| self.file.sync_data());
        cut.map_err(|error| self.failure("cutting off the end of", error))
    }

    /// Before the first write of a batch: takes the file as it is now, for others may have written to it or cut it. The
    /// mark is to be made known before the file is written to; `None` if it is known already.
    pub(crate) fn begin(&mut self) -> Result<Option<FileMark>, Failure> {
        let size = self.size()?;
        (self.length, self.start, self.used) = (size, size, true);
        if self.mark.as_ref().is_some_and(|mark| mark.length == size) {
            return Ok(None);
        }
        self.current_mark().map(Some)
    }

    /// This mark was made known; `None` if that failed, so that nobody knows what is known.
    pub(crate) fn know(&mut self, mark: Option<FileMark>) {
        self.mark = mark;
    }

    /// The last mark that was made known.
    pub(crate) fn mark(&self) -> Option<&FileMark> {
        self.mark.as_ref()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn metadata(&self) -> Result<Metadata, Failure> {
        self.file.metadata().map_err(|error| self.failure("looking at", error))
    }

    /// Whether the name still leads to this file: after logrotate or `rm` it does not.
    pub(crate) fn is_still_there(&self) -> bool {
        let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
        match (self.path.metadata(), self.file.metadata()) {
            (Ok(named), Ok(ours)) => identity(named) == identity(ours),
            _ => false,
        }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        // Counted before the attempt: a write that fails may have written a part.
        self.length += bytes.len() as u64;
        fail_point::tear("file torn", bytes, |half| drop(self.file.write_all(half)));
        self.file.write_all(bytes).map_err(|error| self.failure("writing to", error))
    }

    /// Makes durable what was appended; what somebody else has appended meanwhile is durable with it. The name of a file
    /// that was opened anew is not yet: see [`AppendFile::unnamed`].
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        fail_point::pass("file written");
        self.file.sync_data().map_err(|error| self.failure("syncing", error))?;
        fail_point::pass("file synced");
        Ok(())
    }

    /// The directory that has to be synced before the name of the file is durable; `None` if it is.
    pub(crate) fn unnamed(&self) -> Option<&Path> {
        (!self.named).then(|| parent(&self.path))
    }

    /// That directory was synced.
    pub(crate) fn is_named(&mut self) {
        self.named = true;
    }

    /// After all of that, as far as it is wanted: takes the mark that vouches for what was appended.
    pub(crate) fn vouch(&mut self) -> Result<(), Failure> {
        let found = self.metadata()?;
        if found.nlink() == 0 {
            let error = io::Error::new(io::ErrorKind::NotFound, "it was removed meanwhile");
            return Err(self.failure("writing to", error));
        }
        self.length = found.len();
        self.mark = Some(self.current_mark()?);
        Ok(())
    }

    fn current_mark(&self) -> Result<FileMark, Failure> {
        let mark = FileMark::of(&self.path, &self.file, self.length);
        mark.map_err(|error| self.failure("reading the end of", error))
    }

    /// Takes back what the batch appended. Only a file that is as long as it must be: where somebody else has written
    /// to it or cut it, the batch may stand in it in part, and comes again.
    pub(crate) fn take_back(&mut self) -> Result<(), Failure> {
        let size = self.size()?;
        if !(self.start..=self.length).contains(&size) {
            tracing::warn!(
                "{} was changed by somebody else; a failed batch stays in it in part",
                self.path.display()
            );
        } else if size > self.start {
            let cut = self.file.set_len(self.start);
            cut.map_err(|error| self.failure("taking back a part of a batch from", error))?;
        }
        self.mark.take_if(|mark| mark.length != self.start);
        self.used = false;
        Ok(())
    }

    /// The last byte of the file; `None` if it is empty.
    pub(crate) fn last_byte(&self) -> Result<Option<u8>, Failure> {
        let Some(last) = self.length.checked_sub(1) else {
            return Ok(None);
        };
        let mut end = [0];
        let read = self.file.read_exact_at(&mut end, last);
        read.map_err(|error| self.failure("reading the end of", error))?;
        Ok(Some(end[0]))
    }

    fn failure(&self, doing: &str, error: io::Error) -> Failure {
        Failure { doing: format!("{doing} {}", self.path.display()), error }
    }
}

fn lock(file: &File, path: &Path) -> Result<(), Failure> {
    let path = path.display();
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Failure {
            doing: format!("{path} is locked by another process that writes to it"),
            error: io::ErrorKind::WouldBlock.into(),
        }),
        Err(TryLockError::Error(error)) => Err(Failure { doing: format!("locking {path}"), error }),
    }
}

/// The directory that the name is in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
