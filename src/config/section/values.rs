//! Single values: each a method that reads one key by its type and bounds.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    super::{
        InvalidValue,
        document::{Entry, Value},
        env,
        schema::nearest,
        show::{join, quote},
        units::{self, show_duration, show_size},
    },
    Section,
};

/// One of several words, each with its meaning; and words of a later version.
pub(in crate::config) struct Words<T: 'static> {
    pub(in crate::config) now: &'static [(&'static str, T)],
    pub(in crate::config) later: &'static [&'static str],
}

impl Section<'_> {
    /// A string, its variables put in, as its parser understands it.
    pub(in crate::config) fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        self.string(key, |_| true, parse)
    }

    /// As [`Section::parsed`], for a value that no message may show.
    pub(in crate::config) fn secret<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        self.string(key, |_| false, parse)
    }

    /// As [`Section::parsed`], for a URL: it is shown only where it cannot hold credentials.
    pub(in crate::config) fn url<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        self.string(key, |text| !text.contains(['@', '?', '#']), parse)
    }

    /// The values of a table whose keys are names of one's own; no message shows one.
    pub(in crate::config) fn strings<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str, &str) -> Result<T, InvalidValue>,
    ) -> Vec<T> {
        let Some(entry) = self.take(key) else {
            return Vec::new();
        };
        let Value::Table(table) = &entry.value else {
            self.wrong_type(key, entry, false, "a table of strings");
            return Vec::new();
        };
        let mut values = Vec::new();
        for (name, entry) in &table.entries {
            let path = join(&self.key(key), name);
            let report = self.reader.report;
            let Value::String(text) = &entry.value else {
                report.problem(entry.place, &path, format!("is {}", entry.value.kind()), "must be a string");
                continue;
            };
            let value = env::expand(text, self.reader.environment).and_then(|text| parse(name, &text));
            match value {
                Ok(value) => values.push(value),
                Err(wrong) => {
                    report.problem(entry.place, &path, format!("the value {}", wrong.what), wrong.hint);
                }
            }
        }
        values
    }

    /// The strings of an array; no message shows one.
    pub(in crate::config) fn secrets<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, InvalidValue>,
    ) -> Vec<T> {
        let Some(entry) = self.take(key) else {
            return Vec::new();
        };
        let Value::Array(items) = &entry.value else {
            self.wrong_type(key, entry, false, "an array of strings");
            return Vec::new();
        };
        if items.is_empty() {
            self.problem(key, "has nothing in it", "one value at least, or not this key");
        }
        let mut values = Vec::new();
        for (item, number) in items.iter().zip(1..) {
            let report = |what: String, hint: String| {
                self.reader.report.problem(
                    item.place,
                    &self.key(key),
                    format!("value {number} {what}"),
                    hint,
                );
            };
            let Value::String(text) = &item.value else {
                report(format!("is {}", item.value.kind()), "must be a string".to_owned());
                continue;
            };
            match env::expand(text, self.reader.environment).and_then(|text| parse(&text)) {
                Ok(value) => values.push(value),
                Err(wrong) => report(wrong.what, wrong.hint),
            }
        }
        values
    }

    fn string<T>(
        &mut self,
        key: &'static str,
        may_show: fn(&str) -> bool,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        let entry = self.take(key)?;
        let Value::String(text) = &entry.value else {
            self.wrong_type(key, entry, may_show(""), "a string");
            return None;
        };
        // As written: what came out of the environment may be secret, whatever the key.
        let shown = if may_show(text) { quote(text) } else { "the value".to_owned() };
        env::expand(text, self.reader.environment)
            .and_then(|text| parse(&text))
            .map_err(|wrong| self.problem(key, format!("{shown} {}", wrong.what), wrong.hint))
            .ok()
    }

    /// One of a few words.
    pub(in crate::config) fn word<T: Copy>(&mut self, key: &'static str, words: &Words<T>) -> Option<T> {
        self.parsed(key, |text| words.parse(text))
    }

    /// A duration within bounds.
    pub(in crate::config) fn duration(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        if let Some(Entry { value: Value::Integer(_), .. }) = self.table.entries.get(key) {
            self.taken.push(key);
            self.problem(key, "is a number without a unit", units::DURATION_HINT);
            return default;
        }
        self.parsed(key, |text| {
            let duration = units::duration(text)?;
            if bounds.contains(&duration) {
                return Ok(duration);
            }
            let (from, to) = (show_duration(*bounds.start()), show_duration(*bounds.end()));
            Err(InvalidValue::new("is out of bounds", format!("from \"{from}\" to \"{to}\"")))
        })
        .unwrap_or(default)
    }

    /// A size in bytes, at least so large: a string with a unit, or an integer.
    pub(in crate::config) fn size(&mut self, key: &'static str, least: usize) -> Option<usize> {
        let check = |bytes: u64| match usize::try_from(bytes) {
            Ok(bytes) if bytes >= least => Ok(bytes),
            Ok(_) => {
                Err(InvalidValue::new("is too small", format!("at least \"{}\"", show_size(least as u64))))
            }
            Err(_) => Err(InvalidValue::new("is too large", units::SIZE_HINT)),
        };
        if let Some(Entry { value: Value::Integer(number), .. }) = self.table.entries.get(key) {
            self.taken.push(key);
            let bytes = number.and_then(|number| u64::try_from(number).ok());
            let bytes = bytes.ok_or_else(|| InvalidValue::new("is not a size", units::SIZE_HINT));
            return bytes
                .and_then(check)
                .map_err(|wrong| self.problem(key, format!("{} {}", self.shown(key), wrong.what), wrong.hint))
                .ok();
        }
        self.parsed(key, |text| units::size(text).and_then(check))
    }

    /// A whole number within bounds.
    pub(in crate::config) fn integer(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<u32>,
    ) -> Option<u32> {
        let entry = self.take(key)?;
        let Value::Integer(number) = entry.value else {
            self.wrong_type(key, entry, true, "a whole number");
            return None;
        };
        let valid = number.and_then(|n| u32::try_from(n).ok()).filter(|n| bounds.contains(n));
        if valid.is_none() {
            let hint = format!("a whole number from {} to {}", bounds.start(), bounds.end());
            self.problem(key, format!("{} is out of bounds", self.shown(key)), hint);
        }
        valid
    }

    /// A number above 0 and at most `most`.
    pub(in crate::config) fn rate(&mut self, key: &'static str, most: u32) -> Option<f64> {
        let entry = self.take(key)?;
        let rate = match entry.value {
            Value::Float(rate) => rate,
            Value::Integer(number) => {
                let small = number.and_then(|number| i32::try_from(number).ok());
                small.map_or(f64::INFINITY, f64::from)
            }
            _ => {
                self.wrong_type(key, entry, true, "a number");
                return None;
            }
        };
        if rate > 0.0 && rate <= f64::from(most) {
            return Some(rate);
        }
        let hint = format!("a number above 0 and at most {most}");
        self.problem(key, format!("{} is out of bounds", self.shown(key)), hint);
        None
    }

    pub(in crate::config) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let entry = self.take(key)?;
        if let Value::Boolean(flag) = entry.value {
            return Some(flag);
        }
        self.wrong_type(key, entry, true, "true or false");
        None
    }
}

impl<T: Copy> Words<T> {
    fn parse(&self, text: &str) -> Result<T, InvalidValue> {
        if let Some((_, meaning)) = self.now.iter().find(|(word, _)| *word == text) {
            return Ok(*meaning);
        }
        let words: Vec<_> = self.now.iter().map(|(word, _)| *word).collect();
        let list = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        if self.later.contains(&text) {
            return Err(InvalidValue::new("is not available in this version", list));
        }
        let hint = match nearest(text, &words) {
            Some(word) => format!("did you mean \"{word}\"? ({list})"),
            None => list,
        };
        Err(InvalidValue::new("is none of the values there are", hint))
    }
}
