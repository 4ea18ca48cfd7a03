//! How keys and values stand in messages.

use super::document::Value;

/// The path of a key in a table; a key that is not plain is quoted.
pub(super) fn join(path: &str, key: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let key = if !key.is_empty() && key.bytes().all(plain) { key.to_owned() } else { quote(key) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// A text in quotes, cut where it is long, without control characters.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{:?}…", &text[..at]),
        None => format!("{text:?}"),
    }
}

/// A value as it is written, its variables not put in; `None` for a table and what no key takes.
pub(super) fn value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quote(text)),
        Value::Integer(number) => {
            Some(number.map_or_else(|| "the number".to_owned(), |number| number.to_string()))
        }
        Value::Float(number) => Some(format!("{number:?}")),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Table(_) | Value::Array(_) | Value::Other(_) => None,
    }
}
