//! `ams-forwarder dead-letters`: what sinks did not take and the service could not hand out, until somebody has looked
//! at it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::output::{cell, print};
use super::{Error, Output};
use crate::config::Config;
use crate::daemon::{StateDir, StateDirError, ledger_key};
use crate::pipeline::{About, Choice, DeadLetters, Ledger};

/// A command of this group.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// How many there are of each subscription and sink, how large they are, and since when
    List {
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print them, one a line, for `ams publish TOPIC --lines --format jsonl`
    Show {
        /// Of this subscription alone, by its name in the configuration
        subscription: Option<String>,
        /// Which of them
        #[command(flatten)]
        some: Selection,
        /// Also those without a payload that could be published: records that the service could not hand out, and
        /// messages whose data was no base64
        #[arg(long)]
        all: bool,
    },
    /// Drop them for good, also beside a running daemon
    #[command(group(ArgGroup::new("meant").args(["all", "ids", "lines"]).required(true).multiple(true)))]
    Drop {
        /// The subscription, by its name in the configuration
        subscription: String,
        /// Which of them
        #[command(flatten)]
        some: Selection,
        /// That it is meant
        #[command(flatten)]
        which: Which,
        /// How to print how many that were
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
}

/// Some of the letters of a subscription.
#[derive(Debug, Args)]
pub struct Selection {
    /// Those of this sink
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,
    /// Those with this message id; may be repeated
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<u64>,
}

/// What keeps `drop` from dropping more than was meant.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Which {
    /// All of them, or all of the sink
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Those on standard input, as `show` has printed them: none that came since
    #[arg(long)]
    lines: bool,
}

impl Selection {
    fn choice(&self) -> Choice {
        let ids = (!self.ids.is_empty()).then(|| self.ids.iter().map(u64::to_string).collect());
        Choice { sink: self.sink.clone(), ids, lines: None }
    }
}

pub(super) fn run(config: &Config, command: DeadLettersCommand) -> Result<(), Error> {
    match command {
        DeadLettersCommand::List { output } => list(config, output),
        DeadLettersCommand::Show { subscription, some, all } => show(config, subscription, &some, all),
        DeadLettersCommand::Drop { subscription, some, which, output } => {
            let store = store(config, &subscription)?;
            let _held = all_is_recorded(config, &subscription, &store)?;
            let lines = which.lines.then(lines_of_input).transpose().map_err(Error::Input)?;
            let dropped = store.discard(&Choice { lines, ..some.choice() })?;
            let (letters, bytes) = (dropped.letters, dropped.bytes);
            let none = if letters == 0 {
                ": none is meant by that; dead-letters list tells what there is"
            } else {
                ""
            };
            let words = format!("{subscription}: {letters} dropped, {bytes} bytes{none}");
            output.done(&words, &json!({ "subscription": subscription, "dropped": letters, "bytes": bytes }))
        }
    }
}

/// The letters of one sink of a subscription.
#[derive(Debug, Default, Serialize)]
struct Summary {
    subscription: String,
    /// `None` for what the service could not hand out.
    sink: Option<String>,
    letters: u64,
    bytes: u64,
    oldest: Option<String>,
    newest: Option<String>,
}

fn list(config: &Config, output: Output) -> Result<(), Error> {
    let mut summaries = Vec::new();
    for key in keys(config)? {
        let mut sinks: BTreeMap<Option<String>, Summary> = BTreeMap::new();
        store_of(config, &key).each(|line| {
            let Some(About { sink, time, .. }) = About::of(line) else {
                eprintln!("{key}: a line is no dead letter: the rest of a crash, or somebody's own work");
                return;
            };
            let summary = sinks.entry(sink.clone()).or_default();
            (summary.subscription, summary.sink) = (key.clone(), sink);
            summary.letters += 1;
            summary.bytes += line.len() as u64 + 1;
            summary.oldest.get_or_insert_with(|| time.clone());
            summary.newest = Some(time);
        })?;
        summaries.extend(sinks.into_values());
    }
    let row = |of: &Summary| {
        [
            of.subscription.clone(),
            cell(of.sink.as_ref()),
            of.letters.to_string(),
            of.bytes.to_string(),
            cell(of.oldest.as_ref()),
            cell(of.newest.as_ref()),
        ]
    };
    let columns = ["SUBSCRIPTION", "SINK", "LETTERS", "BYTES", "OLDEST", "NEWEST"];
    output.list(&summaries, columns, summaries.iter().map(row).collect())
}

fn show(config: &Config, subscription: Option<String>, some: &Selection, all: bool) -> Result<(), Error> {
    let stores = match subscription {
        Some(key) => vec![store(config, &key)?],
        None => keys(config)?.iter().map(|key| store_of(config, key)).collect(),
    };
    let (mut written, mut without_payload) = (Ok(()), 0);
    for store in stores {
        store.chosen(&some.choice(), |line| {
            if !all && !About::of(line).is_some_and(|about| about.has_payload) {
                without_payload += 1;
            } else if written.is_ok() {
                written = print(&[line, b"\n"].concat());
            }
        })?;
    }
    if without_payload > 0 {
        eprintln!("not shown: {without_payload} without a payload that could be published; --all shows them");
    }
    written
}

/// Those that are configured, and those that there are letters of.
fn keys(config: &Config) -> Result<BTreeSet<String>, Error> {
    let mut keys = DeadLetters::keys(&config.state_dir)?;
    keys.extend(config.subscriptions.iter().map(|subscription| subscription.key.clone()));
    Ok(keys)
}

fn store_of(config: &Config, key: &str) -> DeadLetters {
    DeadLetters::new(&config.state_dir, key, config.dead_letter_bytes as u64)
}

fn store(config: &Config, key: &str) -> Result<DeadLetters, Error> {
    let keys = keys(config)?;
    if keys.contains(key) {
        return Ok(store_of(config, key));
    }
    let known = keys.into_iter().collect::<Vec<_>>().join(", ");
    Err(Error::Unknown { name: key.to_owned(), known })
}

/// A file that letters are dropped from is a new one, which no start cuts back any more. So what a crash has left behind
/// the recorded end must be cut off before, by a start, which alone can tell whether the ledger is to be trusted. Holds
/// off a daemon while the result lives, if none runs.
fn all_is_recorded(config: &Config, key: &str, store: &DeadLetters) -> Result<Option<StateDir>, Error> {
    let Some(subscription) = config.subscriptions.iter().find(|subscription| subscription.key == key) else {
        return Ok(None);
    };
    let held = match StateDir::open(&config.state_dir) {
        Ok(held) => held,
        Err(StateDirError::InUse { .. }) => return Ok(None),
        Err(unusable) => return Err(unusable.into()),
    };
    let ends = Ledger::read_letters(&ledger_key(config, subscription)?.path(&config.state_dir))?;
    if store.are_beyond(&ends)? {
        return Err(Error::Unrecorded { key: key.to_owned() });
    }
    Ok(Some(held))
}

fn lines_of_input() -> io::Result<BTreeSet<Vec<u8>>> {
    io::stdin().lock().split(b'\n').collect()
}
