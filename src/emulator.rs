//! An ARGO Messaging Service of one's own, for tests and for trying out: [`run`] it on a listener, or make an
//! [`Emulator`] with projects, topics and subscriptions of your own first.
//!
//! On the wire it is the service: its texts, status codes, content types, layout, and its traps (attributes that
//! destroy records, a seek that is refused and moves all the same, windows that a smaller pull replaces). Nothing outlives
//! the process, unless it is [opened](Emulator::open) in a directory of its own.
//!
//! What goes wrong between a client and a real service is done on request: [`Emulator::inject`] a [`Fault`], or post one
//! to `/emulator/faults`.
//!
//! - `server` accepts connections, with `tls` or without, `faults` spoils requests where that is wanted, `routes` finds
//!   the handler and checks names, the token and the roles of its `user`;
//! - `projects`, `members`, `users`, `topics`, `subscriptions`, `acl`, `delivery`, `schemas`, `registrations`, `metrics`
//!   and `meta` are the handlers, `latency` makes them as slow as the service's; `activity` is what the metrics count,
//!   `control` what the service does not have;
//! - `authn` is the service beside it, which gives tokens for host certificates;
//! - `retention` and `memory` bound what is kept;
//! - `data_dir` keeps all of it over restarts, where that is wanted;
//! - `log` keeps the records of a topic, `cursor` the place of a subscription, `registry` what has a name;
//! - `attributes`, `message`, `json`, `clock` and `answer` know the service's ways of writing.

mod acl;
mod activity;
mod answer;
mod attributes;
mod authn;
mod clock;
mod control;
mod cursor;
mod data_dir;
mod delivery;
mod faults;
mod json;
mod latency;
mod log;
mod members;
mod memory;
mod message;
mod meta;
mod metrics;
mod options;
mod project;
mod projects;
mod registrations;
mod registry;
mod retention;
mod routes;
mod schemas;
mod seldom;
mod server;
mod subscriptions;
mod tls;
mod topics;
mod user;
mod users;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::client::is_valid_name;
use answer::{Answer, Refusal};
pub use authn::Authn;
use cursor::Cursor;
pub use data_dir::DataDirError;
use data_dir::{DataDir, Scope};
use faults::Faults;
pub use faults::{Fault, FaultStatus, InvalidFault};
use latency::Latency;
use log::{Limits, Log};
use memory::Memory;
pub use options::Options;
use project::{Project, Subscription, Topic};
use registrations::Registrations;
use registry::Registry;
pub use retention::Retention;
#[cfg(feature = "cli")]
pub(crate) use retention::parse_age;
pub use tls::{Tls, TlsError};
pub use user::Role;
use user::{Directory, Identity};

/// How often records that are too old are looked for, besides whenever a log is looked at.
const EXPIRES_EVERY: Duration = Duration::from_secs(10);

/// Serves a fresh emulator with default [`Options`] until `shutdown` is over; see [`Emulator::run`].
pub async fn run(listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    Emulator::new(Options::default()).run(listener, shutdown).await
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
    /// The data directory cannot be written. What was to be done is done, and gone after a restart unless a later change
    /// can be kept.
    #[error("the data directory cannot be written: {reason}")]
    NotKept {
        /// What the operating system says.
        reason: String,
    },
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
    memory: Arc<Memory>,
    /// `None` where nothing outlives the process.
    data_dir: Option<DataDir>,
}

impl Emulator {
    /// A service without any project, in memory alone. [`Emulator::open`] is for one that outlives the process.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self::with(options, None)
    }

    fn with(options: Options, data_dir: Option<DataDir>) -> Self {
        let (projects, users, faults) = (RwLock::default(), RwLock::default(), Faults::default());
        let (registrations, memory) = (Registrations::default(), Memory::new(options.memory_limit));
        Self {
            shared: Arc::new(Shared { options, projects, users, registrations, faults, memory, data_dir }),
        }
    }

    /// Serves on `listener`, with TLS if [`Options::tls`] says so, until `shutdown` is over. Then no connection is
    /// accepted any more, idle ones are closed, waiting pulls are answered with an error, and whatever is still open
    /// after a second is cut.
    pub async fn run(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let tls = self.options().tls.as_ref().map(Tls::acceptor);
        let expiring = async {
            loop {
                tokio::time::sleep(EXPIRES_EVERY).await;
                self.expire();
                // What cannot be kept now was said, and will be tried again.
                let _ = self.keep(Scope::Everything);
            }
        };
        let serving = server::serve(self.clone(), listener, tls, self.patience(), shutdown);
        // Only the serving ends.
        futures_util::future::select(pin!(serving), pin!(expiring)).await;
        self.expire();
        let _ = self.keep(Scope::Everything);
        Ok(())
    }

    /// Serves the login by host certificate on `listener` until `shutdown` is over, as [`Emulator::run`] does.
    pub async fn run_authn(&self, listener: TcpListener, authn: Authn, shutdown: impl Future<Output = ()>) {
        let tls = authn.acceptor();
        let front = authn::Desk::new(self.clone(), authn);
        server::serve(front, listener, Some(tls), self.patience(), shutdown).await;
    }

    /// Creates a project unless it exists.
    pub fn create_project(&self, project: &str, description: &str) -> Result<(), EmulatorError> {
        check_name("project", project)?;
        let mut projects = self.projects_mut();
        if !projects.contains(project) {
            projects.insert(project, Project::new(project, description, None));
        }
        drop(projects);
        Ok(self.keep(Scope::Everything)?)
    }

    /// Creates a topic with an empty log unless it exists.
    pub fn create_topic(&self, project: &str, topic: &str) -> Result<(), EmulatorError> {
        check_name("topic", topic)?;
        let project = self.existing_project(project)?;
        let mut contents = project.write();
        if !contents.topics.contains(topic) {
            contents.deleted_topics.remove(topic);
            contents.topics.insert(topic, Topic::new(topic, self.new_log()));
        }
        drop(contents);
        Ok(self.keep(Scope::Topic(&project, topic))?)
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
        drop(contents);
        Ok(self.keep(Scope::Subscription(&project, subscription))?)
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

    fn options(&self) -> &Options {
        &self.shared.options
    }

    fn memory(&self) -> &Arc<Memory> {
        &self.shared.memory
    }

    fn patience(&self) -> server::Patience {
        let Options { max_connections, client_timeout, .. } = self.shared.options;
        server::Patience { connections: max_connections, client: client_timeout }
    }

    fn latency(&self) -> Latency {
        if self.options().realistic_latency { Latency::Realistic } else { Latency::None }
    }

    /// The log of a new topic.
    fn new_log(&self) -> Log {
        Log::new(self.log_limits(), self.shared.data_dir.as_ref().map(DataDir::new_files))
    }

    /// What a topic keeps unless it is told otherwise.
    fn log_limits(&self) -> Limits {
        Limits { retention: self.options().retention, memory: Arc::clone(self.memory()) }
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

    fn existing_topic(&self, project: &str, topic: &str) -> Result<Arc<Topic>, EmulatorError> {
        let found = self.existing_project(project)?.read().topics.get(topic).cloned();
        found.ok_or_else(|| EmulatorError::Missing { kind: "topic", name: topic.to_owned() })
    }
}

fn check_name(kind: &'static str, name: &str) -> Result<(), EmulatorError> {
    if is_valid_name(name) { Ok(()) } else { Err(EmulatorError::InvalidName { kind, name: name.to_owned() }) }
}
