//! What a client sees when a handler panics: an error that no real service gives, so that nobody takes it for one, and
//! a connection that goes on. The panic itself is reported where all are, by the process's hook on standard error.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::response::Response;

use crate::emulator::{Answer, Refusal};

/// Not one of the service's texts.
const PANICKED: &str = "the emulator panicked, which is a mistake in it; its standard error says where";

/// The answer, or the error above. Locks that were held are taken over by the next request.
pub(super) async fn guarded(answering: impl Future<Output = Response>) -> Response {
    let mut answering = pin!(answering);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Answer::from(Refusal::internal(PANICKED)).into_response()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_that_no_service_gives() {
        let panicking = async {
            tokio::task::yield_now().await;
            panic!("as it is meant to");
        };
        let response = guarded(panicking).await;
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 9999).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains(PANICKED));
    }
}
