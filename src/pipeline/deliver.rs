//! The third step: every sink gets what it does not have yet, side by side, each at its own pace.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio_util::sync::CancellationToken;

use super::at_work::AtWork;
use super::lane::{End, Job};
use super::obstacle::Obstacle;
use super::pull::Pulled;
use super::{Pipeline, pause};

/// How long a best-effort sink may hold up a batch that the required ones have.
const BEST_EFFORT_GRACE: Duration = Duration::from_secs(5);

impl Pipeline {
    /// Delivers a batch to all sinks. What each of them took is in the ledger, whatever the outcome.
    pub(super) async fn deliver(
        &mut self,
        pulled: &Pulled,
        stop: &CancellationToken,
    ) -> Result<(), Obstacle> {
        let required_done = CancellationToken::new();
        // Beside the pipeline, which has an eye on the log meanwhile.
        let (mut lanes, budget) = (std::mem::take(&mut self.lanes), self.budget.clone());
        let (required, best_effort): (Vec<_>, Vec<_>) = lanes.iter_mut().partition(|lane| lane.is_required());
        let job = Job { pulled, budget: &budget, at_work: &AtWork::new(required.len()), stop };
        let left = AtomicUsize::new(required.len());
        let required = join_all(required.into_iter().map(|lane| {
            let (left, required_done) = (&left, &required_done);
            async move {
                let end = lane.deliver(job).await;
                job.at_work.leave();
                if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                    required_done.cancel();
                }
                lane.tend_until(required_done).await;
                end
            }
        }));
        let best_effort = join_all(best_effort.into_iter().map(|lane| {
            let required_done = &required_done;
            async move {
                let too_late = async {
                    required_done.cancelled().await;
                    let _ = pause(BEST_EFFORT_GRACE, stop).await;
                };
                // One that hangs has had its time with the batch before.
                if !lane.is_busy() {
                    tokio::select! {
                        biased;
                        _ = lane.deliver(job) => {}
                        () = too_late => lane.was_too_slow(),
                    }
                }
                lane
            }
        }));
        let (ends, best_effort) = tokio::select! {
            biased;
            delivered = join(required, best_effort) => delivered,
            never = self.keep_looking(stop) => match never {},
        };
        if let Some(position) = self.ledger.position() {
            // What the required sinks do not have comes again.
            for lane in best_effort {
                lane.give_up(position.delivered);
            }
        }
        self.lanes = lanes;
        self.show_position();
        if ends.iter().any(|end| matches!(end, End::Stopping)) {
            return Err(Obstacle::Stopping);
        }
        // The sink that is to be tried first: the others go on waiting with the next batch.
        match ends.into_iter().filter_map(End::wait).min() {
            Some(wait) => Err(Obstacle::GivenBack { wait }),
            None => Ok(()),
        }
    }
}
