//! Every call of the client library does what it says, and fails as it says: against the emulator, or against any
//! service named by `AMS_TEST_ENDPOINT` (`https://msg.example.org`), with its service-wide admin token in
//! `AMS_TEST_TOKEN` and, if need be, the file of its CA in `AMS_TEST_CA`.
//!
//! What is expected was recorded from the real service. Each test makes a project and users of its own, and takes them
//! away again, also when it fails. Nothing here knows which service it is talking to.

mod acls;
mod delivery;
mod members;
mod metrics;
mod projects;
mod publishing;
mod push;
mod registrations;
mod schemas;
mod seeking;
mod service;
mod stage;
mod subscriptions;
mod topics;
mod users;

use ams_forwarder::client::{Error, ErrorKind, Result};

/// The error of a call that the service itself refused, of that status and kind.
#[track_caller]
fn refused<T>(outcome: Result<T>, status: u16, kind: ErrorKind) -> Error {
    let Err(error) = outcome else { panic!("a success instead of {status} ({kind})") };
    assert_eq!((error.status(), error.kind()), (Some(status), kind), "{error}");
    error
}

/// The error of a call that the library refused and did not send.
#[track_caller]
fn not_sent<T>(outcome: Result<T>, kind: ErrorKind) -> Error {
    let Err(error) = outcome else { panic!("a success instead of {kind}") };
    assert_eq!((error.status(), error.kind(), error.may_have_happened()), (None, kind, false), "{error}");
    error
}
