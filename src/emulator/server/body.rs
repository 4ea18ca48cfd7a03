//! Reading the body of a request, within bounds.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use futures_util::StreamExt;
use hyper::body::Incoming;

use crate::emulator::Refusal;
use crate::emulator::memory::{Held, Memory};

/// The largest request body that is read. The service knows no bound; this one keeps a mistake from eating the memory.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// A client that announces a body gets no more room than this before it sends it.
const AT_FIRST: usize = 64 * 1024;

/// The whole body, which holds its room in `memory` until it is dropped. One that is too large, broken, or not there in
/// time is refused.
pub(crate) async fn read(body: Incoming, memory: &Arc<Memory>, patience: Duration) -> Result<Bytes, Refusal> {
    let reading = collect(body, memory);
    tokio::time::timeout(patience, reading).await.unwrap_or_else(|_| Err(Refusal::invalid_body()))
}

async fn collect(body: Incoming, memory: &Arc<Memory>) -> Result<Bytes, Refusal> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > MAX_BODY_BYTES {
        return Err(Refusal::invalid_body());
    }
    let mut parts = Body::new(body).into_data_stream();
    let mut room = memory.reserve(0)?;
    let mut whole = Vec::new();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Refusal::invalid_body())?;
        if whole.len() + part.len() > MAX_BODY_BYTES {
            return Err(Refusal::invalid_body());
        }
        room.grow(part.len())?;
        if whole.is_empty() {
            if part.len() == announced {
                return Ok(Bytes::from_owner(Held::new(part, room)));
            }
            whole.reserve(announced.min(AT_FIRST));
        }
        whole.extend_from_slice(&part);
    }
    if whole.is_empty() { Ok(Bytes::new()) } else { Ok(Bytes::from_owner(Held::new(whole, room))) }
}
