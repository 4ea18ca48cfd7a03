//! The emulator on the network: a listener, its connections, and their end.
//!
//! Stopping is prompt: no connection is accepted any more, idle ones are closed, requests in flight get
//! [`GRACE`] to finish, and what is open then is cut. Whoever is slow, or silent, or sends what is no HTTP, holds one
//! of a bounded number of connections for a bounded time.

mod body;
mod connection;
mod guard;
mod service;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::seldom::Seldom;
pub(crate) use body::read as read_body;
use connection::Connection;
pub(crate) use connection::Line;
use guard::guarded;

/// How long requests in flight may go on after the shutdown signal.
const GRACE: Duration = Duration::from_secs(1);

/// How long a client may take for the TLS handshake, and how long it is listened to after a failed one.
const HANDSHAKE: Duration = Duration::from_secs(10);
const AFTER_ALERT: Duration = Duration::from_secs(1);

/// How large the head of a request may be.
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// What a listener serves.
pub(crate) trait Front: Send + Sync + 'static {
    /// The answer to a request.
    fn answer(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Body>> + Send;
}

/// Who is at the other end of a connection, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) line: Line,
    /// The certificate the client showed, if it was asked for one.
    pub(crate) certificate: Option<CertificateDer<'static>>,
    /// Cancelled when the emulator stops: what waits must end.
    pub(crate) stopping: CancellationToken,
}

/// What a listener puts up with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) connections: usize,
    /// How long a client may take for a head, a body, or for any progress in taking an answer; and how long it may be
    /// idle.
    pub(crate) client: Duration,
}

struct Server<F> {
    front: F,
    tls: Option<TlsAcceptor>,
    patience: Patience,
    stopping: CancellationToken,
}

/// Serves until `shutdown` is over.
pub(crate) async fn serve(
    front: impl Front,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    patience: Patience,
    shutdown: impl Future<Output = ()>,
) {
    let cut = CancellationToken::new();
    let server = Arc::new(Server { front, tls, patience, stopping: CancellationToken::new() });
    let tasks = TaskTracker::new();
    {
        let mut accepting = pin!(accept(&server, listener, &tasks, &cut));
        let mut shutdown = pin!(shutdown);
        poll_fn(|context| match accepting.as_mut().poll(context) {
            Poll::Ready(never) => match never {},
            Poll::Pending => shutdown.as_mut().poll(context),
        })
        .await;
    }
    server.stopping.cancel();
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        cut.cancel();
        tasks.wait().await;
    }
}

async fn accept<F: Front>(
    server: &Arc<Server<F>>,
    mut listener: TcpListener,
    tasks: &TaskTracker,
    cut: &CancellationToken,
) -> Infallible {
    let places = Arc::new(Semaphore::new(server.patience.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let complaint = Seldom::default();
    loop {
        if places.available_permits() == 0 && complaint.is_due() {
            tracing::warn!(
                connections = server.patience.connections,
                "the emulator takes no more connections until one of them ends (Options::max_connections, \
                 --max-connections)"
            );
        }
        let place = Arc::clone(&places).acquire_owned().await;
        let (stream, _) = Listener::accept(&mut listener).await;
        let (server, line) = (Arc::clone(server), Line::new(cut.child_token()));
        tasks.spawn(async move {
            line.clone().until_cut(Box::pin(attend(&server, stream, line))).await;
            drop(place);
        });
    }
}

async fn attend<F: Front>(server: &Server<F>, stream: TcpStream, line: Line) {
    // Without it small answers wait for the client's delayed acknowledgements. It cannot fail on a socket just made.
    let _ = stream.set_nodelay(true);
    let stream = Connection::new(stream, line.clone(), server.patience.client);
    let mut peer = Peer { line, certificate: None, stopping: server.stopping.clone() };
    let Some(tls) = &server.tls else {
        return converse(server, stream, peer).await;
    };
    let handshake = tokio::time::timeout(HANDSHAKE, tls.accept(stream).into_fallible());
    match server.stopping.run_until_cancelled(handshake).await {
        Some(Ok(Ok(stream))) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            peer.certificate = shown.cloned().map(CertificateDer::into_owned);
            converse(server, stream, peer).await;
        }
        Some(Ok(Err((_, stream)))) => part(stream).await,
        Some(Err(_)) | None => {}
    }
}

/// Ends a connection so that an alert just sent is read: one that is closed with unread data in it would be reset.
async fn part(mut stream: Connection) {
    let reading = async {
        let _ = stream.shutdown().await;
        let mut unread = [0; 4096];
        while stream.read(&mut unread).await.is_ok_and(|bytes| bytes > 0) {}
    };
    let _ = tokio::time::timeout(AFTER_ALERT, reading).await;
}

async fn converse<F: Front>(server: &Server<F>, stream: impl AsyncRead + AsyncWrite + Unpin, peer: Peer) {
    let service = service_fn(|request| {
        let answering = server.front.answer(request, peer.clone());
        async { Ok::<_, Infallible>(guarded(answering).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(server.patience.client).max_buf_size(MAX_HEAD_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    if server.stopping.run_until_cancelled(connection.as_mut()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        // How it ends is no matter: it ends.
        let _ = connection.await;
    }
}

/// The error of a stream that must not be used any more.
fn aborted() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}
