//! `ams-forwarder ledger`: what is remembered of each subscription, and forgetting it.

use std::io;
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::output::{cell, print};
use super::{Error, Output};
use crate::config::{Config, SubscriptionConfig};
use crate::daemon::{StateDir, ledger_key};
use crate::pipeline::{Ledger, LedgerContent};

/// What to do with the ledgers of a configuration.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Show how far each sink is, and how far the service was told; also while the daemon runs
    Show {
        /// Only this one, by its key in the configuration
        subscription: Option<String>,
        /// For people or for programs
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Forget all that is known of a subscription: it starts at what the service has acknowledged, with epoch 0; what was
    /// delivered beyond that comes again. Not while the daemon runs
    Forget {
        /// Its key in the configuration
        subscription: String,
    },
}

/// The ledger of one subscription, as it is shown.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    key: &'a str,
    /// Its journal; there is none if `ledger` is `null`.
    path: PathBuf,
    ledger: Option<LedgerContent>,
}

pub(super) fn run(config: &Config, command: LedgerCommand) -> Result<(), Error> {
    match command {
        LedgerCommand::Show { subscription, output } => {
            let chosen = match subscription {
                Some(name) => vec![find(config, &name)?],
                None => config.subscriptions.iter().collect(),
            };
            let shown = chosen.into_iter().map(|one| show(config, one)).collect::<Result<Vec<_>, _>>()?;
            let columns = ["SUBSCRIPTION", "EPOCH", "ACKNOWLEDGED", "SINK", "NEXT", "FILES"];
            output.list(&shown, columns, shown.iter().flat_map(rows).collect())
        }
        LedgerCommand::Forget { subscription } => {
            let path = ledger_key(config, find(config, &subscription)?)?.path(&config.state_dir);
            let _held = StateDir::open(&config.state_dir)?;
            let said = match std::fs::remove_file(&path) {
                Ok(()) => format!("{subscription}: {} is forgotten\n", path.display()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    format!("{subscription}: there was nothing to forget\n")
                }
                Err(source) => return Err(Error::Forget { path, source }),
            };
            print(said.as_bytes())
        }
    }
}

fn find<'a>(config: &'a Config, name: &str) -> Result<&'a SubscriptionConfig, Error> {
    config.subscriptions.iter().find(|one| one.key == name).ok_or_else(|| {
        let known: Vec<_> = config.subscriptions.iter().map(|one| one.key.as_str()).collect();
        Error::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

fn show<'a>(config: &Config, one: &'a SubscriptionConfig) -> Result<Shown<'a>, Error> {
    let path = ledger_key(config, one)?.path(&config.state_dir);
    let ledger = Ledger::read(&path)?;
    Ok(Shown { key: &one.key, path, ledger })
}

/// One row for each sink; ids are those of the next message.
fn rows(shown: &Shown<'_>) -> Vec<[String; 6]> {
    let Shown { key, ledger, .. } = shown;
    let dash = || cell(None::<u64>);
    let Some(ledger) = ledger else {
        return vec![[(*key).to_owned(), dash(), dash(), dash(), dash(), dash()]];
    };
    let sinks = ledger.sinks.iter().map(|(name, sink)| {
        let (epoch, acknowledged) = (ledger.epoch.to_string(), cell(ledger.acknowledged));
        let (next, files) = (sink.next.to_string(), sink.files.len().to_string());
        [(*key).to_owned(), epoch, acknowledged, name.clone(), next, files]
    });
    sinks.collect()
}
