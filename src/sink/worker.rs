//! A writer that lives on the blocking threads, one job at a time.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use super::{Delivery, Receipt, Slice, Trouble};

/// Lends its writer `W` to one blocking job after another.
///
/// If the future of [`Worker::run`] is dropped, its job goes on; the next call waits for it first. So a writer that
/// hangs costs one thread, not one for each attempt. And what such a job has delivered need not be delivered again: see
/// [`Worker::late`].
pub(crate) struct Worker<W> {
    writer: Arc<Mutex<W>>,
    busy: Option<JoinHandle<()>>,
    /// The last delivery, as long as nobody has heard what came of all its messages.
    unheard: Option<Unheard>,
}

struct Unheard {
    epoch: u64,
    /// Its first message.
    first: Option<u64>,
    outcome: oneshot::Receiver<Result<Delivery, Trouble>>,
}

impl<W: Send + 'static> Worker<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer: Arc::new(Mutex::new(writer)), busy: None, unheard: None }
    }

    /// Whether a job that nobody waits for is still at work.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.as_ref().is_some_and(|job| !job.is_finished())
    }

    /// What `look` finds in the writer; `None` while it is at work, and while there is something of a delivery that
    /// nobody has heard of.
    pub(crate) fn peek<T>(&self, look: impl FnOnce(&W) -> T) -> Option<T> {
        if self.unheard.is_some() {
            return None;
        }
        match self.writer.try_lock() {
            Ok(writer) => Some(look(&writer)),
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => None,
        }
    }

    /// Runs `job` on a blocking thread. A panic in it goes on in the caller.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut W) -> T + Send + 'static,
    ) -> T {
        self.wait().await;
        let writer = Arc::clone(&self.writer);
        let (done, outcome) = oneshot::channel();
        let running = self.busy.insert(tokio::task::spawn_blocking(move || {
            let _ = done.send(job(&mut writer.lock().unwrap_or_else(PoisonError::into_inner)));
        }));
        let finished = running.await;
        self.busy = None;
        if let Err(Ok(panic)) = finished.map_err(JoinError::try_into_panic) {
            std::panic::resume_unwind(panic);
        }
        match outcome.await {
            Ok(outcome) => outcome,
            // Blocking jobs are cancelled only when the runtime ends, and then nobody is left to answer.
            Err(_) => std::future::pending().await,
        }
    }

    /// The same for `job` with a slice. If the future is dropped, [`Worker::late`] tells what came of it.
    pub(crate) async fn deliver(
        &mut self,
        slice: Slice,
        job: impl FnOnce(&mut W, &Slice) -> Result<Delivery, Trouble> + Send + 'static,
    ) -> Result<Delivery, Trouble> {
        self.wait().await;
        let (done, outcome) = oneshot::channel();
        let first = slice.first().map(|message| message.id());
        self.unheard = Some(Unheard { epoch: slice.epoch, first, outcome });
        self.run(move |writer| drop(done.send(job(writer, &slice)))).await;
        match self.unheard.take().map(|mut unheard| unheard.outcome.try_recv()) {
            Some(Ok(outcome)) => outcome,
            // It has ended, and has said what came of it.
            _ => Ok(Delivery::otherwise()),
        }
    }

    /// What a delivery that was given up has made durable of the first messages of `slice`, once it is done; `None` if
    /// that is nothing. What it has made durable beyond `slice` is kept for the next one, and the trouble that it had
    /// that one has again.
    pub(crate) async fn late(&mut self, slice: &Slice) -> Option<Delivery> {
        self.wait().await;
        let Unheard { epoch, first, mut outcome } = self.unheard.take()?;
        let late = outcome.try_recv().ok()?.ok()?.receipt?;
        if epoch != slice.epoch || first > slice.first().map(|message| message.id()) {
            return None;
        }
        let count = slice.messages().take_while(|message| message.id() < late.next).count();
        let misdated = late.misdated.min(count as u64);
        let receipt = Receipt { misdated, ..slice.receipt(count)?.with_files(late.files.clone()) };
        if slice.last().is_some_and(|last| last.id() + 1 < late.next) {
            let left = Receipt { misdated: late.misdated - misdated, ..late };
            let (done, outcome) = oneshot::channel();
            let _ = done.send(Ok(Delivery { receipt: Some(left), trouble: None }));
            self.unheard = Some(Unheard { epoch, first, outcome });
        }
        Some(Delivery { receipt: Some(receipt), trouble: None })
    }

    /// For a job that nobody waits for any more.
    async fn wait(&mut self) {
        if let Some(abandoned) = &mut self.busy {
            let _ = abandoned.await;
            self.busy = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::sink::tests::slice;

    fn all(slice: &Slice) -> Delivery {
        Delivery { receipt: slice.receipt(usize::MAX), trouble: None }
    }

    /// A worker that counts its jobs, and was left alone with messages 3 to 8.
    async fn abandoned() -> Worker<u32> {
        let (release, hang) = mpsc::channel::<()>();
        let mut worker = Worker::new(0);
        let first = worker.deliver(slice(3, 9, 0), move |count, slice| {
            hang.recv().unwrap();
            *count += 1;
            Ok(all(slice))
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), first).await.is_err());
        assert!(worker.is_busy());
        release.send(()).unwrap();
        worker
    }

    /// How many jobs there were before `slice` is delivered, if it has to be; and one past the last message that is
    /// vouched for.
    async fn next(worker: &mut Worker<u32>, slice: Slice) -> (Option<u32>, Option<u64>) {
        if let Some(late) = worker.late(&slice).await {
            return (None, late.receipt.map(|receipt| receipt.next()));
        }
        let count = worker.run(|count| *count).await;
        let delivery = worker.deliver(slice, |_, slice| Ok(all(slice))).await.unwrap();
        (Some(count), delivery.receipt.map(|receipt| receipt.next()))
    }

    #[tokio::test]
    async fn a_job_that_hangs_is_waited_for_and_not_run_beside() {
        assert_eq!(abandoned().await.run(|count| *count).await, 1);
    }

    #[tokio::test]
    async fn what_a_delivery_that_was_given_up_made_durable_is_vouched_for_and_not_delivered_again() {
        for again in [slice(3, 9, 0), slice(3, 20, 0), slice(8, 9, 0)] {
            let mut worker = abandoned().await;
            assert!(worker.peek(|_| ()).is_none(), "nobody has heard yet what came of it");
            assert_eq!(next(&mut worker, again).await, (None, Some(9)));
            assert!(worker.peek(|_| ()).is_some());
            assert_eq!(next(&mut worker, slice(9, 12, 0)).await, (Some(1), Some(12)));
        }
    }

    #[tokio::test]
    async fn what_it_made_durable_beyond_the_next_slice_is_vouched_for_with_the_one_after() {
        let mut worker = abandoned().await;
        assert_eq!(next(&mut worker, slice(5, 7, 0)).await, (None, Some(7)));
        assert!(worker.peek(|_| ()).is_none(), "nobody has heard yet of 7 and 8");
        assert_eq!(next(&mut worker, slice(7, 12, 0)).await, (None, Some(9)));
        assert_eq!(next(&mut worker, slice(9, 12, 0)).await, (Some(1), Some(12)));
    }

    #[tokio::test]
    async fn what_it_put_aside_is_counted_once_however_it_is_vouched_for() {
        let mut worker = Worker::new(());
        let (release, hang) = mpsc::channel::<()>();
        let job = worker.deliver(slice(3, 9, 0), move |(), slice| {
            hang.recv().unwrap();
            let receipt = slice.receipt(usize::MAX).map(|receipt| Receipt { misdated: 3, ..receipt });
            Ok(Delivery { receipt, trouble: None })
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), job).await.is_err());
        release.send(()).unwrap();
        for (again, counted) in [(slice(3, 5, 0), 2), (slice(5, 12, 0), 1)] {
            let late = worker.late(&again).await.unwrap();
            assert_eq!(late.receipt.unwrap().misdated(), counted);
        }
    }

    #[tokio::test]
    async fn what_it_has_nothing_of_is_delivered_and_so_is_a_wanted_replay() {
        for (again, reached) in [(slice(9, 12, 0), 12), (slice(3, 9, 1), 9), (slice(2, 9, 0), 9)] {
            assert_eq!(next(&mut abandoned().await, again).await, (Some(1), Some(reached)));
        }
    }
}
