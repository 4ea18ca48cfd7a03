//! Connections that can be ended from outside: all of them when the emulator has stopped, and one by a request that came
//! over it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Accepted connections, all of which end when `cut` is cancelled.
pub(super) struct Connections {
    listener: TcpListener,
    cut: CancellationToken,
}

impl Connections {
    pub(super) fn new(listener: TcpListener, cut: CancellationToken) -> Self {
        Self { listener, cut }
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Without it small answers wait for the client's delayed acknowledgements. It cannot fail on a socket just made.
        let _ = stream.set_nodelay(true);
        let line = Line { cut: self.cut.child_token(), manner: Arc::default() };
        (Connection { stream, cut: Box::pin(line.cut.clone().cancelled_owned()), line }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

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

impl Connected<IncomingStream<'_, Connections>> for Line {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.io().line.clone()
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    line: Line,
}

impl Connection {
    /// The stream, unless it is cut; the task is woken when it will be.
    fn stream(self: Pin<&mut Self>, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        let this = self.get_mut();
        match this.cut.as_mut().poll(context) {
            Poll::Ready(()) => {
                if this.line.manner.reset.load(Ordering::Acquire) {
                    // Data that is unsent is dropped then, and the socket says so to the other side when it is closed.
                    this.stream.set_zero_linger()?;
                }
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Poll::Pending => Ok(Pin::new(&mut this.stream)),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream(context)?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().stream(context)?.poll_flush(context))?;
        if self.line.manner.when_flushed.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream(context)?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
