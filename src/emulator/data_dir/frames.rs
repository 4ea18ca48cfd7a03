//! Files of frames, each with checksums, that are only ever appended to.
//!
//! A frame is handed to the kernel whole before [`FrameFile::append`] returns, so it survives the end of the process,
//! however that comes. What a program leaves that is killed while it appends is the beginning of a frame at the end of
//! the file: it is cut off when the file is opened again. Anything else that is wrong is damage, and refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::DataDirError;

const MAGIC: &[u8; 12] = b"ams-emulator";

/// The format of every file of a data directory.
pub(crate) const FORMAT: u32 = 1;

/// Magic and format.
const FILE_HEAD: usize = 16;
/// The length of what follows, its checksum, and the checksum of these two.
const FRAME_HEAD: usize = 12;

/// What is smaller is copied, to be written in one piece.
const SMALL: usize = 64 * 1024;

/// A file that is appended to.
#[derive(Debug)]
pub(crate) struct FrameFile {
    path: PathBuf,
    /// `None` while it is closed.
    file: Option<File>,
    /// Of the head and the whole frames.
    length: u64,
    /// Whether there may be something behind that, since an append failed.
    is_torn: bool,
}

impl FrameFile {
    /// A new and empty file in the place of what is there.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let mut made = Self { path: path.to_owned(), file: Some(file), length: 0, is_torn: true };
        made.write(&file_head(), &[])?;
        Ok(made)
    }

    /// An existing file, whose frames are given to `each` with the offset of each one.
    pub(crate) fn open(
        path: &Path,
        mut each: impl FnMut(u64, Vec<u8>) -> Result<(), DataDirError>,
    ) -> Result<Self, DataDirError> {
        let unusable = || DataDirError::unusable(path);
        let file = OpenOptions::new().read(true).append(true).open(path).map_err(unusable())?;
        let end = file.metadata().map_err(unusable())?.len();
        let mut reader = Reader { file: BufReader::with_capacity(SMALL, &file), path, offset: 0, end };
        reader.check_head()?;
        loop {
            let offset = reader.offset;
            let Some(payload) = reader.next()? else { break };
            each(offset, payload)?;
        }
        let length = reader.offset;
        let mut opened = Self { path: path.to_owned(), file: Some(file), length, is_torn: length < end };
        if opened.is_torn {
            tracing::warn!(
                "{}: the last {} bytes are of a write that was not finished, and are cut off",
                path.display(),
                end - length
            );
            opened.mend().map_err(unusable())?;
        }
        if length == 0 {
            opened.write(&file_head(), &[]).map_err(unusable())?;
        }
        Ok(opened)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends one frame of these two parts. After an error nothing of it is in the file.
    pub(crate) fn append(&mut self, first: &[u8], second: &[u8]) -> io::Result<()> {
        let length = u32::try_from(first.len() + second.len())
            .map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(first);
        checksum.update(second);
        let mut start = Vec::with_capacity(FRAME_HEAD + first.len() + second.len().min(SMALL));
        start.extend_from_slice(&length.to_le_bytes());
        start.extend_from_slice(&checksum.finalize().to_le_bytes());
        start.extend_from_slice(&crc32fast::hash(&start).to_le_bytes());
        start.extend_from_slice(first);
        if second.len() < SMALL {
            start.extend_from_slice(second);
            return self.write(&start, &[]);
        }
        self.write(&start, second)
    }

    fn write(&mut self, first: &[u8], second: &[u8]) -> io::Result<()> {
        self.mend()?;
        let file = self.file()?;
        let written = file.write_all(first).and_then(|()| file.write_all(second));
        if written.is_err() {
            self.is_torn = true;
            // What fails now is tried again before the next write.
            let _ = self.mend();
            return written;
        }
        self.length += (first.len() + second.len()) as u64;
        Ok(())
    }

    /// Cuts off what a failed write has left.
    fn mend(&mut self) -> io::Result<()> {
        if self.is_torn {
            let length = self.length;
            self.file()?.set_len(length)?;
            self.is_torn = false;
        }
        Ok(())
    }

    fn file(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().append(true).open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }

    /// Closes it until it is next written to.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }

    /// Gives it another name, in the place of what has that.
    pub(crate) fn rename(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        path.clone_into(&mut self.path);
        Ok(())
    }

    /// Waits until it is on the disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync_all()
    }
}

fn file_head() -> [u8; FILE_HEAD] {
    let mut head = [0; FILE_HEAD];
    head[..MAGIC.len()].copy_from_slice(MAGIC);
    head[MAGIC.len()..].copy_from_slice(&FORMAT.to_le_bytes());
    head
}

struct Reader<'a> {
    file: BufReader<&'a File>,
    path: &'a Path,
    /// Behind the last whole frame.
    offset: u64,
    end: u64,
}

impl Reader<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), DataDirError> {
        self.file.read_exact(bytes).map_err(DataDirError::unusable(self.path))
    }

    /// A head that is not whole is that of an empty file.
    fn check_head(&mut self) -> Result<(), DataDirError> {
        let mut head = [0; FILE_HEAD];
        if self.end < FILE_HEAD as u64 {
            self.end = 0;
            return Ok(());
        }
        self.fill(&mut head)?;
        let [magic @ .., a, b, c, d] = head;
        let found = u32::from_le_bytes([a, b, c, d]);
        if magic != *MAGIC || found == 0 {
            return Err(DataDirError::damaged(self.path, 0, "this is no file of an emulator"));
        }
        if found > FORMAT {
            return Err(DataDirError::Newer { path: self.path.to_owned(), found, known: FORMAT });
        }
        self.offset = FILE_HEAD as u64;
        Ok(())
    }

    /// The next frame; `None` at the end, and where the last one is not whole.
    fn next(&mut self) -> Result<Option<Vec<u8>>, DataDirError> {
        let left = self.end - self.offset;
        if left < FRAME_HEAD as u64 {
            return Ok(None);
        }
        let mut head = [0; FRAME_HEAD];
        self.fill(&mut head)?;
        let [length, checksum, of_these] =
            [0, 4, 8].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        if crc32fast::hash(&head[..8]) != of_these {
            return if head == [0; FRAME_HEAD] && self.is_empty_from_here()? {
                Ok(None)
            } else {
                Err(DataDirError::damaged(self.path, self.offset, "the checksum of a frame's head is wrong"))
            };
        }
        let end = FRAME_HEAD as u64 + u64::from(length);
        if end > left {
            return Ok(None);
        }
        let mut payload = vec![0; length as usize];
        self.fill(&mut payload)?;
        if crc32fast::hash(&payload) != checksum {
            // The last one may have reached the disk in part when the power failed.
            return if end == left {
                Ok(None)
            } else {
                Err(DataDirError::damaged(self.path, self.offset, "the checksum of a frame is wrong"))
            };
        }
        self.offset += end;
        Ok(Some(payload))
    }

    /// Whether nothing but zeros follows: room that a file system has given and not filled before the power failed.
    fn is_empty_from_here(&mut self) -> Result<bool, DataDirError> {
        let mut some = [0; 4096];
        loop {
            match self.file.read(&mut some).map_err(DataDirError::unusable(self.path))? {
                0 => return Ok(true),
                read if some[..read].iter().all(|&byte| byte == 0) => {}
                _ => return Ok(false),
            }
        }
    }
}

#[cfg(test)]
mod tests;
