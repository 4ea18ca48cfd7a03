//! Which required sinks have something to do with a batch: one that is parked keeps it only as long as another one does.

use tokio::sync::watch;

/// How many required sinks are neither done with a batch nor parked.
#[derive(Debug)]
pub(super) struct AtWork(watch::Sender<usize>);

/// Somebody who does not count while this lives.
#[derive(Debug)]
pub(super) struct Away<'a>(&'a AtWork);

impl AtWork {
    pub(super) fn new(sinks: usize) -> Self {
        Self(watch::Sender::new(sinks))
    }

    /// One of them is done.
    pub(super) fn leave(&self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }

    /// One of them is parked until its next attempt.
    pub(super) fn park(&self) -> Away<'_> {
        self.leave();
        Away(self)
    }

    /// Waits until nobody is at work any more.
    pub(super) async fn nobody(&self) {
        // The sender lives as long as this does.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count += 1);
    }
}
