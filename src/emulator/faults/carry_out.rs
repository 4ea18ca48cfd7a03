//! Doing to a request what a fault says.

use std::convert::Infallible;
use std::future::pending;
use std::task::Poll;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use futures_util::stream;
use jiff::SignedDuration;

use super::rule::{Effect, Hit};
use super::subject::Subject;
use crate::emulator::answer::Answer;
use crate::emulator::routes::Call;
use crate::emulator::server::Line;
use crate::emulator::{Emulator, Refusal, clock};

/// Answers a request that came over `line` with what `serve` makes of it, unless a fault has it otherwise.
pub(crate) async fn answer(
    emulator: &Emulator,
    call: Call,
    line: &Line,
    serve: impl AsyncFnOnce(Call) -> Answer,
) -> Response<Body> {
    let faults = &emulator.shared.faults;
    if !faults.may_befall(call.path()) {
        return serve(call).await.into_response();
    }
    let subject = Subject::of(&call, emulator);
    let (hit, beside) = faults.meet(&subject);
    let mut skew = SignedDuration::ZERO;
    for effect in beside {
        match (effect, &subject.log) {
            (Effect::Cut(below), Some(topic)) => topic.log.remove_below(below),
            (Effect::Skew(by), _) => skew = skew.saturating_add(by),
            _ => {}
        }
    }
    let answering = async {
        match hit {
            None => serve(call).await.into_response(),
            Some(hit) => carry_out(hit, call, line, serve).await,
        }
    };
    if skew.is_zero() {
        return answering.await;
    }
    clock::skewed(skew, async {
        let mut response = answering.await;
        let date = clock::http_date(clock::now()).and_then(|date| date.parse().ok());
        response.headers_mut().extend(date.map(|date: HeaderValue| (header::DATE, date)));
        response
    })
    .await
}

async fn carry_out(
    hit: Hit,
    mut call: Call,
    line: &Line,
    serve: impl AsyncFnOnce(Call) -> Answer,
) -> Response<Body> {
    let stopping = call.stopping.clone();
    if stopping.run_until_cancelled(tokio::time::sleep(hit.delay)).await.is_none() {
        return Answer::from(Refusal::backend()).into_response();
    }
    match hit.effect {
        Effect::Answer(canned) => canned.into_response(),
        Effect::Proceed(broker) => {
            call.broker = broker;
            serve(call).await.into_response()
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
            serve(call).await;
            line.close();
            pending().await
        }
        Effect::Truncate => half_of(serve(call).await, line.clone()),
        // These go beside others, and are done already.
        Effect::Cut(_) | Effect::Skew(_) => serve(call).await.into_response(),
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
