//! The routes of topics, publishing among them.

use serde::Serialize;

use super::answer::{Answer, Outcome, Refusal};
use super::data_dir::Scope;
use super::json::{self, Fields};
use super::message::{self, NewMessage, Prepared};
use super::project::{Contents, Project, Topic};
use super::registry::PageRequest;
use super::routes::Call;
use super::user::Role;
use super::{Emulator, clock, schemas};

#[derive(Serialize)]
struct View {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    created_on: String,
}

impl View {
    fn of(contents: &Contents, topic: &Topic) -> Self {
        let project = &contents.name;
        let schema = contents.schema_of(topic);
        Self {
            name: format!("/projects/{project}/topics/{}", topic.name),
            schema: schema.map(|schema| schemas::full_name(project, &schema.record().name)),
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
    let topics = page.things.iter().map(|topic| View::of(&contents, topic)).collect();
    Ok(Answer::json(&List { topics, next_page_token: page.next_token, total_size: page.total }))
}

/// A body may name a schema.
pub(crate) fn create(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let mut contents = project.write();
    let schema = wanted_schema(&contents, call)?;
    if contents.topics.contains(name) {
        return Err(Refusal::already_exists("Topic"));
    }
    contents.deleted_topics.remove(name);
    let topic = contents.topics.insert(name, Topic::new(name, emulator.new_log()));
    *topic.schema() = schema;
    Ok(Answer::json(&View::of(&contents, &topic)))
}

/// The UUID of the schema that a body names. There may be no body, and no schema in it.
fn wanted_schema(contents: &Contents, call: &Call) -> Result<Option<String>, Refusal> {
    if call.body.is_empty() {
        return Ok(None);
    }
    let fields =
        Fields::parse(&call.body).ok().filter(Fields::only_texts).ok_or_else(Refusal::invalid_body)?;
    match fields.exact_text("schema") {
        None | Some("") => Ok(None),
        Some(name) => schemas::named(contents, name).map(|schema| Some(schema.record().uuid.clone())),
    }
}

/// Without a schema in the body the topic has none from then on.
pub(crate) fn attach_schema(project: &Project, name: &str, call: &Call) -> Outcome {
    let contents = project.read();
    let topic = contents.topics.get(name).ok_or_else(|| Refusal::not_found("Topic"))?;
    let schema = wanted_schema(&contents, call)?;
    *topic.schema() = schema;
    Ok(Answer::empty())
}

pub(crate) fn detach_schema(project: &Project, name: &str) -> Outcome {
    let contents = project.read();
    let topic = contents.topics.get(name).ok_or_else(|| Refusal::not_found("Topic"))?;
    *topic.schema() = None;
    Ok(Answer::empty())
}

pub(crate) fn show(project: &Project, name: &str) -> Outcome {
    let contents = project.read();
    let topic = contents.topics.get(name).ok_or_else(|| Refusal::not_found("Topic"))?;
    Ok(Answer::json(&View::of(&contents, topic)))
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
pub(crate) fn publish(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let (topic, schema) = {
        let contents = project.read();
        let topic = contents.topics.get(name).cloned().ok_or_else(|| Refusal::not_found("Topic"))?;
        let schema = contents.schema_of(&topic).cloned();
        (topic, schema)
    };
    call.identity.check_acl(&project.uuid, Role::Publisher, Some(&topic.acl))?;
    let text = json::text_of(&call.body);
    let mended;
    let messages = if let Some(messages) = message::parse_publish(&text) {
        messages
    } else {
        mended = json::without_lone_surrogates(&text).unwrap_or_default();
        message::parse_publish(&mended).ok_or_else(|| Refusal::invalid("Invalid Message Arguments"))?
    };
    schemas::check(schema.as_deref(), messages.iter().map(NewMessage::data))?;
    let mut prepared: Vec<Prepared<'_>> = messages.iter().map(NewMessage::prepare).collect();
    let taken = call.broker.takes(prepared.len());
    prepared.truncate(taken.unwrap_or(prepared.len()));
    if !topic.is_kept() {
        // Another client may have made it this moment.
        emulator.keep(Scope::Topic(project, name))?;
    }
    let ids = topic.log.append(&prepared)?;
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
