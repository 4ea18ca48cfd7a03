//! What a request is about, and who asks: what faults are told apart by.

use std::sync::Arc;

use crate::emulator::Emulator;
use crate::emulator::project::Topic;
use crate::emulator::routes::Call;
use crate::emulator::user::Identity;

/// A request, as a fault sees it.
#[derive(Debug, Default)]
pub(super) struct Subject {
    pub(super) method: String,
    pub(super) path: String,
    project: String,
    /// Empty if it is about none.
    subscription: String,
    /// The topic itself, or that of the subscription; empty if it is about none.
    topic: String,
    /// Empty for the service token, and where nobody asks.
    user: String,
    pub(super) log: Option<Arc<Topic>>,
}

impl Subject {
    pub(super) fn of(call: &Call, emulator: &Emulator) -> Self {
        let user = match &call.identity {
            Identity::User(user) => user.name.clone(),
            Identity::Service | Identity::Nobody => String::new(),
        };
        let (method, path) = (call.method().to_owned(), call.path().to_owned());
        let mut subject = Self { method, path, user, ..Self::default() };
        let segments: Vec<&str> = call.path().split('/').collect();
        let ["", "v1", "projects", project, kind @ ("topics" | "subscriptions"), name, ..] = segments[..]
        else {
            return subject;
        };
        project.clone_into(&mut subject.project);
        let name = name.split_once(':').map_or(name, |(name, _)| name);
        let found = emulator.project(project);
        let contents = found.as_ref().map(|project| project.read());
        if kind == "topics" {
            name.clone_into(&mut subject.topic);
        } else {
            name.clone_into(&mut subject.subscription);
            let known = contents.as_ref().and_then(|contents| contents.subscriptions.get(name));
            subject.topic = known.map(|known| known.topic.clone()).unwrap_or_default();
        }
        subject.log = contents.and_then(|contents| contents.topics.get(&subject.topic).cloned());
        subject
    }

    /// Whether it is for one of these, where they are given.
    pub(super) fn is_of(&self, topic: Option<&str>, subscription: Option<&str>, user: Option<&str>) -> bool {
        let is = |wanted: Option<&str>, kind: &str, name: &str| {
            wanted.is_none_or(|wanted| match wanted.split('/').collect::<Vec<_>>()[..] {
                ["projects", project, of, wanted] => of == kind && project == self.project && wanted == name,
                _ => wanted == name,
            })
        };
        is(topic, "topics", &self.topic)
            && is(subscription, "subscriptions", &self.subscription)
            && user.is_none_or(|user| user == self.user)
    }
}

/// Whether a text can name a topic or a subscription.
pub(super) fn check_name(given: Option<&str>, kind: &str) -> Result<(), String> {
    let Some(given) = given else { return Ok(()) };
    let parts: Vec<&str> = given.split('/').collect();
    let fits = match parts[..] {
        [name] => !name.is_empty(),
        ["projects", project, of, name] => of == kind && !project.is_empty() && !name.is_empty(),
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("{given:?} is neither a name nor projects/PROJECT/{kind}/NAME")) }
}
