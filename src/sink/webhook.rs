//! Messages to an HTTP server: delivered when the answer is 2xx and whole.
//!
//! One request at a time, in order; or several at once, if order does not matter: a wave of them, and the next wave when
//! all were answered. A request that failed is sent again as it was, with the same `Idempotency-Key`, even where there are
//! more messages by now, or fewer: the rest of it is then pulled again. One of several messages that is refused is sent again
//! in halves, until the message at fault stands alone and can be named; its neighbours are delivered.
//!
//! `receiver` is the way to the server and what its answers mean, `flights` says which messages make the next requests and
//! what became of them, `encoding` writes one, `signature` signs it.

mod encoding;
mod flights;
mod receiver;
mod signature;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::notebook::Notebook;
use super::{Delivery, Sink, SinkError, Slice, Source, Trouble};
use crate::fail_point;
use encoding::Encoding;
use flights::Outgoing;
use receiver::Answer;
pub(super) use receiver::Receiver;

/// See [`crate::config::SinkKind::Webhook`].
#[derive(Debug)]
pub(super) struct WebhookSink {
    receiver: Arc<Receiver>,
    encoding: Encoding,
    notebook: Arc<dyn Notebook>,
}

impl WebhookSink {
    /// `endpoint` is the base URL of the service that the messages come from.
    pub(super) fn new(
        receiver: Arc<Receiver>,
        source: &Source,
        endpoint: &str,
        notebook: Arc<dyn Notebook>,
    ) -> Self {
        if let Some(noted) = notebook.note().and_then(|note| serde_json::from_value(note).ok()) {
            receiver.flights().resume(noted);
        }
        let encoding = Encoding::new(source, receiver.format(), endpoint);
        Self { receiver, encoding, notebook }
    }

    async fn post(&mut self, slice: &Slice) -> Delivery {
        let Some(wave) = self.receiver.flights().next(slice, &self.encoding) else {
            let what = "not all messages of a request that is to be sent again are there";
            return Delivery::failed(Trouble::Incomplete(SinkError::new("transient", what)));
        };
        let mut troubles = Troubles::default();
        if !wave.is_empty() {
            fail_point::pass("webhook cut");
            self.note_down().await;
            fail_point::pass("webhook noted");
            let receiver = &self.receiver;
            let answers = join_all(wave.iter().map(|sent| receiver.post(&sent.request))).await;
            fail_point::pass("webhook answered");
            for (sent, answer) in wave.iter().zip(answers) {
                troubles.add(self.account(slice, sent, answer));
            }
        }
        let (taken, rejected) = if troubles.is_none() {
            self.receiver.flights().outcome(slice)
        } else {
            // First the pause that somebody asked for.
            (self.receiver.flights().taken_of(slice), None)
        };
        self.keep_what_is_ahead(slice, taken).await;
        let rejected = rejected.map(|(message, reason)| Trouble::Reject { message, reason });
        let receipt = if taken > 0 { slice.receipt(taken) } else { None };
        Delivery { receipt, trouble: troubles.worst().or(rejected) }
    }

    /// What an answer means for its request, and for all of them.
    fn account(&self, slice: &Slice, sent: &Outgoing, answer: Answer) -> Option<Trouble> {
        let mut flights = self.receiver.flights();
        match answer {
            Answer::Taken => flights.taken(sent),
            // The one before it may have arrived without our hearing of it: cut anew, its messages would come twice.
            Answer::Conflict(reason) if sent.unheard => {
                flights.failed(sent, true);
                let what = format!("{reason}, after a request whose answer was lost");
                return Some(Trouble::Retry { after: None, error: SinkError::new("transient", what) });
            }
            Answer::Refused(reason) | Answer::Conflict(reason) => flights.refused(sent, slice, reason),
            Answer::Unheard(error) => {
                flights.failed(sent, true);
                return Some(Trouble::Retry { after: None, error });
            }
            Answer::NotNow { after, error } => {
                flights.failed(sent, sent.unheard);
                return Some(Trouble::Retry { after, error });
            }
            Answer::NotSo(error) => {
                flights.failed(sent, sent.unheard);
                return Some(Trouble::Fatal(error));
            }
        }
        None
    }

    /// So that after a kill the requests are sent as they were, with their keys.
    async fn note_down(&self) {
        let noted = self.receiver.flights().noted();
        if let Some(note) = noted.and_then(|noted| serde_json::to_value(noted).ok()) {
            self.notebook.write(note).await;
        }
    }

    /// So that after a kill nothing is sent again that was taken before what is in front of it.
    async fn keep_what_is_ahead(&self, slice: &Slice, taken: usize) {
        let (ahead, over) = {
            let mut flights = self.receiver.flights();
            (flights.tidy(slice, taken), flights.noted().is_none())
        };
        if ahead {
            self.note_down().await;
            fail_point::pass("webhook ahead noted");
        } else if over {
            self.notebook.strike_out();
        }
    }
}

/// What is in the way of some requests of a wave, and so of all further ones.
#[derive(Default)]
struct Troubles {
    fatal: Option<SinkError>,
    retry: Option<(Option<Duration>, SinkError)>,
}

impl Troubles {
    fn add(&mut self, trouble: Option<Trouble>) {
        match trouble {
            Some(Trouble::Fatal(error)) => {
                self.fatal.get_or_insert(error);
            }
            Some(Trouble::Retry { after, error }) => {
                let (longest, _) = self.retry.get_or_insert((None, error));
                *longest = (*longest).max(after);
            }
            _ => {}
        }
    }

    fn is_none(&self) -> bool {
        self.fatal.is_none() && self.retry.is_none()
    }

    /// Of several that may pass by themselves, the first, and the longest of the pauses that were asked for.
    fn worst(self) -> Option<Trouble> {
        let retry = self.retry.map(|(after, error)| Trouble::Retry { after, error });
        self.fatal.map(Trouble::Fatal).or(retry)
    }
}

impl Sink for WebhookSink {
    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(async move { self.post(&slice).await })
    }
}

#[cfg(test)]
mod tests;
