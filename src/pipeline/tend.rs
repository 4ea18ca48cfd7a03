//! What the sinks have to do while nothing is delivered to them: files that are idle are closed, and the like.

use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Lane, Pipeline, pause};
use crate::sink::Occasion;

/// However soon a sink wants to be tended again, it is not before this.
const SHORTEST_REST: Duration = Duration::from_millis(50);

impl Pipeline {
    /// Lets all sinks do what is due. Says in how long the first of them wants that again.
    pub(super) async fn tend(&mut self, occasion: Occasion) -> Option<Duration> {
        let tended = join_all(self.lanes.iter_mut().map(|lane: &mut Lane| lane.tend(occasion))).await;
        tended.into_iter().flatten().min()
    }

    /// A pause in which the sinks are tended, unless the daemon stops.
    pub(super) async fn idle(&mut self, time: Duration, stop: &CancellationToken) -> ControlFlow<()> {
        let until = Instant::now() + time;
        loop {
            self.reopen.mark_unchanged();
            let due = tokio::select! {
                biased;
                () = stop.cancelled() => return ControlFlow::Break(()),
                due = self.tend(Occasion::Lull) => due,
            };
            let left = until.saturating_duration_since(Instant::now());
            let rest = rest(left, due);
            tokio::select! {
                paused = pause(rest, stop) => paused?,
                () = changed(&mut self.reopen) => continue,
            }
            if rest == left {
                return ControlFlow::Continue(());
            }
        }
    }
}

/// How long to rest of a time that is `left`, when something is due in a while.
pub(super) fn rest(left: Duration, due: Option<Duration>) -> Duration {
    due.map_or(left, |due| left.min(due.max(SHORTEST_REST)))
}

/// Files are to be opened anew.
pub(super) async fn changed(reopen: &mut watch::Receiver<()>) {
    if reopen.changed().await.is_err() {
        // Nobody is left who could want it.
        std::future::pending::<()>().await;
    }
}
