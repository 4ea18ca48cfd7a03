//! The paths of one template, made once for all messages that lead to the same.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::super::Source;
use crate::client::Message;
use crate::config::{PathLayout, PathTemplate, PathValues};

/// So many paths are remembered, and so many bytes of what leads to them, so that they need not be made anew for each
/// message.
pub(super) const REMEMBERED: usize = 4096;
const REMEMBERED_BYTES: usize = 4 * 1024 * 1024;

/// `2026-11-23T07:05`, of a time as the service writes it: all that a date and an hour in any time zone depend on.
const MINUTE: usize = 16;

/// Makes the paths of messages of one subscription.
pub(super) struct Paths {
    layout: PathLayout,
    /// The attributes in the path.
    attributes: Vec<String>,
    time_zone: TimeZone,
    topic: String,
    /// The day for which paths are remembered.
    arrived: Date,
    /// By what makes the difference between messages, the place in `all`.
    known: HashMap<Vec<u8>, usize>,
    known_bytes: usize,
    by_path: HashMap<Arc<Path>, usize>,
    all: Vec<Arc<Path>>,
    /// What made the difference of the last message, and where that led.
    key: Vec<u8>,
    last: Option<usize>,
}

impl Paths {
    /// For the messages of `source` in the sink of that name.
    pub(super) fn new(template: &PathTemplate, time_zone: &TimeZone, source: &Source, sink: &str) -> Self {
        let layout = template.layout(source.project.as_str(), &source.key, sink);
        Self {
            attributes: layout.attributes().map(str::to_owned).collect(),
            layout,
            time_zone: time_zone.clone(),
            topic: String::new(),
            arrived: Date::ZERO,
            known: HashMap::new(),
            known_bytes: 0,
            by_path: HashMap::new(),
            all: Vec::new(),
            key: Vec::new(),
            last: None,
        }
    }

    /// To be called before the first message if the topic is in the path.
    pub(super) fn set_topic(&mut self, topic: String) {
        self.topic = topic;
    }

    /// Messages arrive on that day now. Places that were told before are no longer right.
    pub(super) fn begin(&mut self, arrived: Date) {
        let is_too_much = self.known.len() > REMEMBERED || self.known_bytes > REMEMBERED_BYTES;
        if is_too_much || arrived != self.arrived {
            self.forget();
            self.arrived = arrived;
        }
    }

    pub(super) fn mask(&self, date_in: Option<&str>) -> String {
        self.layout.mask(date_in)
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.all.len()
    }

    /// The path at this place.
    pub(super) fn at(&self, place: usize) -> Option<&Arc<Path>> {
        self.all.get(place)
    }

    fn forget(&mut self) {
        self.known.clear();
        self.known_bytes = 0;
        self.by_path.clear();
        self.all.clear();
        self.last = None;
    }

    /// The place of the path of `message`.
    pub(super) fn of(&mut self, message: &Message<'_>) -> usize {
        let before = self.key.len();
        self.add_key(message);
        let is_same = self.last.is_some() && self.key[before..] == self.key[..before];
        self.key.drain(..before);
        if let Some(last) = self.last.filter(|_| is_same) {
            return last;
        }
        let place = self.known.get(&self.key).copied().unwrap_or_else(|| self.new_path(message));
        self.last = Some(place);
        place
    }

    /// Appends to the key what of this message makes a difference.
    fn add_key(&mut self, message: &Message<'_>) {
        if self.layout.depends_on_time() {
            let time = message.publish_time();
            let minute = time.get(..MINUTE).filter(|_| time.ends_with('Z')).unwrap_or(time);
            self.key.extend_from_slice(minute.as_bytes());
        }
        for name in &self.attributes {
            // An attribute that is missing is to its path what an empty one is.
            let value = value_of(message, name).unwrap_or_default();
            self.key.extend_from_slice(&value.len().to_le_bytes());
            self.key.extend_from_slice(value.as_bytes());
        }
    }

    fn new_path(&mut self, message: &Message<'_>) -> usize {
        let published = message.publish_time().parse::<Timestamp>().ok();
        let attributes: Vec<_> = self.attributes.iter().map(|name| value_of(message, name)).collect();
        let values = PathValues {
            published: published.map(|time| time.to_zoned(self.time_zone.clone()).datetime()),
            arrived: self.arrived,
            topic: &self.topic,
            attributes: &attributes,
        };
        let path: Arc<Path> = self.layout.render(&values).into();
        let place = *self.by_path.entry(Arc::clone(&path)).or_insert_with(|| {
            self.all.push(path);
            self.all.len() - 1
        });
        self.known_bytes += self.key.len();
        self.known.insert(self.key.clone(), place);
        place
    }
}

/// The value of the attribute of that name.
pub(in crate::sink::file) fn value_of<'a>(message: &Message<'a>, name: &str) -> Option<&'a str> {
    message.attributes().find(|(key, _)| *key == name).map(|(_, value)| value)
}
