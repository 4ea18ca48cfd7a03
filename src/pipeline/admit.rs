//! The second step: what the ids of a batch tell, before any of it is delivered.

use tokio_util::sync::CancellationToken;

use super::Pipeline;
use super::ledger::Turn;
use super::obstacle::Obstacle;
use super::pull::Pulled;
use super::story::{self, Ids};
use crate::fail_point;

/// What is to be done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// It is to be delivered. Each sink leaves out what it has.
    New,
    /// It begins with messages that every required sink has: acknowledge these at once, while that is possible, and
    /// pull the rest again. Delivering the rest first could miss the ack deadline again and again.
    DeliveredBefore,
}

impl Pipeline {
    /// Compares the batch with the ledger; accounts for what is missing; begins a new epoch where the subscription was
    /// moved back.
    pub(super) async fn admit(
        &mut self,
        pulled: &Pulled,
        stop: &CancellationToken,
    ) -> Result<Admitted, Obstacle> {
        fail_point::pass("admitting");
        let Some(position) = self.ledger.position() else {
            self.ledger.start(pulled.first);
            return Ok(Admitted::New);
        };
        let key = self.config.key.clone();
        // Of what was delivered, somebody may have acknowledged a part.
        self.metrics.acknowledged.inc_by(self.ledger.accepted(pulled.first));
        match story::ids(pulled.first, position) {
            Ids::Expected => {}
            Ids::Redelivered => {
                let again = position.delivered.min(pulled.end()) - pulled.first;
                self.metrics.redelivered.inc_by(again);
                tracing::info!(
                    subscription = key,
                    first = pulled.first,
                    messages = again,
                    "{key}: {again} messages came again that were delivered; acknowledging them without sending them twice"
                );
                return Ok(Admitted::DeliveredBefore);
            }
            Ids::Gap => self.account_for_gap(pulled.first, position.delivered, stop).await?,
            Ids::Rewind => self.rewind(pulled.first, position.acked, stop).await?,
        }
        let unseen = self.seen.clamp(pulled.first, pulled.end());
        let new = (pulled.batch.len() - pulled.count_before(unseen)) as u64;
        let holes = pulled.end() - unseen - new;
        if holes > 0 {
            self.metrics.lost.inc_by(holes);
            tracing::error!(
                subscription = key,
                first = pulled.first,
                holes,
                "{key}: {holes} ids are missing within a batch"
            );
        }
        self.metrics.received.inc_by(new);
        self.seen = self.seen.max(pulled.end());
        Ok(Admitted::New)
    }

    pub(super) async fn account_for_gap(
        &mut self,
        first: u64,
        expected: u64,
        stop: &CancellationToken,
    ) -> Result<(), Obstacle> {
        let offsets = self.ask(stop).await?;
        let Some((min, _)) = offsets.bounds() else {
            return Err(Obstacle::BrokerDown);
        };
        let missing = story::missing(expected, first, min);
        self.ledger.skip_to(first, missing).await?;
        self.metrics.lost.inc_by(missing.lost);
        self.metrics.skipped.inc_by(missing.skipped);
        let key = &self.config.key;
        if missing.lost > 0 {
            tracing::error!(
                subscription = key,
                from = expected,
                messages = missing.lost,
                "{key}: LOST {} messages: the service's retention removed them before they were pulled",
                missing.lost
            );
        }
        if missing.skipped > 0 && self.rivals.moved() {
            self.metrics.rivals.inc();
            if self.rivals.is_news() {
                tracing::warn!(
                    subscription = key,
                    to = first,
                    messages = missing.skipped,
                    "{key}: another consumer acknowledged {} messages, up to {first}, before they were pulled here: two \
                     consumers of one subscription get messages twice, or each a part of them; give each a \
                     subscription of its own",
                    missing.skipped
                );
            }
        } else if missing.skipped > 0 {
            tracing::warn!(
                subscription = key,
                to = first,
                messages = missing.skipped,
                "{key}: the subscription is at {first} now, beyond {} messages that were not pulled here: a seek moved it \
                 over them, or another consumer acknowledged them",
                missing.skipped
            );
        }
        Ok(())
    }

    pub(super) async fn rewind(
        &mut self,
        first: u64,
        acked: u64,
        stop: &CancellationToken,
    ) -> Result<(), Obstacle> {
        let offsets = self.ask(stop).await?;
        let Some((_, max)) = offsets.bounds() else {
            return Err(Obstacle::BrokerDown);
        };
        let turn = if max < acked { Turn::NewLog } else { Turn::Rewind };
        self.begin_epoch(first, turn).await?;
        let key = &self.config.key;
        if turn == Turn::NewLog {
            self.metrics.log_resets.inc();
            tracing::error!(
                subscription = key,
                first,
                max,
                "{key}: the log of the topic was made anew, and somebody moved the subscription into it"
            );
        } else {
            self.metrics.rewinds.inc();
            tracing::warn!(
                subscription = key,
                first,
                acknowledged_before = acked,
                "{key}: somebody moved the subscription back to {first}; delivering again from there"
            );
        }
        Ok(())
    }
}
