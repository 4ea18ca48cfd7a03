//! The directory of the dead letters of one subscription, locked, and the numbered files in it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use super::NotKept;

/// What whoever holds the lock may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locking {
    ToRead,
    ToWrite,
}

/// An open and locked directory; others wait until it is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    handle: File,
}

/// One file of letters, as it was found.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) inode: u64,
    pub(super) length: u64,
    pub(super) is_new: bool,
}

impl Directory {
    /// Makes it, and those above it, for its owner and group where it is missing, and locks it to be written to.
    pub(super) fn make(path: &Path) -> Result<Self, NotKept> {
        if !path.exists() {
            let made = DirBuilder::new().recursive(true).mode(0o750).create(path);
            // Its name, and that of the one above, which may be new as well.
            let named =
                || path.ancestors().skip(1).take(2).try_for_each(|above| File::open(above)?.sync_all());
            made.and_then(|()| named()).map_err(NotKept::io("making the directory", path))?;
        }
        let missing = || NotKept::io("opening", path)(io::ErrorKind::NotFound.into());
        Self::open(path, Locking::ToWrite)?.ok_or_else(missing)
    }

    /// `None` if it is missing.
    pub(super) fn open(path: &Path, locking: Locking) -> Result<Option<Self>, NotKept> {
        let handle = match File::open(path) {
            Ok(handle) => handle,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(NotKept::io("opening", path)(error)),
        };
        let locked = match locking {
            Locking::ToRead => handle.lock_shared(),
            Locking::ToWrite => handle.lock(),
        };
        locked.map_err(NotKept::io("locking", path))?;
        Ok(Some(Self { path: path.to_owned(), handle }))
    }

    /// The files of letters in it, in order of number.
    pub(super) fn files(&self) -> Result<Vec<Numbered>, NotKept> {
        let read = || -> io::Result<Vec<Numbered>> {
            let mut files = Vec::new();
            for entry in self.path.read_dir()? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Some(number) = name.strip_suffix(".jsonl").and_then(|number| number.parse().ok()) else {
                    continue;
                };
                let found = path.metadata()?;
                let (inode, length) = (found.ino(), found.len());
                files.push(Numbered { number, path, inode, length, is_new: false });
            }
            files.sort_by_key(|file| file.number);
            Ok(files)
        };
        read().map_err(NotKept::io("reading", &self.path))
    }

    /// The file of that number, which is not there yet.
    pub(super) fn next(&self, number: u64) -> Numbered {
        let path = self.path.join(format!("{number:08}.jsonl"));
        Numbered { number, path, inode: 0, length: 0, is_new: true }
    }

    /// Opens a file to be appended to.
    pub(super) fn append(&self, file: &Numbered) -> Result<File, NotKept> {
        let opened = || -> io::Result<File> {
            let output = options(file.is_new).append(true).read(true).open(&file.path)?;
            self.give(&output)?;
            Ok(output)
        };
        opened().map_err(NotKept::io("opening", &file.path))
    }

    /// Puts `content` in the place of a file, at once.
    pub(super) fn replace(&self, file: &Numbered, content: &[u8]) -> Result<(), NotKept> {
        let aside = file.path.with_extension("jsonl.new");
        let written = || -> io::Result<()> {
            let output = options(true).write(true).truncate(true).open(&aside)?;
            self.give(&output)?;
            output.write_all_at(content, 0)?;
            output.sync_all()?;
            std::fs::rename(&aside, &file.path)
        };
        written().map_err(NotKept::io("writing anew", &file.path))
    }

    /// Makes the names in it durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    /// A file that root makes is its owner's whose directory it is: the daemon must be able to go on with it.
    fn give(&self, file: &File) -> io::Result<()> {
        let (owner, made) = (self.handle.metadata()?, file.metadata()?);
        if owner.uid() != made.uid() {
            fchown(file, Some(owner.uid()), Some(owner.gid()))?;
        }
        Ok(())
    }
}

/// Payloads are for the owner alone.
fn options(create: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(create).mode(0o600);
    options
}
