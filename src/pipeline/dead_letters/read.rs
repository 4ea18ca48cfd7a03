//! Looking at dead letters, and dropping them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::files::{Directory, Locking, Numbered};
use super::{DeadLetters, NotKept};

/// What a letter says of itself, without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) message: String,
    /// `None` for a record that the service could not hand out.
    pub(crate) sink: Option<String>,
    /// When it was kept, RFC 3339 in UTC.
    pub(crate) time: String,
    /// Whether it has a payload that can be published.
    pub(crate) has_payload: bool,
}

impl About {
    /// `None` for a line that is no letter: the rest of a crash, or somebody's own work.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Line {
            #[serde(rename = "messageId")]
            message: String,
            data: Option<IgnoredAny>,
            data_base64: Option<IgnoredAny>,
            #[serde(rename = "deadLetter")]
            about: Added,
        }
        #[derive(Deserialize)]
        struct Added {
            sink: Option<String>,
            time: String,
        }
        let Line { message, data, data_base64, about: Added { sink, time } } =
            serde_json::from_slice(line).ok()?;
        Some(Self { message, sink, time, has_payload: data.is_some() || data_base64.is_some() })
    }
}

/// Which letters are meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// Of this sink alone.
    pub(crate) sink: Option<String>,
    /// With these message ids alone.
    pub(crate) ids: Option<BTreeSet<String>>,
    /// Of these lines alone.
    pub(crate) lines: Option<BTreeSet<Vec<u8>>>,
}

impl Choice {
    fn has(&self, line: &[u8]) -> bool {
        let Some(about) = About::of(line) else { return false };
        self.sink.as_ref().is_none_or(|sink| about.sink.as_ref() == Some(sink))
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&about.message))
            && self.lines.as_ref().is_none_or(|lines| lines.contains(line))
    }
}

/// What dropping did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) letters: u64,
    pub(crate) bytes: u64,
}

impl DeadLetters {
    /// The subscriptions that have a directory of letters.
    pub(crate) fn keys(state_dir: &Path) -> Result<BTreeSet<String>, NotKept> {
        let path = state_dir.join("dead-letters");
        let entries = match path.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(NotKept::io("reading", &path)(error)),
        };
        let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
        entries
            .filter_map(|entry| name(entry).transpose())
            .collect::<Result<_, _>>()
            .map_err(NotKept::io("reading", &path))
    }

    /// Hands every line to `see`, the oldest first, without its newline; letters and what is none.
    pub(crate) fn each(&self, mut see: impl FnMut(&[u8])) -> Result<(), NotKept> {
        let Some(directory) = Directory::open(&self.directory, Locking::ToRead)? else { return Ok(()) };
        directory.files()?.iter().try_for_each(|file| lines(file, &mut see))
    }

    /// Hands every chosen letter to `see`.
    pub(crate) fn chosen(&self, choice: &Choice, mut see: impl FnMut(&[u8])) -> Result<(), NotKept> {
        self.each(|line| {
            if choice.has(line) {
                see(line);
            }
        })
    }

    /// Drops the chosen letters, also beside a running daemon.
    ///
    /// The last file, which the ledger knows by its inode and length, is not written to any more: an empty one is there
    /// for what comes before anything is taken from it.
    pub(crate) fn discard(&self, choice: &Choice) -> Result<Dropped, NotKept> {
        let mut dropped = Dropped::default();
        let Some(directory) = Directory::open(&self.directory, Locking::ToWrite)? else { return Ok(dropped) };
        let files = directory.files()?;
        let last = files.last().map_or(0, |last| last.number);
        for file in &files {
            let (mut left, mut taken) = (Vec::new(), 0);
            lines(file, |line| {
                if choice.has(line) {
                    taken += 1;
                    dropped.bytes += line.len() as u64 + 1;
                } else {
                    left.extend_from_slice(line);
                    left.push(b'\n');
                }
            })?;
            if taken == 0 {
                continue;
            }
            dropped.letters += taken;
            if file.number == last {
                directory.append(&directory.next(last + 1))?;
                directory.sync().map_err(NotKept::io("syncing", &self.directory))?;
            }
            if left.is_empty() {
                fs::remove_file(&file.path).map_err(NotKept::io("removing", &file.path))?;
            } else {
                directory.replace(file, &left)?;
            }
        }
        directory.sync().map_err(NotKept::io("syncing", &self.directory))?;
        Ok(dropped)
    }
}

fn lines(file: &Numbered, mut see: impl FnMut(&[u8])) -> Result<(), NotKept> {
    let failed = || NotKept::io("reading", &file.path);
    let mut input = BufReader::new(File::open(&file.path).map_err(failed())?);
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).map_err(failed())? > 0 {
        if line.ends_with(b"\n") {
            line.pop();
        }
        see(&line);
        line.clear();
    }
    Ok(())
}
