//! The names of rotated files: `metrics.jsonl` becomes `metrics.2026-11-24T16-30-10Z.jsonl`, a second one of that second
//! `metrics.2026-11-24T16-30-10Z-2.jsonl`; compressed, `.zst` or `.gz` follows, and `.tmp` while it is being written.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::config::Compression;

const STAMP: &str = "%Y-%m-%dT%H-%M-%SZ";
const STAMP_LENGTH: usize = "2026-11-24T16-30-10Z".len();
const TEMPORARY: &str = "tmp";

/// What the name of a rotated file says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rotated {
    /// The path that it had, which another file may have now.
    pub(super) of: PathBuf,
    /// When it was rotated, to the second.
    pub(super) at: Timestamp,
    /// Its number among those of that second, from 1.
    pub(super) number: u32,
}

/// In which form a rotated file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Compressed(Compression),
    /// Being compressed, or left over from that.
    Unfinished,
}

impl Rotated {
    /// Reads a path; `None` if it is none that rotation makes.
    pub(super) fn parse(path: &Path) -> Option<(Self, Form)> {
        let name = path.file_name()?.to_str()?;
        let (name, form) = match name.strip_suffix(".tmp") {
            Some(name) => (split_compression(name)?.0, Form::Unfinished),
            None => match split_compression(name) {
                Some((plain, compression)) => (plain, Form::Compressed(compression)),
                None => (name, Form::Plain),
            },
        };
        // A name without an extension ends with the stamp; one with it has the stamp before that.
        let (stem, stamp, extension) = match name.rsplit_once('.')? {
            (stem, stamp) if stamp.len() >= STAMP_LENGTH && read_stamp(stamp).is_some() => (stem, stamp, ""),
            (before, _) => {
                let (stem, stamp) = before.rsplit_once('.')?;
                (stem, stamp, &name[before.len()..])
            }
        };
        let (at, number) = read_stamp(stamp).filter(|_| !stem.is_empty())?;
        let rotated = Self { of: path.with_file_name(format!("{stem}{extension}")), at, number };
        // What no rotation of that path would have made is another's.
        (rotated.plain().file_name() == Some(OsStr::new(name))).then_some((rotated, form))
    }

    /// Its path before it is compressed.
    pub(super) fn plain(&self) -> PathBuf {
        let stamp = self.at.strftime(STAMP);
        let stamp = if self.number == 1 { stamp.to_string() } else { format!("{stamp}-{}", self.number) };
        let stem = self.of.file_stem().unwrap_or_default().to_string_lossy();
        self.of.with_file_name(match self.of.extension() {
            Some(extension) => format!("{stem}.{stamp}.{}", extension.to_string_lossy()),
            None => format!("{stem}.{stamp}"),
        })
    }

    /// Its path when it is compressed; `None` if it is not to be.
    pub(super) fn compressed(&self, compression: Compression) -> Option<PathBuf> {
        Some(append(self.plain(), extension(compression)?))
    }

    /// Its path while it is being compressed.
    pub(super) fn unfinished(&self, compression: Compression) -> Option<PathBuf> {
        Some(append(self.compressed(compression)?, TEMPORARY))
    }

    /// The paths under which it may be there, whole.
    pub(super) fn whole(&self) -> impl Iterator<Item = PathBuf> {
        let compressed =
            [Compression::Gzip, Compression::Zstd].map(|compression| self.compressed(compression));
        std::iter::once(self.plain()).chain(compressed.into_iter().flatten())
    }
}

/// Whether a file of that path would be taken for a rotated one, of this sink or of another; or, if it `rotates`, its
/// rotated ones for those of another file.
pub(super) fn is_taken(path: &Path, rotates: bool) -> bool {
    let ends = |extension: &OsStr| ["gz", "zst", TEMPORARY].iter().any(|taken| extension == *taken);
    (rotates && path.extension().is_some_and(ends)) || Rotated::parse(path).is_some()
}

fn extension(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some("gz"),
        Compression::Zstd => Some("zst"),
    }
}

fn split_compression(name: &str) -> Option<(&str, Compression)> {
    let of =
        |compression| Some((name.strip_suffix(extension(compression)?)?.strip_suffix('.')?, compression));
    of(Compression::Gzip).or_else(|| of(Compression::Zstd))
}

fn append(path: PathBuf, extension: &str) -> PathBuf {
    let mut path = path.into_os_string();
    path.push(".");
    path.push(extension);
    path.into()
}

fn read_stamp(text: &str) -> Option<(Timestamp, u32)> {
    let (stamp, rest) = text.split_at_checked(STAMP_LENGTH)?;
    let at = DateTime::strptime(STAMP, stamp).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let number = if rest.is_empty() { 1 } else { rest.strip_prefix('-')?.parse().ok()? };
    (number > 1 || rest.is_empty()).then_some((at, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Option<(String, u32, Form)> {
        let (rotated, form) = Rotated::parse(Path::new(path))?;
        Some((rotated.of.display().to_string(), rotated.number, form))
    }

    #[test]
    fn a_name_that_rotation_makes_is_read_back_whatever_its_extension() {
        let at: Timestamp = "2026-11-24T16:30:10Z".parse().unwrap();
        for of in [
            "metrics.jsonl",
            "/data/a.b/metrics",
            "m.tar.x",
            ".hidden",
            "x.2026-11-24T16-30-10Z.jsonl",
            "ü.x",
        ] {
            for number in [1, 2, 11] {
                let rotated = Rotated { of: of.into(), at, number };
                let read = |path: Option<PathBuf>| Rotated::parse(&path.unwrap());
                assert_eq!(read(Some(rotated.plain())), Some((rotated.clone(), Form::Plain)), "{of}");
                for compression in [Compression::Gzip, Compression::Zstd] {
                    let compressed = read(rotated.compressed(compression));
                    assert_eq!(compressed, Some((rotated.clone(), Form::Compressed(compression))));
                    let unfinished = read(rotated.unfinished(compression));
                    assert_eq!(unfinished, Some((rotated.clone(), Form::Unfinished)));
                }
            }
        }
        let second = Rotated { of: "/d/metrics.jsonl".into(), at, number: 2 };
        assert_eq!(second.plain(), Path::new("/d/metrics.2026-11-24T16-30-10Z-2.jsonl"));
        assert_eq!(parse("a.2026-11-24T16-30-10Z.jsonl"), Some(("a.jsonl".to_owned(), 1, Form::Plain)));
    }

    #[test]
    fn a_name_that_would_be_taken_for_a_rotated_one_is_known() {
        for (name, taken) in [
            ("a.2099-01-01T00-00-00Z.jsonl", true),
            ("a.2099-01-01T00-00-00Z", true),
            ("a.gz", true),
            ("a.jsonl.zst", true),
            ("a.tmp", true),
            ("a.jsonl", false),
            ("gz", false),
            ("a.2099-01-01.jsonl", false),
        ] {
            assert_eq!(is_taken(Path::new(name), true), taken, "{name}");
        }
    }

    #[test]
    fn any_other_name_is_none_of_ours() {
        for name in [
            "metrics.jsonl",
            "metrics.jsonl.1",
            "metrics.2026-11-24.jsonl",
            "metrics.2026-11-24T16-30-10Z",
            "metrics.2026-11-24T16-30-10Z-1.jsonl",
            "metrics.2026-11-24T16-30-10Z-02.jsonl",
            "metrics.2026-11-24T16-30-10Z-x.jsonl",
            "metrics.2026-13-24T16-30-10Z.jsonl",
            "metrics.2026-11-24T16-30-1Z.jsonl",
            "metrics.2026-11-24T16-30-10Z.jsonl.bz2",
            "metrics.2026-11-24T16-30-10Z.jsonl.tmp",
            "metrics.2026-11-24T16-30-10Z.jsonl.gz.tmp.tmp",
            ".2026-11-24T16-30-10Z.jsonl",
            "2026-11-24T16-30-10Z.jsonl",
        ] {
            let found = parse(name);
            let of_no_extension = Some(("metrics".to_owned(), 1, Form::Plain));
            assert!(
                found.is_none() || (!name.contains("jsonl") && found == of_no_extension),
                "{name}: {found:?}"
            );
        }
    }
}
