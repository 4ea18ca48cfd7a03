//! The keys of a file sink.

mod access;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::{
    InvalidValue, PathTemplate,
    section::{Section, Words},
};
use super::file_format::{self, FileFormat};
use super::rotation::{self, RotationConfig};
use super::{AcceptDays, accept_days};

pub use access::FileAccess;

const SYNC_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_SYNC_INTERVAL: Duration = Duration::from_hours(1);

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
    /// When what was written is made durable.
    pub sync: SyncMode,
    /// To whom the files and directories belong that it makes, and who may do what with them.
    pub access: FileAccess,
}

/// When what was written to a file is made durable. The messages of a batch are acknowledged after that, unless it is
/// said otherwise here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// With each batch.
    EachBatch,
    /// At the latest so long after it was written. Messages are acknowledged before: a power loss may lose them, a kill
    /// does not.
    Interval(Duration),
    /// When the operating system does it by itself. Messages are acknowledged before: a power loss may lose them, a kill
    /// does not.
    Never,
}

#[derive(Clone, Copy, PartialEq)]
enum Sync {
    EachBatch,
    Interval,
    Never,
}

static SYNC: Words<Sync> = Words {
    now: &[("batch", Sync::EachBatch), ("interval", Sync::Interval), ("never", Sync::Never)],
    later: &[],
};

pub(super) fn read(section: &mut Section<'_>) -> Option<FileConfig> {
    let format = file_format::read(section);
    let path = section.parsed("path", PathTemplate::parse);
    if !section.has("path") {
        section.missing("path", "as in path = \"/var/lib/ams-forwarder/out/{subscription}/{date}.jsonl\"");
    }
    let time_zone = section.parsed("time_zone", time_zone).unwrap_or(TimeZone::UTC);
    let max_open_files = section.integer("max_open_files", 1..=MOST_OPEN_FILES).unwrap_or(MAX_OPEN_FILES);
    let sync = sync(section);
    let access = access::read(section);
    let rotation = rotation::read(section);
    let accept_days = accept_days::read(section);
    let format = format?;
    Some(FileConfig { path: path?, time_zone, format, max_open_files, sync, access, rotation, accept_days })
}

fn sync(section: &mut Section<'_>) -> SyncMode {
    let mode = section.word("sync", &SYNC).unwrap_or(Sync::EachBatch);
    if mode != Sync::Interval && section.has("sync_interval") {
        section.problem(
            "sync_interval",
            "is for sync = \"interval\"",
            "sync = \"interval\", or no sync_interval",
        );
        section.pass_over("sync_interval");
    }
    match mode {
        Sync::EachBatch => SyncMode::EachBatch,
        Sync::Never => SyncMode::Never,
        Sync::Interval => {
            let bounds = Duration::from_millis(100)..=LONGEST_SYNC_INTERVAL;
            SyncMode::Interval(section.duration("sync_interval", bounds, SYNC_INTERVAL))
        }
    }
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
