//! What follows when nobody reads any more what a sink writes.

use super::{End, Job, Lane};
use crate::config::OnClosed;
use crate::metrics::State;
use crate::sink::SinkError;

impl Lane {
    /// The daemon ends, with what all sinks have acknowledged; or the sink is done and misses everything from now on, if
    /// it is a best-effort one. That is said once.
    pub(super) async fn closed(&mut self, error: &SinkError, then: OnClosed, job: Job<'_>) -> End {
        let (subscription, sink) = (&self.key, &self.name);
        if then == OnClosed::Disable && !self.required {
            self.count(error, State::Stopped);
            self.disabled = Some(error.clone());
            tracing::warn!(
                subscription,
                sink,
                "{subscription}: sink {sink}: {error}; it is disabled, and what it misses is counted as dropped"
            );
            return End::GivenUp;
        }
        self.count(error, State::Stopped);
        if !self.end.is_cancelled() {
            tracing::info!(subscription, sink, "{subscription}: sink {sink}: {error}; stopping");
            self.end.cancel();
        }
        job.stop.cancelled().await;
        End::Stopping
    }
}
