//! The keys of a file sink.

use jiff::tz::TimeZone;

use super::super::{InvalidValue, PathTemplate, section::Section};
use super::file_format::{self, FileFormat};
use super::rotation::{self, RotationConfig};
use super::{AcceptDays, accept_days};

const MAX_OPEN_FILES: u32 = 256;
const MOST_OPEN_FILES: u32 = 10_000;

/// Files that are appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConfig {
    /// Which file a message goes to.
    pub path: PathTemplate,
    /// What its dates and hours are those of, and today.
    pub time_zone: TimeZone,
    /// How it is written.
    pub format: FileFormat,
    /// How many files are open at a time, and in how many of them the messages of one step are.
    pub max_open_files: u32,
    /// When files get another name; `None` if never.
    pub rotation: Option<RotationConfig>,
    /// The days whose messages go there; those of others go to another file.
    pub accept_days: Option<AcceptDays>,
}

pub(super) fn read(section: &mut Section<'_>) -> Option<FileConfig> {
    let format = file_format::read(section);
    let path = section.parsed("path", PathTemplate::parse);
    if !section.has("path") {
        section.missing("path", "as in path = \"/var/lib/ams-forwarder/out/{subscription}/{date}.jsonl\"");
    }
    let time_zone = section.parsed("time_zone", time_zone).unwrap_or(TimeZone::UTC);
    let max_open_files = section.integer("max_open_files", 1..=MOST_OPEN_FILES).unwrap_or(MAX_OPEN_FILES);
    let rotation = rotation::read(section);
    let accept_days = accept_days::read(section);
    Some(FileConfig { path: path?, time_zone, format: format?, max_open_files, rotation, accept_days })
}

/// By its name in the machine's time zone database, or in the one of this program where the machine has none.
fn time_zone(name: &str) -> Result<TimeZone, InvalidValue> {
    TimeZone::get(name).map_err(|_| {
        InvalidValue::new(
            "is no time zone that is known here",
            "a name such as \"Europe/Athens\", or \"UTC\"",
        )
    })
}
