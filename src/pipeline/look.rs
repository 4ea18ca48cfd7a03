//! Asking the service where the subscription stands, at the start, every now and then, and whenever something is
//! surprising.

use std::convert::Infallible;
use std::time::SystemTime;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ledger::Turn;
use super::obstacle::Obstacle;
use super::story::{self, Inherited, Log};
use super::{LOOK_EVERY, Pipeline};
use crate::client::{Error, Offsets};
use crate::config::OnLogReset;
use crate::fail_point;

impl Pipeline {
    /// Takes the service's position where none is known yet, and finds what no pull shows: a log made anew, and a
    /// subscription moved beyond the end.
    pub(super) async fn look(&mut self, stop: &CancellationToken) -> Result<(), Obstacle> {
        let offsets = self.ask(stop).await?;
        fail_point::pass("looked");
        match story::log(&offsets, self.ledger.position()) {
            Log::BrokerDown => return Err(Obstacle::BrokerDown),
            Log::MadeAnew { min, inside } => self.log_made_anew(min, inside, &offsets, stop).await?,
            Log::Astray => self.come_back(&offsets, stop).await?,
            Log::Fine => {
                self.counted_reset = false;
                if let Ok(current) = u64::try_from(offsets.current) {
                    // A subscription behind the start of the log is moved to it by the next pull.
                    let min = offsets.bounds().map_or(0, |(min, _)| min);
                    self.ledger.start(current.max(min));
                    self.inherit(current, min).await?;
                    self.accept(&offsets);
                }
            }
        }
        self.seen = self.seen.max(self.ledger.position().map_or(0, |position| position.delivered));
        self.next_look = Instant::now() + LOOK_EVERY;
        self.show_position();
        Ok(())
    }

    /// After a restart: what the service says about what an earlier run has left.
    async fn inherit(&mut self, current: u64, min: u64) -> Result<(), Obstacle> {
        let Some(inherited) = self.ledger.inherited(current, min) else { return Ok(()) };
        let key = self.config.key.clone();
        match inherited {
            Inherited::AsLeft => {}
            Inherited::Rewound => {
                self.begin_epoch(current, Turn::Rewind).await?;
                self.metrics.rewinds.inc();
                tracing::warn!(
                    subscription = key,
                    first = current,
                    "{key}: somebody moved the subscription to {current} since the last run; delivering again from there"
                );
            }
            Inherited::Ahead => {
                self.ledger.distrust_files();
                tracing::warn!(
                    subscription = key,
                    current,
                    "{key}: the subscription is at {current}, beyond all that the ledger knows of: somebody moved it, or \
                     the ledger is an old one. Files are left as they are: a part of the last batch may come into them twice"
                );
            }
        }
        Ok(())
    }

    /// Keeps what is shown of the log true while a delivery takes long: how much has come meanwhile, and how much
    /// retention leaves of it. What else `:offsets` may tell is judged by the next [`Pipeline::look`].
    pub(super) async fn keep_looking(&mut self, stop: &CancellationToken) -> Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // A failure is counted, and there is nothing else to be done about it.
            let _ = self.ask(stop).await;
        }
    }

    /// Where the service says that the subscription stands, noted for people.
    pub(super) async fn ask(&mut self, stop: &CancellationToken) -> Result<Offsets, Obstacle> {
        let offsets = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Obstacle::Stopping),
            answer = self.client.offsets(&self.config.subscription) => answer,
        };
        let offsets = offsets.map_err(|error| self.failed(error))?;
        self.note(&offsets);
        Ok(offsets)
    }

    /// Notes the bounds of the log for people.
    pub(super) fn note(&mut self, offsets: &Offsets) {
        let Some((min, max)) = offsets.bounds() else {
            return;
        };
        let current = u64::try_from(offsets.current).unwrap_or(0);
        self.log_end = max;
        self.metrics.headroom.set(gauge(current.saturating_sub(min)));
        self.show_backlog(current.max(min), None);
    }

    /// What is left of the log from `next` on, as far as is known, and how old it is at most: `published` is when the
    /// message before it was, if that is known.
    pub(super) fn show_backlog(&self, next: u64, published: Option<SystemTime>) {
        let backlog = self.log_end.saturating_sub(next);
        self.metrics.backlog.set(gauge(backlog));
        if backlog == 0 {
            self.metrics.set_oldest(None);
        } else if published.is_some() {
            self.metrics.set_oldest(published);
        } else {
            self.metrics.set_oldest_if_unknown(SystemTime::now());
        }
        self.status.update(|status| status.backlog = Some(backlog));
    }

    /// Takes from the offsets what was accepted without our hearing of it.
    pub(super) fn accept(&self, offsets: &Offsets) {
        let accepted = u64::try_from(offsets.current).map_or(0, |current| self.ledger.accepted(current));
        self.metrics.acknowledged.inc_by(accepted);
    }

    async fn log_made_anew(
        &mut self,
        min: u64,
        inside: bool,
        offsets: &Offsets,
        stop: &CancellationToken,
    ) -> Result<(), Obstacle> {
        let key = &self.config.key;
        if !self.counted_reset {
            self.counted_reset = true;
            self.metrics.log_resets.inc();
            tracing::error!(
                subscription = key,
                min = offsets.min,
                max = offsets.max,
                current = offsets.current,
                "{key}: the log of the topic was made anew: it ends before what was delivered already"
            );
        }
        let start = if inside {
            // Somebody has chosen a place in the new log already.
            u64::try_from(offsets.current).unwrap_or(min)
        } else if self.config.on_log_reset == OnLogReset::FromStart {
            self.seek(min, stop).await?;
            min
        } else {
            return Err(Obstacle::Halted(format!(
                "the topic was made anew and on_log_reset is \"halt\": choose where to begin, with `ams subscription \
                 seek {} --offset N`, N from {min} to {}",
                self.config.subscription, offsets.max
            )));
        };
        self.begin_epoch(start, Turn::NewLog).await?;
        self.counted_reset = false;
        tracing::warn!(
            subscription = self.config.key,
            from = start,
            "{}: going on in the new log, from message {start}",
            self.config.key
        );
        Ok(())
    }

    /// A seek beyond the end is refused by the service and done all the same: nobody wanted that.
    async fn come_back(&mut self, offsets: &Offsets, stop: &CancellationToken) -> Result<(), Obstacle> {
        let Some(position) = self.ledger.position() else {
            return Ok(());
        };
        let min = offsets.bounds().map_or(0, |(min, _)| min);
        let back_to = position.acked.max(min);
        tracing::warn!(
            subscription = self.config.key,
            current = offsets.current,
            max = offsets.max,
            back_to,
            "{}: the subscription was moved beyond the end of the log, by a seek that the service refused; moving it back",
            self.config.key
        );
        self.seek(back_to, stop).await?;
        self.inherit(back_to, min).await
    }

    pub(super) async fn seek(&self, offset: u64, stop: &CancellationToken) -> Result<(), Obstacle> {
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Obstacle::Stopping),
            moved = self.client.modify_offset(&self.config.subscription, offset) => {
                moved.map_err(|error| self.failed(error))
            }
        }
    }

    /// Counts a failure on the way to a batch.
    fn failed(&self, error: Error) -> Obstacle {
        self.metrics.pull_failures.count(error.class());
        Obstacle::Service(error)
    }

    pub(super) async fn begin_epoch(&mut self, first: u64, turn: Turn) -> Result<(), Obstacle> {
        self.ledger.begin_epoch(first, turn).await?;
        self.seen = first;
        self.unresolved = false;
        Ok(())
    }

    /// Shows in the status how far the subscription and its sinks are.
    pub(super) fn show_position(&self) {
        let Some(position) = self.ledger.position() else {
            return;
        };
        self.status.update(|status| {
            status.epoch = position.epoch;
            status.next = Some(position.acked);
            for (name, sink) in &mut status.sinks {
                sink.next = Some(self.ledger.next_for(name));
            }
        });
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
