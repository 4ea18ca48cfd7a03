//! `ams publish`: messages from the command line, from files, or one a line of standard input.
//!
//! Batches are published one after the other, and nothing is sent behind one that failed: so there is one line from which
//! on to try again. Standard input is read ahead only so far (`lines`), whatever its length.

mod lines;

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::ValueEnum;

use super::output::Record;
use super::progress::Progress;
use super::{Error, Session, input};
use crate::client::{NewMessage, PublishError, Publisher, TopicName};

pub(super) const EXAMPLES: &str = "\
Examples:
  ams publish metrics --data hello --attribute host=a
  ams publish metrics --file report.json --file image.png
  tail -f /var/log/syslog | ams publish metrics --lines
  ams pull archive --ack | ams publish copy --lines --format jsonl";

/// Arguments of `ams publish`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The topic's name
    topic: TopicName,

    /// A message with this text; may be repeated
    #[arg(long, value_name = "TEXT", conflicts_with = "lines")]
    data: Vec<String>,

    /// A message with the content of this file, - is standard input; may be repeated, and comes behind the texts
    #[arg(long = "file", value_name = "FILE", conflicts_with = "lines")]
    files: Vec<PathBuf>,

    /// An attribute of every message; may be repeated
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,

    /// One message a line of standard input, published in batches
    #[arg(long)]
    lines: bool,

    /// What a line is
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", conflicts_with_all = ["data", "files"])]
    format: LineFormat,
}

/// What a line of standard input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineFormat {
    /// The message's data, as it stands there
    Text,
    /// A message as `ams pull` prints it: {"attributes":{"KEY":"VALUE"},"data":"TEXT"}
    Jsonl,
}

/// Messages that are published at once.
struct Batch {
    /// The number of the first one, counted from 1.
    first: u64,
    messages: Vec<NewMessage>,
}

/// Publishing ended before its end.
#[derive(Debug, thiserror::Error)]
pub struct Incomplete {
    /// What is counted: lines of standard input, or messages.
    unit: &'static str,
    /// The first one that is not published, or not known to be, and the last of those that come at once behind it.
    failed: RangeInclusive<u64>,
    /// How many behind them are published all the same.
    behind: u64,
    /// The last one that was sent.
    sent: u64,
    /// Why the first one is not.
    pub(super) source: PublishError,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unit, failed, behind, sent, source } = self;
        let (first, last) = (failed.start(), failed.end());
        match (source.may_have_happened(), first == last) {
            (true, true) => write!(form, "{unit} {first} may be published")?,
            (false, true) => write!(form, "{unit} {first} is not published")?,
            (true, false) => write!(form, "{unit}s {first} to {last} may be published, from the front on")?,
            (false, false) => write!(form, "{unit}s {first} to {last} are not published")?,
        }
        if *first > 1 {
            form.write_str("; all before are")?;
        }
        if *behind > 0 {
            write!(form, "; {behind} behind are")?;
        }
        write!(form, "; nothing behind {unit} {sent} was sent")
    }
}

pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<(), Error> {
    let Arguments { topic, data, files, attributes, lines, format } = arguments;
    let with_attributes = |message: NewMessage| {
        attributes.iter().try_fold(message, |message, (key, value)| message.attribute(key, value))
    };
    let publisher = session.client.publisher(&topic).start();
    let mut publishing = Publishing { session, publisher, published: 0, ids: None };
    if lines {
        let progress = Progress::new(None, false);
        let mut batches = lines::read(format, with_attributes(NewMessage::default())?);
        while let Some(batch) = batches.recv().await {
            let batch = batch?;
            let count = batch.messages.len();
            publishing.publish("line", batch).await?;
            progress.add(count.try_into().unwrap_or(u64::MAX));
        }
    } else {
        let mut messages: Vec<_> = data.into_iter().map(NewMessage::new).collect();
        for file in files {
            messages.push(NewMessage::new(input::read(&file)?));
        }
        if messages.is_empty() && attributes.is_empty() {
            return Err(Error::Usage("nothing to publish: give --data, --file or --lines".to_owned()));
        }
        if messages.is_empty() {
            messages.push(NewMessage::default());
        }
        let messages = messages.into_iter().map(with_attributes).collect::<Result<_, _>>()?;
        publishing.publish("message", Batch { first: 1, messages }).await?;
    }
    publishing.report()
}

struct Publishing<'a> {
    session: &'a Session,
    publisher: Publisher,
    published: u64,
    /// The first and the last one.
    ids: Option<(u64, u64)>,
}

impl Publishing<'_> {
    /// Publishes all of a batch, or says what became of it.
    async fn publish(&mut self, unit: &'static str, batch: Batch) -> Result<(), Incomplete> {
        let mut receipts = Vec::with_capacity(batch.messages.len());
        for message in batch.messages {
            receipts.push(self.publisher.publish(message).await);
            if receipts.last().is_some_and(Result::is_err) {
                break;
            }
        }
        self.publisher.flush().await;
        let mut incomplete: Option<Incomplete> = None;
        for (number, receipt) in (batch.first..).zip(receipts) {
            let outcome = match receipt {
                Ok(receipt) => receipt.await,
                Err(error) => Err(error),
            };
            match (outcome, &mut incomplete) {
                (Ok(id), None) => {
                    self.published += 1;
                    self.ids = Some((self.ids.map_or(id, |(first, _)| first), id));
                }
                (Err(source), None) => {
                    incomplete =
                        Some(Incomplete { unit, failed: number..=number, behind: 0, sent: number, source });
                }
                (outcome, Some(incomplete)) => incomplete.add(number, outcome.is_ok()),
            }
        }
        incomplete.map_or(Ok(()), Err)
    }

    fn report(&self) -> Result<(), Error> {
        let record = Record::default()
            .with("topic", self.publisher.topic())
            .with("published", self.published)
            .with("first_message_id", self.ids.map(|(first, _)| first.to_string()))
            .with("last_message_id", self.ids.map(|(_, last)| last.to_string()));
        self.session.console.one(&record)
    }
}

impl Incomplete {
    /// Notes what became of one more.
    fn add(&mut self, number: u64, published: bool) {
        if published {
            self.behind += 1;
        } else if self.behind == 0 {
            self.failed = *self.failed.start()..=number;
        }
        self.sent = number;
    }
}

/// A key has no `=`, a value may have some.
fn attribute(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("an attribute is KEY=VALUE")?;
    // What would destroy the message is wrong usage.
    NewMessage::default().attribute(key, value).map_err(|error| error.to_string())?;
    Ok((key.to_owned(), value.to_owned()))
}
