//! A writer that lives on the blocking threads, one job at a time.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

/// Lends its writer `W` to one blocking job after another.
///
/// If the future of [`Worker::run`] is dropped, its job goes on; the next call waits for it first. So a writer that
/// hangs costs one thread, not one for each attempt.
pub(crate) struct Worker<W> {
    writer: Arc<Mutex<W>>,
    busy: Option<JoinHandle<()>>,
}

impl<W: Send + 'static> Worker<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer: Arc::new(Mutex::new(writer)), busy: None }
    }

    /// Whether a job that nobody waits for is still at work.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.as_ref().is_some_and(|job| !job.is_finished())
    }

    /// What `look` finds in the writer; `None` while it is at work.
    pub(crate) fn peek<T>(&self, look: impl FnOnce(&W) -> T) -> Option<T> {
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
        if let Some(abandoned) = &mut self.busy {
            let _ = abandoned.await;
        }
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
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_job_that_hangs_is_waited_for_and_not_run_beside() {
        let (release, hang) = mpsc::channel::<()>();
        let mut worker = Worker::new(0);
        let first = worker.run(move |count| {
            hang.recv().unwrap();
            *count += 1;
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), first).await.is_err());
        release.send(()).unwrap();
        assert_eq!(worker.run(|count| *count).await, 1);
    }
}
