//! Looking at files that hold secrets: whether they changed, and who else can read them.

use super::NoToken;
use std::{
    collections::BTreeSet,
    fs::Metadata,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// What tells one state of a file from another without reading it. Some tools give each file the same time, so it
/// matters which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    file: (u64, u64),
}

impl Stamp {
    pub(in crate::client) fn of(path: &Path) -> std::io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            len: metadata.len(),
            file: (metadata.dev(), metadata.ino()),
        }
    }
}

/// Looks on a thread that may block: a network file system that hangs must not take the runtime with it.
pub(super) async fn aside<F: Send + Sync + 'static, T: Send + 'static>(
    at: &Arc<F>,
    look: impl FnOnce(&F) -> Result<T, NoToken> + Send + 'static,
) -> Result<T, NoToken> {
    let at = Arc::clone(at);
    let looked = tokio::task::spawn_blocking(move || look(&at)).await;
    looked.unwrap_or_else(|_| Err(NoToken::lasting("the files were not looked at: the runtime ends")))
}

/// Bits of a mode: everybody may read a file, or write to it.
const READ_OR_WRITE: u32 = 0o006;
/// Everybody may reach what is in a directory.
const REACH: u32 = 0o001;

/// Warns, once, of a file with a secret that every user of this machine can read or change.
pub(in crate::client) fn warn_if_exposed(path: &Path, what: &str) {
    static WARNED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if is_exposed(path) && WARNED.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned()) {
        let path = path.display();
        tracing::warn!(
            file = %path,
            "every user of this machine can read or change the {what} {path}: chmod o-rwx {path}"
        );
    }
}

/// Whether the file is open to everybody, and every directory on the way to it.
fn is_exposed(path: &Path) -> bool {
    let allows = |path: &Path, bits: u32| {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & bits != 0)
    };
    std::fs::canonicalize(path).is_ok_and(|path| {
        allows(&path, READ_OR_WRITE) && path.ancestors().skip(1).all(|directory| allows(directory, REACH))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};

    #[test]
    fn a_file_is_exposed_if_everybody_can_get_to_it_and_read_or_change_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        write(&file, "x").unwrap();
        let set = |path: &Path, mode| set_permissions(path, Permissions::from_mode(mode)).unwrap();
        for (of_file, of_folder, exposed) in [
            (0o644, 0o755, true),
            (0o602, 0o711, true),
            (0o640, 0o755, false),
            (0o600, 0o755, false),
            (0o644, 0o700, false),
            (0o644, 0o750, false),
        ] {
            set(&file, of_file);
            set(folder.path(), of_folder);
            assert_eq!(is_exposed(&file), exposed, "{of_file:o} in {of_folder:o}");
        }
        assert!(!is_exposed(&folder.path().join("nosuch")));
    }

    #[test]
    fn a_file_put_in_the_place_of_another_is_a_change_whatever_its_time_and_size() {
        let folder = tempfile::tempdir().unwrap();
        let [file, next] = ["token", "next"].map(|name| folder.path().join(name));
        for path in [&file, &next] {
            write(path, "same size").unwrap();
            let opened = std::fs::File::options().write(true).open(path).unwrap();
            opened.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        let before = Stamp::of(&file).unwrap();
        assert_eq!(Stamp::of(&file).unwrap(), before);
        std::fs::rename(&next, &file).unwrap();
        assert_ne!(Stamp::of(&file).unwrap(), before);
    }
}
