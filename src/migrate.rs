//! Configurations of other programs, made into ours.
//!
//! What is printed is complete: [`crate::config`] has taken it, and says what it does not take at the place in the
//! other program's file that it comes from. The token is not in it.

mod ams_consumer;
mod draft;
mod ini;
mod reader;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use secrecy::{ExposeSecret, SecretString};

use crate::config::{ConfigError, Problem};

/// Whose configuration it is.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Of ams-consumer's INI file, on standard output. Its token is not shown
    AmsConsumer {
        /// The file, as in /etc/argo-ams-consumer/ams-consumer.conf
        file: PathBuf,
        /// Write the token to this new file, which only you can read, and name it in the configuration
        #[arg(long, value_name = "FILE")]
        write_token: Option<PathBuf>,
    },
}

/// A configuration of ours, made of another one.
#[derive(Debug)]
pub(crate) struct Migrated {
    /// The TOML.
    pub(crate) text: String,
    /// The token that belongs in the file which the TOML names.
    pub(crate) token: SecretString,
    /// What has no counterpart, in order of line.
    pub(crate) warnings: Vec<Problem>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read, or something in it is wrong.
    #[error("the file cannot be made into a configuration")]
    Wrong(#[from] ConfigError),
    /// The token cannot be written.
    #[error(
        "cannot write the token to {path}, which must be a new file: another name, or no --write-token, where the token is there already"
    )]
    Token {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

/// Prints the configuration, and warns on standard error of what is not in it.
pub fn run(command: Command) -> Result<(), Error> {
    let Command::AmsConsumer { file, write_token } = command;
    let token_file = write_token.as_deref().map(absolute);
    let migrated = ams_consumer::migrate(&file, token_file.as_deref())?;
    for warning in &migrated.warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(path) = token_file {
        write_secret(&path, &migrated.token).map_err(|source| Error::Token { path, source })?;
    }
    io::stdout().lock().write_all(migrated.text.as_bytes()).map_err(Error::Output)
}

/// The daemon has another working directory than the person who asks.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn write_secret(path: &Path, secret: &SecretString) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret.expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
