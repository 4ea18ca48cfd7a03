//! How messages are written to files, and the keys of format `avro`.

use std::{path::Path, sync::Arc};

use super::super::{
    AvroSchema,
    section::{Section, Words},
};
use super::Format;

/// How messages are written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFormat {
    /// One line each.
    Lines(Format),
    /// In Avro object container files; their payloads are datums.
    Avro(AvroConfig),
}

/// Object container files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvroConfig {
    /// What every message is held against.
    pub schema: Arc<AvroSchema>,
    /// How blocks are packed.
    pub codec: Codec,
}

/// How the blocks of a file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Null,
    /// By `zlib`; every reader knows it.
    Deflate,
    /// Fast, and less.
    Snappy,
    /// Faster and smaller than `deflate`.
    Zstandard,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 4] = [Self::Null, Self::Deflate, Self::Snappy, Self::Zstandard];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstandard => "zstandard",
        }
    }
}

/// Avro has keys of its own.
static FORMATS: Words<Option<Format>> =
    Words { now: &[("jsonl", Some(Format::Jsonl)), ("raw", Some(Format::Raw)), ("avro", None)], later: &[] };
static CODECS: Words<Codec> = Words {
    now: &[
        ("null", Codec::Null),
        ("deflate", Codec::Deflate),
        ("snappy", Codec::Snappy),
        ("zstandard", Codec::Zstandard),
    ],
    later: &[],
};

pub(super) fn read(section: &mut Section<'_>) -> Option<FileFormat> {
    let lines = match section.word("format", &FORMATS) {
        Some(None) => return read_avro(section).map(FileFormat::Avro),
        Some(Some(format)) => Some(format),
        None if section.has("format") => None,
        None => Some(Format::Jsonl),
    };
    for key in ["schema_file", "codec"].into_iter().filter(|key| section.has(key)).collect::<Vec<_>>() {
        if lines.is_some() {
            section.problem(key, "belongs to format \"avro\"", format!("format = \"avro\", or no {key}"));
        }
        section.pass_over(key);
    }
    lines.map(FileFormat::Lines)
}

fn read_avro(section: &mut Section<'_>) -> Option<AvroConfig> {
    let codec = section.word("codec", &CODECS).unwrap_or(Codec::Null);
    let schema = section.parsed("schema_file", |path| AvroSchema::read(Path::new(path)));
    if !section.has("schema_file") {
        section.missing("schema_file", "as in schema_file = \"/etc/ams-forwarder/metric_data.avsc\"");
    }
    Some(AvroConfig { schema: Arc::new(schema?), codec })
}
