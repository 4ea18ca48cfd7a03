//! What a best-effort sink misses, because it is too slow or fails.

use std::time::Duration;

use super::Lane;

impl Lane {
    /// Whether it still works on what it was given before and nobody waits for any more.
    pub(in crate::pipeline) fn is_busy(&self) -> bool {
        self.sink.is_busy()
    }

    /// Its time with this batch was over before it was done. The next batches go on without it for a while.
    pub(in crate::pipeline) fn was_too_slow(&mut self) {
        self.not_before(Duration::ZERO);
    }

    /// What it does not have before `next` is not given to this sink again. Only for best-effort sinks.
    pub(in crate::pipeline) fn give_up(&mut self, next: u64) {
        let missed = self.ledger.give_up(&self.name, next);
        self.metrics.sink(&self.name, |sink| sink.dropped.inc_by(missed));
        if missed > 0 && self.disabled.is_none() && self.too_slow.is_news("") {
            let (subscription, sink) = (&self.key, &self.name);
            tracing::warn!(
                subscription,
                sink,
                messages = missed,
                "{subscription}: {missed} messages dropped: the best-effort sink {sink} failed or was too slow"
            );
        }
    }
}
