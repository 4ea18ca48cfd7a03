//! Trying again: what a [`RetryPolicy`] says, and what follows from it for a call.
//!
//! Two things decide. Only what may pass is tried again: a connection that was not made, a timeout, 429, 5xx. And it
//! must be harmless, which depends on the call and on whether it may have been carried out:
//!
//! - Calls that change nothing are repeated, and so are those that set something to a value (an access list, an ack
//!   deadline, an offset): twice is once. An acknowledgement is cumulative, so it is one of them.
//! - What creates a topic or subscription, or deletes something by its name, is repeated, and the second answer is
//!   judged: that it exists already, or is gone, is a success when an earlier attempt may have done it.
//! - A publish is repeated only if it cannot have happened, unless the policy allows duplicates.
//! - Everything else (what answers with a new token, or has no name yet) only if it cannot have happened.
//!
//! 408 on an acknowledgement is never repeated, whoever says so: it means that the time for it has passed.
//!
//! `policy` has the waits.

use super::{
    Inner,
    classify::Call,
    error::{Error, ErrorKind, Result, TIMEOUT},
    http::{Answer, Method, Repetition, Request},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

mod policy;

use policy::Waiter;
pub use policy::{Retry, RetryPolicy};

/// A wait that an answer asks for is not waited for beyond this, unless the policy has a deadline: it is the caller's
/// turn then.
const LONGEST_ASKED: Duration = Duration::from_mins(5);

/// The way out of a client: one attempt after the other, as its policy says.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) inner: Arc<Inner>,
    policy: Arc<RetryPolicy>,
}

impl Caller {
    pub(super) fn new(inner: Inner, policy: RetryPolicy) -> Self {
        Self { inner: Arc::new(inner), policy: Arc::new(policy) }
    }

    pub(super) fn with_policy(&self, policy: RetryPolicy) -> Self {
        Self { inner: Arc::clone(&self.inner), policy: Arc::new(policy) }
    }

    /// Sends a request until it succeeds, fails for good, or the policy ends it.
    ///
    /// An error of several attempts is the last one's, and may have happened if any of them may.
    pub(super) async fn send(&self, request: Request) -> Result<Answer> {
        let started = Instant::now();
        let deadline = self.policy.deadline.and_then(|time| started.checked_add(time));
        let mut waiter = Waiter::new(&self.policy);
        let (mut attempt, mut doubt) = (1, false);
        loop {
            let error = match self.attempt(&request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) if doubt && is_gone_as_wanted(&request, &error) => {
                    return Ok(Answer::done_before(&request));
                }
                Err(error) => error,
            };
            let is_repeatable = self.is_repeatable(&request, &error);
            doubt |= error.may_have_happened();
            let error =
                error.with_attempts(attempt).with_may_have_happened(doubt).with_elapsed(started.elapsed());
            let wait = if is_repeatable { waiter.next() } else { None };
            let asked = error.retry_after().unwrap_or_default();
            let Some(wait) = wait.map(|wait| wait.max(asked)) else { return Err(error) };
            let is_too_long = match deadline {
                Some(at) => Instant::now().checked_add(wait).is_none_or(|then| then >= at),
                None => asked > LONGEST_ASKED,
            };
            if is_too_long {
                return Err(error);
            }
            self.tell(&Retry { method: error.method(), path: error.path(), attempt, error: &error, wait });
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, request: &Request, deadline: Option<Instant>) -> Result<Answer> {
        let attempt = self.inner.send(request);
        let Some(deadline) = deadline else { return attempt.await };
        timeout_at(deadline, attempt).await.unwrap_or_else(|_| {
            let message = "no complete answer within the deadline for all attempts";
            Err(request.error(ErrorKind::Transient, message).with_class(TIMEOUT))
        })
    }

    fn is_repeatable(&self, request: &Request, error: &Error) -> bool {
        let comes_too_late = request.call == Call::Acknowledge && error.status() == Some(408);
        let is_harmless = match request.repetition {
            Repetition::Harmless => true,
            Repetition::Duplicates => self.policy.allows_duplicates,
            Repetition::Repeats => false,
        };
        error.kind() == ErrorKind::Transient && !comes_too_late && (is_harmless || !error.may_have_happened())
    }

    fn tell(&self, retry: &Retry<'_>) {
        let Retry { method, path, attempt, error, wait } = retry;
        tracing::warn!(method, path, attempt, ?wait, "{error}; to be tried again in {wait:?}");
        if let Some(hook) = &self.policy.hook {
            hook(retry);
        }
    }
}

/// What was to be deleted is gone. Only an earlier attempt makes that a success.
fn is_gone_as_wanted(request: &Request, error: &Error) -> bool {
    request.method == Method::Delete && error.kind() == ErrorKind::NotFound && !error.may_have_happened()
}
