//! Which file a message goes to: that of the sink, or the one for messages of days that it does not accept.

mod paths;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::{Slice, Source, Trouble};
use super::rotated;
use super::window::Window;
use crate::config::FileConfig;
use paths::Paths;
pub(in crate::sink::file) use paths::value_of;

/// About what a record has beside the payload of its message.
const BESIDE_DATA: u64 = 200;

/// Makes the paths of messages of one subscription.
pub(super) struct Destinations {
    /// Whether its files are rotated, so that even fewer paths can be told from those of rotated files.
    rotates: bool,
    time_zone: TimeZone,
    accepted: Paths,
    /// For messages of days that the window leaves out.
    misdated: Option<(Window, Paths)>,
    depend_on_topic: bool,
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
    /// Which messages are of days that are not accepted, in order.
    misdated: Vec<usize>,
}

impl Route {
    /// How many of the first `count` messages are of days that are not accepted.
    pub(super) fn misdated(&self, count: usize) -> u64 {
        self.misdated.partition_point(|index| *index < count) as u64
    }
}

impl Destinations {
    /// For the messages of `source` in the sink of that name.
    pub(super) fn new(config: &FileConfig, source: &Source, sink: &str) -> Self {
        let days = config.accept_days.as_ref();
        let paths = |template| Paths::new(template, &config.time_zone, source, sink);
        Self {
            rotates: config.rotation.is_some(),
            time_zone: config.time_zone.clone(),
            accepted: paths(&config.path),
            misdated: days.map(|days| (Window::new(days), paths(&days.error_path))),
            depend_on_topic: config.path.depends_on_topic()
                || days.is_some_and(|days| days.error_path.depends_on_topic()),
        }
    }

    /// The [masks](crate::config::PathLayout::mask) of all paths that there can be.
    pub(super) fn masks(&self) -> Vec<String> {
        match &self.misdated {
            // In an accepted path the attribute holds a date.
            Some((window, others)) => vec![self.accepted.mask(Some(window.attribute())), others.mask(None)],
            None => vec![self.accepted.mask(None)],
        }
    }

    /// Whether the topic is in a path.
    pub(super) fn depend_on_topic(&self) -> bool {
        self.depend_on_topic
    }

    /// To be called before the first message if the topic is in a path.
    pub(super) fn set_topic(&mut self, topic: String) {
        if let Some((_, paths)) = &mut self.misdated {
            paths.set_topic(topic.clone());
        }
        self.accepted.set_topic(topic);
    }

    /// The files of the messages of `slice`, which arrive now, as far as they are no more than `most`.
    pub(super) fn route(&mut self, slice: &Slice, most: usize, now: Timestamp) -> Route {
        let today = now.to_zoned(self.time_zone.clone()).date();
        self.accepted.begin(today);
        if let Some((_, paths)) = &mut self.misdated {
            paths.begin(today);
        }
        let mut route = Route {
            refused: None,
            paths: Vec::new(),
            bytes: Vec::new(),
            files: Vec::new(),
            misdated: Vec::new(),
        };
        // The places in the route of accepted paths, and of others.
        let mut places = [Vec::new(), Vec::new()];
        for message in slice.messages() {
            let (is_misdated, paths) = match &mut self.misdated {
                Some((window, paths)) if !window.takes(&message, today) => (true, paths),
                _ => (false, &mut self.accepted),
            };
            let path = paths.of(&message);
            let places = &mut places[usize::from(is_misdated)];
            if places.len() <= path {
                places.resize(path + 1, None);
            }
            let place = match (places[path], paths.at(path)) {
                (Some(place), _) => place,
                (None, Some(new)) if rotated::is_taken(new, self.rotates) => {
                    let reason = "its file would have the name of a rotated one".to_owned();
                    route.refused = Some(Trouble::Reject { message: message.id(), reason });
                    break;
                }
                (None, Some(new)) if route.paths.len() < most => {
                    route.paths.push(Arc::clone(new));
                    route.bytes.push(0);
                    *places[path].insert(route.paths.len() - 1)
                }
                _ => break,
            };
            if is_misdated {
                route.misdated.push(route.files.len());
            }
            route.bytes[place] += message.data_text().len() as u64 + BESIDE_DATA;
            route.files.push(place);
        }
        route
    }
}

#[cfg(test)]
mod tests;
