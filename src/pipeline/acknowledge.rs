//! The last step: telling the service, and finding out what became of it when its answer is surprising.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::Pipeline;
use super::ledger::AckToken;
use super::obstacle::Obstacle;
use crate::client::{Error, ErrorKind};
use crate::fail_point;

impl Pipeline {
    /// Acknowledges all that `token` covers. `Ok` also when the answer was a refusal that turned out to mean nothing:
    /// what is still to be acknowledged comes again with the next pull, and is recognised.
    pub(super) async fn acknowledge(
        &mut self,
        token: AckToken,
        stop: &CancellationToken,
    ) -> Result<(), Obstacle> {
        fail_point::pass("acknowledging");
        let started = Instant::now();
        let answer = self.client.acknowledge(&self.config.subscription, token.through()).await;
        fail_point::pass("acknowledge answered");
        if answer.as_ref().err().is_none_or(|error| error.status().is_some()) {
            self.metrics.acknowledge_duration.observe(started.elapsed().as_secs_f64());
        }
        let Err(error) = answer else {
            self.metrics.acknowledged.inc_by(self.ledger.acknowledged(token));
            // Lost, it is found out by `:offsets`.
            let _ = self.ledger.keep().await;
            fail_point::pass("acknowledge kept");
            self.status.succeeded();
            self.settled();
            return Ok(());
        };
        self.metrics.acknowledge_failures.count(error.class());
        self.unresolved |= error.may_have_happened();
        match error.kind() {
            ErrorKind::AckDeadlinePassed | ErrorKind::AckWindowGone | ErrorKind::Transient => {
                self.settle(token, error, stop).await
            }
            _ => Err(Obstacle::Service(error)),
        }
    }

    /// Lets `:offsets` judge what became of an acknowledgement.
    async fn settle(
        &mut self,
        token: AckToken,
        error: Error,
        stop: &CancellationToken,
    ) -> Result<(), Obstacle> {
        let key = self.config.key.clone();
        let offsets = match self.client.offsets(&self.config.subscription).await {
            Ok(offsets) => offsets,
            Err(_) if stop.is_cancelled() => return Err(Obstacle::Stopping),
            Err(unanswered) => {
                self.metrics.acknowledge_failures.count(unanswered.class());
                return Err(Obstacle::Service(unanswered));
            }
        };
        if offsets.bounds().is_none() {
            return Err(Obstacle::BrokerDown);
        }
        self.note(&offsets);
        let current = u64::try_from(offsets.current).unwrap_or(0);
        let by_a_rival =
            !self.unresolved && (current >= token.end() || (current > token.start() && self.rivals.moved()));
        if by_a_rival {
            self.metrics.rivals.inc();
            if self.rivals.is_news() {
                tracing::warn!(
                    subscription = key,
                    through = token.through(),
                    current,
                    "{key}: another consumer acknowledged this batch first, or a part of it ({error}): two consumers of \
                     one subscription get messages twice, or each a part of them; give each a subscription of its own"
                );
            }
        }
        if current >= token.end() {
            self.accept(&offsets);
            self.settled();
            return Ok(());
        }
        self.refusals += 1;
        // An answer that was lost says nothing of how the service is, and a second refusal in a row says that trying
        // again at once does not help.
        if error.kind() == ErrorKind::Transient || self.refusals > 1 {
            return Err(Obstacle::Service(error));
        }
        let hint = match error.kind() {
            ErrorKind::AckDeadlinePassed => {
                "delivering took longer than the ack deadline of the subscription; raise it (ack_deadline), or lower max_messages"
            }
            _ if current == token.start() => "it is still to be acknowledged",
            _ if current < token.start() => "somebody moved the subscription back",
            _ => {
                "the subscription is in its middle: a seek moved it, or another consumer acknowledged a part"
            }
        };
        tracing::warn!(
            subscription = key,
            through = token.through(),
            current,
            "{key}: {error}; {hint}. Pulling again"
        );
        Ok(())
    }

    /// Nothing of ours is under way any more.
    fn settled(&mut self) {
        self.unresolved = false;
        self.refusals = 0;
        self.show_position();
    }
}
