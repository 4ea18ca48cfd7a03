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

/// Finishes what was begun, by an earlier run too, and compresses what is still to be. A file that is gone is no failure.
pub(super) fn compress(rotated: &Rotated, compression: Compression) -> Result<(), Failure> {
    let plain = rotated.plain();
    let failed = |doing: &str| {
        let doing = format!("{doing} {}", plain.display());
        move |error| Failure::new(&doing, error)
    };
    let Some(original) = open(&plain).map_err(failed("opening"))? else {
        return remove_unfinished(rotated).map_err(failed("clearing up after compressing"));
    };
    remove_unfinished(rotated).map_err(failed("clearing up before compressing"))?;
    for compression in [Compression::Gzip, Compression::Zstd] {
        let finished = rotated.compressed(compression).filter(|path| path.exists());
        if let Some(finished) = finished {
            if !is_copy(&finished, compression, &original)
                .map_err(failed("comparing a compressed file with"))?
            {
                let doing = format!("comparing {} with its original", finished.display());
                let error =
                    io::Error::new(io::ErrorKind::InvalidData, "its content is another; both are left");
                return Err(Failure::new(&doing, error));
            }
            return std::fs::remove_file(&plain).map_err(failed("removing"));
        }
    }
    let (Some(unfinished), Some(finished)) =
        (rotated.unfinished(compression), rotated.compressed(compression))
    else {
        return Ok(());
    };
    if let Err(error) = write(&original, &unfinished, compression) {
        let _ = std::fs::remove_file(&unfinished);
        return Err(failed("compressing")(error));
    }
    fail_point::pass("file compressed");
    rename_to(&unfinished, &finished).map_err(failed("naming the compressed file of"))?;
    fail_point::pass("compressed file named");
    sync_directory(parent(&plain))?;
    fail_point::pass("compressed file in place");
    std::fs::remove_file(&plain).map_err(failed("removing"))?;
    fail_point::pass("original removed");
    Ok(())
}

/// Opens and locks the original; `None` if it is gone.
fn open(plain: &Path) -> io::Result<Option<File>> {
    let file = match File::open(plain) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Whoever had it locked before may have been done with it.
    let is_there =
        plain.metadata().is_ok_and(|found| file.metadata().is_ok_and(|ours| found.ino() == ours.ino()));
    Ok(is_there.then_some(file))
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
