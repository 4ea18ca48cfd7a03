//! What becomes of a message's attributes between publish and pull.
//!
//! The service writes attributes into the stored record without escaping them, reads the record when it is pulled,
//! and writes them without escaping once more into the answer. So a quote may destroy the record, add keys of its
//! own, or come out as something else. All of that is decided by the attributes alone, so it is done here once, at
//! publish: [`render`] gives what a pull will show, or how it will fail.

use std::collections::BTreeMap;

use super::json;

/// Attributes in the order of their keys, which is the service's order too.
pub(crate) type Attributes = BTreeMap<String, String>;

/// Why a record makes every pull that meets it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poison {
    /// The stored record is no JSON of the expected form.
    Unreadable,
    /// The record could be read, but what was read cannot be written.
    Unexportable,
}

/// The level of a message's fields within the answer of a pull.
pub(crate) const FIELD_LEVEL: usize = 4;

/// The attribute object as a pull shows it, laid out for its place in the answer; empty without attributes.
pub(crate) fn render(attributes: &Attributes) -> Result<Vec<u8>, Poison> {
    let mut out = Vec::new();
    if attributes.is_empty() {
        return Ok(out);
    }
    let stored = unescaped(attributes);
    if attributes.iter().all(|(key, value)| is_harmless(key) && is_harmless(value)) {
        return if push(&mut out, &stored) { Ok(out) } else { Err(Poison::Unexportable) };
    }
    if !json::is_valid(&stored) {
        return Err(Poison::Unreadable);
    }
    let answered = unescaped(&read(&stored).ok_or(Poison::Unreadable)?);
    if !json::is_valid(&answered) {
        return Err(Poison::Unexportable);
    }
    if push(&mut out, &answered) { Ok(out) } else { Err(Poison::Unexportable) }
}

/// Lays out an object. What would grow out of all proportion, as only values do that were smuggled in and are nested
/// deeply, is refused: else one request could take all the memory there is.
fn push(out: &mut Vec<u8>, object: &str) -> bool {
    json::push_indented(out, object, FIELD_LEVEL, 1024 + 16 * object.len())
}

/// True if `text` means the same with and without escaping.
fn is_harmless(text: &str) -> bool {
    text.bytes().all(|byte| !matches!(byte, 0..=0x1f | b'"' | b'\\'))
}

/// The attributes as the service writes them.
fn unescaped(attributes: &Attributes) -> String {
    let mut text = String::from("{");
    for (key, value) in attributes {
        if text.len() > 1 {
            text.push(',');
        }
        for part in ["\"", key, "\":\"", value, "\""] {
            text.push_str(part);
        }
    }
    text.push('}');
    text
}

/// The attributes as the service reads them: strings, where `null` is the empty one and the last of equal keys wins.
fn read(stored: &str) -> Option<Attributes> {
    type Read = BTreeMap<String, Option<String>>;
    let read: Read = match serde_json::from_str(stored) {
        Ok(read) => read,
        Err(_) => serde_json::from_str(&json::without_lone_surrogates(stored)?).ok()?,
    };
    Some(read.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pairs: &[(&str, &str)]) -> Result<String, Poison> {
        let attributes = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        render(&attributes).map(|text| String::from_utf8(text).unwrap().replace("\n            ", " "))
    }

    #[test]
    fn harmless_attributes_come_back_sorted_by_key() {
        assert_eq!(shown(&[("b", "2"), ("a", "☂")]).unwrap(), r#"{    "a": "☂",    "b": "2" }"#);
        assert_eq!(shown(&[]).unwrap(), "");
        assert_eq!(shown(&[("h", "<a&b>")]).unwrap(), r#"{    "h": "\u003ca\u0026b\u003e" }"#);
    }

    #[test]
    fn a_quote_a_control_character_or_a_lone_backslash_destroys_the_record() {
        for value in ["say \"hi\"", "a\nb", "C:\\x", "end\\", "\u{0}", "\\u12"] {
            assert_eq!(shown(&[("k", value)]), Err(Poison::Unreadable), "{value:?}");
            assert_eq!(shown(&[(value, "v")]), Err(Poison::Unreadable), "{value:?}");
        }
    }

    #[test]
    fn a_backslash_that_makes_an_escape_fails_on_the_way_out() {
        for value in ["a\\nb", "\\\"", "\\u0022", "\\u0000"] {
            assert_eq!(shown(&[("k", value)]), Err(Poison::Unexportable), "{value:?}");
        }
    }

    #[test]
    fn escapes_are_undone_at_each_of_the_two_readings() {
        assert_eq!(shown(&[("k", r"\u0041")]).unwrap(), r#"{    "k": "A" }"#);
        assert_eq!(shown(&[("k", r"a\\nb")]).unwrap(), r#"{    "k": "a\nb" }"#);
        assert_eq!(shown(&[("k", r"\/")]).unwrap(), r#"{    "k": "/" }"#);
        assert_eq!(shown(&[("k", r"\ud800")]).unwrap(), "{    \"k\": \"\u{fffd}\" }");
    }

    #[test]
    fn quotes_that_fit_smuggle_in_keys_of_their_own() {
        assert_eq!(shown(&[("k", r#"x","y":"z"#)]).unwrap(), r#"{    "k": "x",    "y": "z" }"#);
        assert_eq!(
            shown(&[("k", r#"x","y":null,"z":"w"#)]).unwrap(),
            r#"{    "k": "x",    "y": "",    "z": "w" }"#
        );
        assert_eq!(shown(&[("k", r#"x","k":"last"#)]).unwrap(), r#"{    "k": "last" }"#);
        for value in [r#"x","y":5,"z":"w"#, r#"x","y":{"z":"w"},"v":"u"#, r#"x"},"data":{"y":"z"#] {
            assert_eq!(shown(&[("k", value)]), Err(Poison::Unreadable), "{value}");
        }
        assert_eq!(
            shown(&[("k", r"x\u0022,\u0022y\u0022:{\u0022z\u0022:5},\u0022k\u0022:\u0022w")]).unwrap(),
            r#"{    "k": "x",    "y": {       "z": 5    },    "k": "w" }"#
        );
    }

    #[test]
    fn what_would_fill_the_memory_when_it_is_laid_out_is_no_message() {
        let nested = |depth: usize, items: usize| {
            let inner = format!("{}{}0{}", "[".repeat(depth), "0,".repeat(items), "]".repeat(depth));
            shown(&[("k", &format!(r"x\u0022,\u0022y\u0022:{inner},\u0022z\u0022:\u0022w"))])
        };
        assert!(nested(3, 1000).is_ok());
        assert_eq!(nested(100, 0), Err(Poison::Unexportable));
        assert_eq!(nested(20, 100_000), Err(Poison::Unexportable));
    }
}
