//! The forms in which things are kept, each under a key of its own; how all of it is collected, and taken back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::journal::Change;
use super::{DataDir, DataDirError};
use crate::emulator::Emulator;
use crate::emulator::activity::{Activity, DailyCounts};
use crate::emulator::cursor::Cursor;
use crate::emulator::log::{Bounds, Log};
use crate::emulator::project::{Contents, Project, Subscription, Topic};
use crate::emulator::registrations::Registration;
use crate::emulator::retention::Retention;
use crate::emulator::schemas::{Record, Schema};
use crate::emulator::user::User;

/// What a change is about.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    Everything,
    Topic(&'a Project, &'a str),
    Subscription(&'a Project, &'a str),
}

/// A thing and its place among those of its kind.
#[derive(Serialize, Deserialize)]
struct Placed<T> {
    serial: u64,
    #[serde(flatten)]
    thing: T,
}

#[derive(Serialize, Deserialize)]
struct KeptProject {
    uuid: String,
    name: String,
    description: String,
    created: Timestamp,
    modified: Timestamp,
    created_by: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptTopic {
    name: String,
    created: Timestamp,
    schema: Option<String>,
    acl: Vec<String>,
    retention: Option<Retention>,
    /// The name of the directory of its log.
    log: String,
}

#[derive(Serialize, Deserialize)]
struct KeptSubscription {
    name: String,
    topic: String,
    created: Timestamp,
    ack_deadline: i64,
    acl: Vec<String>,
}

/// What there is, in the form in which it is kept.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) entries: BTreeMap<String, String>,
    pub(crate) topics: Vec<Arc<Topic>>,
}

pub(crate) fn cursor_key(project: &Project, subscription: &str) -> String {
    format!("cursor/{}/{subscription}", project.uuid)
}

/// The keys of one topic or one subscription.
fn keys(scope: Scope<'_>) -> Option<[String; 3]> {
    let (kinds, project, name) = match scope {
        Scope::Everything => return None,
        Scope::Topic(project, name) => (["topic", "gone", "published"], project, name),
        Scope::Subscription(project, name) => (["subscription", "cursor", "consumed"], project, name),
    };
    Some(kinds.map(|kind| format!("{kind}/{}/{name}", project.uuid)))
}

/// All that there is within `scope`.
pub(crate) fn collect(emulator: &Emulator, scope: Scope<'_>) -> Collected {
    let mut now = Collected::default();
    match scope {
        Scope::Topic(project, name) => now.topic(project, &project.read(), name),
        Scope::Subscription(project, name) => now.subscription(project, &project.read(), name),
        Scope::Everything => {
            for (serial, user) in emulator.users().placed() {
                now.put(format!("user/{}", user.uuid), &Placed { serial, thing: &**user });
            }
            for (serial, registration) in emulator.registrations().read().placed() {
                let key = format!("registration/{}", registration.uuid);
                now.put(key, &Placed { serial, thing: &**registration });
            }
            for (serial, project) in emulator.projects().placed() {
                now.project(serial, project);
            }
        }
    }
    now
}

impl Collected {
    fn put(&mut self, key: String, value: &impl Serialize) {
        // None of these forms can fail.
        self.entries.extend(serde_json::to_string(value).ok().map(|value| (key, value)));
    }

    fn project(&mut self, serial: u64, project: &Project) {
        let contents = project.read();
        let uuid = &project.uuid;
        let thing = KeptProject {
            uuid: uuid.clone(),
            name: contents.name.clone(),
            description: contents.description.clone(),
            created: project.created,
            modified: contents.modified,
            created_by: project.created_by.clone(),
        };
        self.put(format!("project/{uuid}"), &Placed { serial, thing });
        self.put(format!("daily/{uuid}"), &*project.daily_counts());
        for (serial, schema) in contents.schemas.placed() {
            let record = schema.record();
            self.put(format!("schema/{uuid}/{}", record.uuid), &Placed { serial, thing: record });
        }
        let names = contents.topics.iter().map(|topic| &topic.name).chain(contents.deleted_topics.keys());
        for name in names {
            self.topic(project, &contents, name);
        }
        for subscription in contents.subscriptions.iter() {
            self.subscription(project, &contents, &subscription.name);
        }
    }

    fn topic(&mut self, project: &Project, contents: &Contents, name: &str) {
        let uuid = &project.uuid;
        if let Some(bounds) = contents.deleted_topics.get(name) {
            self.put(format!("gone/{uuid}/{name}"), bounds);
        }
        let Some((serial, topic)) = contents.topics.placed_at(name) else { return };
        let thing = KeptTopic {
            name: name.to_owned(),
            created: topic.created,
            schema: topic.schema().clone(),
            acl: topic.acl.uuids(),
            retention: topic.log.own_retention(),
            log: topic.log.directory_name().unwrap_or_default(),
        };
        self.put(format!("topic/{uuid}/{name}"), &Placed { serial, thing });
        self.put(format!("published/{uuid}/{name}"), &*topic.published());
        self.topics.push(Arc::clone(topic));
    }

    fn subscription(&mut self, project: &Project, contents: &Contents, name: &str) {
        let uuid = &project.uuid;
        let Some((serial, subscription)) = contents.subscriptions.placed_at(name) else { return };
        let cursor = subscription.cursor().clone();
        let thing = KeptSubscription {
            name: name.to_owned(),
            topic: subscription.topic.clone(),
            created: subscription.created,
            ack_deadline: cursor.ack_deadline(),
            acl: subscription.acl.uuids(),
        };
        self.put(format!("subscription/{uuid}/{name}"), &Placed { serial, thing });
        self.put(format!("consumed/{uuid}/{name}"), &*subscription.consumed());
        self.put(cursor_key(project, name), &cursor.current());
    }
}

/// What must be kept so that it is `now` that is kept.
pub(crate) fn changes(
    live: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    scope: Scope<'_>,
) -> Vec<Change> {
    let is_gone = |key: &&String| live.contains_key(*key) && !now.contains_key(*key);
    let gone: Vec<_> = match keys(scope) {
        Some(keys) => keys.iter().filter(is_gone).cloned().collect(),
        None => live.keys().filter(is_gone).cloned().collect(),
    };
    let is_new = |(key, value): &(&String, &String)| live.get(*key) != Some(*value);
    let new = now.iter().filter(is_new);
    let new = new.map(|(key, value)| Change { key: key.clone(), value: Some(value.clone()) });
    new.chain(gone.into_iter().map(|key| Change { key, value: None })).collect()
}

/// The logs of topics that are there no more once these changes are kept.
pub(crate) fn dropped_logs(live: &BTreeMap<String, String>, changes: &[Change]) -> Vec<String> {
    let log_of = |value: &String| Some(serde_json::from_str::<KeptTopic>(value).ok()?.log);
    let dropped = changes.iter().filter(|change| change.key.starts_with("topic/")).filter_map(|change| {
        let old = live.get(&change.key).and_then(log_of)?;
        (change.value.as_ref().and_then(log_of).as_ref() != Some(&old)).then_some(old)
    });
    dropped.collect()
}

/// Puts all that is kept into an emulator that has nothing yet.
pub(crate) fn restore(emulator: &Emulator, directory: &DataDir) -> Result<(), DataDirError> {
    let keeping = directory.journal();
    let kept = Kept { path: keeping.journal.path(), live: keeping.journal.live() };
    for (_, Placed::<User> { serial, thing }) in kept.all("user")? {
        emulator.users_mut().restore(serial, thing);
    }
    for (uuid, Placed::<Registration> { serial, thing }) in kept.all("registration")? {
        emulator.registrations().write().restore(serial, uuid, thing);
    }
    let mut logs = Vec::new();
    for (uuid, Placed::<KeptProject> { serial, thing }) in kept.all("project")? {
        let mut project = Project::new(&thing.name, &thing.description, thing.created_by);
        (project.uuid, project.created) = (thing.uuid, thing.created);
        if let Some(counts) = kept.one::<DailyCounts>(&format!("daily/{uuid}"))? {
            *project.daily_counts() = counts;
        }
        let mut contents = project.write();
        contents.modified = thing.modified;
        for (_, Placed::<Record> { serial, thing }) in kept.all(&format!("schema/{uuid}"))? {
            contents.schemas.restore(serial, &thing.name.clone(), Schema::restore(thing));
        }
        for (name, bounds) in kept.all::<Bounds>(&format!("gone/{uuid}"))? {
            contents.deleted_topics.insert(name.to_owned(), bounds);
        }
        for (name, Placed::<KeptTopic> { serial, thing }) in kept.all(&format!("topic/{uuid}"))? {
            logs.push(thing.log.clone());
            let published = kept.one(&format!("published/{uuid}/{name}"))?;
            contents.topics.restore(serial, name, thing.restore(emulator, directory, published)?);
        }
        for (name, Placed::<KeptSubscription> { serial, thing }) in
            kept.all(&format!("subscription/{uuid}"))?
        {
            let consumed = kept.one(&format!("consumed/{uuid}/{name}"))?;
            let current = kept.one(&format!("cursor/{uuid}/{name}"))?;
            contents.subscriptions.restore(serial, name, thing.restore(current, consumed));
        }
        drop(contents);
        emulator.projects_mut().restore(serial, &thing.name, project);
    }
    directory.remove_others(&logs)
}

impl KeptTopic {
    fn restore(
        self,
        emulator: &Emulator,
        directory: &DataDir,
        published: Option<Activity>,
    ) -> Result<Topic, DataDirError> {
        let log = Log::open(emulator.log_limits(), self.retention, directory.files(&self.log))?;
        let mut topic = Topic::new(&self.name, log);
        topic.created = self.created;
        topic.acl.set(self.acl);
        *topic.schema() = self.schema;
        *topic.published() = published.unwrap_or_default();
        topic.set_kept();
        Ok(topic)
    }
}

impl KeptSubscription {
    fn restore(self, current: Option<i64>, consumed: Option<Activity>) -> Subscription {
        let cursor = Cursor::new(current.unwrap_or_default(), self.ack_deadline);
        let mut subscription = Subscription::new(&self.name, &self.topic, cursor);
        subscription.created = self.created;
        subscription.acl.set(self.acl);
        *subscription.consumed() = consumed.unwrap_or_default();
        subscription
    }
}

/// What a journal says.
struct Kept<'a> {
    path: &'a Path,
    live: &'a BTreeMap<String, String>,
}

impl<'a> Kept<'a> {
    /// All below `prefix`, with the rest of their keys.
    fn all<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<(&'a str, T)>, DataDirError> {
        let prefix = format!("{prefix}/");
        let from = self.live.range(prefix.clone()..);
        let below = from.map_while(|(key, value)| Some((key.strip_prefix(&prefix)?, key, value)));
        below.map(|(name, key, value)| Ok((name, self.read(key, value)?))).collect()
    }

    fn one<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, DataDirError> {
        self.live.get(key).map(|value| self.read(key, value)).transpose()
    }

    fn read<T: DeserializeOwned>(&self, key: &str, value: &str) -> Result<T, DataDirError> {
        // Without the value, which may be a token.
        serde_json::from_str(value).map_err(|error| {
            DataDirError::damaged(
                self.path,
                0,
                format!("{key} cannot be understood: line {}, column {}", error.line(), error.column()),
            )
        })
    }
}
