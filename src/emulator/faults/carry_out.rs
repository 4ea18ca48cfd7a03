//! Doing to a request what a fault says.

use std::convert::Infallible;
use std::future::pending;
use std::task::Poll;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use futures_util::stream;

use super::rule::{Effect, Hit};
use crate::emulator::answer::Answer;
use crate::emulator::routes::{self, Call};
use crate::emulator::server::Line;
use crate::emulator::{Emulator, Refusal};

/// Answers a request that came over `line`, unless a fault has it otherwise.
pub(crate) async fn answer(emulator: Emulator, call: Call, line: &Line) -> Response<Body> {
    match emulator.shared.faults.meet(call.method(), call.path()) {
        None => routes::answer(emulator, call).await.into_response(),
        Some(hit) => carry_out(hit, emulator, call, line).await,
    }
}

async fn carry_out(hit: Hit, emulator: Emulator, mut call: Call, line: &Line) -> Response<Body> {
    let stopping = call.stopping.clone();
    if stopping.run_until_cancelled(tokio::time::sleep(hit.delay)).await.is_none() {
        return Answer::from(Refusal::backend()).into_response();
    }
    match hit.effect {
        Effect::Answer(canned) => canned.into_response(),
        Effect::Proceed(broker) => {
            call.broker = broker;
            routes::answer(emulator, call).await.into_response()
        }
        Effect::Reset => {
            line.reset();
            pending().await
        }
        Effect::Hang => {
            stopping.cancelled().await;
            line.close();
            pending().await
        }
        Effect::LoseAnswer => {
            routes::answer(emulator, call).await;
            line.close();
            pending().await
        }
        Effect::Truncate => half_of(routes::answer(emulator, call).await, line.clone()),
    }
}

/// The whole head of an answer and half its body; the line ends when that much is sent.
fn half_of(answer: Answer, line: Line) -> Response<Body> {
    let (status, mut headers, mut body) = answer.into_parts();
    // An empty body has no half; then a byte is announced that never comes.
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len().max(1)));
    let mut half = Some(body.split_to(body.len() / 2));
    let halting = stream::poll_fn(move |_| {
        let next = half.take().map(Ok::<_, Infallible>);
        if next.is_some() {
            return Poll::Ready(next);
        }
        line.close_when_flushed();
        Poll::Pending
    });
    let mut response = Response::new(Body::from_stream(halting));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
