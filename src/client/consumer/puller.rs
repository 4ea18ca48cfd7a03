//! From one batch to the next.

use super::{Acknowledger, ConsumeError, Delivery, PollInterval};
use crate::{
    backoff::{Backoff, BackoffPolicy},
    client::{
        AmsClient,
        batch::Batch,
        error::{Error, ErrorKind},
        model::PullLimits,
        name::SubscriptionName,
    },
};
use std::time::Duration;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

/// How often the service is asked where the subscription stands while nothing comes.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// After so long it is told that a delivery keeps the stream waiting.
const LONG: Duration = Duration::from_mins(1);

pub(super) struct Puller {
    client: AmsClient,
    subscription: SubscriptionName,
    limits: PullLimits,
    /// Messages to ask for now: fewer than the limit while something is in the way.
    messages: u32,
    poll: PollInterval,
    backoff: Backoff,
    /// Ends when the delivery that is out was acknowledged or dropped; with a word if it was acknowledged.
    out: Option<oneshot::Receiver<()>>,
    /// To be waited before the next attempt.
    wait: Option<Duration>,
    /// One past the last id that was delivered.
    expected: Option<u64>,
    next_look: Option<Instant>,
}

impl Puller {
    pub(super) fn new(
        client: AmsClient,
        subscription: SubscriptionName,
        limits: PullLimits,
        poll: PollInterval,
    ) -> Self {
        Self {
            client,
            subscription,
            limits,
            messages: limits.max_messages,
            poll,
            backoff: Backoff::new(BackoffPolicy::default()),
            out: None,
            wait: None,
            expected: None,
            next_look: None,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        if let Some(out) = &mut self.out {
            let settled = if let Ok(settled) = timeout(LONG, &mut *out).await {
                settled
            } else {
                let subscription = &self.subscription;
                tracing::warn!(%subscription, "the next delivery waits for the one before, which is neither acknowledged nor dropped");
                out.await
            };
            let was_dropped = settled.is_err();
            self.out = None;
            // Not at once: what nobody acknowledges would come round and round.
            self.wait = was_dropped.then(|| self.poll.next());
        }
        if let Some(wait) = self.wait.take() {
            sleep(wait).await;
        }
        let outcome = self.pull().await;
        match &outcome {
            Ok(_) => self.backoff.reset(),
            Err(error) => self.wait = Some(self.backoff.next().max(error.retry_after().unwrap_or_default())),
        }
        outcome
    }

    async fn pull(&mut self) -> Result<Delivery, ConsumeError> {
        loop {
            let limits = PullLimits { max_messages: self.messages, ..self.limits };
            let error = match self.client.pull(&self.subscription, limits).await {
                Ok(batch) => {
                    self.messages = self.messages.saturating_mul(2).min(self.limits.max_messages);
                    if let (Some(first), Some(last)) = (batch.first_id(), batch.last_id()) {
                        return Ok(self.deliver(batch, first, last));
                    }
                    self.look().await?;
                    sleep(self.poll.next()).await;
                    continue;
                }
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::PoisonedRecord | ErrorKind::TooLarge if self.messages > 1 => self.messages /= 2,
                ErrorKind::PoisonedRecord => {
                    return Err(ConsumeError::Poisoned { id: self.comes_next().await?, source: error });
                }
                ErrorKind::TooLarge => {
                    let (id, limit) = (self.comes_next().await?, self.limits.max_bytes);
                    return Err(ConsumeError::TooLarge { id, limit, source: error });
                }
                _ => return Err(error.into()),
            }
        }
    }

    fn deliver(&mut self, batch: Batch, first: u64, last: u64) -> Delivery {
        self.poll.reset();
        let missing = first.saturating_sub(self.expected.unwrap_or(first));
        if missing > 0 {
            tracing::warn!(
                subscription = %self.subscription,
                to = first,
                missing,
                "messages are missing: retention removed them, a seek skipped them, or another consumer acknowledged them"
            );
        }
        self.expected = Some(last + 1);
        let (settled, out) = oneshot::channel();
        self.out = Some(out);
        let acknowledger = Acknowledger {
            client: self.client.clone(),
            subscription: self.subscription.clone(),
            first,
            last,
            max_bytes: self.limits.max_bytes,
            settled,
        };
        Delivery { batch, missing, acknowledger }
    }

    /// The id of the message that a pull begins with.
    async fn comes_next(&self) -> Result<u64, Error> {
        let offsets = self.client.offsets(&self.subscription).await?;
        let current = u64::try_from(offsets.current).unwrap_or(0);
        Ok(offsets.bounds().map_or(current, |(min, _)| current.max(min)))
    }

    /// Looks now and then whether nothing comes because nothing can come.
    async fn look(&mut self) -> Result<(), ConsumeError> {
        if self.next_look.is_some_and(|at| Instant::now() < at) {
            return Ok(());
        }
        let offsets = self.client.offsets(&self.subscription).await?;
        if offsets.bounds().is_some() && offsets.current > offsets.max {
            return Err(ConsumeError::BeyondTheEnd { offsets });
        }
        self.next_look = Some(Instant::now() + LOOK_EVERY);
        Ok(())
    }
}
