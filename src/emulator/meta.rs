//! What the service says about itself.

use serde::Serialize;

use super::answer::{Answer, Outcome, Refusal};
use super::json;
use super::routes::Call;
use super::user::Role;

/// These two answers are indented by one space.
const INDENT: &str = " ";

/// `GET /v1/status`. Details, of which there are none without push servers, are for service admins and viewers; the
/// service token is no user.
pub(crate) fn status(call: &Call) -> Outcome {
    #[derive(Serialize)]
    struct Status {
        status: &'static str,
        push_functionality: &'static str,
    }
    if call.parameter("details") == "true" {
        call.identity.user().ok_or_else(Refusal::forbidden)?;
        if !sees_the_service(call) {
            return Err(Refusal::unauthorized().formatted());
        }
    }
    Ok(Answer::text(json::indented(&Status { status: "ok", push_functionality: "disabled" }, INDENT)))
}

/// Whether a user asks who is a service admin or a viewer.
fn sees_the_service(call: &Call) -> bool {
    let is_viewer = |role| matches!(role, Role::ServiceAdmin | Role::AdminViewer);
    call.identity.user().is_some_and(|user| user.roles(None).any(is_viewer))
}

/// `GET /v1/version`: the service's fields, with what is true of this program where that makes sense. The release is for
/// service admins and viewers.
pub(crate) fn version(call: &Call) -> Answer {
    #[derive(Serialize)]
    struct Version {
        #[serde(skip_serializing_if = "Option::is_none")]
        release: Option<&'static str>,
        build_time: &'static str,
        golang: &'static str,
        compiler: &'static str,
        os: &'static str,
        architecture: &'static str,
        distro: &'static str,
        hostname: &'static str,
    }
    let version = Version {
        release: sees_the_service(call).then_some(env!("CARGO_PKG_VERSION")),
        build_time: "Unknown",
        golang: "none",
        compiler: "rustc",
        os: std::env::consts::OS,
        architecture: std::env::consts::ARCH,
        distro: concat!("ams-forwarder emulator ", env!("CARGO_PKG_VERSION")),
        hostname: "localhost",
    };
    Answer::text(json::indented(&version, INDENT))
}
