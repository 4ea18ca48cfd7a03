//! What the emulator's main listener serves: the service.

use axum::body::Body;
use hyper::body::Incoming;
use hyper::{Request, Response};

use super::{Front, Peer, read_body};
use crate::emulator::routes::{self, Call};
use crate::emulator::{Answer, Emulator, faults};

impl Front for Emulator {
    async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = match read_body(body, self.memory(), self.options().client_timeout).await {
            Ok(body) => body,
            Err(refusal) => return Answer::from(refusal).into_response(),
        };
        let key = head.headers.get("x-api-key");
        let key = key.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
        let call = Call::new(self, (head.method, &head.uri), key, body, peer.stopping);
        faults::answer(self, call, &peer.line, async |call| {
            call.latency.of_a_call(call.path()).await;
            routes::answer(self.clone(), call).await
        })
        .await
    }
}
