//! Pull, acknowledge, and where a subscription stands.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use tokio::task::JoinError;

use super::Emulator;
use super::answer::{Answer, Outcome, Refusal};
use super::attributes::Poison;
use super::clock;
use super::cursor::{self, Cursor};
use super::data_dir::Keeping;
use super::json::{self, Fields, WrongType};
use super::latency::Latency;
use super::memory::Held;
use super::project::{Project, Subscription, Topic};
use super::routes::Call;
use super::subscriptions::find;
use super::user::Role;

/// How long a waiting pull waits for all the messages it was asked for.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What a pull asks for. Both come as strings; nonsense in them has a meaning.
struct PullOptions {
    limit: u64,
    wait: bool,
}

impl PullOptions {
    fn parse(body: &[u8]) -> Result<Self, WrongType> {
        let fields = Fields::parse(body)?;
        let limit = fields.text("maxMessages")?.parse().map_or(1, |limit: i64| limit.max(1));
        Ok(Self { limit: limit.unsigned_abs(), wait: fields.text("returnImmediately")? == "false" })
    }
}

pub(crate) async fn pull(project: &Project, project_name: &str, name: &str, call: &Call) -> Outcome {
    let (subscription, topic) = {
        let contents = project.read();
        let subscription = Arc::clone(find(&contents, name)?);
        let topic = contents.topics.get(&subscription.topic).cloned();
        call.identity.check_acl(&project.uuid, Role::Consumer, Some(&subscription.acl))?;
        (subscription, topic.ok_or_else(|| Refusal::conflict("Subscription's topic doesn't exist"))?)
    };
    let options =
        PullOptions::parse(&call.body).map_err(|_| Refusal::invalid("Invalid Pull Parameters Arguments"))?;
    if call.broker.is_down() {
        return Err(Refusal::backend());
    }
    let ack_prefix = format!("projects/{project_name}/subscriptions/{name}:");
    let latency = call.latency;
    if !options.wait {
        return take(&subscription, &topic, &options, &ack_prefix, latency).await;
    }
    // A task of its own: the service goes on waiting, and holds the topic's lock, when the client has left.
    let stopping = call.stopping.clone();
    let waiting = async move {
        let taken =
            stopping.run_until_cancelled(take(&subscription, &topic, &options, &ack_prefix, latency)).await;
        taken.unwrap_or_else(|| Err(Refusal::backend()))
    };
    match tokio::spawn(clock::skewed(clock::skew(), waiting)).await.map_err(JoinError::try_into_panic) {
        Ok(outcome) => outcome,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => Err(Refusal::backend()),
    }
}

async fn take(
    subscription: &Subscription,
    topic: &Topic,
    options: &PullOptions,
    ack_prefix: &str,
    latency: Latency,
) -> Outcome {
    // The service reads where the subscription stands before it waits for the topic's lock.
    let offset = subscription.cursor().current();
    let pulling = topic.log.pulling.lock().await;
    let bounds = topic.log.bounds();
    let mut from = offset;
    if offset < bounds.min {
        from = bounds.min;
        // Meanwhile it may have been acknowledged beyond the new start; then it stays there.
        subscription.cursor().catch_up(bounds);
    }
    if options.wait && from < bounds.max {
        let enough = from.unsigned_abs().saturating_add(options.limit);
        // At the end of the wait a pull answers with what there is.
        let _ = tokio::time::timeout(LONGEST_WAIT, topic.log.grown_to(enough)).await;
    }
    latency.of_a_pull(&topic.log, from, options.limit).await;
    let records = topic.log.records(from.unsigned_abs(), options.limit);
    drop(pulling);
    let room = topic.log.memory().reserve(records.answer_bytes(ack_prefix))?;
    let body = records.answer(ack_prefix);
    if body != Err(Poison::Unreadable) {
        subscription.consumed().record(records.len(), records.data_bytes(), clock::now());
    }
    let body = body.map_err(|poison| match poison {
        Poison::Unreadable => {
            Refusal::internal("Message retrieved from broker network has invalid JSON Structure")
        }
        Poison::Unexportable => Refusal::internal("Error exporting data to JSON"),
    })?;
    subscription.cursor().pulled(from, records.len(), clock::now().as_second());
    Ok(Answer::bytes(Bytes::from_owner(Held::new(body, room))))
}

/// Cumulative: the highest id counts.
pub(crate) fn acknowledge(
    emulator: &Emulator,
    project: &Project,
    project_name: &str,
    name: &str,
    call: &Call,
) -> Outcome {
    let invalid = |_| Refusal::invalid("Invalid ack parameter");
    let fields = Fields::parse(&call.body).map_err(invalid)?;
    let ids = fields.texts("ackIds").map_err(invalid)?;
    let keeping = emulator.keeping();
    let contents = project.read();
    let subscription = find(&contents, name)?;
    let highest = cursor::highest_ack_id(&ids, project_name, name)?;
    let now = clock::now().as_second();
    move_cursor(keeping, project, subscription, |cursor| cursor.acknowledge(highest, now))?;
    Ok(Answer::text(b"{}".to_vec()))
}

/// While the broker is down, the service shows no bounds and where the subscription stood.
pub(crate) fn offsets(project: &Project, name: &str, call: &Call) -> Outcome {
    #[derive(Serialize)]
    struct Offsets {
        max: i64,
        min: i64,
        current: i64,
    }
    let contents = project.read();
    let subscription = find(&contents, name)?;
    let bounds = call.broker.bounds(contents.bounds(&subscription.topic));
    let mut cursor = subscription.cursor();
    cursor.catch_up(bounds);
    Ok(Answer::json(&Offsets { max: bounds.max, min: bounds.min, current: cursor.current() }))
}

/// Out of bounds it is an error, and moves the subscription all the same.
pub(crate) fn modify_offset(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let offset = Fields::parse(&call.body)
        .and_then(|fields| fields.integer("offset"))
        .map_err(|_| Refusal::invalid("Invalid Offset Arguments"))?;
    let keeping = emulator.keeping();
    let contents = project.read();
    let subscription = find(&contents, name)?;
    let bounds = call.broker.bounds(contents.bounds(&subscription.topic));
    move_cursor(keeping, project, subscription, |cursor| {
        cursor.seek(offset);
        Ok(())
    })?;
    if bounds.contains(offset) { Ok(Answer::empty()) } else { Err(Refusal::invalid("Offset out of bounds")) }
}

/// Moves a subscription. Where that is kept, it is kept first: what was acknowledged must not come back.
fn move_cursor(
    keeping: Option<Keeping<'_>>,
    project: &Project,
    subscription: &Subscription,
    change: impl FnOnce(&mut Cursor) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut cursor = subscription.cursor();
    let mut moved = cursor.clone();
    change(&mut moved)?;
    if let Some(mut keeping) = keeping {
        keeping.cursor(project, subscription, moved.current())?;
    }
    *cursor = moved;
    Ok(())
}

pub(crate) fn time_to_offset(project: &Project, name: &str, call: &Call) -> Outcome {
    #[derive(Serialize)]
    struct Found {
        offset: u64,
    }
    let contents = project.read();
    let subscription = find(&contents, name)?;
    let time = clock::parse_zulu(call.parameter("time"))
        .ok_or_else(|| Refusal::invalid("Time is not in valid Zulu format."))?;
    let topic = contents.topics.get(&subscription.topic).filter(|_| !call.broker.is_down());
    let topic = topic.ok_or_else(Refusal::backend)?;
    let out_of_bounds =
        || Refusal::conflict("Timestamp is out of bounds for the subscription's topic/partition");
    let offset = topic.log.offset_at(time).ok_or_else(out_of_bounds)?;
    Ok(Answer::text(json::compact(&Found { offset })))
}

#[cfg(test)]
mod tests;
