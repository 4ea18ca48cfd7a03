//! A writer that lives on the blocking threads, one job at a time.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use tokio::task::{JoinError, JoinHandle};

use super::{Delivery, Receipt, Slice};

/// Lends its writer `W` to one blocking job after another.
///
/// If the future of [`Worker::run`] is dropped, its job goes on; the next call waits for it first. So a writer that
/// hangs costs one thread, not one for each attempt. And what such a job has delivered is not delivered again: its
/// receipt is handed in with the next call.
pub(crate) struct Worker<W> {
    writer: Arc<Mutex<W>>,
    busy: Option<Job>,
}

struct Job {
    epoch: u64,
    /// The first message of its slice.
    first: Option<u64>,
    running: JoinHandle<Delivery>,
}

impl<W: Send + 'static> Worker<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer: Arc::new(Mutex::new(writer)), busy: None }
    }

    /// Whether a job that nobody waits for is still at work.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.as_ref().is_some_and(|job| !job.running.is_finished())
    }

    /// What `look` finds in the writer; `None` while it is at work, and while nobody knows what came of its last job.
    pub(crate) fn peek<T>(&self, look: impl FnOnce(&W) -> T) -> Option<T> {
        if self.busy.is_some() {
            return None;
        }
        match self.writer.try_lock() {
            Ok(writer) => Some(look(&writer)),
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => None,
        }
    }

    /// Runs `job` with `slice` on a blocking thread, unless a job that was abandoned has delivered its beginning. A panic
    /// in it goes on in the caller.
    pub(crate) async fn run(
        &mut self,
        slice: Slice,
        job: impl FnOnce(&mut W, &Slice) -> Delivery + Send + 'static,
    ) -> Delivery {
        if let Some(late) = self.late(&slice).await {
            return Delivery { receipt: Some(late), trouble: None };
        }
        let writer = Arc::clone(&self.writer);
        let (epoch, first) = (slice.epoch, slice.first().map(|message| message.id()));
        let running = tokio::task::spawn_blocking(move || {
            job(&mut writer.lock().unwrap_or_else(PoisonError::into_inner), &slice)
        });
        let running = &mut self.busy.insert(Job { epoch, first, running }).running;
        let finished = running.await;
        self.busy = None;
        match finished.map_err(JoinError::try_into_panic) {
            Ok(delivery) => delivery,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Blocking jobs are cancelled only when the runtime ends, and then nobody is left to answer.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// The receipt of the messages of `slice` that an abandoned job has delivered, if these are its first ones. What
    /// trouble that job had the next one has again.
    async fn late(&mut self, slice: &Slice) -> Option<Receipt> {
        let finished = (&mut self.busy.as_mut()?.running).await;
        let Job { epoch, first, .. } = self.busy.take()?;
        let late = finished.ok()?.receipt?;
        let same = epoch == slice.epoch && first <= slice.first().map(|message| message.id());
        let count = slice.messages().take_while(|message| message.id() < late.next).count();
        slice.receipt(count).filter(|_| same).map(|receipt| receipt.with_files(late.files))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::sink::tests::slice;

    /// A worker that counts its jobs, and was left alone with messages 3 to 8.
    async fn abandoned() -> Worker<u32> {
        let (release, hang) = mpsc::channel::<()>();
        let mut worker = Worker::new(0);
        let first = worker.run(slice(3, 9, 0), move |count, slice| {
            hang.recv().unwrap();
            *count += 1;
            Delivery { receipt: slice.receipt(usize::MAX), trouble: None }
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), first).await.is_err());
        assert!(worker.is_busy());
        release.send(()).unwrap();
        worker
    }

    /// What the next job finds, if it is run at all; and one past the last message that is vouched for.
    async fn next(worker: &mut Worker<u32>, slice: Slice) -> (Option<u32>, Option<u64>) {
        let (seen, count) = mpsc::channel();
        let delivery = worker.run(slice, move |count, slice| {
            seen.send(*count).unwrap();
            Delivery { receipt: slice.receipt(usize::MAX), trouble: None }
        });
        let next = delivery.await.receipt.map(|receipt| receipt.next());
        (count.recv().ok(), next)
    }

    #[tokio::test]
    async fn a_job_that_hangs_is_waited_for_and_not_run_beside() {
        assert_eq!(next(&mut abandoned().await, slice(9, 12, 0)).await, (Some(1), Some(12)));
    }

    #[tokio::test]
    async fn what_an_abandoned_job_has_delivered_is_vouched_for_and_not_delivered_again() {
        for (again, reached) in [(slice(3, 9, 0), 9), (slice(3, 20, 0), 9), (slice(5, 7, 0), 7)] {
            let mut worker = abandoned().await;
            assert!(worker.peek(|_| ()).is_none(), "nobody knows yet what came of it");
            assert_eq!(next(&mut worker, again).await, (None, Some(reached)));
            assert_eq!(next(&mut worker, slice(9, 12, 0)).await, (Some(1), Some(12)));
        }
    }

    #[tokio::test]
    async fn a_wanted_replay_of_what_an_abandoned_job_has_delivered_is_delivered() {
        for again in [slice(3, 9, 1), slice(2, 9, 0)] {
            assert_eq!(next(&mut abandoned().await, again).await, (Some(1), Some(9)));
        }
    }
}
