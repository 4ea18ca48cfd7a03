//! What a sink does while it is given nothing.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Lane;
use crate::pipeline::tend::{changed, rest};
use crate::sink::Occasion;

/// A best-effort sink that is tended for longer has had its time.
const LONGEST_TENDING: Duration = Duration::from_secs(5);

/// What failed while a sink was tended is tried again after so long.
const TEND_AGAIN: Duration = Duration::from_secs(1);

impl Lane {
    /// Lets the sink do what is due while it is given nothing. Says in how long it wants that again at the latest.
    pub(in crate::pipeline) async fn tend(&mut self, occasion: Occasion) -> Option<Duration> {
        let reopen = occasion == Occasion::Lull && self.reopen.has_changed().unwrap_or(false);
        self.reopen.mark_unchanged();
        let occasion = if reopen { Occasion::Reopen } else { occasion };
        let tended = if self.required {
            self.sink.tend(occasion).await
        } else {
            // One that hangs holds nothing up.
            tokio::time::timeout(LONGEST_TENDING, self.sink.tend(occasion)).await.unwrap_or(Ok(None))
        };
        match tended {
            Ok(due) => due.map(|due| due.saturating_duration_since(Instant::now())),
            Err(error) => {
                self.metrics.sink(&self.name, |sink| sink.failures.count(error.class));
                if self.tending.is_news(&error.message) {
                    let (subscription, sink) = (&self.key, &self.name);
                    tracing::warn!(subscription, sink, "{subscription}: sink {sink}: {error}; trying again");
                }
                Some(TEND_AGAIN)
            }
        }
    }

    /// Tends the sink, which has what it was given, as long as others are at work on that.
    pub(in crate::pipeline) async fn tend_until(&mut self, done: &CancellationToken) {
        let mut reopen = self.reopen.clone();
        while !done.is_cancelled() {
            let due = self.tend(Occasion::Lull).await;
            tokio::select! {
                () = done.cancelled() => {}
                () = changed(&mut reopen) => {}
                () = tokio::time::sleep(rest(Duration::MAX, due)) => {}
            }
        }
    }
}
