//! What is not of the service but of the emulator: everything below `/emulator/`, for the service token.
//!
//! - `/emulator/faults`: what goes wrong, see `faults`;
//! - `/emulator/projects/P/topics/T`: what a topic keeps, and `:cut`, which removes records at once;
//! - `/emulator/memory`: how much is held.

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Outcome, Refusal};
use super::project::Topic;
use super::retention::Retention;
use super::routes::Call;
use super::user::Identity;
use super::{Emulator, faults};

/// What all of it is asked for under.
pub(crate) const PATH: &str = "/emulator/";

/// The answer to a request of such a path.
pub(crate) fn answer(emulator: &Emulator, call: &Call) -> Answer {
    if !matches!(call.identity, Identity::Service) {
        return Refusal::unauthorized().into();
    }
    let outcome = faults::perform(&emulator.shared.faults, call).or_else(|| perform(emulator, call));
    outcome.map_or_else(Answer::unknown_route, |outcome| outcome.unwrap_or_else(Answer::from))
}

fn perform(emulator: &Emulator, call: &Call) -> Option<Outcome> {
    let segments: Vec<&str> = call.path().strip_prefix(PATH)?.split('/').collect();
    let (project, name) = match *segments.as_slice() {
        ["memory"] if call.method() == "GET" => return Some(Ok(memory(emulator))),
        ["projects", project, "topics", name] => (project, name),
        _ => return None,
    };
    let (name, verb) = name.split_once(':').unwrap_or((name, ""));
    let found = || emulator.existing_topic(project, name).map_err(|_| Refusal::not_found("Topic"));
    Some(match (call.method(), verb) {
        ("GET", "") => found().map(|topic| show(&topic)),
        ("PUT", "") => found().and_then(|topic| {
            let retention = read_retention(call)?;
            emulator.set_retention(project, name, retention).map_err(|_| Refusal::backend())?;
            Ok(show(&topic))
        }),
        ("POST", "cut") => found().and_then(|topic| cut(&topic, call)),
        _ => return None,
    })
}

fn memory(emulator: &Emulator) -> Answer {
    #[derive(Serialize)]
    struct View {
        used: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
    }
    let memory = emulator.memory();
    Answer::json(&View { used: memory.used(), limit: memory.limit() })
}

fn show(topic: &Topic) -> Answer {
    #[derive(Serialize)]
    struct View {
        min: i64,
        max: i64,
        bytes: usize,
        retention: Retention,
    }
    let bounds = topic.log.bounds();
    let retention = topic.log.retention();
    Answer::json(&View { min: bounds.min, max: bounds.max, bytes: topic.log.bytes(), retention })
}

fn read_retention(call: &Call) -> Result<Retention, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        retention: Retention,
    }
    let Wanted { retention } = read(call)?;
    if retention.messages == Some(0) {
        return Err(Refusal::invalid("a topic keeps at least one message"));
    }
    Ok(retention)
}

fn cut(topic: &Topic, call: &Call) -> Outcome {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        below: u64,
    }
    let Wanted { below } = read(call)?;
    topic.log.remove_below(below);
    Ok(show(topic))
}

fn read<'a, T: Deserialize<'a>>(call: &'a Call) -> Result<T, Refusal> {
    serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::invalid(format!("this cannot be understood: {error}")))
}
