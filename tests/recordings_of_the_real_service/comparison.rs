//! Whether an answer is the recorded one: to the byte, but for what is another at each run and has a form instead.

use std::collections::HashMap;

use serde_json::Value;

/// The names of a run, `${P}`, `${token_pub}` and so on, with what they stand for.
#[derive(Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(format!("${{{name}}}"), value.to_owned());
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&format!("${{{name}}}")).map(String::as_str)
    }

    pub(super) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// Learns, from an answer, the names that it is the first to tell; the token of a page always.
    pub(super) fn learn(&mut self, want: &Value, got: &Value) {
        match (want, got) {
            (Value::String(want), Value::String(got)) => {
                let is_name = want.starts_with("${") && want.find('}') == Some(want.len() - 1);
                if is_name && (want == "${page}" || !self.0.contains_key(want)) && !got.is_empty() {
                    self.0.insert(want.clone(), got.clone());
                }
            }
            (Value::Array(want), Value::Array(got)) => {
                want.iter().zip(got).for_each(|(want, got)| self.learn(want, got));
            }
            (Value::Object(want), Value::Object(got)) => {
                for (key, want) in want {
                    got.get(key).into_iter().for_each(|got| self.learn(want, got));
                }
            }
            _ => {}
        }
    }
}

/// Whether two texts are the same, piece by piece: what stands between quotes, and what stands outside.
pub(super) fn is_same(want: &str, got: &str) -> bool {
    let (want, got): (Vec<&str>, Vec<&str>) = (want.split('"').collect(), got.split('"').collect());
    let key = |index: usize| index.checked_sub(2).map_or("", |before| want[before]);
    let is_alike = |(index, (&want, &got)): (usize, (&&str, &&str))| {
        want == got
            || [is_time, is_day, is_uuid, is_token].iter().any(|form| form(want) && form(got))
            || (key(index) == "nextPageToken" && want.is_empty() == got.is_empty())
            || (index > 0 && key(index + 1) == "value" && is_same_but_for_a_rate(want, got))
    };
    want.len() == got.len() && want.iter().zip(&got).enumerate().all(is_alike)
}

/// What follows `"value"`, where the recorded number has a fraction.
fn is_same_but_for_a_rate(want: &str, got: &str) -> bool {
    let number = |text: &str| {
        let text = text.strip_prefix(": ")?;
        let end = text.find('\n')?;
        text[..end].parse::<f64>().is_ok().then(|| (text[..end].to_owned(), text[end..].to_owned()))
    };
    number(want).zip(number(got)).is_some_and(|(want, got)| want.0.contains('.') && want.1 == got.1)
}

/// `d` stands for a digit, `x` for a hexadecimal one.
fn has_form(text: &str, form: &str) -> bool {
    let is_alike = |(byte, form): (u8, u8)| match form {
        b'd' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
        _ => byte == form,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_alike)
}

fn is_day(text: &str) -> bool {
    has_form(text, "dddd-dd-dd")
}

fn is_time(text: &str) -> bool {
    let Some((second, fraction)) = text.split_at_checked("2026-11-23T07:05:17".len()) else { return false };
    let digits = fraction.strip_suffix('Z').map(|fraction| fraction.strip_prefix('.').unwrap_or(fraction));
    has_form(second, "dddd-dd-ddTdd:dd:dd")
        && digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_uuid(text: &str) -> bool {
    has_form(text, "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx")
}

fn is_token(text: &str) -> bool {
    has_form(text, &"x".repeat(64))
}

#[test]
fn forms_stand_for_each_other_and_nothing_else_does() {
    for (want, got) in [
        ("\"2026-11-23T07:05:33.85171063Z\"", "\"2027-01-01T00:00:00Z\""),
        ("\"2026-11-23\"", "\"2027-01-01\""),
        ("{\"nextPageToken\": \"a\"}", "{\"nextPageToken\": \"b\"}"),
        ("{\"value\": 1.5\n}", "{\"value\": 7\n}"),
        ("\"1e507854-66b4-42b7-8e89-79378ac6a0ee\"", "\"00000000-0000-4000-8000-000000000000\""),
    ] {
        assert!(is_same(want, got), "{want} {got}");
    }
    for (want, got) in [
        ("\"2026-11-23T07:05:33Z\"", "\"2027-01-01\""),
        ("{\"nextPageToken\": \"a\"}", "{\"nextPageToken\": \"\"}"),
        ("{\"value\": 7\n}", "{\"value\": 8\n}"),
        ("{\"value\": 1.5\n}", "{\"value\": \"7\"\n}"),
        ("{\"a\": 1}", "{\"a\":1}"),
        ("a", "b"),
    ] {
        assert!(!is_same(want, got), "{want} {got}");
    }
}
