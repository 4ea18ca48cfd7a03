//! Why the daemon did not start. Each text stands before that of its source, which it does not repeat.

use std::io;
use std::net::SocketAddr;

use super::{EmbeddedError, LoggingError, StateDirError};
use crate::backoff::InvalidBackoff;
use crate::client::BuildError;
use crate::pipeline::LedgerError;

/// Why the daemon did not start. In every case no message was pulled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Nothing can be logged.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The state directory cannot be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// The ledger of a subscription cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The embedded emulator cannot be started.
    #[error(transparent)]
    Emulator(#[from] EmbeddedError),
    /// The admin address cannot be listened on.
    #[error("admin.listen: cannot listen on {address}")]
    AdminListen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// No client can be made of a connection.
    #[error("connections.{name} cannot be used")]
    Connection {
        /// Its name.
        name: String,
        /// What is wrong.
        source: BuildError,
    },
    /// A subscription names a connection that is not configured.
    #[error("connections.{name} is not configured")]
    NoConnection {
        /// The name.
        name: String,
    },
    /// No client can be made of a sink.
    #[error("subscriptions.{subscription}.sinks.{name} cannot be used")]
    Sink {
        /// Its subscription.
        subscription: String,
        /// Its name.
        name: String,
        /// What is wrong.
        source: BuildError,
    },
    /// The supervisor's waits are inconsistent.
    #[error(transparent)]
    Backoff(#[from] InvalidBackoff),
    /// Two metrics have one name.
    #[error("the metrics cannot be set up")]
    Metrics(#[from] prometheus::Error),
    /// Threads cannot be started.
    #[error("the runtime cannot be started")]
    Runtime(#[source] io::Error),
    /// Handlers of signals cannot be set.
    #[error("signals cannot be caught")]
    Signals(#[source] io::Error),
}

impl From<(String, BuildError)> for RunError {
    fn from((name, source): (String, BuildError)) -> Self {
        Self::Connection { name, source }
    }
}
