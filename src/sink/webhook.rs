//! Messages to an HTTP server: delivered when the answer is 2xx and whole.
//!
//! One request at a time, in order. A request that failed is sent again as it was, with the same `Idempotency-Key`,
//! even where there are more messages by now, or fewer: the rest of it is then pulled again. One of several messages
//! that is refused is sent again in halves, until the message at fault stands alone and can be named; its neighbours are
//! delivered.
//!
//! `receiver` is the way to the server and what its answers mean, `cuts` says which messages make the next request,
//! `encoding` writes it.

mod cuts;
mod encoding;
mod receiver;
mod signature;

use std::pin::Pin;
use std::sync::Arc;

use super::notebook::Notebook;
use super::{Delivery, Sink, SinkError, Slice, Source, Trouble};
use crate::fail_point;
use encoding::{Encoding, Unfit};
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
        if let Some(pending) = notebook.note().and_then(|note| serde_json::from_value(note).ok()) {
            receiver.cuts().resume(pending);
        }
        let encoding = Encoding::new(source, receiver.format(), endpoint);
        Self { receiver, encoding, notebook }
    }

    async fn post(&mut self, slice: &Slice) -> Delivery {
        let Some(wanted) = self.receiver.cuts().next(slice) else {
            let what = "not all messages of a request that is to be sent again are there";
            return Delivery::failed(Trouble::Incomplete(SinkError::new("transient", what)));
        };
        let request = match self.encoding.request(slice, wanted) {
            Ok(request) => request,
            Err(Unfit { messages, reason }) => return self.refused(slice, messages, reason.into_owned()),
        };
        let count = request.messages;
        self.receiver.cuts().sent(slice, count);
        fail_point::pass("webhook cut");
        self.note_down().await;
        fail_point::pass("webhook noted");
        let answer = self.receiver.post(request).await;
        fail_point::pass("webhook answered");
        match answer {
            Answer::Taken => {
                self.receiver.cuts().taken();
                self.notebook.strike_out();
                Delivery { receipt: slice.receipt(count), trouble: None }
            }
            // The one before it may have arrived without our hearing of it: cut anew, its messages would come twice.
            Answer::Conflict(reason) if self.receiver.cuts().is_unheard() => {
                let error =
                    SinkError::new("transient", format!("{reason}, after a request whose answer was lost"));
                Delivery::failed(Trouble::Retry { after: None, error })
            }
            Answer::Refused(reason) | Answer::Conflict(reason) => self.refused(slice, count, reason),
            Answer::Unheard(error) => {
                self.receiver.cuts().unheard();
                Delivery::failed(Trouble::Retry { after: None, error })
            }
            Answer::NotNow { after, error } => Delivery::failed(Trouble::Retry { after, error }),
            Answer::NotSo(error) => Delivery::failed(Trouble::Fatal(error)),
        }
    }

    /// The first `count` messages of `slice` are not to be had in one request: one is rejected, of several it may be some.
    fn refused(&self, slice: &Slice, count: usize, reason: String) -> Delivery {
        self.receiver.cuts().refused(slice, count);
        self.notebook.strike_out();
        match slice.first() {
            Some(message) if count == 1 => {
                Delivery::failed(Trouble::Reject { message: message.id(), reason })
            }
            _ => Delivery::otherwise(),
        }
    }

    /// So that after a kill the request is sent as it was, with its key.
    async fn note_down(&self) {
        let pending = self.receiver.cuts().pending();
        if let Some(note) = pending.and_then(|pending| serde_json::to_value(pending).ok()) {
            self.notebook.write(note).await;
        }
    }
}

impl Sink for WebhookSink {
    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(async move { self.post(&slice).await })
    }
}

#[cfg(test)]
mod tests;
