//! Keeps one task per subscription alive. A panic in one is caught, told, and answered with a new start after a
//! backoff; the others never notice. Knows nothing of what the tasks do.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::{Backoff, BackoffPolicy};

/// A task that held out this long ran well: the next panic starts from the shortest wait again.
const RAN_WELL: Duration = Duration::from_mins(1);

/// A task ended although nobody had asked it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Why, without anything that may come from a message.
    pub(crate) reason: String,
    /// When it is started again.
    pub(crate) again_in: Duration,
}

/// Tasks that are started again when they fail, until `stop` is cancelled.
pub(crate) struct Supervisor {
    policy: BackoffPolicy,
    stop: CancellationToken,
    alive: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    names: HashMap<Id, String>,
}

impl Supervisor {
    /// `policy` is for the waits before a new start; tasks that end after `stop` was cancelled are done.
    pub(crate) fn new(policy: BackoffPolicy, stop: CancellationToken) -> Self {
        let alive = Arc::new(AtomicBool::new(true));
        Self { policy, stop, alive, tasks: JoinSet::new(), names: HashMap::new() }
    }

    /// Runs what `start` makes, and makes it anew after each failure, of which `on_failure` is told first.
    pub(crate) fn supervise<F, Fut, N>(&mut self, name: &str, start: F, on_failure: N)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        N: Fn(&Failure) + Send + 'static,
    {
        let guard = Guard { alive: Arc::clone(&self.alive), stop: self.stop.clone() };
        let (policy, stop) = (self.policy, self.stop.clone());
        let task = self.tasks.spawn(async move {
            let _guard = guard;
            keep_alive(start, on_failure, policy, &stop).await;
        });
        self.names.insert(task.id(), name.to_owned());
    }

    /// False once the supervision of a task has itself failed: only a restart of the process helps then.
    pub(crate) fn liveness(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.alive)
    }

    /// Waits for all tasks until `deadline`, and ends those that are left then. Returns their names. `stop` is to be
    /// cancelled before.
    pub(crate) async fn finish(mut self, deadline: Instant) -> Vec<String> {
        let all = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
                self.names.remove(&id);
            }
        };
        let _ = tokio::time::timeout_at(deadline, all).await;
        self.tasks.abort_all();
        let mut left: Vec<String> = self.names.into_values().collect();
        left.sort();
        left
    }
}

async fn keep_alive<Fut>(
    start: impl Fn() -> Fut,
    on_failure: impl Fn(&Failure),
    policy: BackoffPolicy,
    stop: &CancellationToken,
) where
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut backoff = Backoff::new(policy);
    loop {
        let started = Instant::now();
        // A set of one: it is aborted with us, and its panic ends there.
        let mut task = JoinSet::new();
        task.spawn(start());
        let ended = task.join_next().await;
        if stop.is_cancelled() {
            return;
        }
        let reason = match ended {
            Some(Err(error)) if error.is_panic() => panic_reason(error.into_panic().as_ref()),
            _ => "it ended without being asked to".to_owned(),
        };
        if started.elapsed() >= RAN_WELL {
            backoff.reset();
        }
        let failure = Failure { reason, again_in: backoff.next() };
        on_failure(&failure);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(failure.again_in) => {}
        }
    }
}

/// Tells that a supervising task is gone, whatever the reason.
struct Guard {
    alive: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            self.alive.store(false, Ordering::Relaxed);
        }
    }
}

/// The message of a panic up to what may be data: formatted messages quote values, and a value may be a payload.
pub(crate) fn panic_reason(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        return format!("it panicked: {text}");
    }
    let Some(text) = panic.downcast_ref::<String>() else {
        return "it panicked".to_owned();
    };
    let harmless = |c: char| c.is_ascii_alphanumeric() || " :;,.-_/".contains(c);
    let end = text.find(|c| !harmless(c)).unwrap_or(text.len()).min(200);
    let rest = if end < text.len() { "…" } else { "" };
    format!("it panicked: {}{rest}", &text[..end])
}
