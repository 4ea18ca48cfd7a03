//! Compressing a rotated file: beside it under another name, synced, then under its own, and only then is the original
//! removed. So at any moment the original is there, or the whole compressed file, or both.
//!
//! Whoever has the original locked is at work on it, and nobody else.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use super::super::append_file::{Failure, parent, sync_directory};
use super::rotated::Rotated;
use super::rotation::rename_to;
use crate::config::Compression;
use crate::fail_point;

/// What became of a file that was to be compressed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is nothing left to do; the file may be gone.
    Done,
    /// Somebody else is at work on it.
    Locked,
}

/// Finishes what was begun, by an earlier run too, and compresses what is still to be.
pub(super) fn compress(rotated: &Rotated, compression: Compression) -> Result<Outcome, Failure> {
    let plain = rotated.plain();
    let failed = |doing: &str| {
        let doing = format!("{doing} {}", plain.display());
        move |error| Failure::new(&doing, error)
    };
    let original = open(&plain).map_err(failed("opening"))?;
    if original.as_ref().is_some_and(|(_, is_ours)| !is_ours) {
        return Ok(Outcome::Locked);
    }
    remove_unfinished(rotated).map_err(failed("clearing up beside"))?;
    let Some((original, _)) = original else { return Ok(Outcome::Done) };
    if !has_copy(rotated, &original)? {
        let (Some(unfinished), Some(finished)) =
            (rotated.unfinished(compression), rotated.compressed(compression))
        else {
            return Ok(Outcome::Done);
        };
        if let Err(error) = write(&original, &unfinished, compression) {
            let _ = std::fs::remove_file(&unfinished);
            return Err(failed("compressing")(error));
        }
        fail_point::pass("file compressed");
        rename_to(&unfinished, &finished).map_err(failed("naming the compressed file of"))?;
        fail_point::pass("compressed file named");
    }
    sync_directory(parent(&plain))?;
    fail_point::pass("compressed file in place");
    std::fs::remove_file(&plain).map_err(failed("removing"))?;
    fail_point::pass("original removed");
    Ok(Outcome::Done)
}

/// Opens the original, and says whether it could be locked; `None` if it is gone.
fn open(plain: &Path) -> io::Result<Option<(File, bool)>> {
    let file = match File::open(plain) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Some((file, false))),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Whoever had it locked before may have been done with it.
    let ours = file.metadata()?.ino();
    let is_there = plain.metadata().is_ok_and(|found| found.ino() == ours);
    Ok(is_there.then_some((file, true)))
}

/// Whether a compressed file of it is there already, before the original was removed.
fn has_copy(rotated: &Rotated, original: &File) -> Result<bool, Failure> {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let Some(finished) = rotated.compressed(compression).filter(|path| path.exists()) else { continue };
        let failed =
            |error| Failure::new(format!("comparing {} with its original", finished.display()), error);
        if !is_copy(&finished, compression, original).map_err(failed)? {
            let error = io::Error::new(io::ErrorKind::InvalidData, "its content is another; both are left");
            return Err(failed(error));
        }
        return Ok(true);
    }
    Ok(false)
}

fn remove_unfinished(rotated: &Rotated) -> io::Result<()> {
    let paths = [Compression::Gzip, Compression::Zstd].map(|compression| rotated.unfinished(compression));
    paths.into_iter().flatten().try_for_each(|path| match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}

/// Writes the compressed file, durably but for its name, for the same owner and in the same mode.
fn write(original: &File, to: &Path, compression: Compression) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let found = original.metadata()?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (found.uid(), found.gid()) {
        fchown(&file, Some(found.uid()), Some(found.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(found.mode() & 0o7777))?;
    match compression {
        Compression::None => {}
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(&file, flate2::Compression::default());
            copy(original, &mut encoder)?;
            encoder.finish()?;
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(&file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            copy(original, &mut encoder)?;
            encoder.finish()?;
        }
    }
    file.sync_all()
}

fn copy(mut original: &File, encoder: &mut impl Write) -> io::Result<()> {
    io::copy(&mut original, encoder)?;
    fail_point::pass("compressed file unfinished");
    Ok(())
}

/// Whether what is in the compressed file is what is in the original, to the last byte.
fn is_copy(compressed: &Path, compression: Compression, original: &File) -> io::Result<bool> {
    let file = BufReader::new(File::open(compressed)?);
    let mut copy: Box<dyn Read> = match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(file)?),
    };
    let mut original = BufReader::new(original);
    let (mut ours, mut theirs) = ([0; 8192], [0; 8192]);
    loop {
        let length = original.read(&mut ours)?;
        // What cannot be decompressed, or has no proper end, is no copy.
        let same = if length == 0 {
            matches!(copy.read(&mut theirs), Ok(0))
        } else {
            copy.read_exact(&mut theirs[..length]).is_ok() && ours[..length] == theirs[..length]
        };
        if !same || length == 0 {
            return Ok(same);
        }
    }
}

#[cfg(test)]
mod tests;
