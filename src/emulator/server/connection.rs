//! Connections that can be ended from outside: all of them when the emulator has stopped, and one by a request that came
//! over it. They lie below TLS, so that they end the same with and without it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use super::aborted;

/// The end of a connection, in the hands of its requests.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    cut: CancellationToken,
    manner: Arc<Manner>,
}

/// How a connection ends.
#[derive(Debug, Default)]
struct Manner {
    reset: AtomicBool,
    when_flushed: AtomicBool,
}

impl Line {
    /// One that also ends when `cut` is cancelled.
    pub(super) fn new(cut: CancellationToken) -> Self {
        Self { cut, manner: Arc::default() }
    }

    /// Does what is done over it, until it is cut: then the connection is dropped, in the middle of whatever it is.
    pub(super) async fn until_cut(self, attending: impl Future<Output = ()>) {
        self.cut.run_until_cancelled(attending).await;
    }

    /// Nothing more is read or written; the other side sees the end of the connection.
    pub(crate) fn close(&self) {
        self.cut.cancel();
    }

    /// Nothing more is read or written; the other side sees the connection reset.
    pub(crate) fn reset(&self) {
        self.manner.reset.store(true, Ordering::Release);
        self.cut.cancel();
    }

    /// As [`Line::close`], once what was written so far is sent.
    pub(crate) fn close_when_flushed(&self) {
        self.manner.when_flushed.store(true, Ordering::Release);
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    line: Line,
    patience: Duration,
    /// Runs while the other side takes nothing of what is to be written.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, line: Line, patience: Duration) -> Self {
        Self { stream, line, patience, stalled: None }
    }

    /// A write that has come to `progress`, and fails if there was none for too long.
    fn watched<T>(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.line.manner.reset.load(Ordering::Acquire) {
            // Data that is unsent is dropped then, and the socket says so to the other side when it is closed.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watched(context, progress)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        if this.line.manner.when_flushed.load(Ordering::Acquire) {
            return Poll::Ready(Err(aborted()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.watched(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
