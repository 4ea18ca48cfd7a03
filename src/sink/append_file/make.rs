//! Making files and directories, for those to whom they shall belong.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use super::{Failure, parent};
use crate::config::FileAccess;

/// Until a file or directory belongs to whom it shall.
const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_DIRECTORY: u32 = 0o700;

/// Opens the file for appending, and makes it where it is missing. One that is empty, as after a crash while it was made,
/// counts as made now.
pub(super) fn open(path: &Path, access: &FileAccess) -> Result<File, Failure> {
    let failed = |error| Failure::new(format!("opening {}", path.display()), error);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    if *access == FileAccess::default() {
        return options.open(path).map_err(failed);
    }
    let file =
        options.mode(access.mode.map_or(0o666, |mode| mode & PRIVATE_FILE)).open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() == 0 {
        give(&file, path, access, access.mode)?;
    }
    Ok(file)
}

/// Makes the missing directories above `path`, each durable in the one above it.
pub(crate) fn make_directories(path: &Path, access: &FileAccess) -> Result<(), Failure> {
    let missing: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|directory| !directory.as_os_str().is_empty() && !directory.exists())
        .collect();
    for directory in missing.into_iter().rev() {
        let permissions = access.directory_mode.map_or(0o777, |mode| mode & PRIVATE_DIRECTORY);
        let made = match DirBuilder::new().mode(permissions).create(directory) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => {
                return Err(Failure::new(format!("making the directory {}", directory.display()), error));
            }
        };
        let given = if made { give_directory(directory, access) } else { Ok(()) };
        if let Err(failure) = given.and_then(|()| sync_directory(parent(directory))) {
            if made {
                // The next attempt would find it there, and take its name for durable.
                let _ = std::fs::remove_dir(directory);
            }
            return Err(failure);
        }
    }
    Ok(())
}

/// Makes the names in `directory` durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), Failure> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Failure::new(format!("syncing the directory {}", directory.display()), error))
}

fn give_directory(directory: &Path, access: &FileAccess) -> Result<(), Failure> {
    let opened = File::open(directory);
    let opened = opened.map_err(|error| Failure::new(format!("opening {}", directory.display()), error))?;
    give(&opened, directory, access, access.directory_mode)
}

/// Owner first: permissions for a group are not to be had by another one.
fn give(new: &File, path: &Path, access: &FileAccess, mode: Option<u32>) -> Result<(), Failure> {
    let FileAccess { owner, group, .. } = *access;
    if owner.is_some() || group.is_some() {
        fchown(new, owner, group).map_err(|error| {
            let number = |id: Option<u32>| id.map_or_else(|| "as it is".to_owned(), |id| id.to_string());
            let doing = format!(
                "giving {} to another owner (user {}, group {}), which root alone may do, and others for a group of \
                 their own",
                path.display(),
                number(owner),
                number(group)
            );
            Failure::new(&doing, error)
        })?;
    }
    if let Some(mode) = mode {
        let set = new.set_permissions(Permissions::from_mode(mode));
        set.map_err(|error| Failure::new(format!("setting the permissions of {}", path.display()), error))?;
    }
    Ok(())
}
