//! An ARGO Messaging Service in memory, for tests and for trying out: [`run`] it on a listener, or make an
//! [`Emulator`] with projects, topics and subscriptions of your own first.
//!
//! On the wire it is the service: its texts, status codes, content types, layout, and its traps (attributes that
//! destroy records, a seek that is refused and moves all the same, windows that a smaller pull replaces). Nothing outlives the
//! process.
//!
//! What goes wrong between a client and a real service is done on request: [`Emulator::inject`] a [`Fault`], or post one
//! to `/emulator/faults`.
//!
//! - `server` accepts connections, `faults` spoils requests where that is wanted, `routes` finds the handler and
//!   checks names, the token and the roles of its `user`;
//! - `projects`, `topics`, `subscriptions`, `delivery`, `schemas`, `registrations` and `meta` are the handlers;
//! - `log` keeps the records of a topic, `cursor` the place of a subscription, `registry` what has a name;
//! - `attributes`, `message`, `json`, `clock` and `answer` know the service's ways of writing.

mod acl;
mod activity;
mod answer;
mod attributes;
mod clock;
mod cursor;
mod delivery;
mod faults;
mod json;
mod log;
mod members;
mod message;
mod meta;
mod metrics;
mod project;
mod projects;
mod registrations;
mod registry;
mod routes;
mod schemas;
mod server;
mod subscriptions;
mod topics;
mod user;
mod users;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::net::TcpListener;

use crate::client::is_valid_name;
use answer::{Answer, Refusal};
use cursor::Cursor;
use faults::Faults;
pub use faults::{Fault, FaultStatus, InvalidFault};
use project::{Project, Subscription, Topic};
use registrations::Registrations;
use registry::Registry;
pub use user::Role;
use user::{Directory, Identity};

/// Serves a fresh emulator with default [`Options`] until `shutdown` is over; see [`Emulator::run`].
pub async fn run(listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    Emulator::new(Options::default()).run(listener, shutdown).await
}

/// How an [`Emulator`] is set up.
#[derive(Clone)]
pub struct Options {
    /// The token that may do everything; `emulator` by default. With an empty one every request is refused.
    pub token: String,
    /// How many bytes of records each topic keeps before the oldest are removed, as retention does on the real
    /// service: the start of the log moves up, subscriptions behind it lose messages. It counts what the records take
    /// in memory, which is about 1.4 times the payload plus 200 bytes. `None` keeps everything. By default 512 MiB,
    /// which is a million messages of 256 bytes.
    pub retention_bytes_per_topic: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { token: "emulator".to_owned(), retention_bytes_per_topic: Some(512 * 1024 * 1024) }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.debug_struct("Options")
            .field("token", &"***")
            .field("retention_bytes_per_topic", &self.retention_bytes_per_topic)
            .finish()
    }
}

/// Why something could not be set up in an [`Emulator`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// The service takes letters, digits, `_` and `-`.
    #[error("{name:?} is no {kind} name: letters, digits, '_' and '-' are allowed")]
    InvalidName {
        /// What it was to name.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// It must be created first.
    #[error("there is no {kind} {name:?}")]
    Missing {
        /// What is missing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A subscription of that name reads another topic.
    #[error("the subscription {name:?} exists and reads the topic {topic:?}")]
    OtherTopic {
        /// The subscription.
        name: String,
        /// The topic it reads.
        topic: String,
    },
    /// The machine gives no random numbers, which a token is made of.
    #[error("the machine gives no random numbers to make a token of")]
    NoRandomness,
}

impl EmulatorError {
    fn missing(kind: &'static str, name: &str) -> Self {
        Self::Missing { kind, name: name.to_owned() }
    }
}

/// The state of an emulated service. Clones share it, so it can be looked at and changed while it runs.
#[derive(Clone)]
pub struct Emulator {
    shared: Arc<Shared>,
}

impl fmt::Debug for Emulator {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.debug_struct("Emulator").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

struct Shared {
    options: Options,
    projects: RwLock<Registry<Project>>,
    users: RwLock<Directory>,
    registrations: Registrations,
    faults: Faults,
}

impl Emulator {
    /// A service without any project.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let (projects, users, registrations) =
            (RwLock::default(), RwLock::default(), Registrations::default());
        Self {
            shared: Arc::new(Shared { options, projects, users, registrations, faults: Faults::default() }),
        }
    }

    /// Serves on `listener` until `shutdown` is over. Then no connection is accepted any more, idle ones are closed,
    /// waiting pulls are answered with an error, and whatever is still open after a second is cut.
    pub async fn run(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        server::serve(self.clone(), listener, shutdown).await
    }

    /// Creates a project unless it exists.
    pub fn create_project(&self, project: &str, description: &str) -> Result<(), EmulatorError> {
        check_name("project", project)?;
        let mut projects = self.projects_mut();
        if !projects.contains(project) {
            projects.insert(project, Project::new(project, description, None));
        }
        Ok(())
    }

    /// Creates a topic with an empty log unless it exists.
    pub fn create_topic(&self, project: &str, topic: &str) -> Result<(), EmulatorError> {
        check_name("topic", topic)?;
        let project = self.existing_project(project)?;
        let mut contents = project.write();
        if !contents.topics.contains(topic) {
            contents.deleted_topics.remove(topic);
            contents.topics.insert(topic, Topic::new(topic, self.retention_bytes()));
        }
        Ok(())
    }

    /// Creates a subscription of `topic`, at the end of its log and with the default ack deadline of 10 s, unless it
    /// exists. One of that name that reads another topic is an error.
    pub fn create_subscription(
        &self,
        project: &str,
        subscription: &str,
        topic: &str,
    ) -> Result<(), EmulatorError> {
        check_name("subscription", subscription)?;
        let project = self.existing_project(project)?;
        let mut contents = project.write();
        if let Some(existing) = contents.subscriptions.get(subscription) {
            return if existing.topic == topic {
                Ok(())
            } else {
                Err(EmulatorError::OtherTopic {
                    name: subscription.to_owned(),
                    topic: existing.topic.clone(),
                })
            };
        }
        if !contents.topics.contains(topic) {
            return Err(EmulatorError::missing("topic", topic));
        }
        let cursor = Cursor::new(contents.bounds(topic).max, subscriptions::DEFAULT_ACK_DEADLINE);
        contents.subscriptions.insert(subscription, Subscription::new(subscription, topic, cursor));
        Ok(())
    }

    /// Removes the records of a topic below `offset`, as retention does: the start of the log moves up to it, though
    /// never beyond the end. Subscriptions behind it are moved when they are next looked at or pulled.
    pub fn remove_records_below(&self, project: &str, topic: &str, offset: u64) -> Result<(), EmulatorError> {
        let project = self.existing_project(project)?;
        let found = project.read().topics.get(topic).cloned();
        let found = found.ok_or_else(|| EmulatorError::missing("topic", topic))?;
        found.log.remove_below(offset);
        Ok(())
    }

    /// Whose token it is. An empty one is nobody's.
    fn identity(&self, token: &str) -> Identity {
        if token.is_empty() {
            Identity::Nobody
        } else if token == self.shared.options.token {
            Identity::Service
        } else {
            self.users().by_token(token).map_or(Identity::Nobody, |user| Identity::User(Arc::clone(user)))
        }
    }

    fn users(&self) -> RwLockReadGuard<'_, Directory> {
        self.shared.users.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn users_mut(&self) -> RwLockWriteGuard<'_, Directory> {
        self.shared.users.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn registrations(&self) -> &Registrations {
        &self.shared.registrations
    }

    fn retention_bytes(&self) -> usize {
        self.shared.options.retention_bytes_per_topic.unwrap_or(usize::MAX)
    }

    fn projects(&self) -> RwLockReadGuard<'_, Registry<Project>> {
        self.shared.projects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn projects_mut(&self) -> RwLockWriteGuard<'_, Registry<Project>> {
        self.shared.projects.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn project(&self, name: &str) -> Option<Arc<Project>> {
        self.projects().get(name).cloned()
    }

    fn existing_project(&self, name: &str) -> Result<Arc<Project>, EmulatorError> {
        self.project(name).ok_or_else(|| EmulatorError::missing("project", name))
    }
}

fn check_name(kind: &'static str, name: &str) -> Result<(), EmulatorError> {
    if is_valid_name(name) { Ok(()) } else { Err(EmulatorError::InvalidName { kind, name: name.to_owned() }) }
}
