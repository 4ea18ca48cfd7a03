//! Which file a message goes to, by its attributes, its time and the day on which it is delivered.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use super::super::{Slice, Source};
use super::window::Window;
use crate::client::Message;
use crate::config::{FileConfig, PathTemplate};

/// So many paths are remembered, so that they need not be made anew for each message.
const REMEMBERED: usize = 4096;

/// Makes the paths of messages of one subscription.
pub(super) struct Destinations {
    template: PathTemplate,
    /// For messages of days that the window leaves out.
    other_days: Option<(Window, PathTemplate)>,
    project: String,
    subscription: String,
    by_date: bool,
    /// By what makes the difference between messages, the place in `paths`: of those that are accepted, and of others.
    known: [HashMap<Vec<u8>, usize>; 2],
    by_path: HashMap<Arc<Path>, usize>,
    paths: Vec<Arc<Path>>,
}

/// The files of a batch.
pub(super) struct Route {
    /// All different.
    pub(super) paths: Vec<Arc<Path>>,
    /// For each message, the place of its path. It may end before the batch does.
    pub(super) files: Vec<usize>,
    /// Which of the messages are of days that are not accepted, in order.
    pub(super) misdated: Vec<usize>,
}

impl Route {
    /// How many of the first `count` messages are of days that are not accepted.
    pub(super) fn misdated(&self, count: usize) -> u64 {
        self.misdated.partition_point(|index| *index < count) as u64
    }
}

impl Destinations {
    pub(super) fn new(config: &FileConfig, source: &Source) -> Self {
        let other_days = config.accept_days.as_ref();
        let other_days = other_days.map(|days| (Window::new(days), days.error_path.clone()));
        let by_date = config.path.depends_on_date()
            || other_days.as_ref().is_some_and(|(_, path)| path.depends_on_date());
        Self {
            template: config.path.clone(),
            other_days,
            project: source.project.to_string(),
            subscription: source.key.clone(),
            by_date,
            known: [HashMap::new(), HashMap::new()],
            by_path: HashMap::new(),
            paths: Vec::new(),
        }
    }

    /// The files of the messages of `slice`, as far as they are no more than `most`.
    pub(super) fn route(&mut self, slice: &Slice, most: usize) -> Route {
        if self.paths.len() > REMEMBERED {
            self.known.iter_mut().for_each(HashMap::clear);
            self.by_path.clear();
            self.paths.clear();
        }
        let mut route = Route { paths: Vec::new(), files: Vec::new(), misdated: Vec::new() };
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let mut places: HashMap<usize, usize> = HashMap::new();
        for message in slice.messages() {
            let is_misdated = self.is_misdated(&message, today);
            let path = self.of(&message, is_misdated);
            let place = match places.get(&path) {
                Some(place) => *place,
                None if route.paths.len() == most => break,
                None => {
                    route.paths.push(Arc::clone(&self.paths[path]));
                    places.insert(path, route.paths.len() - 1);
                    route.paths.len() - 1
                }
            };
            if is_misdated {
                route.misdated.push(route.files.len());
            }
            route.files.push(place);
        }
        route
    }

    fn is_misdated(&self, message: &Message<'_>, today: Date) -> bool {
        self.other_days.as_ref().is_some_and(|(window, _)| !window.takes(message, today))
    }

    /// The place in `paths` of the path of `message`.
    fn of(&mut self, message: &Message<'_>, is_misdated: bool) -> usize {
        let date = if self.by_date { utc_date(message.publish_time()) } else { Cow::Borrowed("") };
        let known = &mut self.known[usize::from(is_misdated)];
        if let Some(place) = known.get(date.as_bytes()) {
            return *place;
        }
        let template = match &self.other_days {
            Some((_, other)) if is_misdated => other,
            _ => &self.template,
        };
        let path: Arc<Path> = template.render(&self.project, &self.subscription, &date).into();
        let place = *self.by_path.entry(Arc::clone(&path)).or_insert_with(|| {
            self.paths.push(path);
            self.paths.len() - 1
        });
        known.insert(date.into_owned().into_bytes(), place);
        place
    }
}

/// The date in UTC of a time as the service writes it, `2026-11-23T07:05:18.157214377Z`. The template lets nothing
/// but a date into a path.
fn utc_date(publish_time: &str) -> Cow<'_, str> {
    match publish_time.split_once('T') {
        Some((date, time)) if time.ends_with('Z') => Cow::Borrowed(date),
        _ => match publish_time.parse::<jiff::Timestamp>() {
            Ok(time) => Cow::Owned(time.strftime("%Y-%m-%d").to_string()),
            Err(_) => Cow::Borrowed(""),
        },
    }
}
