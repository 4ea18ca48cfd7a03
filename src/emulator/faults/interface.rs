//! Faults over HTTP: `/emulator/faults` and `/emulator/faults/ID`, for the service token.

use serde::Serialize;

use super::{Fault, FaultStatus, Faults, PATH};
use crate::emulator::answer::{Answer, Outcome, Refusal};
use crate::emulator::routes::Call;

#[derive(Serialize)]
struct List {
    faults: Vec<FaultStatus>,
}

/// Whether a path is of this interface.
pub(crate) fn perform(faults: &Faults, call: &Call) -> Option<Outcome> {
    let id = match call.path().strip_prefix(PATH)? {
        "" => None,
        rest => Some(rest.strip_prefix('/')?),
    };
    let missing = || Refusal::not_found("Fault");
    let number = id.map(|id| id.parse().map_err(|_| missing()));
    Some(match (call.method(), number) {
        ("GET", None) => Ok(Answer::json(&List { faults: faults.list() })),
        ("POST", None) => inject(faults, call),
        ("DELETE", None) => {
            faults.clear();
            Ok(Answer::empty())
        }
        ("GET", Some(id)) => {
            id.and_then(|id| faults.find(id).ok_or_else(missing)).map(|found| Answer::json(&found))
        }
        ("DELETE", Some(id)) => {
            id.and_then(|id| if faults.remove(id) { Ok(Answer::empty()) } else { Err(missing()) })
        }
        _ => return None,
    })
}

fn inject(faults: &Faults, call: &Call) -> Outcome {
    let fault: Fault = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::invalid(format!("this is no fault: {error}")))?;
    let injected = faults.inject(fault).map_err(|error| Refusal::invalid(error.to_string()))?;
    Ok(Answer::json(&injected))
}
