//! Which rotated files are kept: removes the oldest of a path beyond a number, an age, or a size of all together.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::rotated::{Form, Rotated};
use crate::config::KeepConfig;

/// The rotated files of one path, and the forms in which each is there.
pub(super) type Files = BTreeMap<Rotated, Forms>;

/// In which forms a rotated file is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Forms {
    pub(super) plain: bool,
    pub(super) compressed: bool,
    pub(super) unfinished: bool,
}

/// By their path, the rotated files in `directory` of those paths for which `is_ours`; that there is no such directory is
/// no error.
pub(super) fn rotated_in(
    directory: &Path,
    is_ours: impl Fn(&Path) -> bool,
) -> io::Result<BTreeMap<PathBuf, Files>> {
    let mut found: BTreeMap<PathBuf, Files> = BTreeMap::new();
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if let Some((rotated, form)) = Rotated::parse(&entry.path())
            && (found.contains_key(&rotated.of) || is_ours(&rotated.of))
            && entry.file_type().is_ok_and(|kind| kind.is_file())
        {
            let forms = found.entry(rotated.of.clone()).or_default().entry(rotated).or_default();
            match form {
                Form::Plain => forms.plain = true,
                Form::Compressed(_) => forms.compressed = true,
                Form::Unfinished => forms.unfinished = true,
            }
        }
    }
    Ok(found)
}

/// Removes what is not to be kept of `files`, the rotated files of one path. Says what was removed.
pub(super) fn remove(files: &Files, keep: KeepConfig, now: Timestamp) -> io::Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    let whole = files.iter().filter(|(_, forms)| forms.plain || forms.compressed).map(|(rotated, _)| rotated);
    for rotated in superfluous(whole, keep, now, size) {
        for path in rotated.whole() {
            match std::fs::remove_file(&path) {
                Ok(()) => removed.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(removed)
}

/// The oldest first, so that what a failure leaves are the newer ones.
fn superfluous<'a>(
    files: impl Iterator<Item = &'a Rotated>,
    keep: KeepConfig,
    now: Timestamp,
    size: impl Fn(&Rotated) -> u64,
) -> Vec<&'a Rotated> {
    let oldest =
        keep.age.and_then(|age| SignedDuration::try_from(age).ok()).and_then(|age| now.checked_sub(age).ok());
    let mut newest_first: Vec<_> = files.collect();
    newest_first.sort_unstable_by(|a, b| b.cmp(a));
    let mut total = 0_u64;
    let mut kept = 0;
    for rotated in &newest_first {
        if keep.size.is_some() {
            total = total.saturating_add(size(rotated));
        }
        let too_many = keep.files.is_some_and(|files| kept as u64 >= u64::from(files));
        let too_old = oldest.is_some_and(|oldest| rotated.at < oldest);
        let too_large = keep.size.is_some_and(|most| total > most);
        if too_many || too_old || too_large {
            break;
        }
        kept += 1;
    }
    let mut superfluous = newest_first.split_off(kept);
    superfluous.reverse();
    superfluous
}

/// What it takes on the disk, in all its forms.
fn size(rotated: &Rotated) -> u64 {
    rotated.whole().filter_map(|path| Some(path.metadata().ok()?.len())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64, number: u32) -> Rotated {
        let at = Timestamp::from_second(1_795_000_000 + hours * 3600).unwrap();
        Rotated { of: "a.jsonl".into(), at, number }
    }

    #[test]
    fn the_oldest_go_beyond_any_of_the_limits() {
        let files = [at(3, 1), at(1, 1), at(2, 2), at(2, 1), at(2, 11)];
        let now = at(4, 1).at;
        let gone = |keep: KeepConfig| {
            superfluous(files.iter(), keep, now, |_| 10)
                .into_iter()
                .map(|rotated| ((rotated.at.as_second() - 1_795_000_000) / 3600, rotated.number))
                .collect::<Vec<_>>()
        };
        let keep = KeepConfig::default();
        let hours = |hours| Some(std::time::Duration::from_hours(hours));
        assert_eq!(gone(keep), []);
        assert_eq!(gone(KeepConfig { files: Some(2), ..keep }), [(1, 1), (2, 1), (2, 2)]);
        assert_eq!(gone(KeepConfig { age: hours(2), ..keep }), [(1, 1)]);
        assert_eq!(gone(KeepConfig { age: hours(0), ..keep }).len(), 5);
        assert_eq!(gone(KeepConfig { size: Some(49), ..keep }), [(1, 1)]);
        assert_eq!(gone(KeepConfig { size: Some(50), ..keep }), []);
        assert_eq!(
            gone(KeepConfig { files: Some(4), age: hours(1), size: Some(45) }),
            [(1, 1), (2, 1), (2, 2), (2, 11)]
        );
    }

    #[test]
    fn nothing_is_removed_but_what_rotation_makes_of_that_path() {
        let directory = tempfile::tempdir().unwrap();
        let others = [
            "a.jsonl",
            "a.jsonl.1",
            "a.2026-11-24.jsonl",
            "a.2026-11-24T16-30-10Z.json",
            "a.2026-11-24T16-30-10Z.jsonl.bz2",
            "b.2026-11-24T16-30-10Z.jsonl",
            "a.b.2026-11-24T16-30-10Z.jsonl",
        ];
        let ours = [
            "a.2026-11-24T16-30-10Z.jsonl",
            "a.2026-11-24T16-30-10Z-2.jsonl.gz",
            "a.2026-11-24T16-30-11Z.jsonl.zst",
            "a.2026-11-24T16-30-12Z.jsonl",
            "a.2026-11-24T16-30-12Z.jsonl.zst",
        ];
        for name in others.iter().chain(&ours) {
            std::fs::write(directory.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(directory.path().join("a.2026-11-24T16-30-13Z.jsonl")).unwrap();
        let path = directory.path().join("a.jsonl");
        let files = rotated_in(directory.path(), |of| of == path).unwrap();
        assert_eq!(files.keys().collect::<Vec<_>>(), [&path]);
        let keep = KeepConfig { files: Some(1), ..KeepConfig::default() };
        let removed = remove(&files[&path], keep, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(removed, ours[..3].iter().map(|name| directory.path().join(name)).collect::<Vec<_>>());
        for name in others.iter().chain(&ours[3..]) {
            assert!(directory.path().join(name).exists(), "{name}");
        }
    }
}
