//! The access lists of topics and subscriptions, and their routes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::answer::{Answer, Outcome, Refusal};
use super::data_dir::Scope;
use super::json::Fields;
use super::project::Project;
use super::routes::Call;
use super::{Emulator, EmulatorError};

/// The UUIDs of the users who may use a topic or a subscription, in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Acl(Mutex<Vec<String>>);

impl Acl {
    pub(crate) fn set(&self, uuids: Vec<String>) {
        *self.lock() = uuids;
    }

    pub(crate) fn contains(&self, uuid: &str) -> bool {
        self.lock().iter().any(|listed| listed == uuid)
    }

    pub(crate) fn uuids(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn show_topic(emulator: &Emulator, project: &Project, name: &str) -> Outcome {
    let topic = project.read().topics.get(name).cloned().ok_or_else(|| Refusal::not_found("Topic"))?;
    Ok(show(emulator, &topic.acl))
}

pub(crate) fn show_subscription(emulator: &Emulator, project: &Project, name: &str) -> Outcome {
    let found = project.read().subscriptions.get(name).cloned();
    Ok(show(emulator, &found.ok_or_else(|| Refusal::not_found("Subscription"))?.acl))
}

/// Users who were deleted since are left out.
fn show(emulator: &Emulator, acl: &Acl) -> Answer {
    #[derive(Serialize)]
    struct List {
        authorized_users: Vec<String>,
    }
    let uuids = acl.uuids();
    let users = emulator.users();
    let names = uuids.iter().filter_map(|uuid| Some(users.by_uuid(uuid)?.name.clone()));
    Answer::json(&List { authorized_users: names.collect() })
}

/// A topic that is missing is no error.
pub(crate) fn modify_topic(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let uuids = read(emulator, project, call, "Invalid Topic ACL Arguments")?;
    if let Some(topic) = project.read().topics.get(name) {
        topic.acl.set(uuids);
    }
    Ok(Answer::empty())
}

/// A subscription that is missing is no error.
pub(crate) fn modify_subscription(
    emulator: &Emulator,
    project: &Project,
    name: &str,
    call: &Call,
) -> Outcome {
    let uuids = read(emulator, project, call, "Invalid Subscription ACL Arguments")?;
    if let Some(subscription) = project.read().subscriptions.get(name) {
        subscription.acl.set(uuids);
    }
    Ok(Answer::empty())
}

fn read(
    emulator: &Emulator,
    project: &Project,
    call: &Call,
    invalid: &'static str,
) -> Result<Vec<String>, Refusal> {
    let fields = Fields::parse(&call.body).map_err(|_| Refusal::invalid(invalid))?;
    let names = fields.optional_texts("authorized_users").ok().flatten();
    let names = names.ok_or_else(|| Refusal::invalid(invalid))?;
    uuids_of_members(emulator, project, &names)
        .map_err(|missing| Refusal::missing(format!("User(s): {} do not exist", missing.join(", "))))
}

/// The UUIDs of these members of a project, or the names that are none.
fn uuids_of_members<'a>(
    emulator: &Emulator,
    project: &Project,
    names: &[&'a str],
) -> Result<Vec<String>, Vec<&'a str>> {
    let users = emulator.users();
    let member = |name: &str| users.by_name(name).filter(|user| user.membership(&project.uuid).is_some());
    let (mut uuids, mut missing) = (Vec::new(), Vec::new());
    for &name in names {
        match member(name) {
            Some(user) => uuids.push(user.uuid.clone()),
            None => missing.push(name),
        }
    }
    if missing.is_empty() { Ok(uuids) } else { Err(missing) }
}

impl Emulator {
    /// Lets exactly these members of the project publish to a topic, beside those who need no list.
    pub fn set_topic_acl(&self, project: &str, topic: &str, users: &[&str]) -> Result<(), EmulatorError> {
        let project = self.existing_project(project)?;
        let uuids = self.existing_members(&project, users)?;
        let found = project.read().topics.get(topic).cloned();
        found.ok_or_else(|| EmulatorError::missing("topic", topic))?.acl.set(uuids);
        Ok(self.keep(Scope::Topic(&project, topic))?)
    }

    /// Lets exactly these members of the project pull from a subscription, beside those who need no list.
    pub fn set_subscription_acl(
        &self,
        project: &str,
        subscription: &str,
        users: &[&str],
    ) -> Result<(), EmulatorError> {
        let project = self.existing_project(project)?;
        let uuids = self.existing_members(&project, users)?;
        let found = project.read().subscriptions.get(subscription).cloned();
        found.ok_or_else(|| EmulatorError::missing("subscription", subscription))?.acl.set(uuids);
        Ok(self.keep(Scope::Subscription(&project, subscription))?)
    }

    fn existing_members(&self, project: &Project, users: &[&str]) -> Result<Vec<String>, EmulatorError> {
        uuids_of_members(self, project, users)
            .map_err(|missing| EmulatorError::missing("member", &missing.join(", ")))
    }
}
