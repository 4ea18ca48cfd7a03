//! Why a command failed, and what a person can do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::connection::Connection;
use super::hint;
use super::publish::Incomplete;
use crate::client::{self, ConsumeError, PublishError};

/// Why a command failed. The cause is its source, not part of its text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is in use, not this machine's, or not allowed.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Standard output is closed or cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// A file that was named cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The signals that end the program cannot be waited for.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
    /// The server ended by itself.
    #[error("the emulator failed")]
    Serve(#[source] io::Error),
    /// What was asked for makes no sense: see `--help`.
    #[error("{0}")]
    Usage(String),
    /// A person was asked, and did not say yes.
    #[error("not done: nobody said yes")]
    Declined,
    /// The options do not make a connection.
    #[error(transparent)]
    Connection(#[from] client::BuildError),
    /// The service did not do it.
    #[error(transparent)]
    Service(#[from] client::Error),
    /// The subscription stands where nothing comes.
    #[error("nothing comes from {subscription}")]
    Stuck {
        /// Which subscription.
        subscription: client::SubscriptionName,
        /// What is in the way.
        source: Box<client::ConsumeError>,
    },
    /// Messages were written, and could not be acknowledged.
    #[error("{messages} messages were written and are not acknowledged: they come again")]
    NotAcknowledged {
        /// How many.
        messages: u64,
        /// What the service says.
        source: client::Error,
    },
    /// A user who should be taken off an access list is not on it.
    #[error("{0} is not in the access list")]
    NotListed(String),
    /// A file that should be JSON is not.
    #[error("{file} is no JSON")]
    Json {
        /// The file.
        file: String,
        /// Where it stops being JSON.
        source: serde_json::Error,
    },
    /// A line of standard input cannot be published.
    #[error("line {number} of standard input: {reason}")]
    Line {
        /// Which line, counted from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Not everything was published.
    #[error(transparent)]
    Publish(#[from] Incomplete),
    /// The service knows no bounds of the log while its broker is down.
    #[error("the service has lost its broker; try again later")]
    BrokerDown,
    /// An attribute would destroy the message.
    #[error(transparent)]
    Attribute(#[from] client::InvalidAttribute),
    /// Certificates or keys cannot be used.
    #[error(transparent)]
    Tls(#[from] crate::emulator::TlsError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] crate::emulator::DataDirError),
    /// A project could not be created at the start.
    #[error(transparent)]
    Emulator(#[from] crate::emulator::EmulatorError),
}

/// An error with what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// What happened.
    pub error: Error,
    /// What may help.
    pub hint: Option<String>,
}

impl Error {
    /// 2 where the command line is wrong, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage(_)) { 2 } else { 1 }
    }

    /// Whether nobody reads the results any more, as behind `| head`: no failure of the command.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl Error {
    pub(super) fn hint(&self, connection: &Connection) -> Option<String> {
        match self {
            Self::Service(error) | Self::NotAcknowledged { source: error, .. } => hint::of(error, connection),
            Self::Publish(Incomplete { source: PublishError::Service(error), .. }) => {
                hint::of(error, connection)
            }
            Self::Connection(client::BuildError::Token) => {
                connection.credential_given_by().map(|by| format!("the credential was given by {by}"))
            }
            Self::Stuck { subscription, source } => Some(match &**source {
                ConsumeError::Poisoned { id, .. } | ConsumeError::TooLarge { id, .. } => {
                    format!(
                        "`ams subscription seek {subscription} --offset {}` gives up that message",
                        id + 1
                    )
                }
                _ => format!(
                    "`ams subscription seek {subscription} --start` moves it to the oldest message, --end behind the newest"
                ),
            }),
            Self::BrokerDown => {
                Some("try again later; `ams subscription offsets` shows when it is back".to_owned())
            }
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, hint: None }
    }
}
