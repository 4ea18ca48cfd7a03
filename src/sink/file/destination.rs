//! Which file a message goes to.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::super::{Slice, Source};
use crate::client::Message;
use crate::config::PathTemplate;

/// So many paths are remembered, so that they need not be made anew for each message.
const REMEMBERED: usize = 4096;

/// Makes the paths of messages of one subscription.
pub(super) struct Destinations {
    template: PathTemplate,
    project: String,
    subscription: String,
    by_date: bool,
    /// By what makes the difference between messages, the place in `paths`.
    known: HashMap<Vec<u8>, usize>,
    by_path: HashMap<Arc<Path>, usize>,
    paths: Vec<Arc<Path>>,
}

/// The files of a batch.
pub(super) struct Route {
    /// All different.
    pub(super) paths: Vec<Arc<Path>>,
    /// For each message, the place of its path. It may end before the batch does.
    pub(super) files: Vec<usize>,
}

impl Destinations {
    pub(super) fn new(template: &PathTemplate, source: &Source) -> Self {
        Self {
            template: template.clone(),
            project: source.project.to_string(),
            subscription: source.key.clone(),
            by_date: template.depends_on_date(),
            known: HashMap::new(),
            by_path: HashMap::new(),
            paths: Vec::new(),
        }
    }

    /// The files of the messages of `slice`, as far as they are no more than `most`.
    pub(super) fn route(&mut self, slice: &Slice, most: usize) -> Route {
        if self.paths.len() > REMEMBERED {
            self.known.clear();
            self.by_path.clear();
            self.paths.clear();
        }
        let mut route = Route { paths: Vec::new(), files: Vec::new() };
        let mut places: HashMap<usize, usize> = HashMap::new();
        for message in slice.messages() {
            let path = self.of(&message);
            let place = match places.get(&path) {
                Some(place) => *place,
                None if route.paths.len() == most => break,
                None => {
                    route.paths.push(Arc::clone(&self.paths[path]));
                    places.insert(path, route.paths.len() - 1);
                    route.paths.len() - 1
                }
            };
            route.files.push(place);
        }
        route
    }

    /// The place in `paths` of the path of `message`.
    fn of(&mut self, message: &Message<'_>) -> usize {
        let date = if self.by_date { utc_date(message.publish_time()) } else { Cow::Borrowed("") };
        if let Some(place) = self.known.get(date.as_bytes()) {
            return *place;
        }
        let path: Arc<Path> = self.template.render(&self.project, &self.subscription, &date).into();
        let place = *self.by_path.entry(Arc::clone(&path)).or_insert_with(|| {
            self.paths.push(path);
            self.paths.len() - 1
        });
        self.known.insert(date.into_owned().into_bytes(), place);
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
