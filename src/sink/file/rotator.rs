//! Rotates the files of one sink: which are due, the way from one name to the other, and handing them on.
//!
//! A file is renamed only while all in it is vouched for. Then its directory is synced, then it is noted durably that
//! nothing is to be cut from it any more, and only then is it the housekeeper's. After a crash in between it is found
//! under its new name, and the rest is done then.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{Timestamp, tz::TimeZone};

use super::super::Notebook;
use super::super::append_file::{AppendFile, Failure, FileMark, parent, sync_directory};
use super::housekeeper::Housekeeper;
use super::rotated::Rotated;
use super::rotation::{self, Schedule};
use super::survey::Survey;
use crate::config::{FileAccess, RotationConfig};
use crate::fail_point;

/// A file that could not be rotated, or was empty, when it was due is looked at again after so long.
const LATER: Duration = Duration::from_secs(10);

/// By their paths, how far files are vouched for.
pub(super) type Marks = HashMap<PathBuf, FileMark>;

#[derive(Debug)]
pub(super) struct Rotator {
    schedule: Schedule,
    housekeeper: Housekeeper,
    masks: Vec<String>,
    /// By their paths, when files that are not open are due.
    closed: BTreeMap<PathBuf, Timestamp>,
    /// Renamed, and not noted yet.
    moved: Vec<Rotated>,
}

impl Rotator {
    /// For the files of those [`masks`](crate::config::PathLayout::mask).
    pub(super) fn new(rotation: &RotationConfig, masks: Vec<String>, zone: TimeZone) -> Self {
        let housekeeper = Housekeeper::new(Survey::new(&masks), rotation.compress, rotation.keep);
        let schedule = Schedule::new(rotation.clone(), zone);
        Self { masks, schedule, housekeeper, closed: BTreeMap::new(), moved: Vec::new() }
    }

    /// Nothing is to be cut any more from what earlier runs have left: it is taken up, and a file that is the only one is
    /// rotated when it is due, also when no message comes.
    pub(super) fn begin(&mut self) {
        for path in self.masks.iter().map(PathBuf::from).collect::<Vec<_>>() {
            // None is called so if messages make a difference.
            let due = path.metadata().ok().filter(Metadata::is_file).and_then(|found| self.due(&found));
            self.closed(&path, due);
        }
        self.housekeeper.look_around();
    }

    /// When a file is due that has been opened just now, by its birth; one without content begins now.
    pub(super) fn opened(&mut self, file: &AppendFile) -> Result<Option<Timestamp>, Failure> {
        self.closed.remove(file.path());
        Ok(self.due(&file.metadata()?))
    }

    /// A file is closed that is due then.
    pub(super) fn closed(&mut self, path: &Path, due: Option<Timestamp>) {
        if let Some(due) = due {
            self.closed.insert(path.to_owned(), due);
        }
    }

    fn due(&self, found: &Metadata) -> Option<Timestamp> {
        let began = if found.len() == 0 { None } else { found.created().or_else(|_| found.modified()).ok() };
        let began = began.and_then(|began| Timestamp::try_from(began).ok()).unwrap_or_else(Timestamp::now);
        self.schedule.due(began)
    }

    /// Whether a file of this length that is due then is to be rotated now, before `more` bytes are written to it.
    pub(super) fn is_due(&self, due: Option<Timestamp>, length: u64, more: u64) -> bool {
        self.schedule.is_full(length, more) || due.is_some_and(|due| due <= Timestamp::now())
    }

    /// When there is something to do apart from the files that are open.
    pub(super) fn next(&self) -> Option<Timestamp> {
        if self.moved.is_empty() { self.closed.values().min().copied() } else { Some(Timestamp::now()) }
    }

    /// Gives an open file its new name, if all in it is vouched for by `marks`; else says when to look at it again.
    pub(super) fn rename(&mut self, file: &AppendFile, marks: &Marks) -> Result<Option<Timestamp>, Failure> {
        let found = file.metadata()?;
        let vouches = |mark: &FileMark| mark.inode == found.ino() && mark.length == found.len();
        let is_whole = marks.get(file.path()).is_none_or(vouches);
        if found.len() == 0 || !is_whole || !file.is_still_there() {
            return Ok(Some(Timestamp::now() + LATER));
        }
        let renamed = rotation::rename(file.path(), Timestamp::now());
        let failed = |error| Failure::new(format!("rotating {}", file.path().display()), error);
        self.moved.push(renamed.map_err(failed)?);
        fail_point::pass("file rotated");
        Ok(None)
    }

    /// The same for all files that are due and not open. Each is opened meanwhile, so that nobody else writes to it.
    pub(super) fn rename_closed(&mut self, notebook: &dyn Notebook) {
        let now = Timestamp::now();
        let due = self.closed.iter().filter(|(_, due)| **due <= now).map(|(path, _)| path.clone());
        let due: Vec<_> = due.collect();
        let marks = if due.is_empty() { Marks::new() } else { marks(notebook) };
        for path in due {
            self.closed.remove(&path);
            if !path.is_file() {
                continue;
            }
            let opened = AppendFile::open(path.clone(), &FileAccess::default());
            let later = opened.and_then(|file| self.rename(&file, &marks)).unwrap_or_else(|failure| {
                tracing::warn!("{} is not rotated yet: {failure}", path.display());
                Some(now + LATER)
            });
            self.closed(&path, later);
        }
    }

    /// The paths from which files were moved. Their new names are durable.
    pub(super) fn moved(&self) -> Result<BTreeSet<PathBuf>, Failure> {
        let paths: BTreeSet<_> = self.moved.iter().map(|rotated| rotated.of.clone()).collect();
        let directories: BTreeSet<_> = paths.iter().map(|path| parent(path)).collect();
        // One that is gone has no names.
        for directory in directories.into_iter().filter(|directory| directory.exists()) {
            sync_directory(directory)?;
            fail_point::pass("rotation synced");
        }
        Ok(paths)
    }

    /// It is noted that nothing is to be cut from what was moved.
    pub(super) fn hand_on(&mut self) {
        for rotated in self.moved.drain(..) {
            self.closed.remove(&rotated.of);
            self.housekeeper.rotated(rotated);
        }
    }
}

pub(super) fn marks(notebook: &dyn Notebook) -> Marks {
    notebook.files().into_iter().map(|mark| (mark.path.clone(), mark)).collect()
}

/// The moment of the clock on the wall, in time that only passes.
pub(super) fn instant(time: Timestamp) -> Instant {
    let wait = time.duration_since(Timestamp::now());
    Instant::now() + Duration::try_from(wait).unwrap_or_default()
}
