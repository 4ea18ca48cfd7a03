//! INI files as Python's `configparser` reads them: what stands where, and what it comes to.
//!
//! Names of keys in any case; comments of whole lines with `#` and `;`; values that go on in lines which are indented
//! deeper than their key; a section `DEFAULT` whose keys all others have too; `%(name)s` for another key, `%%` for a
//! percent sign. Unlike there, names of sections are the same in any case, as ams-consumer takes them.
//! A value may be a secret, so no message quotes one.

use std::collections::BTreeMap;

mod line;

use self::line::{Line, Lines};

/// The section that lends its keys to all others.
pub(super) const DEFAULT: &str = "DEFAULT";

/// How deep values may refer to each other, as in Python.
const DEEPEST: usize = 10;

/// A file, read.
#[derive(Debug, Default)]
pub(super) struct Ini {
    sections: BTreeMap<String, Section>,
}

/// A section, or those of a name.
#[derive(Debug)]
pub(super) struct Section {
    /// As it is written.
    pub(super) name: String,
    /// The line of its header.
    pub(super) line: usize,
    /// By name in lower case.
    pub(super) entries: BTreeMap<String, Entry>,
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry {
    /// As it is written.
    pub(super) key: String,
    pub(super) place: Place,
    /// Without its interpolation; lines are joined with newlines.
    raw: String,
}

/// A spot in the file; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What cannot be read, where, and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) what: String,
    pub(super) hint: String,
}

impl Ini {
    /// Reads all of it; the error holds every fault.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let mut ini = Self::default();
        let mut faults = Vec::new();
        let (mut section, mut open): (Option<String>, Option<String>) = (None, None);
        for (place, line) in Lines::of(text) {
            let mut fault = |what: &str, hint: &str| {
                faults.push(Fault { place, what: what.to_owned(), hint: hint.to_owned() });
            };
            match line {
                Line::Header(name) => {
                    open = None;
                    if !ini.begin(name, place.line) {
                        fault("is a section that stands twice", "one section of each name");
                    }
                    section = Some(folded(name));
                }
                Line::Key { key, value } => {
                    let Some(section) = section.as_ref().and_then(|name| ini.sections.get_mut(name)) else {
                        fault("stands before the first section", "a section above it, as in [AMS]");
                        continue;
                    };
                    open = Some(folded(key));
                    let entry = Entry { key: key.to_owned(), place, raw: value.to_owned() };
                    if section.entries.insert(folded(key), entry).is_some() {
                        fault("is a key that stands twice in its section", "one of the two");
                    }
                }
                Line::More(more) => {
                    let entries = section.as_ref().and_then(|name| ini.sections.get_mut(name));
                    let entry = entries.zip(open.as_ref()).and_then(|(of, key)| of.entries.get_mut(key));
                    if let Some(entry) = entry {
                        entry.raw.push('\n');
                        entry.raw.push_str(more);
                    }
                }
                Line::Unknown => fault("is neither a section nor a key with a value", "KEY = VALUE"),
            }
        }
        if faults.is_empty() { Ok(ini) } else { Err(faults) }
    }

    /// Begins a section; false if there is one of that name.
    fn begin(&mut self, name: &str, line: usize) -> bool {
        let new = Section { name: name.to_owned(), line, entries: BTreeMap::new() };
        match self.sections.entry(folded(name)) {
            std::collections::btree_map::Entry::Occupied(_) => false,
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(new);
                true
            }
        }
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.values()
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(&folded(name))
    }

    /// The key of a section, or of `DEFAULT`.
    pub(super) fn entry(&self, section: &str, key: &str) -> Option<&Entry> {
        let of = |name: &str| self.section(name).and_then(|one| one.entries.get(&folded(key)));
        of(section).or_else(|| of(DEFAULT))
    }

    /// What a value comes to in its section, without white space around it.
    pub(super) fn value(&self, section: &str, entry: &Entry) -> Result<String, Fault> {
        let mut out = String::new();
        self.fill(section, entry, 0, &mut out).map_err(|what| Fault {
            place: entry.place,
            what: what.to_owned(),
            hint:
                "%(KEY)s for the value of another key of the section or of [DEFAULT], %% for a percent sign"
                    .to_owned(),
        })?;
        Ok(out.trim().to_owned())
    }

    fn fill(&self, section: &str, entry: &Entry, depth: usize, out: &mut String) -> Result<(), &'static str> {
        if depth > DEEPEST {
            return Err("refers to itself, or to others too deeply");
        }
        let mut rest = entry.raw.as_str();
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                out.push('%');
                rest = after;
                continue;
            }
            let reference = after.strip_prefix('(').and_then(|after| after.split_once(")s"));
            let (name, after) = reference.ok_or("has a % that is neither %% nor %(KEY)s")?;
            let other = self.entry(section, name).ok_or("refers with %(KEY)s to a key that there is not")?;
            self.fill(section, other, depth + 1, out)?;
            rest = after;
        }
        out.push_str(rest);
        Ok(())
    }

    /// Whether some value refers to this key.
    pub(super) fn is_referred_to(&self, key: &str) -> bool {
        let reference = format!("%({})s", folded(key));
        let entries = self.sections.values().flat_map(|one| one.entries.values());
        entries.into_iter().any(|entry| folded(&entry.raw).contains(&reference))
    }
}

/// What a name is compared by.
fn folded(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests;
