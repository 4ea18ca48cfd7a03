//! Which file a message goes to.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::{Slice, Source, Trouble};
use super::rotated;
use crate::client::Message;
use crate::config::{FileConfig, PathLayout, PathValues};

/// So many paths are remembered, and so many bytes of what leads to them, so that they need not be made anew for each
/// message.
const REMEMBERED: usize = 4096;
const REMEMBERED_BYTES: usize = 4 * 1024 * 1024;

/// `2026-11-23T07:05`, of a time as the service writes it: all that a date and an hour in any time zone depend on.
const MINUTE: usize = 16;

/// About what a record has beside the payload of its message.
const BESIDE_DATA: u64 = 200;

/// Makes the paths of messages of one subscription.
pub(super) struct Destinations {
    /// Whether its files are rotated, so that not all paths can be told from those of rotated files.
    rotates: bool,
    layout: PathLayout,
    /// The attributes in the path.
    attributes: Vec<String>,
    time_zone: TimeZone,
    topic: String,
    /// The day for which paths are remembered.
    arrived: Date,
    /// By what makes the difference between messages, the place in `paths`.
    known: HashMap<Vec<u8>, usize>,
    known_bytes: usize,
    by_path: HashMap<Arc<Path>, usize>,
    paths: Vec<Arc<Path>>,
    /// What made the difference of the last message, and where that led.
    key: Vec<u8>,
    last: Option<usize>,
}

/// The files of a batch.
pub(super) struct Route {
    /// Why it ends before the batch does, if that is because of a message.
    pub(super) refused: Option<Trouble>,
    /// All different.
    pub(super) paths: Vec<Arc<Path>>,
    /// About how much the messages for each of them are.
    pub(super) bytes: Vec<u64>,
    /// For each message, the place of its path. It may end before the batch does.
    pub(super) files: Vec<usize>,
}

impl Destinations {
    /// For the messages of `source` in the sink of that name.
    pub(super) fn new(config: &FileConfig, source: &Source, sink: &str) -> Self {
        let layout = config.path.layout(source.project.as_str(), &source.key, sink);
        Self {
            attributes: layout.attributes().map(str::to_owned).collect(),
            layout,
            rotates: config.rotation.is_some(),
            time_zone: config.time_zone.clone(),
            topic: String::new(),
            arrived: Date::ZERO,
            known: HashMap::new(),
            known_bytes: 0,
            by_path: HashMap::new(),
            paths: Vec::new(),
            key: Vec::new(),
            last: None,
        }
    }

    pub(super) fn layout(&self) -> &PathLayout {
        &self.layout
    }

    /// To be called before the first message if the topic is in the path.
    pub(super) fn set_topic(&mut self, topic: String) {
        self.topic = topic;
    }

    /// The files of the messages of `slice`, which arrive now, as far as they are no more than `most`.
    pub(super) fn route(&mut self, slice: &Slice, most: usize, now: Timestamp) -> Route {
        let arrived = now.to_zoned(self.time_zone.clone()).date();
        let is_too_much = self.known.len() > REMEMBERED || self.known_bytes > REMEMBERED_BYTES;
        if is_too_much || arrived != self.arrived {
            self.forget();
            self.arrived = arrived;
        }
        let mut route = Route { refused: None, paths: Vec::new(), bytes: Vec::new(), files: Vec::new() };
        let mut places = vec![None; self.paths.len()];
        for message in slice.messages() {
            let path = self.of(&message);
            places.resize(self.paths.len().max(places.len()), None);
            let place = match places[path] {
                Some(place) => place,
                None if route.paths.len() == most => break,
                None if self.rotates && rotated::is_taken(&self.paths[path]) => {
                    let reason = "its file would have the name of a rotated one".to_owned();
                    route.refused = Some(Trouble::Reject { message: message.id(), reason });
                    break;
                }
                None => {
                    route.paths.push(Arc::clone(&self.paths[path]));
                    route.bytes.push(0);
                    *places[path].insert(route.paths.len() - 1)
                }
            };
            route.bytes[place] += message.data_text().len() as u64 + BESIDE_DATA;
            route.files.push(place);
        }
        route
    }

    fn forget(&mut self) {
        self.known.clear();
        self.known_bytes = 0;
        self.by_path.clear();
        self.paths.clear();
        self.last = None;
    }

    /// The place in `paths` of the path of `message`.
    fn of(&mut self, message: &Message<'_>) -> usize {
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
            self.paths.push(path);
            self.paths.len() - 1
        });
        self.known_bytes += self.key.len();
        self.known.insert(self.key.clone(), place);
        place
    }
}

fn value_of<'a>(message: &Message<'a>, name: &str) -> Option<&'a str> {
    message.attributes().find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
