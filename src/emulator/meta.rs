//! What the service says about itself.

use serde::Serialize;

use super::answer::{Answer, Outcome, Refusal};
use super::json;
use super::routes::Call;

/// These two answers are indented by one space.
const INDENT: &str = " ";

/// `GET /v1/status`. Details are for users of the service; the service token is none.
pub(crate) fn status(call: &Call) -> Outcome {
    #[derive(Serialize)]
    struct Status {
        status: &'static str,
        push_functionality: &'static str,
    }
    if call.parameter("details") == "true" {
        return Err(Refusal::forbidden());
    }
    Ok(Answer::text(json::indented(&Status { status: "ok", push_functionality: "disabled" }, INDENT)))
}

/// `GET /v1/version`: the service's fields, with what is true of this program where that makes sense.
pub(crate) fn version() -> Answer {
    #[derive(Serialize)]
    struct Version {
        build_time: &'static str,
        golang: &'static str,
        compiler: &'static str,
        os: &'static str,
        architecture: &'static str,
        distro: &'static str,
        hostname: &'static str,
    }
    let version = Version {
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
