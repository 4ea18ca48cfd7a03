//! What arrived: the numbers in output files, and whether these are all of them, whole and in order.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::read_rotated;

/// The numbered messages in a file of JSON lines.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// The numbers in order of the lines, repetitions included.
    pub(crate) numbers: Vec<u64>,
    /// Lines that are no message, and what follows the last newline.
    pub(crate) torn: Vec<String>,
}

impl Delivered {
    /// Of a file; nothing if it is missing.
    pub(crate) fn in_file(path: &Path) -> Self {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::in_text(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// Of all files in a directory, rotated and compressed ones too, in order of what is first in them.
    pub(crate) fn in_directory(directory: &Path) -> Self {
        let parts = read_rotated(directory).into_values().flatten();
        let mut texts: Vec<_> = parts.map(|part| part.text).filter(|text| !text.is_empty()).collect();
        texts.sort_by_key(|text| Self::in_text(text).numbers.first().copied());
        Self::in_text(&texts.concat())
    }

    pub(crate) fn in_text(text: &str) -> Self {
        let mut delivered = Self::default();
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n').and_then(number) {
                Some(number) => delivered.numbers.push(number),
                None => delivered.torn.push(line.to_owned()),
            }
        }
        delivered
    }

    /// How many there are, each counted once.
    pub(crate) fn distinct(&self) -> usize {
        self.numbers.iter().collect::<BTreeSet<_>>().len()
    }

    /// Fails unless these are `0..end`, each once, in order, in whole lines.
    pub(crate) fn assert_exactly(&self, end: u64) {
        let mut faults = self.faults(end);
        if !self.torn.is_empty() {
            faults.push(format!("torn lines: {:?}", self.torn));
        }
        if self.repeated() > 0 {
            faults.push(format!("{} lines are there again", self.repeated()));
        }
        assert!(faults.is_empty(), "{faults:?}");
    }

    /// Fails unless these are `0..end`, each at least once, in order of their first occurrence.
    pub(crate) fn assert_complete(&self, end: u64) {
        let faults = self.faults(end);
        assert!(faults.is_empty(), "{faults:?}");
    }

    fn faults(&self, end: u64) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let first: Vec<u64> = self.numbers.iter().copied().filter(|number| seen.insert(*number)).collect();
        let missing: Vec<u64> = (0..end).filter(|number| !seen.contains(number)).collect();
        let mut faults = Vec::new();
        if !missing.is_empty() {
            faults.push(format!("{} of {end} messages are missing: {missing:?}", missing.len()));
        }
        if seen.range(end..).next().is_some() {
            faults.push("there are messages that nobody published".to_owned());
        }
        if !first.is_sorted() {
            faults.push("the messages are not in order".to_owned());
        }
        faults
    }

    /// How many lines are a repetition of an earlier one.
    pub(crate) fn repeated(&self) -> usize {
        self.numbers.len() - self.distinct()
    }
}

/// The number of the message in a line, if the line is one as it should be.
fn number(line: &str) -> Option<u64> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let id = line["messageId"].as_str()?;
    id.parse::<u64>().ok()?;
    for key in ["publishTime", "subscription"] {
        line[key].as_str().filter(|text| !text.is_empty())?;
    }
    line["attributes"].as_object()?;
    line["data"].as_str()?.split(' ').next()?.parse().ok()
}

/// Follows a file while it grows, without reading any of it twice.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    read: u64,
    rest: String,
    /// What came early.
    ahead: BTreeSet<u64>,
    contiguous: u64,
}

impl Tail {
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0, rest: String::new(), ahead: BTreeSet::new(), contiguous: 0 }
    }

    /// How many of the messages from 0 on are in the file now, without a gap.
    pub(crate) fn contiguous(&mut self) -> u64 {
        if let Ok(mut file) = std::fs::File::open(&self.path) {
            let length = file.metadata().unwrap().len();
            assert!(length >= self.read, "the file was cut behind what had been read of it");
            file.seek(SeekFrom::Start(self.read)).unwrap();
            let mut more = String::new();
            file.read_to_string(&mut more).unwrap();
            self.read += more.len() as u64;
            self.rest.push_str(&more);
            if let Some((lines, rest)) = self.rest.rsplit_once('\n') {
                self.ahead.extend(lines.lines().filter_map(number));
                self.rest = rest.to_owned();
            }
        }
        while self.ahead.remove(&self.contiguous) {
            self.contiguous += 1;
        }
        self.contiguous
    }
}

#[test]
fn the_account_sees_what_is_missing_doubled_torn_and_out_of_order() {
    let line = |number: u64| {
        format!(
            "{{\"messageId\":\"{number}\",\"publishTime\":\"t\",\"subscription\":\"s\",\"attributes\":{{}},\
             \"data\":\"{number} x\"}}\n"
        )
    };
    let of = |text: String| Delivered::in_text(&text);
    of(line(0) + &line(1)).assert_exactly(2);
    assert!(of(line(0) + &line(2)).faults(3)[0].contains("1 of 3 messages are missing: [1]"));
    assert!(of(line(0) + &line(1)).faults(1)[0].contains("nobody published"));
    assert!(of(line(1) + &line(0)).faults(2)[0].contains("not in order"));
    assert_eq!(of(line(0) + &line(1) + &line(0)).repeated(), 1);
    assert_eq!(of(line(0) + line(1).trim_end()).torn.len(), 1, "without its end");
    let after_a_kill = of(line(0) + "{\"mess\n" + &line(0) + &line(1));
    assert_eq!((after_a_kill.torn.len(), after_a_kill.repeated()), (1, 1));
    after_a_kill.assert_complete(2);
}
