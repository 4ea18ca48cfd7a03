//! The broker behind the service, as a request finds it.

use crate::emulator::log::Bounds;

/// How the broker is while one request is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Broker {
    /// As it should be.
    #[default]
    Up,
    /// It does not answer the service.
    Down,
    /// It takes messages of a publish before the one of this number, counted from 1, and not that one.
    Refuses(u64),
}

impl Broker {
    pub(crate) fn is_down(self) -> bool {
        self == Self::Down
    }

    /// The bounds of a log that the service learns.
    pub(crate) fn bounds(self, bounds: Bounds) -> Bounds {
        if self.is_down() { Bounds { min: -1, max: -1 } } else { bounds }
    }

    /// How many messages of a publish reach the log before one does not; `None` if all do.
    pub(crate) fn takes(self, messages: usize) -> Option<usize> {
        match self {
            Self::Up => None,
            Self::Down => Some(0),
            Self::Refuses(message) => {
                let before = usize::try_from(message.saturating_sub(1)).unwrap_or(usize::MAX);
                (before < messages).then_some(before)
            }
        }
    }
}
