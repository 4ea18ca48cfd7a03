//! What the daemon is doing, seen from outside: one answer for `/status`, `/readyz`, systemd's status line and the
//! report in the log, so that they never disagree.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::reports::{Counts, Period};
use crate::pipeline::{State, Status};

/// The state of the daemon as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Some subscription was not yet tried.
    Starting,
    /// Every subscription was tried; not all need to do well.
    Running,
    /// Asked to end.
    Stopping,
}

/// A view of the running daemon. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Overview {
    started: Timestamp,
    clock: Instant,
    stop: CancellationToken,
    alive: Arc<AtomicBool>,
    subscriptions: Arc<[watch::Receiver<Status>]>,
}

/// The answer to `/status`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    version: &'static str,
    state: Phase,
    uptime_seconds: u64,
    started: Timestamp,
    subscriptions: Vec<Status>,
}

/// The answer to `/readyz`: the text says why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    pub(crate) text: String,
}

impl Overview {
    /// `stop` is cancelled when the daemon is asked to end; `alive` is the supervisor's.
    pub(crate) fn new(
        stop: CancellationToken,
        alive: Arc<AtomicBool>,
        subscriptions: Vec<watch::Receiver<Status>>,
    ) -> Self {
        let subscriptions = subscriptions.into();
        Self { started: Timestamp::now(), clock: Instant::now(), stop, alive, subscriptions }
    }

    /// Whether the supervisor lives. What becomes of subscriptions does not matter here: a restart mends none of it.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.clock.elapsed()
    }

    pub(crate) fn report(&self) -> Report {
        let subscriptions = self.statuses();
        Report {
            version: env!("CARGO_PKG_VERSION"),
            state: phase(&subscriptions, self.stop.is_cancelled()),
            uptime_seconds: self.uptime().as_secs(),
            started: self.started,
            subscriptions,
        }
    }

    /// With `strict`, a parked subscription makes the daemon not ready.
    pub(crate) fn readiness(&self, strict: bool) -> Readiness {
        readiness(&self.statuses(), self.stop.is_cancelled(), strict)
    }

    /// The state in one line.
    pub(crate) fn line(&self) -> String {
        line(self.subscriptions.iter().map(|status| status.borrow().state), self.stop.is_cancelled())
    }

    /// Writes to the log everything known about every subscription, with what was delivered in `period`.
    pub(crate) fn log(&self, statuses: &[Status], period: &Period) {
        tracing::info!(uptime_seconds = self.uptime().as_secs(), "report: {}", self.line());
        for status in statuses {
            tracing::info!(subscription = status.key, "report: {}", describe(status, period));
        }
    }

    pub(crate) fn statuses(&self) -> Vec<Status> {
        self.subscriptions.iter().map(|status| status.borrow().clone()).collect()
    }
}

fn phase(statuses: &[Status], stopping: bool) -> Phase {
    if stopping {
        Phase::Stopping
    } else if statuses.iter().all(|status| status.tried) {
        Phase::Running
    } else {
        Phase::Starting
    }
}

fn readiness(statuses: &[Status], stopping: bool, strict: bool) -> Readiness {
    let parked: Vec<_> = statuses.iter().filter(|status| status.state == State::Parked).collect();
    let (ready, first) = match phase(statuses, stopping) {
        Phase::Stopping => (false, "stopping".to_owned()),
        Phase::Starting => {
            let untried = statuses.iter().filter(|status| !status.tried).map(|status| status.key.as_str());
            (false, format!("starting: not tried yet: {}", untried.collect::<Vec<_>>().join(", ")))
        }
        Phase::Running if strict && !parked.is_empty() => (false, "not ready: some are parked".to_owned()),
        Phase::Running => (true, "ready".to_owned()),
    };
    let others = parked.iter().map(|status| format!("parked: {}: {}", status.key, reason(status)));
    let lines: Vec<_> = std::iter::once(first).chain(others).collect();
    Readiness { ready, text: lines.join("\n") + "\n" }
}

fn line(states: impl Iterator<Item = State>, stopping: bool) -> String {
    let mut counts = State::ALL.map(|state| (state, 0_usize));
    for state in states {
        for (_, count) in counts.iter_mut().filter(|(counted, _)| *counted == state) {
            *count += 1;
        }
    }
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let parts: Vec<_> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let stopping = if stopping { "stopping; " } else { "" };
    let plural = if total == 1 { "" } else { "s" };
    format!("{stopping}{total} subscription{plural}: {}", parts.join(", "))
}

fn describe(status: &Status, period: &Period) -> String {
    let number = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    let why = status.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let mut parts = vec![
        format!("{} is {} since {:.0}{why}", status.key, status.state, status.since),
        format!("next {}, backlog {}", number(status.next), number(status.backlog)),
    ];
    for (name, sink) in &status.sinks {
        let failing = sink.error.as_ref().map(|error| format!(", failing: {error}")).unwrap_or_default();
        let Counts { delivered, misdated } = period.counts(status, name);
        let misdated = match misdated {
            0 => String::new(),
            some => format!(", {some} of them to error_path"),
        };
        let (next, since) = (number(sink.next), period.since);
        parts.push(format!(
            "sink {name}: next {next}, delivered {delivered} since {since:.0}{misdated}{failing}"
        ));
    }
    parts.join("; ")
}

fn reason(status: &Status) -> &str {
    status.reason.as_deref().unwrap_or("no reason is known")
}
