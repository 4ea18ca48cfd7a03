//! What is wrong with a configuration, and where.
//!
//! A problem names file, line, column and key, says what is wrong and what would be right. It never quotes a line of
//! the file, nor a value that is or may hold a secret. [`Report`] gathers the problems while the files are read.

use std::{cell::RefCell, fmt, path::PathBuf};

/// A configuration that cannot be used, with everything that is wrong with it.
///
/// Displayed, it is one line for each problem (`file:line:column: key: what is wrong`), an indented line with what
/// would be right, and a closing count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems, in order of file and line; at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        match self.problems.len() {
            1 => write!(f, "1 problem in the configuration"),
            many => write!(f, "{many} problems in the configuration"),
        }
    }
}

/// One thing that is wrong, or that deserves a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in.
    pub file: PathBuf,
    /// Line and column, from 1; `None` where the file as a whole is meant.
    pub position: Option<(usize, usize)>,
    /// The key with its tables, as in `subscriptions.metrics.sinks.archive.path`; empty where there is none.
    pub key: String,
    /// What is wrong, with the value unless that is a secret.
    pub what: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some((line, column)) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.what)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n    hint: {hint}")?;
        }
        Ok(())
    }
}

/// A value that its parser refuses; the reader adds where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({hint})")]
pub struct InvalidValue {
    /// What is wrong, to follow the value: `is not a duration`.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

impl InvalidValue {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// A spot in one of the files; ordered by file, line and column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: usize,
    /// Line and column from 1, or `None` for the file as a whole.
    pub(super) position: Option<(usize, usize)>,
}

impl Place {
    pub(super) const fn file(file: usize) -> Self {
        Self { file, position: None }
    }
}

type Entry = (Place, Problem);

/// Gathers problems while the files are read.
pub(super) struct Report {
    files: Vec<PathBuf>,
    problems: RefCell<Vec<Entry>>,
    warnings: RefCell<Vec<Entry>>,
    incomplete: std::cell::Cell<bool>,
}

impl Report {
    pub(super) fn new(files: Vec<PathBuf>) -> Self {
        Self { files, problems: RefCell::default(), warnings: RefCell::default(), incomplete: false.into() }
    }

    pub(super) fn problem(&self, place: Place, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.problems.borrow_mut().push(self.entry(place, key, what.into(), hint.into()));
    }

    pub(super) fn warning(&self, place: Place, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.warnings.borrow_mut().push(self.entry(place, key, what.into(), hint.into()));
    }

    /// Something is absent. Silent when a file could not be read: it may stand there.
    pub(super) fn missing(&self, place: Place, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        if !self.incomplete.get() {
            self.problem(place, key, what, hint);
        }
    }

    /// A file could not be read or parsed, so nothing is known to be absent.
    pub(super) fn set_incomplete(&self) {
        self.incomplete.set(true);
    }

    /// How many problems there are so far: unchanged over a read, that read found no fault.
    pub(super) fn count(&self) -> usize {
        self.problems.borrow().len()
    }

    /// `file:line:column`, to point from one place to another.
    pub(super) fn show(&self, place: Place) -> String {
        let file = self.files.get(place.file).map(|file| file.display().to_string()).unwrap_or_default();
        match place.position {
            Some((line, column)) => format!("{file}:{line}:{column}"),
            None => file,
        }
    }

    /// Problems and warnings, each in order of place.
    pub(super) fn into_parts(self) -> (Vec<Problem>, Vec<Problem>) {
        let sorted = |entries: RefCell<Vec<Entry>>| {
            let mut entries = entries.into_inner();
            entries.sort_by_key(|(place, _)| *place);
            entries.into_iter().map(|(_, problem)| problem).collect()
        };
        (sorted(self.problems), sorted(self.warnings))
    }

    fn entry(&self, place: Place, key: &str, what: String, hint: String) -> Entry {
        let file = self.files.get(place.file).cloned().unwrap_or_default();
        let hint = (!hint.is_empty()).then_some(hint);
        (place, Problem { file, position: place.position, key: key.to_owned(), what, hint })
    }
}
