//! The path of a file sink, with its placeholders.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use super::{InvalidValue, schema::nearest};

const HINT: &str = "{project}, {subscription} and {date} stand for what they say";
const LATER: [&str; 2] = ["hour", "arrival_date"];
/// Where a message's publish time has no date, so that a path never holds what a server made up.
const NO_DATE: &str = "0000-00-00";
/// A date's shape: NUL, which no path holds, for any digit.
const ANY_DATE: &str = "\0\0\0\0-\0\0-\0\0";

/// A path with `{project}`, `{subscription}` and `{date}` in it. Relative, it is so to the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Project,
    Subscription,
    Date,
}

impl PathTemplate {
    /// Parses a template; the error says what is wrong with it, without quoting it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let wrong = |what: &str| InvalidValue::new(what, HINT);
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let inside = from.strip_prefix('{').ok_or_else(|| wrong("has a } without its {"))?;
            let (name, after) = inside.split_once('}').ok_or_else(|| wrong("has a { without its }"))?;
            parts.push(placeholder(name)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if text.contains('\0') {
            return Err(InvalidValue::new("has a NUL character", "a path"));
        }
        let last = text.rsplit('/').next().unwrap_or("");
        if matches!(last, "" | "." | "..") {
            return Err(InvalidValue::new(
                "is not the path of a file",
                "a path that ends with the file's name",
            ));
        }
        Ok(Self { source: text.to_owned(), parts })
    }

    /// The path for messages of this project, subscription key and date (`2026-11-23`). Text of any other form is taken
    /// as the date `0000-00-00`.
    #[must_use]
    pub fn render(&self, project: &str, subscription: &str, date: &str) -> PathBuf {
        let date = if is_date(date) { date } else { NO_DATE };
        self.fill(project, subscription, date).into()
    }

    /// Whether the path differs from date to date.
    #[must_use]
    pub fn depends_on_date(&self) -> bool {
        self.parts.contains(&Part::Date)
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// All the paths this can become for messages of one subscription: NUL, which no path holds, stands for any text.
    #[must_use]
    pub fn mask(&self, project: &str, subscription: &str) -> String {
        self.fill(project, subscription, ANY_DATE)
    }

    /// All the paths this can become, in a form that [`Shape::meets`] compares.
    pub(super) fn shape(&self, project: &str, subscription: &str) -> Shape {
        let path = self.mask(project, subscription);
        let path = std::path::absolute(&path).unwrap_or_else(|_| path.into());
        let mut plain = Vec::new();
        for component in Path::new(&path).components() {
            match component {
                Component::Normal(name) => plain.push(name.to_string_lossy().into_owned()),
                Component::ParentDir => {
                    plain.pop();
                }
                _ => {}
            }
        }
        Shape(plain.join("/"))
    }

    fn fill(&self, project: &str, subscription: &str, date: &str) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text,
                Part::Project => project,
                Part::Subscription => subscription,
                Part::Date => date,
            })
            .collect()
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromStr for PathTemplate {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text)
    }
}

/// A normal, absolute path where NUL stands for any digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape(String);

impl Shape {
    /// Whether there are dates for which both are the same file.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let digit = |c: u8| c == 0 || c.is_ascii_digit();
        self.0.len() == other.0.len()
            && self
                .0
                .bytes()
                .zip(other.0.bytes())
                .all(|(a, b)| a == b || ((a == 0 || b == 0) && digit(a) && digit(b)))
    }
}

fn placeholder(name: &str) -> Result<Part, InvalidValue> {
    match name {
        "project" => Ok(Part::Project),
        "subscription" => Ok(Part::Subscription),
        "date" => Ok(Part::Date),
        _ if LATER.contains(&name) => {
            Err(InvalidValue::new(format!("has {{{name}}}, which is not available in this version"), HINT))
        }
        _ => {
            let hint = match nearest(name, &["project", "subscription", "date"]) {
                Some(nearest) => format!("did you mean {{{nearest}}}?"),
                None => HINT.to_owned(),
            };
            Err(InvalidValue::new("has an unknown placeholder", hint))
        }
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(
            |(at, b)| {
                if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() }
            },
        )
}

#[cfg(test)]
mod tests;
