//! The states of a subscription.

use std::fmt;

use serde::Serialize;

/// The state of a subscription; the label `state` of `subscription_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was tried yet.
    #[default]
    Starting,
    /// The last attempt went well, or there was nothing to do.
    Running,
    /// Something failed that may pass by itself; it is tried again with backoff. Nothing is lost: what is not
    /// acknowledged stays in the service.
    Retrying,
    /// Somebody has to mend something: a token, a permission, a missing subscription, a record that blocks it, a sink.
    /// It is tried again at the slowest pace and goes on by itself once mended.
    Parked,
    /// Shut down.
    Stopped,
}

impl State {
    /// All states, in the order of a life.
    pub const ALL: [Self; 5] = [Self::Starting, Self::Running, Self::Retrying, Self::Parked, Self::Stopped];

    /// The name in metrics and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Parked => "parked",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
