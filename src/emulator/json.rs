//! JSON as the service's own language reads and writes it.
//!
//! The service is written in Go, and its answers show it: `<`, `>`, `&` and the two Unicode line separators are
//! escaped, indentation is three spaces, keys are read whatever their case, `null` means "not given", half a
//! surrogate pair becomes U+FFFD. What is here promises those habits to its neighbours and knows nothing of messages.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::PrettyFormatter;

/// `value` as indented text, the way the service lays out most of its answers.
pub(crate) fn indented(value: &impl Serialize, indent: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(256);
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(indent.as_bytes()));
    if value.serialize(&mut serializer).is_err() {
        return Vec::new();
    }
    html_safe(text)
}

/// `value` on one line.
pub(crate) fn compact(value: &impl Serialize) -> Vec<u8> {
    html_safe(serde_json::to_vec(value).unwrap_or_default())
}

/// Escapes, in a finished JSON text, what Go escapes beyond the standard. Those characters stand only within strings.
fn html_safe(text: Vec<u8>) -> Vec<u8> {
    if !text.iter().any(|&byte| matches!(byte, b'<' | b'>' | b'&' | 0xE2)) {
        return text;
    }
    let mut safe = Vec::with_capacity(text.len() + 32);
    push_html_safe(&mut safe, &text);
    safe
}

/// Appends `text`, which is JSON or a part of a JSON string, with Go's additional escapes.
pub(crate) fn push_html_safe(out: &mut Vec<u8>, text: &[u8]) {
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        let (escape, length): (&[u8], usize) = match text[at] {
            b'<' => (b"\\u003c", 1),
            b'>' => (b"\\u003e", 1),
            b'&' => (b"\\u0026", 1),
            0xE2 if text[at..].starts_with("\u{2028}".as_bytes()) => (b"\\u2028", 3),
            0xE2 if text[at..].starts_with("\u{2029}".as_bytes()) => (b"\\u2029", 3),
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&text[copied..at]);
        out.extend_from_slice(escape);
        at += length;
        copied = at;
    }
    out.extend_from_slice(&text[copied..]);
}

/// `text` as the inside of a JSON string, without the quotes; borrowed where nothing needs an escape.
pub(crate) fn escaped(text: &str) -> Cow<'_, [u8]> {
    let special = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xE2);
    // Without a way out within a chunk the compiler looks at many bytes at once.
    let is_plain = |chunk: &[u8]| !chunk.iter().fold(false, |found, &byte| found | special(byte));
    if text.as_bytes().chunks(64).all(is_plain) {
        return Cow::Borrowed(text.as_bytes());
    }
    let quoted = compact(&text);
    Cow::Owned(quoted[1..quoted.len() - 1].to_vec())
}

/// True if `text` is one JSON value and nothing else.
pub(crate) fn is_valid(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Appends `text`, a valid JSON value, laid out with three spaces for each level, its first line at `level`.
/// White space of `text` is dropped; keys stay as they are, doubled ones too. Gives up, with false, where `out` becomes
/// longer than `most`: a deep value grows a hundredfold.
#[must_use]
pub(crate) fn push_indented(out: &mut Vec<u8>, text: &str, level: usize, most: usize) -> bool {
    let mut level = level;
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if out.len() > most {
            return false;
        }
        rest = after;
        match byte {
            b'"' => {
                let length = string_length(rest);
                out.push(b'"');
                push_html_safe(out, &rest[..length]);
                rest = &rest[length..];
            }
            b'{' | b'[' => {
                out.push(byte);
                rest = rest.trim_ascii_start();
                if let Some((&end @ (b'}' | b']'), after)) = rest.split_first() {
                    out.push(end);
                    rest = after;
                } else {
                    level += 1;
                    push_line(out, level);
                }
            }
            b'}' | b']' => {
                level = level.saturating_sub(1);
                push_line(out, level);
                out.push(byte);
            }
            b',' => {
                out.push(b',');
                push_line(out, level);
            }
            b':' => out.extend_from_slice(b": "),
            white if white.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    true
}

/// The bytes of a string from behind its opening quote to its closing quote, that one included.
fn string_length(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Begins a line at `level`.
pub(crate) fn push_line(out: &mut Vec<u8>, level: usize) {
    out.push(b'\n');
    for _ in 0..level {
        out.extend_from_slice(b"   ");
    }
}

/// A request body as text: bytes that are no UTF-8 become U+FFFD, as in Go.
pub(crate) fn text_of(body: &[u8]) -> Cow<'_, str> {
    str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

/// `text` with every escape that is half a surrogate pair replaced by U+FFFD, or `None` if there is none.
/// Go reads such text, `serde_json` refuses it.
pub(crate) fn without_lone_surrogates(text: &str) -> Option<String> {
    let unit_at = |at: usize| -> Option<u16> {
        let digits = text.as_bytes().get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        at += found;
        match (unit_at(at), unit_at(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended.push_str(&text[copied..at]);
                mended.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            _ => {
                at += 1;
                at += text[at..].chars().next().map_or(0, char::len_utf8);
            }
        }
    }
    if copied == 0 {
        return None;
    }
    mended.push_str(&text[copied..]);
    Some(mended)
}

/// A value of a type the service does not take in that place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrongType;

/// The fields of a small request body.
#[derive(Debug, Default)]
pub(crate) struct Fields(serde_json::Map<String, Value>);

impl Fields {
    /// Reads a body that is one JSON object or `null`.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, WrongType> {
        let text = text_of(body);
        let parsed = serde_json::from_str(&text).or_else(|error| match without_lone_surrogates(&text) {
            Some(mended) => serde_json::from_str(&mended),
            None => Err(error),
        });
        match parsed {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(Value::Null) => Ok(Self::default()),
            _ => Err(WrongType),
        }
    }

    /// The value of `name`, if there is one other than `null`.
    fn value(&self, name: &str) -> Option<&Value> {
        let found = self.0.get(name).or_else(|| {
            self.0.iter().find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
        });
        found.filter(|value| !value.is_null())
    }

    /// A string; empty where it is not given.
    pub(crate) fn text(&self, name: &str) -> Result<&str, WrongType> {
        self.value(name).map_or(Ok(""), |value| value.as_str().ok_or(WrongType))
    }

    /// A whole number; 0 where it is not given.
    pub(crate) fn integer(&self, name: &str) -> Result<i64, WrongType> {
        self.value(name).map_or(Ok(0), |value| value.as_i64().ok_or(WrongType))
    }

    /// A list of strings.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&str>, WrongType> {
        let Some(value) = self.value(name) else {
            return Ok(Vec::new());
        };
        let items = value.as_array().ok_or(WrongType)?;
        items
            .iter()
            .map(|item| if item.is_null() { Ok("") } else { item.as_str().ok_or(WrongType) })
            .collect()
    }

    /// A list of strings; `None` where it is not given.
    pub(crate) fn optional_texts(&self, name: &str) -> Result<Option<Vec<&str>>, WrongType> {
        self.value(name).is_some().then(|| self.texts(name)).transpose()
    }

    /// A list of objects; `None` where it is not given.
    pub(crate) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, WrongType> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let object = |item: &Value| match item {
            Value::Null => Ok(Self::default()),
            Value::Object(fields) => Ok(Self(fields.clone())),
            _ => Err(WrongType),
        };
        value.as_array().ok_or(WrongType)?.iter().map(object).collect::<Result<_, _>>().map(Some)
    }

    /// An object within this one; without fields where it is not given.
    pub(crate) fn object(&self, name: &str) -> Result<Self, WrongType> {
        match self.value(name) {
            None => Ok(Self::default()),
            Some(Value::Object(fields)) => Ok(Self(fields.clone())),
            Some(_) => Err(WrongType),
        }
    }

    /// The members of an object within this one.
    pub(crate) fn members(&self, name: &str) -> Result<Option<&serde_json::Map<String, Value>>, WrongType> {
        self.value(name).map_or(Ok(None), |value| value.as_object().map(Some).ok_or(WrongType))
    }

    /// A string whose name is written exactly so; empty for `null`, and `None` where there is no such key.
    pub(crate) fn exact_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str().unwrap_or_default())
    }

    /// True if every value is the zero value of its type.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.values().all(is_zero)
    }

    /// True if every value is a string or `null`: what Go reads as a map of strings.
    pub(crate) fn only_texts(&self) -> bool {
        self.0.values().all(|value| value.is_string() || value.is_null())
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(given) => !given,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_zero),
    }
}

#[cfg(test)]
mod tests;
