//! The first step: a batch from the service, of a size that fits.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio_util::sync::CancellationToken;

use super::Pipeline;
use super::budget::Reservation;
use super::obstacle::Obstacle;
use crate::client::{Batch, ErrorKind, Message, PullLimits};
use crate::fail_point;

/// A batch that is not empty, with the memory set aside for it.
#[derive(Debug)]
pub(super) struct Pulled {
    pub(super) batch: Arc<Batch>,
    pub(super) first: u64,
    last: u64,
    /// When the last message was published.
    pub(super) published: Option<SystemTime>,
    /// Whether there may be more than this in the log.
    pub(super) full: bool,
    /// When the service answered.
    pub(super) at: Instant,
    _memory: Reservation,
}

impl Pulled {
    /// One past the last id.
    pub(super) fn end(&self) -> u64 {
        self.last + 1
    }

    /// How many messages come before the one with this id. Asked once for each request of a sink.
    pub(super) fn count_before(&self, id: u64) -> usize {
        let (mut start, mut end) = (0, self.batch.len());
        while start < end {
            let middle = usize::midpoint(start, end);
            if self.batch.get(middle).is_some_and(|message| message.id() < id) {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
    }
}

impl Pipeline {
    /// Pulls, making the batch smaller until the service can answer and the answer fits. `None` if there was nothing.
    pub(super) async fn pull(&mut self, stop: &CancellationToken) -> Result<Option<Pulled>, Obstacle> {
        loop {
            let limits = PullLimits { max_messages: self.size.messages(), max_bytes: self.size.bytes() };
            let (mut memory, started, answer) = tokio::select! {
                biased;
                // A pull moves nothing, so it can be dropped at any point.
                () = stop.cancelled() => return Err(Obstacle::Stopping),
                pulled = async {
                    let memory = self.budget.reserve(limits.max_bytes).await;
                    let started = Instant::now();
                    (memory, started, self.client.pull(&self.config.subscription, limits).await)
                } => pulled,
            };
            fail_point::pass("pulled");
            let error = match answer {
                Ok(batch) => {
                    self.metrics.pull_duration.observe(started.elapsed().as_secs_f64());
                    self.status.succeeded();
                    self.size.fitted(batch.len(), batch.wire_bytes());
                    memory.shrink_to(batch.wire_bytes());
                    return Ok(self.received(batch, limits, memory));
                }
                Err(error) => error,
            };
            drop(memory);
            if error.kind() == ErrorKind::TooLarge && self.size.was_underestimated() {
                continue;
            }
            self.metrics.pull_failures.count(error.class());
            let is_smaller = match error.kind() {
                ErrorKind::PoisonedRecord | ErrorKind::TooLarge => self.size.halve(),
                _ => {
                    if error.class() == "timeout" {
                        // Over a slow line a smaller answer may come through in time.
                        self.size.halve();
                    }
                    return Err(Obstacle::Service(error));
                }
            };
            if !is_smaller {
                self.poisoned(error.message(), stop).await?;
            }
        }
    }

    fn received(&mut self, batch: Batch, asked: PullLimits, memory: Reservation) -> Option<Pulled> {
        let (first, last) = (batch.iter().next()?, batch.get(batch.len() - 1)?);
        self.metrics.batch_messages.observe(batch.len() as f64);
        self.metrics.received_bytes.inc_by(batch.wire_bytes() as u64);
        self.metrics.set_oldest(published(first));
        self.log_end = self.log_end.max(last.id() + 1);
        Some(Pulled {
            first: first.id(),
            last: last.id(),
            published: published(last),
            full: batch.len() >= asked.max_messages as usize,
            batch: Arc::new(batch),
            at: Instant::now(),
            _memory: memory,
        })
    }
}

fn published(message: Message<'_>) -> Option<SystemTime> {
    message.publish_time().parse::<jiff::Timestamp>().ok().map(Into::into)
}
