//! Which file a message goes to.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::super::{Slice, Source, Trouble};
use super::rotated;
use crate::client::Message;
use crate::config::PathTemplate;

/// So many paths are remembered, so that they need not be made anew for each message.
const REMEMBERED: usize = 4096;

/// About what a record has beside the payload of its message.
const BESIDE_DATA: u64 = 200;

/// Makes the paths of messages of one subscription.
pub(super) struct Destinations {
    template: PathTemplate,
    project: String,
    subscription: String,
    by_date: bool,
    /// Whether its files are rotated, so that not all paths can be told from those of rotated files.
    rotates: bool,
    /// By what makes the difference between messages, the place in `paths`.
    known: HashMap<Vec<u8>, usize>,
    by_path: HashMap<Arc<Path>, usize>,
    paths: Vec<Arc<Path>>,
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
    pub(super) fn new(template: &PathTemplate, source: &Source, rotates: bool) -> Self {
        Self {
            template: template.clone(),
            project: source.project.to_string(),
            subscription: source.key.clone(),
            by_date: template.depends_on_date(),
            rotates,
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
        let mut route = Route { refused: None, paths: Vec::new(), bytes: Vec::new(), files: Vec::new() };
        let mut places: HashMap<usize, usize> = HashMap::new();
        for message in slice.messages() {
            let path = self.of(&message);
            let place = match places.get(&path) {
                Some(place) => *place,
                None if route.paths.len() == most => break,
                None if self.rotates && rotated::is_taken(&self.paths[path]) => {
                    let reason = "its file would have the name of a rotated one".to_owned();
                    route.refused = Some(Trouble::Reject { message: message.id(), reason });
                    break;
                }
                None => {
                    route.paths.push(Arc::clone(&self.paths[path]));
                    route.bytes.push(0);
                    places.insert(path, route.paths.len() - 1);
                    route.paths.len() - 1
                }
            };
            route.bytes[place] += message.data_text().len() as u64 + BESIDE_DATA;
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
