//! Datums become a block: packed, with their number and size before them and the marker of the file behind.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::header::Marker;
use super::long;
use crate::config::Codec;

/// Number and size stand before the data and are known when these are packed: so much room is left for them.
const ROOM: usize = 20;

/// Makes blocks, in memory that it keeps.
pub(super) struct Packer {
    method: Method,
    block: Vec<u8>,
}

enum Method {
    Null,
    Deflate(Box<DeflateEncoder<Vec<u8>>>),
    Snappy(Box<snap::raw::Encoder>),
    Zstandard(Box<zstd::bulk::Compressor<'static>>),
}

impl Packer {
    pub(super) fn new(codec: Codec) -> io::Result<Self> {
        let method = match codec {
            Codec::Null => Method::Null,
            Codec::Deflate => {
                Method::Deflate(Box::new(DeflateEncoder::new(Vec::new(), Compression::default())))
            }
            Codec::Snappy => Method::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Zstandard => {
                Method::Zstandard(Box::new(zstd::bulk::Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL)?))
            }
        };
        Ok(Self { method, block: Vec::new() })
    }

    /// The block of these `count` datums.
    pub(super) fn pack(&mut self, count: usize, datums: &[u8], marker: &Marker) -> io::Result<&[u8]> {
        self.block.clear();
        self.block.resize(ROOM, 0);
        self.method.append(datums, &mut self.block)?;
        let mut head = Vec::with_capacity(ROOM);
        long::write(count, &mut head);
        long::write(self.block.len() - ROOM, &mut head);
        self.block.extend_from_slice(marker);
        let start = ROOM - head.len();
        self.block[start..ROOM].copy_from_slice(&head);
        Ok(&self.block[start..])
    }
}

impl Method {
    fn append(&mut self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Null => out.extend_from_slice(data),
            Self::Deflate(encoder) => {
                let kept = encoder.reset(std::mem::take(out))?;
                encoder.write_all(data)?;
                *out = encoder.reset(kept)?;
            }
            Self::Snappy(encoder) => {
                let start = out.len();
                out.resize(start + snap::raw::max_compress_len(data.len()), 0);
                let packed = encoder.compress(data, &mut out[start..])?;
                out.truncate(start + packed);
                out.extend_from_slice(&crc32fast::hash(data).to_be_bytes());
            }
            Self::Zstandard(compressor) => {
                let start = out.len();
                out.resize(start + zstd::zstd_safe::compress_bound(data.len()), 0);
                let packed = compressor.compress_to_buffer(data, &mut out[start..])?;
                out.truncate(start + packed);
            }
        }
        Ok(())
    }
}
