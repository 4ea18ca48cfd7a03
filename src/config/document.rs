//! The files as one tree of values, each with its place.
//!
//! The main file comes first, then `conf.d/*.toml` beside it in order of name. They are read as though they were one
//! file: a table may go on in another file, a key set twice is a problem that names both places.

use std::{
    collections::{BTreeMap, btree_map},
    ffi::OsStr,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::{
    error::{Place, Report},
    show::join,
};

/// Deeper tables are not looked into: no key is that deep.
const MAX_DEPTH: usize = 12;

/// A file's text, or why there is none.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: io::Result<String>,
}

/// A table: what stands in it by key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) entries: BTreeMap<String, Entry>,
}

/// One key with its value.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where the key stands.
    pub(super) key: Place,
    /// Where the value stands; of a table, its header.
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value in an array.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value, as far as the configuration has use for it.
#[derive(Debug)]
pub(super) enum Value {
    String(String),
    /// `None` where it does not fit.
    Integer(Option<i64>),
    Float(f64),
    Boolean(bool),
    Table(Table),
    Array(Vec<Item>),
    /// Of a type that no key has; its name with an article.
    Other(&'static str),
}

impl Value {
    /// The type's name, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Boolean(_) => "a boolean",
            Self::Table(_) => "a table",
            Self::Array(_) => "an array",
            Self::Other(kind) => kind,
        }
    }
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { entries: BTreeMap::new() }
    }

    /// The entry under these keys.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Entry> {
        let (last, tables) = path.split_last()?;
        let mut table = self;
        for key in tables {
            match &table.entries.get(*key)?.value {
                Value::Table(inner) => table = inner,
                _ => return None,
            }
        }
        table.entries.get(*last)
    }
}

/// Reads the main file and those of `conf.d` beside it. A `conf.d` that is not there is no fault.
pub(super) fn gather(main: &Path) -> Vec<Source> {
    let read = |path: PathBuf| Source { text: read_text(&path), path };
    let folder = main.parent().unwrap_or(Path::new("")).join("conf.d");
    let mut sources = vec![read(main.to_owned())];
    match list(&folder) {
        Ok(paths) => sources.extend(paths.into_iter().map(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => sources.push(Source { path: folder, text: Err(error) }),
    }
    sources
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension() == Some(OsStr::new("toml")) && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(fs::read(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is not UTF-8 text"))
}

/// Parses the sources into one table. Files that cannot be read or parsed are problems of the report.
pub(super) fn merge(sources: &[Source], report: &Report) -> Table {
    let mut root = Table::new();
    for (file, source) in sources.iter().enumerate() {
        match &source.text {
            Err(error) => {
                let hint = if file == 0 { "--config FILE names another one" } else { "" };
                report.problem(Place::file(file), "", format!("cannot be read: {error}"), hint);
                report.set_incomplete();
            }
            Ok(text) => {
                let lines = Lines::new(file, text);
                match DeTable::parse(text) {
                    Ok(parsed) => {
                        Merger { lines, report }.absorb(&mut root, parsed.get_ref(), "", 0);
                    }
                    Err(error) => {
                        let place = error.span().map_or(Place::file(file), |span| lines.place(&span));
                        report.problem(place, "", format!("not TOML: {}", error.message()), "");
                        report.set_incomplete();
                    }
                }
            }
        }
    }
    root
}

struct Merger<'a> {
    lines: Lines<'a>,
    report: &'a Report,
}

impl Merger<'_> {
    fn absorb(&self, table: &mut Table, source: &DeTable<'_>, path: &str, depth: usize) {
        for (key, value) in source {
            let name = key.get_ref().as_ref();
            let place = self.lines.place(&key.span());
            match table.entries.entry(name.to_owned()) {
                btree_map::Entry::Vacant(entry) => {
                    entry.insert(Entry {
                        key: place,
                        place: self.lines.place(&value.span()),
                        value: self.convert(value.get_ref(), depth),
                    });
                }
                btree_map::Entry::Occupied(mut entry) => {
                    let path = join(path, name);
                    let first = entry.get().key;
                    match (&mut entry.get_mut().value, value.get_ref()) {
                        (Value::Table(table), DeValue::Table(more)) if depth < MAX_DEPTH => {
                            self.absorb(table, more, &path, depth + 1);
                        }
                        _ => self.report.problem(
                            place,
                            &path,
                            format!("is set already at {}", self.report.show(first)),
                            "a key is set once; the files are read as though they were one",
                        ),
                    }
                }
            }
        }
    }

    fn convert(&self, value: &DeValue<'_>, depth: usize) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.as_ref().to_owned()),
            DeValue::Integer(number) => {
                Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Datetime(_) => Value::Other("a date or time"),
            DeValue::Array(_) if depth >= MAX_DEPTH => Value::Other("an array"),
            DeValue::Table(_) if depth >= MAX_DEPTH => Value::Other("a table"),
            DeValue::Array(source) => {
                let item = |item: &toml::Spanned<DeValue<'_>>| Item {
                    place: self.lines.place(&item.span()),
                    value: self.convert(item.get_ref(), depth + 1),
                };
                Value::Array(source.iter().map(item).collect())
            }
            DeValue::Table(source) => {
                let mut table = Table::new();
                self.absorb(&mut table, source, "", depth + 1);
                Value::Table(table)
            }
        }
    }
}

/// Turns offsets into lines and columns, the latter in characters.
struct Lines<'a> {
    file: usize,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(file: usize, text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, starts }
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let line = self.starts.partition_point(|start| *start <= span.start);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..span.start).map_or(0, |before| before.chars().count()) + 1;
        Place { file: self.file, position: Some((line, column)) }
    }
}
