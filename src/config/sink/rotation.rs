//! `rotate`, `compress` and `keep` of a file sink: when a file gets another name, and what becomes of it then.

use std::time::Duration;

use jiff::civil::Time;

use super::super::{
    InvalidValue, schema,
    section::{Section, Words},
    units::show_size,
};

/// When a file gets another name, so that a new one begins under its own.
///
/// At least one of `size`, `age` and `at` is set; whichever is reached first counts. An empty file is never rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationConfig {
    /// Before a batch that would make it longer than this, in bytes. A batch is never split: one alone may be longer.
    pub size: Option<u64>,
    /// So long after its birth.
    pub age: Option<Duration>,
    /// At this time of day, in the sink's time zone.
    pub at: Option<Time>,
    /// How it is compressed then.
    pub compress: Compression,
    /// Which rotated files are kept.
    pub keep: KeepConfig,
}

/// How rotated files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// They stay as they are.
    None,
    /// As `NAME.gz`.
    Gzip,
    /// As `NAME.zst`.
    Zstd,
}

/// Which rotated files of a path are kept; the others, the oldest, are removed. Nothing is removed where all are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeepConfig {
    /// At most so many.
    pub files: Option<u32>,
    /// Those rotated at most so long ago.
    pub age: Option<Duration>,
    /// At most so many bytes together, as they are on the disk.
    pub size: Option<u64>,
}

impl KeepConfig {
    /// Whether something may have to be removed.
    #[must_use]
    pub fn limits(&self) -> bool {
        *self != Self::default()
    }
}

static COMPRESSIONS: Words<Compression> = Words {
    now: &[("none", Compression::None), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)],
    later: &[],
};

/// A smaller file is hardly more than its name.
const SMALLEST: usize = 4096;
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn read(section: &mut Section<'_>) -> Option<RotationConfig> {
    let compress = section.word("compress", &COMPRESSIONS).unwrap_or(Compression::None);
    let keep = section.optional_table("keep", &schema::SINK_KEEP).map(read_keep).unwrap_or_default();
    let Some(mut rotate) = section.optional_table("rotate", &schema::SINK_ROTATE) else {
        if !section.has("rotate") {
            for key in ["compress", "keep"] {
                if section.has(key) && section.shown(key) != "\"none\"" {
                    let hint = format!("rotate = {{ size = \"100MB\" }} or the like, or no {key}");
                    section.problem(key, "is for rotated files, and there is no rotate", hint);
                }
            }
        }
        return None;
    };
    let size = rotate.size("size", SMALLEST).map(|bytes| bytes as u64);
    let age = rotate.has("age").then(|| rotate.duration("age", SECOND..=366 * DAY, DAY));
    let at = rotate.parsed("at", time_of_day);
    if !["size", "age", "at"].iter().any(|key| rotate.has(key)) {
        rotate.fault(
            "says nothing of when",
            "size = \"100MB\", age = \"1h\" or at = \"00:00\", or several of them",
        );
    }
    rotate.finish();
    refuse_endings(section);
    if let (Some(kept), Some(size)) = (keep.size, size)
        && kept < size
    {
        let what = format!("size is less than that of one file, \"{}\"", show_size(size));
        section.problem("keep", what, "a size for several of them");
    }
    Some(RotationConfig { size, age, at, compress, keep })
}

/// Those of names that rotated files get.
fn refuse_endings(section: &Section<'_>) {
    let path = section.shown("path");
    if [".gz", ".zst", ".tmp"].iter().any(|ending| path.trim_end_matches('"').ends_with(ending)) {
        let hint = "another ending than .gz, .zst and .tmp, where files are rotated";
        section.problem("path", format!("{path} ends as compressed files do"), hint);
    }
}

fn read_keep(mut section: Section<'_>) -> KeepConfig {
    let files = section.integer("files", 1..=1_000_000);
    let age = section.has("age").then(|| section.duration("age", SECOND..=36_500 * DAY, DAY));
    let size = section.size("size", SMALLEST).map(|bytes| bytes as u64);
    if !["files", "age", "size"].iter().any(|key| section.has(key)) {
        section.fault(
            "says nothing of what",
            "files = 14, age = \"30d\" or size = \"10GB\", or several of them",
        );
    }
    section.finish();
    KeepConfig { files, age, size }
}

fn time_of_day(text: &str) -> Result<Time, InvalidValue> {
    let digits = |text: &str| (text.len() == 2).then(|| text.parse::<i8>().ok()).flatten();
    text.split_once(':')
        .and_then(|(hour, minute)| Time::new(digits(hour)?, digits(minute)?, 0, 0).ok())
        .ok_or_else(|| InvalidValue::new("is not a time of day", "HH:MM from \"00:00\" to \"23:59\""))
}
