//! Tasks beside the pipelines: the admin server, the emulator, the demo publisher. Each is started and, in its turn,
//! ended; none is left to itself.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::supervisor::panic_reason;

/// What an attendant may take to finish the answers it is at.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running task that ends when it is told to; dropped, it ends at once.
#[derive(Debug)]
pub(crate) struct Attendant {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Attendant {
    /// Starts what `run` makes of the token that will tell it to end.
    pub(crate) fn start<Fut>(name: &'static str, run: impl FnOnce(CancellationToken) -> Fut) -> Self
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        Self { name, task: tokio::spawn(run(stop.clone())), stop }
    }

    /// Tells it to end and waits until it has, a second at most.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        match tokio::time::timeout(PATIENCE, &mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let reason =
                    error.try_into_panic().map_or("it was aborted".to_owned(), |panic| panic_reason(&*panic));
                tracing::error!("the {} had failed: {reason}", self.name);
            }
            Err(_) => tracing::debug!("the {} did not end in time and was aborted", self.name),
        }
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        self.task.abort();
    }
}
