//! What can become of a message that is not in the topic, or not known to be.

use crate::client::error::Error;
use std::sync::Arc;

/// Why a message has no id. Cheap to clone: the messages of one batch share the answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The service takes no record that large: it was not sent.
    #[error(
        "it would become a record of {bytes} bytes, and the service takes {} at the most",
        crate::client::publish::LARGEST_RECORD
    )]
    TooLarge {
        /// The size of the record: base64, attributes and frame.
        bytes: usize,
    },
    /// The publisher was closed: it was not sent.
    #[error("the publisher is closed")]
    Closed,
    /// The publish that the message was part of failed, after whatever the client's retry policy did about it.
    ///
    /// A publish is not atomic: unless the service refused all of it, any message of it may be in the topic.
    #[error(transparent)]
    Service(Arc<Error>),
    /// The runtime ended before the publisher did.
    #[error("the runtime ended before the message was known to be published")]
    Abandoned,
}

impl PublishError {
    /// Whether the message may be in the topic all the same; if so, publishing it again can duplicate it.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::TooLarge { .. } | Self::Closed => false,
            Self::Service(error) => error.may_have_happened(),
            Self::Abandoned => true,
        }
    }
}
