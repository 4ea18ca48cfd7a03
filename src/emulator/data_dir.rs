//! What an emulator keeps over restarts, in a directory of its own:
//!
//! ```text
//! lock              held by the emulator that has the directory
//! journal           everything but the messages: `journal`, in the forms of `kept`
//! topics/UUID/*.log the messages of a topic: `log::files`
//! ```
//!
//! What is answered was handed to the kernel before, so it survives the process, however that ends. Nothing waits for the
//! disk. A change is made in memory, kept, and answered; what [`Emulator::keep`] writes is whatever differs from what is
//! kept already, so no change is forgotten. Where a subscription stands is kept first, since what was acknowledged must
//! not come back; and messages are written by their log, before anybody can pull them.
//!
//! The journal is locked before anything else is.

mod error;
mod frames;
mod journal;
mod kept;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::answer::Refusal;
use super::log::LogFiles;
use super::project::{Project, Subscription};
use super::seldom::Seldom;
use super::{Emulator, EmulatorError, Options, registry};
pub use error::DataDirError;
pub(crate) use frames::FrameFile;
use journal::{Change, Journal};
pub(crate) use kept::Scope;

/// A directory that is ours until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DataDir {
    topics: PathBuf,
    journal: Mutex<Journal>,
    open_logs: Arc<Semaphore>,
    complaint: Seldom,
    _lock: Lock,
}

/// The lock on a directory, until this is dropped or the process ends.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing the file alone would leave the lock to a process that is being forked off this moment.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// A change was made and could not be kept.
#[derive(Clone, Debug)]
pub(crate) struct NotKept(String);

impl From<NotKept> for Refusal {
    fn from(_: NotKept) -> Self {
        Self::backend()
    }
}

impl From<NotKept> for EmulatorError {
    fn from(NotKept(reason): NotKept) -> Self {
        Self::NotKept { reason }
    }
}

impl DataDir {
    /// Makes the directory with mode 0700 where it is missing, since tokens are in it, and locks it.
    fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = DataDirError::unusable;
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable(path))?;
        let lock = lock(path)?;
        let topics = path.join("topics");
        if topics.exists() && !Journal::is_in(path) {
            return Err(DataDirError::damaged(
                &path.join("journal"),
                0,
                "it is missing, though there are topics",
            ));
        }
        let journal = Mutex::new(Journal::open(path)?);
        DirBuilder::new().recursive(true).mode(0o700).create(&topics).map_err(unusable(&topics))?;
        Ok(Self {
            topics,
            journal,
            open_logs: LogFiles::permits(),
            complaint: Seldom::default(),
            _lock: lock,
        })
    }

    /// The files of a new log.
    pub(crate) fn new_files(&self) -> LogFiles {
        self.files(&registry::new_uuid())
    }

    /// The files of the log of that name.
    fn files(&self, name: &str) -> LogFiles {
        LogFiles::new(self.topics.join(name), Arc::clone(&self.open_logs))
    }

    fn journal(&self) -> Keeping<'_> {
        let journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        Keeping { directory: self, journal }
    }

    /// Removes the logs that no topic has, as are left of a topic whose deletion was the last that was done.
    fn remove_others(&self, logs: &[String]) -> Result<(), DataDirError> {
        for entry in fs::read_dir(&self.topics).map_err(DataDirError::unusable(&self.topics))? {
            let entry = entry.map_err(DataDirError::unusable(&self.topics))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if uuid::Uuid::try_parse(&name).is_ok() && !logs.contains(&name) {
                fs::remove_dir_all(entry.path()).map_err(DataDirError::unusable(&entry.path()))?;
            }
        }
        Ok(())
    }
}

/// The right to change what is kept, and where somebody stands. To be had before any other lock.
pub(crate) struct Keeping<'a> {
    directory: &'a DataDir,
    journal: MutexGuard<'a, Journal>,
}

impl Keeping<'_> {
    /// Keeps where a subscription is about to stand.
    pub(crate) fn cursor(
        &mut self,
        project: &Project,
        subscription: &Subscription,
        current: i64,
    ) -> Result<(), NotKept> {
        let key = kept::cursor_key(project, &subscription.name);
        self.write(vec![Change { key, value: Some(current.to_string()) }])
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<(), NotKept> {
        self.journal.write(changes).map_err(|error| {
            if self.directory.complaint.is_due() {
                tracing::warn!("the journal cannot be written, changes are refused: {error}");
            }
            NotKept(error.to_string())
        })
    }
}

impl Emulator {
    /// A service with all that `directory` holds, and which keeps there what changes. The directory is made if there is
    /// none. No other emulator can use it as long as a clone of this one is left.
    ///
    /// What was answered is in the directory, also when the process is killed. Not kept are injected faults and the
    /// windows within which pulled messages may be acknowledged: they must be pulled again.
    pub fn open(options: Options, directory: &Path) -> Result<Self, DataDirError> {
        let data_dir = DataDir::open(directory)?;
        let emulator = Self::with(options, Some(data_dir));
        if let Some(data_dir) = &emulator.shared.data_dir {
            kept::restore(&emulator, data_dir)?;
        }
        Ok(emulator)
    }

    /// Keeps all that has changed within `scope`. If that fails, it is tried again with the next change of it.
    pub(crate) fn keep(&self, scope: Scope<'_>) -> Result<(), NotKept> {
        let Some(mut keeping) = self.keeping() else { return Ok(()) };
        let now = kept::collect(self, scope);
        let changes = kept::changes(keeping.journal.live(), &now.entries, scope);
        let dropped = kept::dropped_logs(keeping.journal.live(), &changes);
        keeping.write(changes)?;
        for topic in now.topics {
            topic.set_kept();
        }
        for log in dropped {
            // What stays is removed at the next start.
            let _ = fs::remove_dir_all(keeping.directory.topics.join(log));
        }
        Ok(())
    }

    /// To be had where something is kept before it is done; `None` where nothing is kept.
    pub(crate) fn keeping(&self) -> Option<Keeping<'_>> {
        self.shared.data_dir.as_ref().map(DataDir::journal)
    }
}

fn lock(directory: &Path) -> Result<Lock, DataDirError> {
    let path = directory.join("lock");
    let unusable = DataDirError::unusable;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut lock = options.open(&path).map_err(unusable(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let told = (&lock).take(32).read_to_string(&mut process).is_ok() && !process.trim().is_empty();
            let holder = if told { format!(" (process {})", process.trim()) } else { String::new() };
            return Err(DataDirError::InUse { path: directory.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(&path)(error)),
    }
    // The number is for people; a full disk is no reason not to start.
    let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(Lock(lock))
}

#[cfg(test)]
mod tests;
