//! Messages to a topic of AMS: attributes and the text of the data as they were pulled. Delivered when their ids came
//! back.
//!
//! A publish is not atomic: of one that ends in an error, or whose answer is lost, some messages may be in the topic,
//! and they come a second time with the next attempt. After a 500 the messages of that publish therefore go one by
//! one. The service answers 500 both when its broker is down and when a message is too much for it; so a message is
//! rejected when it failed five times while another one passed, and as long as none passes, it is the broker.
//!
//! What would destroy a record, or is too large for one, is rejected before it is sent.

use std::pin::Pin;
use std::sync::Arc;

use super::span::Span;
use super::{Delivery, LONGEST_RETRY_AFTER, Sink, SinkError, Slice, Source, Trouble};
use crate::client::{AmsClient, Error, ErrorKind, RawMessage, SubscriptionName, TopicName, excerpt};

/// A publish of more messages than one does not grow beyond this. What the service takes as one record it takes as
/// one request, whatever stands in front of it.
const LARGEST_PUBLISH: usize = crate::client::LARGEST_RECORD;

/// What the service says when its broker is down, or a record too large for it.
const BACKEND_ERROR: &str = "Backend Error";

/// How often a message fails, while others pass, before it is rejected.
const FAILURES: u32 = 5;

/// Where messages go.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) client: AmsClient,
    pub(super) topic: TopicName,
    /// The most messages of one publish.
    pub(super) batch: u32,
    /// The client that the messages are pulled with.
    pub(super) own: AmsClient,
}

/// See [`crate::config::SinkKind::Topic`].
#[derive(Debug)]
pub(super) struct TopicSink {
    target: Arc<Target>,
    subscription: SubscriptionName,
    /// The subscription is known to be of another topic, or cannot be asked for its topic.
    looked: bool,
    /// The most messages of the next publish.
    most: usize,
    suspects: Option<Suspects>,
}

/// A publish that failed. Its messages go one by one.
#[derive(Debug)]
struct Suspects {
    span: Span,
    /// Whether one of them passed since.
    passed: bool,
    /// The message that failed alone, and how often.
    failing: Option<(u64, u32)>,
}

impl TopicSink {
    pub(super) fn new(target: Arc<Target>, source: &Source) -> Self {
        let most = target.batch as usize;
        Self { target, subscription: source.subscription.clone(), looked: false, most, suspects: None }
    }

    async fn publish(&mut self, slice: &Slice) -> Delivery {
        if !self.looked {
            if let Err(trouble) = self.look().await {
                return Delivery::failed(trouble);
            }
            self.looked = true;
        }
        self.suspects.take_if(|suspects| !suspects.span.touches(slice));
        let most = if self.suspects.is_some() { 1 } else { self.most };
        let messages = match next_publish(slice, most) {
            Ok(messages) => messages,
            Err(rejected) => return Delivery::failed(rejected),
        };
        let count = messages.len();
        match self.target.client.publish_raw(&self.target.topic, &messages).await {
            Ok(_) => {
                self.most = self.most.saturating_mul(2).min(self.target.batch as usize);
                if let Some(suspects) = &mut self.suspects {
                    (suspects.passed, suspects.failing) = (true, None);
                }
                Delivery { receipt: slice.receipt(count), trouble: None }
            }
            Err(error) => self.failed(slice, count, &error),
        }
    }

    /// A subscription of the very topic would go round and round.
    async fn look(&self) -> Result<(), Trouble> {
        let Target { client, topic, own, .. } = &*self.target;
        if client.authority() != own.authority() {
            return Ok(());
        }
        match own.subscription(&self.subscription).await {
            Ok(info) if info.topic == *topic && info.topic_project == *client.project() => {
                let what = format!(
                    "the topic {topic} is the subscription's own: it would be fed from itself without end"
                );
                Err(Trouble::Fatal(SinkError::new("invalid", what)))
            }
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                // Not everybody who may pull may look.
                ErrorKind::Forbidden | ErrorKind::NotFound => Ok(()),
                ErrorKind::Transient => Err(self.retry(&error, "")),
                _ => Err(Trouble::Fatal(SinkError::new(error.class(), self.words(&error)))),
            },
        }
    }

    fn failed(&mut self, slice: &Slice, count: usize, error: &Error) -> Delivery {
        if error.status().is_none() && error.may_have_happened() {
            // What takes too long is in the topic in part, and comes again with each attempt.
            self.most = (count / 2).max(1);
        }
        let first = slice.first().map_or(0, |message| message.id());
        let too_much = match (error.kind(), error.status()) {
            (ErrorKind::TooLarge, _) | (ErrorKind::Invalid, Some(400 | 422)) => true,
            (ErrorKind::Transient, Some(500)) => false,
            (ErrorKind::Transient, _) => return Delivery::failed(self.retry(error, "")),
            _ => return Delivery::failed(Trouble::Fatal(SinkError::new(error.class(), self.words(error)))),
        };
        if self.suspects.is_none() {
            let span = Span::of(slice, count);
            self.suspects = span.map(|span| Suspects { span, passed: false, failing: None });
        }
        if count > 1 {
            return if too_much { Delivery::otherwise() } else { Delivery::failed(self.retry(error, "")) };
        }
        let reason = self.words(error);
        let Some(suspects) = &mut self.suspects else { return Delivery::otherwise() };
        let before =
            suspects.failing.filter(|(message, _)| *message == first).map_or(0, |(_, failures)| failures);
        let failures = before.saturating_add(1);
        suspects.failing = Some((first, failures));
        Delivery::failed(if too_much {
            Trouble::Reject { message: first, reason }
        } else if failures >= FAILURES && suspects.passed {
            let reason = format!("it failed {FAILURES} times while others passed: {reason}");
            Trouble::Reject { message: first, reason }
        } else {
            self.retry(error, &format!("message {first}: "))
        })
    }

    fn retry(&self, error: &Error, about: &str) -> Trouble {
        let after = error.retry_after().map(|after| after.min(LONGEST_RETRY_AFTER));
        let message = format!("{about}{}", self.words(error));
        Trouble::Retry { after, error: SinkError::new(error.class(), message) }
    }

    /// Without the time it took, so that the same failure reads the same; and without a page that somebody in between
    /// wrote, for it may repeat what was published.
    fn words(&self, error: &Error) -> String {
        let authority = self.target.client.authority();
        match error.status() {
            None => format!("{authority}: {}", error.message()),
            Some(status) if !error.may_have_happened() || error.message() == BACKEND_ERROR => {
                format!("{authority}: {status} {}", error.message())
            }
            Some(status) => format!("{authority} answered {status}"),
        }
    }
}

/// The messages that can be published at once, at least one; or why the first one never can be.
fn next_publish(slice: &Slice, most: usize) -> Result<Vec<RawMessage<'_>>, Trouble> {
    let mut messages: Vec<RawMessage<'_>> = Vec::new();
    let mut bytes = 0;
    for message in slice.messages().take(most) {
        match RawMessage::new(message) {
            Ok(raw) if messages.is_empty() || bytes + raw.record_bytes() <= LARGEST_PUBLISH => {
                bytes += raw.record_bytes();
                messages.push(raw);
            }
            Err(reason) if messages.is_empty() => {
                let reason = excerpt(&reason.to_string());
                return Err(Trouble::Reject { message: message.id(), reason });
            }
            Ok(_) | Err(_) => break,
        }
    }
    Ok(messages)
}

impl Sink for TopicSink {
    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(async move { self.publish(&slice).await })
    }
}

#[cfg(test)]
mod tests;
