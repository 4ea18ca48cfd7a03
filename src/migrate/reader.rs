//! The keys of an INI file one by one, as ams-consumer understands their values; and what nobody asked for.

use std::path::Path;
use std::str::FromStr;

use super::draft::Origin;
use super::ini::{DEFAULT, Entry, Ini};
use crate::config::Problem;

/// A value with where it comes from.
#[derive(Debug)]
pub(super) struct Value<T = String> {
    pub(super) is: T,
    pub(super) origin: Origin,
}

/// Reads keys, and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    ini: &'a Ini,
    file: &'a Path,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(ini: &'a Ini, file: &'a Path) -> Self {
        Self { ini, file, problems: Vec::new() }
    }

    /// A text, whatever it is; `None` if it is absent or cannot be read.
    pub(super) fn any(&mut self, section: &str, key: &str) -> Option<Value> {
        let entry = self.ini.entry(section, key)?;
        let origin = origin(section, entry);
        match self.ini.value(section, entry) {
            Ok(is) => Some(Value { is, origin }),
            Err(fault) => {
                self.problem(&origin, fault.what, fault.hint);
                None
            }
        }
    }

    /// A single text. ams-consumer takes a value with a comma or a space in it for several.
    pub(super) fn text(&mut self, section: &str, key: &str) -> Option<Value> {
        let value = self.any(section, key)?;
        if value.is.is_empty() {
            self.problem(&value.origin, "is empty", "a value");
        } else if value.is.contains(|c: char| c == ',' || c.is_whitespace()) {
            let what = format!("{:?} is several values to ams-consumer", value.is);
            self.problem(
                &value.origin,
                what,
                "one, without comma and space; a comment stands on a line of its own",
            );
        } else {
            return Some(value);
        }
        None
    }

    /// A text without which ams-consumer does not run.
    pub(super) fn needed(&mut self, section: &str, key: &str, example: &str) -> Option<Value> {
        self.must_have(section, key, example);
        self.text(section, key)
    }

    /// Reports that a key is absent without which ams-consumer does not run.
    pub(super) fn must_have(&mut self, section: &str, key: &str, example: &str) {
        if self.ini.entry(section, key).is_none() {
            let line = self.ini.section(section).map(|section| (section.line, 1));
            self.problems.push(Problem {
                file: self.file.to_owned(),
                position: line,
                key: format!("{section}.{key}"),
                what: "is missing, and ams-consumer does not run without it".to_owned(),
                hint: Some(format!("in the section [{section}], as in {key} = {example}")),
            });
        }
    }

    /// A number in these bounds.
    pub(super) fn number<T: FromStr + PartialOrd>(
        &mut self,
        value: Option<Value>,
        least: &T,
        wanted: &str,
    ) -> Option<Value<T>> {
        let Value { is: text, origin } = value?;
        match text.parse() {
            Ok(is) if is >= *least => Some(Value { is, origin }),
            _ => {
                self.problem(&origin, format!("{text:?} is no such number"), wanted);
                None
            }
        }
    }

    pub(super) fn problem(&mut self, origin: &Origin, what: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(origin.problem(self.file, what, hint));
    }

    /// What of the file is none of these sections with their keys, and serves no other value.
    pub(super) fn left_out(&self, known: &[(&str, &[&str])]) -> Vec<Problem> {
        let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
        let mut warnings = Vec::new();
        for section in self.ini.sections() {
            let of_this =
                known.iter().filter(|(name, _)| is(name, &section.name) || is(DEFAULT, &section.name));
            let keys: Vec<_> = of_this.flat_map(|(_, keys)| *keys).copied().collect();
            let hint = if is(DEFAULT, &section.name) {
                "no section has such a key, and no value refers to it".to_owned()
            } else if keys.is_empty() {
                let sections: Vec<_> = known.iter().map(|(name, _)| *name).collect();
                format!("the sections that there are: {}", sections.join(", "))
            } else {
                format!("[{}] may have {}", section.name, keys.join(", "))
            };
            let left_out = section.entries.values().filter(|entry| {
                !keys.iter().any(|key| is(key, &entry.key)) && !self.ini.is_referred_to(&entry.key)
            });
            warnings.extend(left_out.map(|entry| {
                let origin = origin(&section.name, entry);
                origin.problem(self.file, "is not known, and left out", hint.clone())
            }));
        }
        warnings.sort_by_key(|warning| warning.position);
        warnings
    }
}

fn origin(section: &str, entry: &Entry) -> Origin {
    Origin { place: entry.place, key: format!("{section}.{}", entry.key) }
}
