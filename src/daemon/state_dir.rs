//! The state directory: made if it is missing, and held by one daemon at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A state directory that is ours until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct StateDir {
    _lock: File,
}

/// Why the state directory cannot be used. Nothing was pulled yet.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// It is missing and cannot be made, or no file can be made in it.
    #[error("state_dir must be a directory that this user can write to; cannot use {path}")]
    Unusable {
        /// The directory, or the lock file in it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process holds it: two daemons with one state would each undo what the other remembers.
    #[error("state_dir: {path} is in use by another ams-forwarder{holder}; give each its own state_dir")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// ` (process N)`, if it told.
        holder: String,
    },
}

impl StateDir {
    /// Makes the directory with mode 0750 where it is missing, durably, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, StateDirError> {
        let unusable = |path: &Path, source| StateDirError::Unusable { path: path.to_owned(), source };
        let missing: Vec<_> = path.ancestors().take_while(|directory| !directory.exists()).collect();
        DirBuilder::new().recursive(true).mode(0o750).create(path).map_err(|e| unusable(path, e))?;
        for parent in missing.into_iter().filter_map(Path::parent) {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            File::open(parent).and_then(|it| it.sync_all()).map_err(|e| unusable(parent, e))?;
        }
        let file = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&file)
            .map_err(|e| unusable(&file, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateDirError::InUse { path: path.to_owned(), holder: holder(&mut lock) });
            }
            Err(TryLockError::Error(e)) => return Err(unusable(&file, e)),
        }
        // The number is for people; a full disk is no reason not to start.
        let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        Ok(Self { _lock: lock })
    }
}

fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    match lock.take(32).read_to_string(&mut text).map(|_| text.trim().parse::<u32>()) {
        Ok(Ok(process)) => format!(" (process {process})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_missing_state_dir_is_made_for_its_owner_and_group() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let _held = StateDir::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o027, 0);
    }

    #[test]
    fn a_second_daemon_is_refused_with_the_directory_and_the_process_named_until_the_first_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let held = StateDir::open(dir.path()).unwrap();
        let refused = StateDir::open(dir.path()).unwrap_err().to_string();
        assert!(refused.contains(&dir.path().display().to_string()), "{refused}");
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(held);
        StateDir::open(dir.path()).unwrap();
    }

    #[test]
    fn a_state_dir_that_cannot_be_made_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = StateDir::open(&file.join("state")).unwrap_err();
        assert!(error.to_string().contains("file/state"), "{error}");
        let reason = std::error::Error::source(&error).unwrap().to_string();
        assert!(reason.contains("Not a directory"), "{reason}");
    }
}
