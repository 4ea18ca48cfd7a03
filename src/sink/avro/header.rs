//! The beginning of a file of Avro objects, and where its last whole block ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::long::{self, NoLong};
use crate::config::{AvroSchema, Codec};

const MAGIC: &[u8] = b"Obj\x01";

/// So much of a file is looked at for its header.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What ends every block of a file, and of no other.
pub(super) type Marker = [u8; 16];

/// The header of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) schema: Vec<u8>,
    pub(super) codec: Vec<u8>,
    pub(super) marker: Marker,
    /// Its own length.
    length: u64,
}

/// What a file begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    Header(Header),
    /// A header that is not whole; also nothing at all.
    Torn,
    /// Something else.
    Other,
}

/// The header of a new file.
pub(super) fn of(schema: &AvroSchema, codec: Codec, marker: &Marker) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    long::write(2, &mut out);
    for text in ["avro.codec", codec.name(), "avro.schema", schema.text()] {
        long::write(text.len(), &mut out);
        out.extend_from_slice(text.as_bytes());
    }
    long::write(0, &mut out);
    out.extend_from_slice(marker);
    out
}

/// Reads the header of a file of this size.
pub(super) fn read(file: &File, size: u64) -> io::Result<Beginning> {
    let mut looked_at = 8 * 1024;
    loop {
        let mut bytes = vec![0; usize::try_from(size.min(looked_at)).unwrap_or_default()];
        file.read_exact_at(&mut bytes, 0)?;
        match parse(&bytes) {
            Beginning::Torn if size > looked_at && looked_at < LONGEST => looked_at *= 8,
            Beginning::Torn if size > looked_at => return Ok(Beginning::Other),
            beginning => return Ok(beginning),
        }
    }
}

fn parse(bytes: &[u8]) -> Beginning {
    if !bytes.starts_with(MAGIC) {
        return if MAGIC.starts_with(bytes) { Beginning::Torn } else { Beginning::Other };
    }
    let mut rest = &bytes[MAGIC.len()..];
    match metadata(&mut rest) {
        Ok((schema, codec, marker)) => {
            Beginning::Header(Header { schema, codec, marker, length: (bytes.len() - rest.len()) as u64 })
        }
        Err(NoLong::Short) => Beginning::Torn,
        Err(NoLong::Wide) => Beginning::Other,
    }
}

fn metadata(rest: &mut &[u8]) -> Result<(Vec<u8>, Vec<u8>, Marker), NoLong> {
    let (mut schema, mut codec) = (Vec::new(), b"null".to_vec());
    loop {
        let count = number(rest)?;
        if count == 0 {
            let marker = take(rest, 16)?;
            return Ok((schema, codec, marker.try_into().map_err(|_| NoLong::Short)?));
        }
        if count < 0 {
            number(rest)?;
        }
        for _ in 0..count.unsigned_abs() {
            let key = bytes(rest)?;
            let value = bytes(rest)?;
            match key {
                b"avro.schema" => schema = value.to_vec(),
                b"avro.codec" => codec = value.to_vec(),
                _ => {}
            }
        }
    }
}

fn bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], NoLong> {
    let length = usize::try_from(number(rest)?).map_err(|_| NoLong::Wide)?;
    take(rest, length)
}

fn number(rest: &mut &[u8]) -> Result<i64, NoLong> {
    let (number, size) = long::read(rest)?;
    *rest = &rest[size..];
    Ok(number)
}

fn take<'a>(rest: &mut &'a [u8], size: usize) -> Result<&'a [u8], NoLong> {
    let (taken, left) = rest.split_at_checked(size).ok_or(NoLong::Short)?;
    *rest = left;
    Ok(taken)
}

impl Header {
    /// Where the last whole block ends in a file of this size, or the header if there is none.
    pub(super) fn end_of_blocks(&self, file: &File, size: u64) -> io::Result<u64> {
        // A file that ends with its marker ends with a whole block.
        if size >= self.length + self.marker.len() as u64 && self.is_marker(file, size)? {
            return Ok(size);
        }
        let mut end = self.length;
        while let Some(next) = self.block(file, end, size)? {
            end = next;
        }
        Ok(end)
    }

    /// Where the block ends that begins at `start`; `None` if there is no whole one.
    fn block(&self, file: &File, start: u64, size: u64) -> io::Result<Option<u64>> {
        let mut bytes = vec![0; usize::try_from((size - start).min(20)).unwrap_or_default()];
        file.read_exact_at(&mut bytes, start)?;
        let mut rest = &bytes[..];
        let (Ok(0..), Ok(length)) = (number(&mut rest), number(&mut rest)) else { return Ok(None) };
        let head = (bytes.len() - rest.len()) as u64;
        let length = u64::try_from(length).ok();
        let end = length.and_then(|length| (start + head + self.marker.len() as u64).checked_add(length));
        match end.filter(|end| *end <= size) {
            Some(end) if self.is_marker(file, end)? => Ok(Some(end)),
            _ => Ok(None),
        }
    }

    /// Whether the marker stands before `end`.
    fn is_marker(&self, file: &File, end: u64) -> io::Result<bool> {
        let mut found = Marker::default();
        file.read_exact_at(&mut found, end - self.marker.len() as u64)?;
        Ok(found == self.marker)
    }
}

#[cfg(test)]
mod tests;
