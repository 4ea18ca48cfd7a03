//! What `ams-forwarder` does beside running: commands for people who look after what a daemon keeps in its state
//! directory, by its configuration.
//!
//! Results go to standard output, and an [`Error`] says what a person can do; the exit code is the program's business.

mod dead_letters;
mod ledgers;
mod output;

use std::io;
use std::path::PathBuf;

use clap::Subcommand;

use crate::config::Config;
use crate::daemon::{RunError, StateDirError};
use crate::pipeline::{LedgerError, NotKept};
pub use dead_letters::{DeadLettersCommand, Selection, Which};
pub use ledgers::LedgerCommand;
pub use output::Output;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at the messages that were set aside, and drop them
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Show or forget what is remembered of subscriptions
    #[command(subcommand)]
    Ledger(LedgerCommand),
}

/// Does it, and prints what was found or done.
pub fn run(config: &Config, command: Command) -> Result<(), Error> {
    match command {
        Command::DeadLetters(command) => dead_letters::run(config, command),
        Command::Ledger(command) => ledgers::run(config, command),
    }
}

/// Why a command failed. The cause is its source, not part of its text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no subscription of that name.
    #[error("there is no subscription {name:?}; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A daemon runs with this state directory, or it is not ours to use.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// Dead letters cannot be read or written.
    #[error(transparent)]
    DeadLetters(#[from] NotKept),
    /// A crash has left dead letters whose messages come again: they are cut off by the next start of the daemon.
    #[error(
        "a crash has left dead letters of {key} that are not recorded: start the daemon, which puts that right, and drop \
         them then, beside it"
    )]
    Unrecorded {
        /// The subscription's key.
        key: String,
    },
    /// A ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The configuration is inconsistent.
    #[error(transparent)]
    Config(#[from] RunError),
    /// A ledger cannot be removed.
    #[error("{path} cannot be removed")]
    Forget {
        /// Its journal.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Error {
    /// Whether something was asked for that there cannot be.
    #[must_use]
    pub fn is_wrong_usage(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}
