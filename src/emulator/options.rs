//! How an emulator is set up.

use std::fmt;
use std::time::Duration;

use super::{Retention, Tls};

/// How an [`Emulator`](super::Emulator) is set up.
#[derive(Clone)]
pub struct Options {
    /// The token that may do everything; `emulator` by default. With an empty one every request is refused.
    pub token: String,
    /// What each topic keeps, unless it is [told otherwise](super::Emulator::set_retention). By default 512 MiB.
    pub retention: Retention,
    /// With what TLS is spoken; plain HTTP by default.
    pub tls: Option<Tls>,
    /// Whether calls take as long as they do on the real service, and subscriptions of one topic wait for each other
    /// for as long. Off by default.
    pub realistic_latency: bool,
    /// How many bytes all topics, and the requests and answers that are under way, may take together. A request beyond
    /// it is refused with 500 `The emulator's memory limit is reached`. `None` is no limit. By default 2 GiB.
    pub memory_limit: Option<usize>,
    /// How many connections there may be at once to each listener; more wait until one ends. By default 1,024.
    pub max_connections: usize,
    /// How long a client may take to send the head or the body of a request, how long it may take nothing of an answer,
    /// and how long a connection may be idle, before it is closed. By default 2 minutes.
    pub client_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: "emulator".to_owned(),
            retention: Retention::default(),
            tls: None,
            realistic_latency: false,
            memory_limit: usize::try_from(2_u64 << 30).ok(),
            max_connections: 1_024,
            client_timeout: Duration::from_mins(2),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.debug_struct("Options")
            .field("token", &"***")
            .field("retention", &self.retention)
            .field("tls", &self.tls)
            .field("realistic_latency", &self.realistic_latency)
            .field("memory_limit", &self.memory_limit)
            .field("max_connections", &self.max_connections)
            .field("client_timeout", &self.client_timeout)
            .finish()
    }
}
