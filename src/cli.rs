//! The command line of `ams`: its arguments, and one module for each group of commands.
//!
//! A command prints results on standard output and gives back an [`Error`] that says what a person can do about it;
//! the exit code is the program's business.

mod connection;
mod emulator;
mod subscription;

use std::io;
use std::net::SocketAddr;

use clap::{Parser, Subcommand};

use crate::client;
use connection::Connection;

/// Works with the ARGO Messaging Service.
#[derive(Debug, Parser)]
#[command(name = "ams", version)]
pub struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs an ARGO Messaging Service, for trying out
    Emulator(Box<emulator::Arguments>),
    /// Shows where a subscription stands, and moves it
    #[command(subcommand)]
    Subscription(subscription::Command),
}

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
    /// The signals that end the program cannot be waited for.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
    /// The server ended by itself.
    #[error("the emulator failed")]
    Serve(#[source] io::Error),
    /// An option that the command needs.
    #[error("the command needs {0}")]
    Missing(&'static str),
    /// The options do not make a connection.
    #[error(transparent)]
    Connection(#[from] client::BuildError),
    /// The service did not do it.
    #[error(transparent)]
    Service(#[from] client::Error),
    /// The service knows no bounds of the log while its broker is down.
    #[error("the service has lost its broker; try again later")]
    BrokerDown,
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

/// Does what the arguments say.
pub async fn run(arguments: Arguments) -> Result<(), Error> {
    match arguments.command {
        Command::Emulator(emulator) => emulator::run(*emulator).await,
        Command::Subscription(command) => subscription::run(&arguments.connection, command).await,
    }
}
