//! What the daemon tells over HTTP: metrics, health, status. It only reads, answers from memory, and goes on
//! answering while the daemon stops.

mod listener;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::overview::{Overview, Report};
use crate::metrics::Metrics;
use listener::Bounded;

const PATHS: &str = "/metrics  metrics for Prometheus
/livez    200 while the daemon works; anything else means: restart it
/readyz   200 once every subscription was tried; ?strict: and while none is parked
/status   what every subscription is doing, as JSON
";

#[derive(Clone)]
struct Sources {
    overview: Overview,
    metrics: Arc<Metrics>,
}

/// Takes the address; those who connect wait for [`serve`].
pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers until `stop`, and finishes the answers it is at.
pub(crate) async fn serve(
    listener: TcpListener,
    overview: Overview,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let routes = Router::new()
        .route("/metrics", get(encode))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .fallback(unknown)
        .with_state(Sources { overview, metrics });
    let served =
        axum::serve(Bounded::new(listener), routes).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!("/metrics, /livez, /readyz and /status are not answered any more: {error}");
    }
}

async fn encode(State(sources): State<Sources>) -> Response {
    match sources.metrics.encode() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn livez(State(sources): State<Sources>) -> (StatusCode, &'static str) {
    if sources.overview.is_alive() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the supervision of a subscription has failed\n")
    }
}

async fn readyz(State(sources): State<Sources>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    let answer = sources.overview.readiness(query.as_deref().is_some_and(asks_strictly));
    let code = if answer.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, answer.text)
}

async fn status(State(sources): State<Sources>) -> Json<Report> {
    Json(sources.overview.report())
}

async fn unknown(uri: Uri) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("there is no {}; there are:\n{PATHS}", uri.path()))
}

/// `strict` with any value but those that say no.
fn asks_strictly(query: &str) -> bool {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .any(|(key, value)| key == "strict" && !matches!(value, "0" | "false" | "no"))
}
