//! The routes of topics, publishing among them.

use serde::Serialize;

use super::answer::{Answer, Outcome, Refusal};
use super::json::{self, Fields};
use super::message::{self, NewMessage, Prepared};
use super::project::{Project, Topic};
use super::registry::PageRequest;
use super::routes::Call;
use super::user::Role;
use super::{Emulator, clock};

#[derive(Serialize)]
struct View {
    name: String,
    created_on: String,
}

impl View {
    fn of(project: &str, topic: &Topic) -> Self {
        Self {
            name: format!("/projects/{project}/topics/{}", topic.name),
            created_on: clock::seconds(topic.created),
        }
    }
}

pub(crate) fn list(project: &Project, call: &Call) -> Outcome {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        topics: Vec<View>,
        next_page_token: String,
        total_size: usize,
    }
    let request = PageRequest::new(call.parameter("pageSize"), call.parameter("pageToken"))?;
    let own = call.identity.sees_only_own(&project.uuid, Role::Publisher);
    let contents = project.read();
    let page = contents.topics.page(&request, |topic| own.is_none_or(|uuid| topic.acl.contains(uuid)));
    let topics = page.things.iter().map(|topic| View::of(&contents.name, topic)).collect();
    Ok(Answer::json(&List { topics, next_page_token: page.next_token, total_size: page.total }))
}

/// A body may name a schema. There are none here.
pub(crate) fn create(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    if !call.body.is_empty() {
        let fields = Fields::parse(&call.body).map_err(|_| Refusal::invalid_body())?;
        if !fields.only_texts() {
            return Err(Refusal::invalid_body());
        }
        if fields.text("schema").is_ok_and(|schema| !schema.is_empty()) {
            return Err(Refusal::not_found("Schema"));
        }
    }
    let mut contents = project.write();
    if contents.topics.contains(name) {
        return Err(Refusal::already_exists("Topic"));
    }
    contents.deleted_topics.remove(name);
    let topic = contents.topics.insert(name, Topic::new(name, emulator.retention_bytes()));
    Ok(Answer::json(&View::of(&contents.name, &topic)))
}

pub(crate) fn show(project: &Project, name: &str) -> Outcome {
    let contents = project.read();
    let topic = contents.topics.get(name).ok_or_else(|| Refusal::not_found("Topic"))?;
    Ok(Answer::json(&View::of(&contents.name, topic)))
}

/// Its subscriptions stay.
pub(crate) fn delete(project: &Project, name: &str) -> Outcome {
    let mut contents = project.write();
    let topic = contents.topics.remove(name).ok_or_else(|| Refusal::not_found("Topic"))?;
    contents.deleted_topics.insert(name.to_owned(), topic.log.bounds());
    topic.log.close();
    Ok(Answer::empty())
}

/// The names of a topic's subscriptions, oldest first, on one line.
pub(crate) fn subscriptions(project: &Project, name: &str) -> Outcome {
    #[derive(Serialize)]
    struct List {
        subscriptions: Vec<String>,
    }
    let contents = project.read();
    if !contents.topics.contains(name) {
        return Err(Refusal::not_found("Topic"));
    }
    let of_topic = contents.subscriptions.iter().filter(|subscription| subscription.topic == name);
    let full_name = |name: &str| format!("/projects/{}/subscriptions/{name}", contents.name);
    let subscriptions = of_topic.map(|subscription| full_name(&subscription.name)).collect();
    Ok(Answer::text(json::compact(&List { subscriptions })))
}

/// Not atomic: what stands before a message that is too large, or that the broker does not take, is in the log, though
/// the answer is an error.
pub(crate) fn publish(project: &Project, name: &str, call: &Call) -> Outcome {
    let topic = project.read().topics.get(name).cloned().ok_or_else(|| Refusal::not_found("Topic"))?;
    call.identity.check_acl(&project.uuid, Role::Publisher, Some(&topic.acl))?;
    let text = json::text_of(&call.body);
    let mended;
    let messages = if let Some(messages) = message::parse_publish(&text) {
        messages
    } else {
        mended = json::without_lone_surrogates(&text).unwrap_or_default();
        message::parse_publish(&mended).ok_or_else(|| Refusal::invalid("Invalid Message Arguments"))?
    };
    let mut prepared: Vec<Prepared<'_>> = messages.iter().map(NewMessage::prepare).collect();
    let taken = call.broker.takes(prepared.len());
    prepared.truncate(taken.unwrap_or(prepared.len()));
    let ids = topic.log.append(&prepared).map_err(|_| Refusal::backend())?;
    if taken.is_some() {
        return Err(Refusal::backend());
    }
    // What fails in part is not counted at all, by the service neither.
    let (count, now) = (messages.len() as u64, clock::now());
    project.daily_counts().record(name, count, now);
    topic.published().record(count, messages.iter().map(NewMessage::data_bytes).sum(), now);
    if ids.is_empty() {
        return Ok(Answer::text(b"{\n   \"messageIds\": []\n}".to_vec()));
    }
    let mut body = String::with_capacity(prepared.len() * 20 + 32);
    body.push_str("{\n   \"messageIds\": [");
    for (index, id) in ids.enumerate() {
        body.push_str(if index == 0 { "\n      \"" } else { ",\n      \"" });
        body.push_str(&id.to_string());
        body.push('"');
    }
    body.push_str("\n   ]\n}");
    Ok(Answer::text(body.into_bytes()))
}
