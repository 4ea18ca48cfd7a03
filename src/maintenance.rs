//! What `ams-forwarder` does beside running: commands for people who look after what a daemon keeps in its state
//! directory. They go by the configuration, and are safe beside a running daemon.
//!
//! Results go to standard output, and an [`Error`] says what a person can do; the exit code is the program's business.

mod dead_letters;
mod output;

use std::io;

pub use dead_letters::{DeadLettersCommand, dead_letters};
pub use output::Output;

/// Why a command failed. The cause is its source, not part of its text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing of that name.
    #[error("there is no subscription {name:?}{known}")]
    NoSubscription {
        /// The name that was given.
        name: String,
        /// `: there are a, b`, or empty.
        known: String,
    },
    /// The state directory cannot be read or written.
    #[error(transparent)]
    State(#[from] crate::pipeline::NotKept),
    /// Standard input cannot be read.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}
