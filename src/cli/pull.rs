//! `ams pull`: messages as lines of JSON.
//!
//! A message is acknowledged after its line was written and flushed, and no other is: what does not reach standard
//! output comes again. `source` gets the messages, `writer` writes them; this is the loop between the two.

mod source;
mod writer;

use std::io::{self, IsTerminal};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::signals::Signals;
use super::{Error, Session};
use crate::client::{ErrorKind, JsonLines, SubscriptionName};
use source::{Got, Source};

pub(super) const EXAMPLES: &str = "\
Examples:
  ams pull archive                                look at the first 100; they come again
  ams pull archive --max 10 --ack                 take 10
  ams pull archive --ack --follow | jq -r .data   take all there will be, until Ctrl-C

A line holds all that is known of a message; `data` is the payload where it is UTF-8, else `data_base64`, and
`data_invalid` where it was published without base64:
  {\"messageId\":\"7\",\"publishTime\":\"…\",\"subscription\":\"projects/P/subscriptions/S\",\"attributes\":{},\"data\":\"…\"}";

/// How many messages are shown unless said otherwise.
const DEFAULT_MAX: u64 = 100;
/// What is under way when a signal comes has so long to be done.
const GRACE: Duration = Duration::from_secs(1);

/// Arguments of `ams pull`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The subscription's name
    subscription: SubscriptionName,

    /// At most so many messages; 100 unless given, and without end with --follow
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,

    /// Acknowledge what was written; without it, the same messages come again the next time
    #[arg(long)]
    ack: bool,

    /// Wait for more at the end, until Ctrl-C, or until nobody reads the output any more
    #[arg(long)]
    follow: bool,
}

pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<(), Error> {
    let Arguments { subscription, max, ack, follow } = arguments;
    let limit = max.or((!follow).then_some(DEFAULT_MAX));
    let mut pull = Pull {
        source: Source::new(&session.client, &subscription, ack, limit),
        lines: JsonLines::new(&subscription.qualified(session.client.project())),
        progress: Progress::new(limit, io::stdout().is_terminal()),
        left: limit,
        written: None,
        follow,
        in_trouble: false,
    };
    let stopping = CancellationToken::new();
    if !follow {
        return pull.until_the_end(&stopping).await;
    }
    let mut signals = Signals::listen()?;
    let ended = async {
        tokio::select! {
            () = signals.next() => {}
            () = writer::closed() => {}
        }
        stopping.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = pull.until_the_end(&stopping) => result,
        () = ended => Ok(()),
    }
}

struct Pull<'a> {
    source: Source<'a>,
    lines: JsonLines,
    progress: Progress,
    /// How many messages are still wanted; none is without end.
    left: Option<u64>,
    /// The last message that was written and is not acknowledged: those up to it may come again, and are not written
    /// again.
    written: Option<u64>,
    follow: bool,
    in_trouble: bool,
}

impl Pull<'_> {
    /// Until there is no more, or enough, or `stopping`.
    async fn until_the_end(&mut self, stopping: &CancellationToken) -> Result<(), Error> {
        while self.left != Some(0) {
            let got = tokio::select! {
                biased;
                () = stopping.cancelled() => return Ok(()),
                got = self.source.next(self.written, self.follow) => got,
            };
            let handed_over = async {
                match got {
                    Ok(Some(got)) => self.hand_over(got).await.map(|()| true),
                    Ok(None) => Ok(false),
                    Err(error) => Err(error),
                }
            };
            let too_late = async {
                stopping.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            let result = tokio::select! {
                result = handed_over => result,
                // What is not written, or not known to be, is not acknowledged.
                () = too_late => return Ok(()),
            };
            match result {
                Ok(true) => self.in_trouble = false,
                Ok(false) => return Ok(()),
                Err(error) => self.bear(error)?,
            }
        }
        Ok(())
    }

    /// Writes messages as far as they are wanted, and then acknowledges those.
    async fn hand_over(&mut self, got: Got) -> Result<(), Error> {
        let (mut text, mut messages, mut last) = (Vec::new(), 0, None);
        for message in &got.batch {
            if self.written.is_none_or(|written| message.id() > written) {
                if self.left == Some(messages) {
                    break;
                }
                self.lines.push(&message, &mut text);
                messages += 1;
            }
            last = Some(message.id());
        }
        let Some(last) = last else { return Ok(()) };
        drop(got.batch);
        writer::write(text).await?;
        self.written = Some(self.written.map_or(last, |written| written.max(last)));
        self.left = self.left.map(|left| left - messages);
        self.progress.add(messages);
        if let Some(acknowledger) = got.acknowledger {
            let acknowledged = acknowledger.through(last).await;
            acknowledged.map_err(|source| Error::NotAcknowledged { messages, source })?;
            self.written = None;
        }
        Ok(())
    }

    /// With --follow, what may pass is waited for, and told once.
    fn bear(&mut self, error: Error) -> Result<(), Error> {
        let may_pass = match &error {
            Error::Service(error) | Error::NotAcknowledged { source: error, .. } => matches!(
                error.kind(),
                ErrorKind::Transient | ErrorKind::AckDeadlinePassed | ErrorKind::AckWindowGone
            ),
            Error::BrokerDown => true,
            _ => false,
        };
        if !self.follow || !may_pass || self.left == Some(0) {
            return Err(error);
        }
        if !self.in_trouble {
            self.in_trouble = true;
            self.progress.say(&format!("ams: {error}; trying again"));
        }
        Ok(())
    }
}
