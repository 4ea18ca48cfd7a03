//! The path of a file sink, with its placeholders: read here, and turned into paths by a [`PathLayout`].

mod layout;
mod shape;
mod value;

use std::{fmt, str::FromStr};

use super::{InvalidValue, schema::nearest};

pub use layout::{PathLayout, PathValues};
pub(super) use shape::Shape;

const HINT: &str = "{project}, {subscription}, {sink}, {topic}, {date}, {hour}, {arrival_date} and {attribute.NAME} are \
                    filled in";

/// What stands where a message does not have an attribute, or an empty one, unless the template says otherwise.
const NO_ATTRIBUTE: &str = "none";

/// A path with placeholders in it. Relative, it is so to the working directory.
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
    Sink,
    Topic,
    Date,
    Hour,
    ArrivalDate,
    Attribute { name: String, default: String },
}

/// The placeholders without an argument.
static PLACEHOLDERS: [(&str, Part); 7] = [
    ("project", Part::Project),
    ("subscription", Part::Subscription),
    ("sink", Part::Sink),
    ("topic", Part::Topic),
    ("date", Part::Date),
    ("hour", Part::Hour),
    ("arrival_date", Part::ArrivalDate),
];

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
        if text.contains(char::is_control) {
            return Err(InvalidValue::new("has a control character", "a path"));
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

    /// Whether the topic of the subscription is in the path, which only the service knows.
    #[must_use]
    pub fn depends_on_topic(&self) -> bool {
        self.parts.contains(&Part::Topic)
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
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

fn placeholder(name: &str) -> Result<Part, InvalidValue> {
    if let Some((_, part)) = PLACEHOLDERS.iter().find(|(known, _)| *known == name) {
        return Ok(part.clone());
    }
    if let Some(attribute) = name.strip_prefix("attribute.") {
        return attribute_of(attribute);
    }
    let known: Vec<_> = PLACEHOLDERS.iter().map(|(name, _)| *name).chain(["attribute.NAME"]).collect();
    let kind = name.split('.').next().unwrap_or(name);
    let hint = match nearest(kind, &["attribute"]).filter(|_| name.contains('.') || kind == "attribute") {
        Some(_) => "did you mean {attribute.NAME}?".to_owned(),
        None => nearest(name, &known)
            .map_or_else(|| HINT.to_owned(), |nearest| format!("did you mean {{{nearest}}}?")),
    };
    Err(InvalidValue::new("has an unknown placeholder", hint))
}

/// `NAME` or `NAME:-DEFAULT`.
fn attribute_of(text: &str) -> Result<Part, InvalidValue> {
    let (name, default) = text.split_once(":-").unwrap_or((text, NO_ATTRIBUTE));
    if name.is_empty() {
        return Err(InvalidValue::new("has an attribute without a name", "as in {attribute.partition_date}"));
    }
    if default.is_empty() || value::encoded(default, usize::MAX) != default {
        return Err(InvalidValue::new(
            "has a default that is no part of a file's name",
            "letters, digits and _ - . , : = + @, first a letter, a digit or _",
        ));
    }
    Ok(Part::Attribute { name: name.to_owned(), default: default.to_owned() })
}

#[cfg(test)]
mod tests;
