//! What keeps a stream from its next delivery.

use crate::client::{error::Error, model::Offsets};
use std::time::Duration;

/// Why there is no delivery. Nothing was acknowledged by it, and nothing lost; polling the stream again tries again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumeError {
    /// The service did not answer, or refused.
    #[error(transparent)]
    Service(#[from] Error),
    /// The record with this id is destroyed: no pull over it will ever succeed, and it comes next.
    ///
    /// [`modify_offset`](crate::client::AmsClient::modify_offset) to the id behind it goes past it; its content is lost.
    #[error("message {id} is destroyed and blocks the subscription; moving its offset to {} skips it", id + 1)]
    Poisoned {
        /// The record's id.
        id: u64,
        /// What the service said.
        source: Error,
    },
    /// The message with this id alone is larger than the limit, and it comes next: allow more
    /// ([`max_bytes`](super::ConsumerBuilder::max_bytes)), or go past it as past a destroyed one.
    #[error("message {id} takes more than the {limit} bytes that an answer may have")]
    TooLarge {
        /// The message's id.
        id: u64,
        /// The limit of one answer.
        limit: usize,
        /// What was cut off.
        source: Error,
    },
    /// The subscription stands beyond the end of the log, where pulls are empty until the log has grown past it, and
    /// everything between is skipped. The topic was deleted and made anew, or a seek went out of bounds:
    /// [`modify_offset`](crate::client::AmsClient::modify_offset) moves it back.
    #[error("the subscription stands at {}, beyond the end of the log ({})", offsets.current, offsets.max)]
    BeyondTheEnd {
        /// Where everything is.
        offsets: Offsets,
    },
}

impl ConsumeError {
    /// How long the service asked to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Service(error) => error.retry_after(),
            _ => None,
        }
    }
}
