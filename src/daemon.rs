//! The daemon: starts pipelines, keeps them alive, tells how they are doing, and stops them. It knows nothing of
//! messages.
//!
//! [`run`] is the story. What can fail for a reason outside (an address in use, a state directory of another's) is
//! tried before the first message is pulled. What stops: first those who bring messages, then those who carry them,
//! last those who tell about it.
//!
//! - `logging`, `shutdown` and `systemd` are the process and its surroundings; `state_dir` is what it owns;
//! - `files` tells which files of the configuration cannot be used; only what needs one waits for it;
//! - `connections` and `pipelines` make of the configuration what runs, `supervisor` keeps it running;
//! - `overview` knows how all of it is doing, `admin` tells it over HTTP, `reports` in the log;
//! - `embedded` and `demo` are an AMS to try it with; `attendant` is a task beside the pipelines.

mod admin;
mod attendant;
mod connections;
mod demo;
mod embedded;
mod error;
mod files;
mod logging;
mod overview;
mod pipelines;
mod reports;
mod shutdown;
mod state_dir;
mod supervisor;
mod systemd;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use embedded::EmbeddedError;
pub use error::RunError;
pub use files::unusable as unusable_files;
pub use logging::{LoggingError, log_level};
pub(crate) use pipelines::ledger_key;
pub(crate) use state_dir::StateDir;
pub use state_dir::StateDirError;

use crate::config::{Config, Login};
use crate::metrics::Metrics;
use attendant::Attendant;
use embedded::Embedded;
use overview::Overview;
use pipelines::{Ledgers, Shared};
use reports::Reports;
use shutdown::{Asked, SecondSignal, Signals};
use supervisor::Supervisor;

/// How a daemon ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to, or whoever read its standard output has left, and it stopped in order or when its grace was over.
    Asked,
    /// It was asked twice, and ended where it stood. What was not acknowledged stays in the service.
    AskedTwice,
}

/// Runs until SIGTERM or SIGINT; `log_level`, as [`log_level()`] checked it, wins over the configuration's. To be called once in a process: it sets up the log and the handlers of signals.
///
/// An error means that nothing was pulled. What fails later is tried again.
pub fn run(config: &Config, log_level: Option<&str>) -> Result<Ending, RunError> {
    let log = logging::init(&config.log, log_level)?;
    for warning in &config.warnings {
        tracing::warn!("configuration: {}", warning.to_string().replace("\n    ", "; "));
    }
    for file in unusable_files(config) {
        tracing::warn!("{file}");
    }
    let state_dir = StateDir::open(&config.state_dir)?;
    let ledgers = pipelines::ledgers(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("ams-forwarder")
        .build()
        .map_err(RunError::Runtime)?;
    let ending = runtime.block_on(run_until_asked(config, &ledgers));
    // Not waiting for threads that hang in a system call, such as a sync to a dead disk.
    runtime.shutdown_background();
    drop(state_dir);
    // Last, for what the others say at their end.
    drop(log);
    ending
}

async fn run_until_asked(config: &Config, ledgers: &Ledgers) -> Result<Ending, RunError> {
    let asked = Asked::default();
    let signals = Signals::register().map_err(RunError::Signals)?;
    tokio::select! {
        SecondSignal = signals.follow(&asked) => Ok(Ending::AskedTwice),
        ended = forward(config, ledgers, &asked) => ended.map(|()| Ending::Asked),
    }
}

async fn forward(config: &Config, ledgers: &Ledgers, asked: &Asked) -> Result<(), RunError> {
    let Asked { stop, report, reopen } = asked;
    let metrics = Arc::new(Metrics::new()?);
    let address = config.admin.listen;
    let listener = admin::bind(address).await.map_err(|source| RunError::AdminListen { address, source })?;
    let admin_address = listener.local_addr().unwrap_or(address);
    let emulator = match &config.emulator {
        Some(emulator) => Some(Embedded::start(emulator).await?),
        None => None,
    };
    let clients = connections::build(&config.connections, emulator.as_ref().map(Embedded::address))?;
    for (name, connection) in &config.connections {
        if let (Login::Certificate { .. }, Some(client)) = (&connection.login, clients.get(name)) {
            metrics.certificate(name, client);
        }
    }
    let publisher = match (&emulator, &config.emulator) {
        (Some(emulator), Some(config)) => emulator.feed(config)?,
        _ => None,
    };

    // The pipelines have a token of their own: they stop when the publisher has.
    let stop_pipelines = CancellationToken::new();
    let shared = Shared {
        clients: &clients,
        ledgers,
        metrics: &metrics,
        reopen: reopen.subscribe(),
        end: stop.clone(),
    };
    let (supervisor, statuses) = pipelines::start(config, &shared, &stop_pipelines)?;
    let overview = Overview::new(stop.clone(), supervisor.liveness(), statuses);
    let admin =
        Attendant::start("admin server", |end| admin::serve(listener, overview.clone(), metrics, end));
    systemd::ready(&overview.line());
    let status_line = Attendant::start("status line", |end| systemd::keep_status(overview.clone(), end));
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        "started {}; metrics, health and status on http://{admin_address}",
        counted(config.subscriptions.len(), "subscription")
    );

    let stopping = async {
        stop.cancelled().await;
        systemd::stopping(&overview.line());
        let deadline = Instant::now() + config.shutdown_grace;
        if let Some(publisher) = publisher {
            publisher.end().await;
        }
        stop_pipelines.cancel();
        finish(supervisor, deadline, config.shutdown_grace).await;
    };
    let mut reports = Reports::new(overview.clone(), config.log.report_every);
    tokio::select! {
        () = stopping => {}
        () = reports.follow(report) => {}
    }
    reports.finish();
    if let Some(emulator) = emulator {
        emulator.end().await;
    }
    status_line.end().await;
    admin.end().await;
    tracing::info!("stopped after {:.0?}", overview.uptime());
    Ok(())
}

/// Waits for the pipelines until `deadline`.
async fn finish(supervisor: Supervisor, deadline: Instant, grace: Duration) {
    let left = supervisor.finish(deadline).await;
    if !left.is_empty() {
        tracing::warn!(
            "the grace of {grace:?} is over, and not done are: {}; what they have not acknowledged stays in the \
             service and will be delivered again",
            left.join(", ")
        );
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
