//! Reads one table: each key by its type, and at the end whatever nobody asked for.
//!
//! A reading method never fails: what is wrong goes to the [`Report`] and the method returns `None`, so that one
//! reading finds everything.

use super::{
    document::{Entry, Table, Value},
    env::Environment,
    error::{Place, Report},
    schema::TableKeys,
    show::{self, join},
};

mod values;

pub(super) use self::values::Words;

static EMPTY: Table = Table::new();

/// What every section is read with.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) report: &'a Report,
    pub(super) environment: Environment<'a>,
}

/// One table while it is read.
pub(super) struct Section<'a> {
    pub(super) reader: Reader<'a>,
    /// The keys that lead here, joined with dots.
    pub(super) path: String,
    /// Where the table begins, or the table around it if it is absent.
    pub(super) place: Place,
    table: &'a Table,
    keys: &'static TableKeys,
    taken: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn root(reader: Reader<'a>, table: &'a Table, keys: &'static TableKeys) -> Self {
        Self { reader, path: String::new(), place: Place::file(0), table, keys, taken: Vec::new() }
    }

    /// The full name of a key in this table.
    pub(super) fn key(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Reports a problem of one key, at its value if it has one.
    pub(super) fn problem(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.reader.report.problem(self.place_of(key), &self.key(key), what, hint);
    }

    /// Reports that a key is needed and absent.
    pub(super) fn missing(&self, key: &str, hint: impl Into<String>) {
        self.reader.report.missing(self.place, &self.key(key), "is missing", hint);
    }

    /// Reports that what a key's value calls for is absent.
    pub(super) fn unmet(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.reader.report.missing(self.place_of(key), &self.key(key), what, hint);
    }

    /// Reports a problem of the table as a whole.
    pub(super) fn fault(&self, what: impl Into<String>, hint: impl Into<String>) {
        self.reader.report.problem(self.place, &self.path, what, hint);
    }

    /// Warns of a key's value.
    pub(super) fn warning(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.reader.report.warning(self.place_of(key), &self.key(key), what, hint);
    }

    /// A key's value as it is written.
    pub(super) fn shown(&self, key: &str) -> String {
        self.table.entries.get(key).and_then(|entry| show::value(&entry.value)).unwrap_or_default()
    }

    fn place_of(&self, key: &str) -> Place {
        self.table.entries.get(key).map_or(self.place, |entry| entry.place)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.entries.contains_key(key)
    }

    /// Whether a table within this one is absent or has nothing in it.
    pub(super) fn is_empty(&self, key: &str) -> bool {
        match self.table.entries.get(key).map(|entry| &entry.value) {
            None => true,
            Some(Value::Table(table)) => table.entries.is_empty(),
            Some(_) => false,
        }
    }

    /// A table within this one; absent, it is empty.
    pub(super) fn table(&mut self, key: &'static str, keys: &'static TableKeys) -> Section<'a> {
        self.optional_table(key, keys)
            .unwrap_or_else(|| self.section(self.key(key), self.place, &EMPTY, keys))
    }

    /// A table within this one, if it is there.
    pub(super) fn optional_table(
        &mut self,
        key: &'static str,
        keys: &'static TableKeys,
    ) -> Option<Section<'a>> {
        let entry = self.take(key)?;
        let Value::Table(table) = &entry.value else {
            self.wrong_type(key, entry, false, &format!("a table, [{}]", keys.at));
            return None;
        };
        Some(self.section(self.key(key), entry.place, table, keys))
    }

    /// The tables of a table whose keys are names of one's own, in order of name.
    pub(super) fn named_tables(
        &mut self,
        key: &'static str,
        keys: &'static TableKeys,
    ) -> Vec<(String, Section<'a>)> {
        let mut sections = Vec::new();
        let Some(entry) = self.take(key) else {
            return sections;
        };
        let Value::Table(table) = &entry.value else {
            self.wrong_type(key, entry, false, &format!("tables under names of your own, [{}]", keys.at));
            return sections;
        };
        for (name, entry) in &table.entries {
            let path = join(&self.key(key), name);
            if let Value::Table(inner) = &entry.value {
                let section = self.section(path, entry.place, inner, keys);
                check_name(&section, entry.key, name);
                sections.push((name.clone(), section));
            } else {
                let hint = format!("a table under a name of your own, [{}]", keys.at);
                self.reader.report.problem(entry.key, &path, format!("is {}", entry.value.kind()), hint);
            }
        }
        sections
    }

    /// Takes a key without reading it: all that is to be said of it has been said.
    pub(super) fn pass_over(&mut self, key: &'static str) {
        self.taken.push(key);
    }

    /// Reports every key that was not read.
    pub(super) fn finish(self) {
        for (key, entry) in &self.table.entries {
            if !self.taken.contains(&key.as_str()) {
                let (what, hint) = self.keys.explain(key);
                self.reader.report.problem(entry.key, &self.key(key), what, hint);
            }
        }
    }

    /// As [`Section::finish`], but says nothing of keys that are right in some table of this kind.
    pub(super) fn finish_unknown(mut self) {
        self.taken.extend(self.keys.keys);
        self.finish();
    }

    fn section(&self, path: String, place: Place, table: &'a Table, keys: &'static TableKeys) -> Section<'a> {
        Section { reader: self.reader, path, place, table, keys, taken: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Entry> {
        debug_assert!(self.keys.keys.contains(&key), "{key} is not listed for [{}]", self.keys.at);
        self.taken.push(key);
        self.table.entries.get(key)
    }

    fn wrong_type(&self, key: &str, entry: &Entry, may_show: bool, wanted: &str) {
        let kind = entry.value.kind();
        let what = match show::value(&entry.value).filter(|_| may_show) {
            Some(value) => format!("{value} is {kind}"),
            None => format!("is {kind}"),
        };
        self.reader.report.problem(entry.place, &self.key(key), what, format!("must be {wanted}"));
    }
}

fn check_name(section: &Section<'_>, place: Place, name: &str) {
    let valid = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !valid {
        let hint = "1 to 64 of A-Z, a-z, 0-9, _ and -";
        section.reader.report.problem(place, &section.path, "is not a valid name", hint);
    }
}
