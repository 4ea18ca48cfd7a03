//! When a file is rotated, and giving it its new name.

use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::rotated::Rotated;
use crate::config::RotationConfig;

/// When files are due.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    rotation: RotationConfig,
    zone: TimeZone,
}

impl Schedule {
    /// `zone` is the one that times of day are of.
    pub(super) fn new(rotation: RotationConfig, zone: TimeZone) -> Self {
        Self { rotation, zone }
    }

    /// Whether a file of `length` bytes is to be rotated before `more` are written to it.
    pub(super) fn is_full(&self, length: u64, more: u64) -> bool {
        let fits = |size| length.saturating_add(more) <= size;
        length > 0 && !self.rotation.size.is_none_or(fits)
    }

    /// When a file that began at `began` is due, however long it is; `None` if never.
    pub(super) fn due(&self, began: Timestamp) -> Option<Timestamp> {
        let age = self.rotation.age.and_then(|age| SignedDuration::try_from(age).ok());
        let grown_old = age.and_then(|age| began.checked_add(age).ok());
        let at = self.next_time_of_day(began);
        grown_old.into_iter().chain(at).min()
    }

    /// Once a day, also where the clock is put forward over that time, or back, so that it comes twice.
    fn next_time_of_day(&self, after: Timestamp) -> Option<Timestamp> {
        let at = self.rotation.at?;
        let today = after.to_zoned(self.zone.clone()).date();
        let days = [Some(today), today.tomorrow().ok(), today.checked_add(2.days()).ok()];
        let times = days.into_iter().flatten().filter_map(|day| {
            day.to_datetime(at).to_zoned(self.zone.clone()).ok().map(|time| time.timestamp())
        });
        times.filter(|time| *time > after).min()
    }
}

/// Gives the file at `path` its new name, which is never that of another, in any form. Nothing is synced.
pub(super) fn rename(path: &Path, now: Timestamp) -> io::Result<Rotated> {
    for number in 1..=10_000 {
        let rotated = Rotated { of: path.to_owned(), at: now, number };
        if rotated.whole().any(|path| path.symlink_metadata().is_ok()) {
            continue;
        }
        match rename_to(path, &rotated.plain()) {
            Ok(()) => return Ok(rotated),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are 10000 files of that second already"))
}

/// Renames, and never over a file that is there.
pub(super) fn rename_to(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // A file system that cannot say so; nobody but us gives such names.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(from, to)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Compression, KeepConfig};

    fn schedule(size: Option<u64>, hours: Option<u64>, at: Option<&str>, zone: &str) -> Schedule {
        let rotation = RotationConfig {
            size,
            age: hours.map(std::time::Duration::from_hours),
            at: at.map(|at| at.parse().unwrap()),
            compress: Compression::None,
            keep: KeepConfig::default(),
        };
        Schedule::new(rotation, TimeZone::posix(zone).unwrap())
    }

    #[test]
    fn a_file_is_full_when_the_next_batch_would_make_it_too_long_and_an_empty_one_never() {
        let schedule = schedule(Some(100), None, None, "UTC0");
        for (length, more, full) in [(0, 1000, false), (60, 40, false), (60, 41, true), (100, 1, true)] {
            assert_eq!(schedule.is_full(length, more), full, "{length} + {more}");
        }
        assert!(!self::schedule(None, Some(1), None, "UTC0").is_full(u64::MAX, 1));
    }

    #[test]
    fn a_time_of_day_comes_once_a_day_over_changes_of_the_clock() {
        // The clock of Athens goes from 03:00 to 04:00 on 2026-03-29, and from 04:00 back to 03:00 on 2026-10-25.
        for (at, began, due) in [
            ("00:00", "2026-11-23T21:59:59Z", "2026-11-23T22:00:00Z"),
            ("00:00", "2026-11-23T22:00:00Z", "2026-11-24T22:00:00Z"),
            ("12:30", "2026-11-23T23:00:00Z", "2026-11-24T10:30:00Z"),
            // 03:30 is passed over: at what the clock shows then, 04:30.
            ("03:30", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
            ("03:30", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
            // 03:30 comes twice: the first time counts, for a file that began between the two as well.
            ("03:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("03:30", "2026-10-25T00:45:00Z", "2026-10-26T01:30:00Z"),
            ("00:00", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"),
        ] {
            let schedule = schedule(None, None, Some(at), "EET-2EEST,M3.5.0/3,M10.5.0/4");
            assert_eq!(
                schedule.due(began.parse().unwrap()),
                Some(due.parse().unwrap()),
                "{at} after {began}"
            );
        }
    }

    #[test]
    fn whatever_comes_first_counts() {
        let began = "2026-11-24T22:30:00Z".parse().unwrap();
        let due = |hours, at| schedule(Some(1), hours, at, "UTC0").due(began).map(|due| due.to_string());
        assert_eq!(due(Some(1), Some("00:00")).as_deref(), Some("2026-11-24T23:30:00Z"));
        assert_eq!(due(Some(2), Some("00:00")).as_deref(), Some("2026-11-25T00:00:00Z"));
        assert_eq!(due(Some(2), None).as_deref(), Some("2026-11-25T00:30:00Z"));
        assert_eq!(due(None, None), None);
    }

    #[test]
    fn a_new_name_is_never_that_of_a_file_that_is_there_in_any_form() {
        let directory = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-24T16:30:10.7Z".parse().unwrap();
        let path = directory.path().join("a.jsonl");
        let name = |number: &str| directory.path().join(format!("a.2026-11-24T16-30-10Z{number}"));
        for taken in [".jsonl", "-2.jsonl.zst", "-3.jsonl.gz"] {
            std::fs::write(name(taken), "other").unwrap();
        }
        std::fs::write(&path, "ours").unwrap();
        let rotated = rename(&path, now).unwrap();
        assert_eq!(rotated.plain(), name("-4.jsonl"));
        assert_eq!(std::fs::read_to_string(rotated.plain()).unwrap(), "ours");
        assert_eq!(std::fs::read_to_string(name(".jsonl")).unwrap(), "other");
        assert!(rename_to(&name("-4.jsonl"), &name(".jsonl")).is_err());
        assert!(!path.exists());
    }
}
