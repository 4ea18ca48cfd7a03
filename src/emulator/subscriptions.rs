//! The routes of subscriptions, but for those that deliver messages.

use std::sync::Arc;

use serde::Serialize;

use super::answer::{Answer, Outcome, Refusal};
use super::cursor::Cursor;
use super::json::{Fields, WrongType};
use super::project::{Contents, Project, Subscription};
use super::registry::PageRequest;
use super::routes::Call;
use super::user::Role;
use super::{Emulator, clock};

/// Seconds, where a subscription is made without saying.
pub(crate) const DEFAULT_ACK_DEADLINE: i64 = 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    name: String,
    topic: String,
    push_config: PushConfig,
    ack_deadline_seconds: i64,
    created_on: String,
}

/// Push is switched off, so it is always this.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PushConfig {
    r#type: &'static str,
    push_endpoint: &'static str,
    max_messages: u32,
    authorization_header: Empty,
    retry_policy: Empty,
    verification_hash: &'static str,
    verified: bool,
    mattermost_url: &'static str,
    mattermost_username: &'static str,
    mattermost_channel: &'static str,
    #[serde(rename = "base64Decode")]
    base64_decode: bool,
}

#[derive(Default, Serialize)]
struct Empty {}

impl View {
    fn of(project: &str, subscription: &Subscription) -> Self {
        Self {
            name: format!("/projects/{project}/subscriptions/{}", subscription.name),
            topic: format!("/projects/{project}/topics/{}", subscription.topic),
            push_config: PushConfig::default(),
            ack_deadline_seconds: subscription.cursor().ack_deadline(),
            created_on: clock::seconds(subscription.created),
        }
    }
}

/// The subscription `name`, or the service's refusal.
pub(crate) fn find<'a>(contents: &'a Contents, name: &str) -> Result<&'a Arc<Subscription>, Refusal> {
    contents.subscriptions.get(name).ok_or_else(|| Refusal::not_found("Subscription"))
}

pub(crate) fn list(project: &Project, call: &Call) -> Outcome {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        subscriptions: Vec<View>,
        next_page_token: String,
        total_size: usize,
    }
    let request = PageRequest::new(call.parameter("pageSize"), call.parameter("pageToken"))?;
    let own = call.identity.sees_only_own(&project.uuid, Role::Consumer);
    let contents = project.read();
    let page =
        contents.subscriptions.page(&request, |listed| own.is_none_or(|uuid| listed.acl.contains(uuid)));
    let subscriptions =
        page.things.iter().map(|subscription| View::of(&contents.name, subscription)).collect();
    Ok(Answer::json(&List { subscriptions, next_page_token: page.next_token, total_size: page.total }))
}

struct NewSubscription {
    topic: String,
    ack_deadline: i64,
    push: bool,
}

impl NewSubscription {
    fn parse(body: &[u8]) -> Result<Self, WrongType> {
        let fields = Fields::parse(body)?;
        Ok(Self {
            topic: fields.text("topic")?.to_owned(),
            ack_deadline: fields.integer("ackDeadlineSeconds")?,
            push: !fields.object("pushConfig")?.is_blank(),
        })
    }
}

/// It starts at the end of its topic's log.
pub(crate) fn create(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let wanted =
        NewSubscription::parse(&call.body).map_err(|_| Refusal::invalid("Invalid Subscription Arguments"))?;
    let (topic_project, topic) =
        topic_reference(&wanted.topic).ok_or_else(|| Refusal::invalid("Invalid Topic name"))?;
    let other = emulator.project(topic_project);
    let elsewhere = other.map(|other| other.read().bounds(topic).max);
    let mut contents = project.write();
    if !contents.topics.contains(topic) {
        return Err(Refusal::not_found("Topic"));
    }
    if wanted.push {
        return Err(Refusal::push_disabled());
    }
    if contents.subscriptions.contains(name) {
        return Err(Refusal::already_exists("Subscription"));
    }
    // The service looks for the topic in the subscription's own project, but takes the log's end from the project
    // that the reference names.
    let end =
        if topic_project == contents.name { contents.bounds(topic).max } else { elsewhere.unwrap_or(-1) };
    let deadline = if wanted.ack_deadline == 0 { DEFAULT_ACK_DEADLINE } else { wanted.ack_deadline };
    let subscription = Subscription::new(name, topic, Cursor::new(end, deadline));
    let subscription = contents.subscriptions.insert(name, subscription);
    Ok(Answer::json(&View::of(&contents.name, &subscription)))
}

/// Project and topic of `projects/PROJECT/topics/TOPIC`. Of the two fixed words the service insists on one.
fn topic_reference(text: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = text.split('/').collect();
    match *parts.as_slice() {
        [projects, project, topics, topic] if projects == "projects" || topics == "topics" => {
            Some((project, topic))
        }
        _ => None,
    }
}

pub(crate) fn show(project: &Project, name: &str) -> Outcome {
    let contents = project.read();
    let subscription = find(&contents, name)?;
    Ok(Answer::json(&View::of(&contents.name, subscription)))
}

pub(crate) fn delete(project: &Project, name: &str) -> Outcome {
    project.write().subscriptions.remove(name).ok_or_else(|| Refusal::not_found("Subscription"))?;
    Ok(Answer::empty())
}

/// The bounds are checked here only: a new subscription may have any deadline.
pub(crate) fn modify_ack_deadline(project: &Project, name: &str, call: &Call) -> Outcome {
    let seconds = Fields::parse(&call.body)
        .and_then(|fields| fields.integer("ackDeadlineSeconds"))
        .ok()
        .filter(|seconds| (0..=600).contains(seconds))
        .ok_or_else(|| {
            Refusal::invalid("Invalid ackDeadlineSeconds(needs value between 0 and 600) Arguments")
        })?;
    find(&project.read(), name)?.cursor().set_ack_deadline(seconds);
    Ok(Answer::empty())
}

/// Only the empty configuration is taken: the subscription stays one to be pulled.
pub(crate) fn modify_push_config(project: &Project, name: &str, call: &Call) -> Outcome {
    let push = Fields::parse(&call.body)
        .and_then(|fields| fields.object("pushConfig"))
        .map_err(|_| Refusal::invalid("Invalid Subscription Arguments"))?;
    find(&project.read(), name)?;
    if push.is_blank() { Ok(Answer::empty()) } else { Err(Refusal::push_disabled()) }
}
