//! The emulator on the network: a listener, its connections, and their end.
//!
//! Stopping is prompt: no connection is accepted any more, idle ones are closed, requests in flight get
//! [`GRACE`] to finish, and what is open then is cut.

mod connection;
mod guard;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::routes::Call;
use super::{Answer, Emulator, Refusal, faults};
use connection::Connections;
pub(crate) use connection::Line;
use guard::guarded;

/// How long requests in flight may go on after the shutdown signal.
const GRACE: Duration = Duration::from_secs(1);

/// The largest request body that is read. The service knows no bound; this one keeps a mistake from eating the memory.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Serves until `shutdown` is over.
pub(crate) async fn serve(
    emulator: Emulator,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (stopping, cut) = (CancellationToken::new(), CancellationToken::new());
    let router = Router::new().fallback(handle).with_state((emulator, stopping.clone()));
    let listener = Connections::new(listener, cut.clone());
    let service = router.into_make_service_with_connect_info::<Line>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stopping.clone().cancelled_owned());
    let mut serving = pin!(serving.into_future());
    let mut shutdown = pin!(shutdown);
    let ended = poll_fn(|context| {
        if shutdown.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        serving.as_mut().poll(context).map(Some)
    });
    if let Some(ended) = ended.await {
        return ended;
    }
    stopping.cancel();
    if let Ok(ended) = tokio::time::timeout(GRACE, serving.as_mut()).await {
        return ended;
    }
    cut.cancel();
    serving.await
}

async fn handle(
    State((emulator, stopping)): State<(Emulator, CancellationToken)>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return Answer::from(Refusal::invalid_body()).into_response();
    };
    let key = head.headers.get("x-api-key").map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    let call = Call::new(&emulator, (head.method, &head.uri), key, body, stopping);
    guarded(faults::answer(emulator, call, &line)).await
}
