//! Reading a body with a bound on memory.

use reqwest::Response;

/// The first allocation for an answer of unknown length.
const FIRST_BYTES: usize = 16 * 1024;

/// Why a body was not read to its end.
pub(in crate::client) enum Unread {
    TooLarge,
    Broken(reqwest::Error),
}

/// Reads a body of at most `most` bytes; memory is bounded by it.
pub(in crate::client) async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Unread> {
    let expected = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if expected.is_some_and(|length| length > most) {
        return Err(Unread::TooLarge);
    }
    let mut body = Vec::with_capacity(expected.unwrap_or(FIRST_BYTES.min(most)));
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        let needed = body.len().saturating_add(chunk.len());
        if needed > most {
            return Err(Unread::TooLarge);
        }
        if needed > body.capacity() {
            let capacity = needed.max(body.capacity().saturating_mul(2)).min(most);
            body.reserve_exact(capacity - body.len());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads the start of a body that only serves as an explanation.
pub(in crate::client) async fn read_start(mut response: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = most - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == most {
            break;
        }
    }
    body
}
