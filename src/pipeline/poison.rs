//! A record that the service cannot hand out, or that is too large to take: nothing behind it can be pulled before the
//! subscription is moved past it.

use tokio_util::sync::CancellationToken;

use super::dead_letters::Letter;
use super::obstacle::Obstacle;
use super::pace::LARGEST_MESSAGE;
use super::story::{self, Ids};
use super::{Ledger, Pipeline};
use crate::config::OnPoison;
use crate::fail_point;

impl Pipeline {
    /// The pull of a single message failed because of that message. `Ok` when it is worth pulling again.
    ///
    /// Nothing is skipped that was not found twice in one place: between the pull and the question where the
    /// subscription stands, somebody may have moved it.
    pub(super) async fn poisoned(&mut self, said: &str, stop: &CancellationToken) -> Result<(), Obstacle> {
        let offsets = self.ask(stop).await?;
        let Some((min, _)) = offsets.bounds() else { return Err(Obstacle::BrokerDown) };
        let at = u64::try_from(offsets.current).unwrap_or(0).max(min);
        let is_known = self.counted_poison == Some(at);
        if !is_known {
            self.counted_poison = Some(at);
            self.metrics.poisoned.inc();
        }
        match self.config.on_poison {
            OnPoison::Halt => Err(Obstacle::Halted(format!(
                "message {at} blocks the subscription: {said} (for a single message at most {LARGEST_MESSAGE} bytes are \
                 taken). Nothing is lost so far; to give up this one message: `ams subscription seek {} --offset {}`",
                self.config.subscription,
                at + 1
            ))),
            OnPoison::Skip if is_known => self.skip(at, said, stop).await,
            OnPoison::Skip => Ok(()),
        }
    }

    /// Notes the record among the dead letters and in the ledger, and only then moves the subscription past it. One that
    /// a crash left noted is only moved past.
    async fn skip(&mut self, at: u64, said: &str, stop: &CancellationToken) -> Result<(), Obstacle> {
        let Some(position) = self.ledger.position() else { return Ok(()) };
        match story::ids(at, position) {
            Ids::Expected => self.note_skip(at, said).await?,
            Ids::Redelivered => {}
            // What its neighbours would tell if they could be pulled.
            Ids::Gap => {
                self.account_for_gap(at, position.delivered, stop).await?;
                self.note_skip(at, said).await?;
            }
            Ids::Rewind => {
                self.rewind(at, position.acked, stop).await?;
                self.note_skip(at, said).await?;
            }
        }
        fail_point::pass("skip noted");
        self.seek(at + 1, stop).await?;
        fail_point::pass("skip done");
        self.ledger.accepted(at + 1);
        // Lost, it is found out by `:offsets`.
        let _ = self.ledger.keep().await;
        self.seen = self.seen.max(at + 1);
        self.show_position();
        Ok(())
    }

    async fn note_skip(&self, at: u64, said: &str) -> Result<(), Obstacle> {
        let key = &self.config.key;
        let subscription = self.config.subscription.qualified(self.client.project());
        let epoch = self.ledger.position().map_or(0, |position| position.epoch);
        let letter = Letter::unreadable(at, &subscription, said, epoch);
        let record = move |ledger: &Ledger, end| ledger.leave_out(at + 1, &end);
        let kept = self.dead_letters.keep(letter, &self.ledger, record).await;
        kept.map_err(Obstacle::NotKept)?;
        tracing::error!(
            subscription = key,
            id = at,
            "{key}: SKIPPED message {at}, which the service cannot hand out: {said}; it is noted among the dead letters"
        );
        Ok(())
    }
}
