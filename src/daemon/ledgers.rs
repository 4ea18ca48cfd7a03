//! `ams-forwarder ledger`: what is remembered of each subscription, and forgetting it.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::RunError;
use super::pipelines::ledger_key;
use super::state_dir::{StateDir, StateDirError};
use crate::config::{Config, SubscriptionConfig};
use crate::pipeline::{Ledger, LedgerContent, LedgerError};

/// What to do with the ledgers of a configuration.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Show how far each sink is, and how far the service was told; also while the daemon runs
    Show {
        /// Only this one, by its key in the configuration
        subscription: Option<String>,
        /// For people or for programs
        #[arg(long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Forget all that is known of a subscription: it starts at what the service has acknowledged, with epoch 0; what was
    /// delivered beyond that comes again. Not while the daemon runs
    Forget {
        /// Its key in the configuration
        subscription: String,
    },
}

/// For whom something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Why nothing was shown or forgotten.
#[derive(Debug, thiserror::Error)]
pub enum LedgerCommandError {
    /// The configuration has no such subscription.
    #[error("there is no subscriptions.{name} in the configuration; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A daemon runs with this state directory, or it is not ours to use.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
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
    /// Nothing can be written to standard output.
    #[error("cannot write")]
    Write(#[from] io::Error),
}

impl LedgerCommandError {
    /// Whether something was asked for that there cannot be.
    #[must_use]
    pub fn is_wrong_usage(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

/// The ledger of one subscription, as it is shown.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    key: &'a str,
    /// Its journal; there is none if `ledger` is `null`.
    path: PathBuf,
    ledger: Option<LedgerContent>,
}

impl LedgerCommand {
    /// Does it, and says to `out` what was found or done.
    pub fn run(&self, config: &Config, out: &mut impl Write) -> Result<(), LedgerCommandError> {
        match self {
            Self::Show { subscription, output } => {
                let chosen = match subscription {
                    Some(name) => vec![find(config, name)?],
                    None => config.subscriptions.iter().collect(),
                };
                let shown = chosen.into_iter().map(|one| show(config, one)).collect::<Result<Vec<_>, _>>()?;
                match output {
                    Output::Table => out.write_all(table(&shown).as_bytes())?,
                    Output::Json => {
                        serde_json::to_writer_pretty(&mut *out, &shown).map_err(io::Error::from)?;
                        writeln!(out)?;
                    }
                }
            }
            Self::Forget { subscription } => {
                let path = ledger_key(config, find(config, subscription)?)?.path(&config.state_dir);
                let _held = StateDir::open(&config.state_dir)?;
                match std::fs::remove_file(&path) {
                    Ok(()) => writeln!(out, "{subscription}: {} is forgotten", path.display())?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        writeln!(out, "{subscription}: there was nothing to forget")?;
                    }
                    Err(source) => return Err(LedgerCommandError::Forget { path, source }),
                }
            }
        }
        Ok(())
    }
}

fn find<'a>(config: &'a Config, name: &str) -> Result<&'a SubscriptionConfig, LedgerCommandError> {
    config.subscriptions.iter().find(|one| one.key == name).ok_or_else(|| {
        let known: Vec<_> = config.subscriptions.iter().map(|one| one.key.as_str()).collect();
        LedgerCommandError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

fn show<'a>(config: &Config, one: &'a SubscriptionConfig) -> Result<Shown<'a>, LedgerCommandError> {
    let path = ledger_key(config, one)?.path(&config.state_dir);
    let ledger = Ledger::read(&path)?;
    Ok(Shown { key: &one.key, path, ledger })
}

/// One line for each sink; ids are those of the next message.
fn table(shown: &[Shown<'_>]) -> String {
    let mut rows =
        vec![["SUBSCRIPTION", "EPOCH", "ACKNOWLEDGED", "SINK", "NEXT", "FILES"].map(str::to_owned)];
    for Shown { key, ledger, .. } in shown {
        let Some(ledger) = ledger else {
            rows.push([key, "-", "-", "-", "-", "-"].map(str::to_owned));
            continue;
        };
        for (name, sink) in &ledger.sinks {
            let acknowledged = ledger.acknowledged.map_or("-".to_owned(), |next| next.to_string());
            let (next, files) = (sink.next.to_string(), sink.files.len().to_string());
            rows.push([(*key).to_owned(), ledger.epoch.to_string(), acknowledged, name.clone(), next, files]);
        }
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    rows.iter().fold(String::new(), |mut text, row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        text
    })
}
