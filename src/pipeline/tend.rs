//! What the sinks have to do while nothing comes: files that are idle are closed, and the like.

use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::future::join_all;
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
            let due = tokio::select! {
                biased;
                () = stop.cancelled() => return ControlFlow::Break(()),
                due = self.tend(Occasion::Lull) => due,
            };
            let left = until.saturating_duration_since(Instant::now());
            let rest = due.map_or(left, |due| left.min(due.max(SHORTEST_REST)));
            pause(rest, stop).await?;
            if rest == left {
                return ControlFlow::Continue(());
            }
        }
    }
}
