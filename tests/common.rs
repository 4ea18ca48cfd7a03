//! The harness: the daemon as a process ([`Forwarder`]), an AMS for it ([`Service`]), a proxy between the two that
//! sees and breaks what passes ([`Gate`]), a network that can be made bad ([`FaultProxy`]), a receiver of webhooks
//! ([`Receiver`]), and the account of what was published and what arrived ([`Delivered`]).
//!
//! Nothing here sleeps and hopes: what is waited for is asked for until it is there ([`eventually`]), with a deadline
//! that only a failure meets.

pub(crate) mod ams;
pub(crate) mod avro;
mod config;
mod delivered;
mod emulator_process;
mod fault_proxy;
mod forwarder;
mod gate;
mod home;
mod hook;
mod http;
pub(crate) mod lax_authn;
mod machine;
mod metrics;
mod page;
mod pipe;
pub(crate) mod pki;
mod receiver;
mod rotated;
pub(crate) mod seed;
mod service;
pub(crate) mod site;
pub(crate) mod trace;
mod wire;

use std::time::{Duration, Instant};

pub(crate) use config::{Config, file_sink};
pub(crate) use delivered::{Delivered, Tail};
pub(crate) use emulator_process::EmulatorProcess;
pub(crate) use fault_proxy::{FaultProxy, Network};
pub(crate) use forwarder::{Forwarder, Launch, Memory};
pub(crate) use gate::{Action, Gate, Request, Rule};
pub(crate) use home::Home;
pub(crate) use hook::{Hook, Hooked};
pub(crate) use machine::{Namespace, find_running, is_there, python_runs, strace_works};
pub(crate) use metrics::Metrics;
pub(crate) use page::{run_page, run_page_with};
pub(crate) use pipe::{MORE_THAN_A_PIPE_HOLDS, Pipe};
pub(crate) use receiver::{Answers, Receiver, breaks, numbers};
pub(crate) use rotated::{all_compressed, read_rotated};
pub(crate) use service::{PROJECT, Service, TOKEN, client_of, numbered};
pub(crate) use wire::{Emulated, Reply, Wire};

/// How long something may take that is certain to come: long, for a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds. `what` completes "it was waited for …".
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    until(what, async || condition().await.then_some(())).await;
}

/// Waits until `found` finds it.
pub(crate) async fn until<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it was waited for {what}, {PATIENCE:?} in vain");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}
