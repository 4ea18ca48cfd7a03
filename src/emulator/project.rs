//! What a project holds: topics with their logs, subscriptions with their cursors.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;

use super::acl::Acl;
use super::activity::{Activity, DailyCounts};
use super::clock;
use super::cursor::Cursor;
use super::log::{Bounds, Log};
use super::registry::{self, Registry};
use super::schemas::Schema;

/// A project, shared by all requests.
#[derive(Debug)]
pub(crate) struct Project {
    /// What stays when its name changes.
    pub(crate) uuid: String,
    pub(crate) created: Timestamp,
    /// The UUID of the user who made it; `None` for the service token.
    pub(crate) created_by: Option<String>,
    contents: RwLock<Contents>,
    daily_counts: Mutex<DailyCounts>,
}

/// What can change in a project.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) modified: Timestamp,
    pub(crate) topics: Registry<Topic>,
    pub(crate) subscriptions: Registry<Subscription>,
    pub(crate) schemas: Registry<Schema>,
    /// The last bounds of topics that were deleted: the service shows them to the subscriptions that stay behind.
    pub(crate) deleted_topics: HashMap<String, Bounds>,
}

impl Project {
    pub(crate) fn new(name: &str, description: &str, created_by: Option<String>) -> Self {
        let created = clock::now();
        let contents = Contents {
            name: name.to_owned(),
            description: description.to_owned(),
            modified: created,
            topics: Registry::default(),
            subscriptions: Registry::default(),
            schemas: Registry::default(),
            deleted_topics: HashMap::new(),
        };
        Self {
            uuid: registry::new_uuid(),
            created,
            created_by,
            contents: RwLock::new(contents),
            daily_counts: Mutex::default(),
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much was published on each day, to topics that are gone as well.
    pub(crate) fn daily_counts(&self) -> MutexGuard<'_, DailyCounts> {
        self.daily_counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    /// The bounds that a subscription of `topic` sees; both -1 where nothing is known of such a topic.
    pub(crate) fn bounds(&self, topic: &str) -> Bounds {
        match self.topics.get(topic) {
            Some(topic) => topic.log.bounds(),
            None => self.deleted_topics.get(topic).copied().unwrap_or(Bounds { min: -1, max: -1 }),
        }
    }
}

impl Contents {
    /// The schema that a topic's messages have to fit.
    pub(crate) fn schema_of(&self, topic: &Topic) -> Option<&Arc<Schema>> {
        let attached = topic.schema();
        let uuid = attached.as_ref()?;
        self.schemas.iter().find(|schema| schema.record().uuid == *uuid)
    }
}

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    pub(crate) log: Log,
    /// The UUID of the schema that its messages have to fit.
    schema: Mutex<Option<String>>,
    /// Who may publish, of those who are publishers.
    pub(crate) acl: Acl,
    published: Mutex<Activity>,
    kept: AtomicBool,
}

impl Topic {
    pub(crate) fn new(name: &str, log: Log) -> Self {
        Self {
            name: name.to_owned(),
            created: clock::now(),
            log,
            schema: Mutex::default(),
            acl: Acl::default(),
            published: Mutex::default(),
            kept: AtomicBool::default(),
        }
    }

    /// The UUID of its schema, to be read or changed.
    pub(crate) fn schema(&self) -> MutexGuard<'_, Option<String>> {
        self.schema.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it would be there after a restart, if the emulator keeps anything.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    pub(crate) fn set_kept(&self) {
        self.kept.store(true, Ordering::Release);
    }

    pub(crate) fn published(&self) -> MutexGuard<'_, Activity> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subscription. It names its topic, and survives it.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) name: String,
    pub(crate) topic: String,
    pub(crate) created: Timestamp,
    /// Who may pull, of those who are consumers.
    pub(crate) acl: Acl,
    cursor: Mutex<Cursor>,
    consumed: Mutex<Activity>,
}

impl Subscription {
    pub(crate) fn new(name: &str, topic: &str, cursor: Cursor) -> Self {
        Self {
            name: name.to_owned(),
            topic: topic.to_owned(),
            created: clock::now(),
            acl: Acl::default(),
            cursor: Mutex::new(cursor),
            consumed: Mutex::default(),
        }
    }

    pub(crate) fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn consumed(&self) -> MutexGuard<'_, Activity> {
        self.consumed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
