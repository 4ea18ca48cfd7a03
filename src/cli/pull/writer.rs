//! Standard output, as a place for lines that somebody may stop to read.

use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use tokio::sync::oneshot;

use crate::cli::Error;

/// Writes and flushes all of `text`, on a thread that may wait for whoever reads. If the call is dropped, some of it may
/// be written.
pub(super) async fn write(text: Vec<u8>) -> Result<(), Error> {
    if text.is_empty() {
        return Ok(());
    }
    let writing = tokio::task::spawn_blocking(move || {
        let mut out = io::stdout().lock();
        out.write_all(&text).and_then(|()| out.flush())
    });
    // It neither panics nor is aborted.
    writing.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(Error::Output)
}

/// Waits until nobody reads standard output any more, as it happens to pipes; for ever where that does not happen.
pub(super) async fn closed() {
    let (closed, known) = oneshot::channel();
    // It is not waited for at the end, for it waits for somebody else.
    std::thread::spawn(move || {
        // No event is asked for: only errors are left, which are what a pipe without a reader has.
        let out = io::stdout();
        let found = retry_on_intr(|| poll(&mut [PollFd::new(&out, PollFlags::empty())], None));
        // Whoever waits may be gone.
        found.map(|_| closed.send(()))
    });
    if known.await.is_err() {
        std::future::pending::<()>().await;
    }
}
