//! One file of Avro objects while it is written: its header, its blocks, and what a crash has left of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::header::{self, Beginning, Header, Marker};
use super::packer::Packer;
use crate::config::{AvroConfig, AvroSchema, Codec};
use crate::sink::append_file::{AppendFile, Failure, parent, sync_directory};

/// What the files of one sink have in common. Cheap to clone.
#[derive(Clone)]
struct Blocks {
    config: AvroConfig,
    /// One for all files: they are written one after the other. It is made when it is first needed.
    packer: Arc<Mutex<Option<Packer>>>,
}

/// What is known of one file.
pub(in crate::sink) struct Container {
    blocks: Blocks,
    /// Of the header that the file has; `None` if it is to get one.
    marker: Option<Marker>,
    /// For a file that was begun with another codec.
    packer: Option<Packer>,
    /// Up to here it is header and whole blocks, as far as we have seen to it ourselves.
    whole: Option<u64>,
}

impl Container {
    /// A block is full with so much data, before it is packed.
    pub(in crate::sink) const FULL: usize = 256 * 1024;

    /// One of a sink, that nothing is known of yet.
    pub(in crate::sink) fn new(config: &AvroConfig) -> Self {
        Self::of(Blocks { config: config.clone(), packer: Arc::default() })
    }

    /// Another one of the same sink.
    pub(in crate::sink) fn of_another(&self) -> Self {
        Self::of(self.blocks.clone())
    }

    fn of(blocks: Blocks) -> Self {
        Self { blocks, marker: None, packer: None, whole: None }
    }

    /// Before a batch: sees to it that the file is one of these objects, and ends with a whole block.
    pub(in crate::sink) fn mend(&mut self, file: &mut AppendFile) -> Result<(), Failure> {
        let size = file.size()?;
        if self.whole == Some(size) {
            return Ok(());
        }
        (self.marker, self.packer) = (None, None);
        let beginning = header::read(file.content(), size)
            .map_err(|error| failed("reading the header of", file, error))?;
        let end = match beginning {
            Beginning::Torn => 0,
            Beginning::Header(header) => {
                self.adopt(&header, file)?;
                let end = header.end_of_blocks(file.content(), size);
                end.map_err(|error| failed("looking for the last block of", file, error))?
            }
            Beginning::Other => return Err(refused(file, "is no Avro object container file")),
        };
        if end < size {
            set_aside(file, end, size)?;
        }
        self.whole = Some(end);
        Ok(())
    }

    /// Goes on with the file as it was begun.
    fn adopt(&mut self, header: &Header, file: &AppendFile) -> Result<(), Failure> {
        let schema = std::str::from_utf8(&header.schema).ok().and_then(|text| AvroSchema::parse(text).ok());
        if !schema.is_some_and(|schema| schema.is_same(&self.blocks.config.schema)) {
            return Err(refused(file, "has another schema than schema_file"));
        }
        let codec = Codec::ALL.into_iter().find(|codec| codec.name().as_bytes() == header.codec);
        let Some(codec) = codec else {
            return Err(refused(file, "has a codec that is not known here"));
        };
        if codec != self.blocks.config.codec {
            tracing::info!(
                "{} was begun with codec {} and goes on with it",
                file.path().display(),
                codec.name()
            );
            let packer = Packer::new(codec).map_err(|error| failed("packing for", file, error))?;
            self.packer = Some(packer);
        }
        self.marker = Some(header.marker);
        Ok(())
    }

    /// Appends a block of these `count` datums, behind a header if there is none yet.
    pub(in crate::sink) fn append(
        &mut self,
        count: usize,
        datums: &[u8],
        file: &mut AppendFile,
    ) -> Result<(), Failure> {
        let marker = match self.marker {
            Some(marker) => marker,
            None => self.begin(file)?,
        };
        let mut shared = self.blocks.packer.lock().unwrap_or_else(PoisonError::into_inner);
        let packer = match (&mut self.packer, &mut *shared) {
            (Some(packer), _) | (None, Some(packer)) => Ok(packer),
            (None, none) => Packer::new(self.blocks.config.codec).map(|packer| none.insert(packer)),
        };
        let block = packer.and_then(|packer| packer.pack(count, datums, &marker));
        let block = block.map_err(|error| failed("packing a block for", file, error))?;
        append(block, &mut self.whole, file)
    }

    fn begin(&mut self, file: &mut AppendFile) -> Result<Marker, Failure> {
        let mut marker = Marker::default();
        getrandom::fill(&mut marker)
            .map_err(|error| failed("making a marker for", file, io::Error::other(error.to_string())))?;
        let header = header::of(&self.blocks.config.schema, self.blocks.config.codec, &marker);
        append(&header, &mut self.whole, file)?;
        self.marker = Some(marker);
        Ok(marker)
    }
}

/// What fails here is found again by its size: the file is looked at anew before the next batch.
fn append(bytes: &[u8], whole: &mut Option<u64>, file: &mut AppendFile) -> Result<(), Failure> {
    let end = whole.take().map(|end| end + bytes.len() as u64);
    file.append(bytes)?;
    *whole = end;
    Ok(())
}

/// Keeps the end of the file in a file of its own, durably, and cuts it off.
fn set_aside(file: &mut AppendFile, end: u64, size: u64) -> Result<(), Failure> {
    let keep = || {
        let mut content = file.content();
        let (mut aside, path) = beside(file.path(), content)?;
        content.seek(SeekFrom::Start(end))?;
        let copied = io::copy(&mut content.take(size - end), &mut aside).and_then(|_| aside.sync_all());
        if copied.is_err() {
            let _ = std::fs::remove_file(&path);
        }
        copied.map(|()| path)
    };
    let aside = keep().map_err(|error| failed("setting aside the torn end of", file, error))?;
    if let Err(failure) = sync_directory(parent(&aside)).and_then(|()| file.cut(end)) {
        // The next attempt keeps it anew.
        let _ = std::fs::remove_file(&aside);
        return Err(failure);
    }
    tracing::warn!(
        bytes = size - end,
        "the end of {} is no whole block, after a crash: it is set aside as {}, and the file goes on behind its last \
         whole block",
        file.path().display(),
        aside.display()
    );
    Ok(())
}

/// A new file beside another one, which nobody may read who may not read that.
fn beside(path: &Path, like: &File) -> io::Result<(File, PathBuf)> {
    let mode = like.metadata()?.permissions().mode();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode & 0o666);
    for number in 1.. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".torn.{number}"));
        match options.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => return outcome.map(|file| (file, name.into())),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn refused(file: &AppendFile, what: &str) -> Failure {
    let error = io::Error::new(
        io::ErrorKind::InvalidData,
        "nothing is appended to it; move it away, and a new file is begun",
    );
    Failure::new(format!("{} {what}", file.path().display()), error)
}

fn failed(doing: &str, file: &AppendFile, error: io::Error) -> Failure {
    Failure::new(format!("{doing} {}", file.path().display()), error)
}
