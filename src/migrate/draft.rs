//! A configuration of ours while it is written, with where each value comes from.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::ini::Place;
use crate::config::{self, ConfigError, Problem};

/// Where a value comes from in the other program's file.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) place: Place,
    /// Section and key, as in `AMS.Host`.
    pub(super) key: String,
}

impl Origin {
    /// What is wrong or remarkable there.
    pub(super) fn problem(&self, file: &Path, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem {
            file: file.to_owned(),
            position: Some((self.place.line, self.place.column)),
            key: self.key.clone(),
            what: what.into(),
            hint: Some(hint.into()),
        }
    }
}

/// The TOML so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    text: String,
    table: String,
    origins: BTreeMap<String, Origin>,
}

impl Draft {
    /// Lines for people.
    pub(super) fn comment(&mut self, lines: &str) {
        for line in lines.lines() {
            self.text.push_str(if line.is_empty() { "#" } else { "# " });
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    pub(super) fn table(&mut self, path: &str) {
        path.clone_into(&mut self.table);
        self.text.push_str("\n[");
        self.text.push_str(path);
        self.text.push_str("]\n");
    }

    /// A key of the table; the value is TOML.
    pub(super) fn set(&mut self, key: &str, value: impl std::fmt::Display, origin: Option<&Origin>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{key} = {value}");
        if let Some(origin) = origin {
            self.origins.insert(format!("{}.{key}", self.table), origin.clone());
        }
    }

    /// A configuration that the daemon takes, or what it does not, where `file` has it.
    pub(super) fn finish(self, file: &Path) -> Result<String, Vec<Problem>> {
        config::check_text(&self.text).map_err(|error| self.at_its_origin(file, &error))?;
        Ok(self.text)
    }

    fn at_its_origin(&self, file: &Path, error: &ConfigError) -> Vec<Problem> {
        let place = |problem: &Problem| {
            // A key of an inline table comes from where the table does.
            let covers = |key: &String| {
                problem.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let hint = problem.hint.clone().unwrap_or_default();
            match self.origins.iter().find(|(key, _)| covers(key)) {
                Some((_, origin)) => origin.problem(file, problem.what.clone(), hint),
                None => Problem { file: file.to_owned(), position: None, ..problem.clone() },
            }
        };
        error.problems().iter().map(place).collect()
    }
}

/// A text in TOML, in which the configuration finds no variable. What JSON escapes, TOML does too, and in the same way.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text.replace('$', "$$")).to_string().replace('\u{7f}', "\\u007f")
}
