//! Messages to a topic of AMS: attributes and the text of the data as they were pulled. Delivered when their ids came
//! back.
//!
//! A publish is not atomic: of one that ends in an error, or whose answer is lost, some messages may be in the topic,
//! and they come a second time with the next attempt. After a 500 the messages of that publish therefore go one by
//! one. The service answers 500 both when its broker is down and when a message is too much for it; so one that failed
//! five times is rejected when others pass between its failures, and as long as none passes, it is the broker (`trial`).
//! Those others were delivered out of their turn, and are not sent again when it comes.
//!
//! A message with nothing behind it is tried until something is: no other question tells. `:offsets` does not, for a
//! broker that shows its log may still take nothing.
//!
//! What would destroy a record, or is too large for one, is rejected before it is sent. What does not fit the schema of
//! the topic the service names itself (`schema`).

mod origin;
mod schema;
mod trial;

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::notebook::Notebook;
use super::span::Span;
use super::{Delivery, LONGEST_RETRY_AFTER, Sink, SinkError, Slice, Source, Trouble};
use crate::client::{AmsClient, Error, ErrorKind, Message, RawMessage, SubscriptionName, TopicName, excerpt};
use crate::fail_point;
use origin::{Origin, record};
use schema::Misfit;
use trial::{Ahead, Trial, Verdict};

/// A publish of more messages than one does not grow beyond this. What the service takes as one record it takes as
/// one request, whatever stands in front of it.
const LARGEST_PUBLISH: usize = crate::client::LARGEST_RECORD;

/// What the service says when its broker is down, or a record too large for it.
const BACKEND_ERROR: &str = "Backend Error";

/// Where messages go.
#[derive(Debug)]
pub(super) struct Target {
    client: AmsClient,
    topic: TopicName,
    batch: u32,
    origin_attributes: bool,
    own: AmsClient,
    /// Kept as long as the daemon runs, so that a pipeline that panicked sends nothing of it again; and noted down, for the
    /// next daemon.
    ahead: Mutex<Ahead>,
}

impl Target {
    /// At most `batch` messages go with one publish; `own` is the client that they are pulled with.
    pub(super) fn new(client: AmsClient, topic: TopicName, batch: u32, own: AmsClient) -> Self {
        Self { client, topic, batch, origin_attributes: false, own, ahead: Mutex::default() }
    }

    /// Whether messages get attributes that say where they came from.
    pub(super) fn with_origin_attributes(self, origin_attributes: bool) -> Self {
        Self { origin_attributes, ..self }
    }

    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`crate::config::SinkKind::Topic`].
#[derive(Debug)]
pub(super) struct TopicSink {
    target: Arc<Target>,
    notebook: Arc<dyn Notebook>,
    subscription: SubscriptionName,
    /// What is added to messages, if it is.
    origin: Option<Origin>,
    /// The subscription is known to be of another topic, or cannot be asked for its topic.
    looked: bool,
    /// The most messages of the next publish.
    most: usize,
    /// A publish that failed. Its messages go one by one.
    suspects: Option<Span>,
    misfit: Option<Misfit>,
    trial: Option<Trial>,
}

/// What a publish that failed means.
enum Refusal {
    /// The messages themselves are refused, or some of them.
    TooMuch,
    /// The broker did not take one of them.
    Backend,
    /// The service or the way to it is in trouble.
    Later,
    /// Somebody has to mend something.
    Lasting,
}

impl TopicSink {
    pub(super) fn new(target: Arc<Target>, source: &Source, notebook: Arc<dyn Notebook>) -> Self {
        if let Some(noted) = notebook.note().and_then(|note| serde_json::from_value(note).ok())
            && target.ahead().is_empty()
        {
            *target.ahead() = noted;
        }
        let (most, origin_attributes) = (target.batch as usize, target.origin_attributes);
        Self {
            target,
            notebook,
            subscription: source.subscription.clone(),
            origin: origin_attributes.then(|| Origin::new(source)),
            looked: false,
            most,
            suspects: None,
            misfit: None,
            trial: None,
        }
    }

    async fn publish(&mut self, slice: &Slice) -> Delivery {
        if !self.looked {
            if let Err(trouble) = self.look().await {
                return Delivery::failed(trouble);
            }
            self.looked = true;
        }
        let leads = {
            let mut ahead = self.target.ahead();
            ahead.forget_before(slice);
            if ahead.is_empty() {
                self.notebook.strike_out();
            }
            ahead.leads(slice)
        };
        if leads > 0 {
            return Delivery { receipt: slice.receipt(leads), trouble: None };
        }
        self.suspects.take_if(|suspects| !suspects.touches(slice));
        self.misfit.take_if(|misfit| !misfit.is_in(slice));
        // Named once: if it comes again, the schema may be another one by then.
        if let Some(misfit) = self.misfit.take_if(|misfit| misfit.is_first_of(slice)) {
            let reason = format!("{}: {}", self.target.client.authority(), misfit.reason);
            return Delivery::failed(Trouble::Reject { message: misfit.message, reason });
        }
        self.trial.take_if(|trial| !trial.is_of(slice));
        if let Some(witness) = self.trial.as_ref().and_then(Trial::witness) {
            return self.hear(slice, witness).await;
        }
        let most = if self.suspects.is_some() { 1 } else { self.most };
        let messages = match self.next_publish(slice, most) {
            Ok(messages) => messages,
            Err(rejected) => return Delivery::failed(rejected),
        };
        let count = messages.len();
        let answer = self.target.client.publish_raw(&self.target.topic, &messages).await;
        fail_point::pass("topic answered");
        match answer {
            Ok(_) => {
                self.most = self.most.saturating_mul(2).min(self.target.batch as usize);
                Delivery { receipt: slice.receipt(count), trouble: None }
            }
            Err(error) => self.failed(slice, count, &error),
        }
    }

    /// The messages that can be published at once, at least one; or why the first one never can be.
    fn next_publish<'a>(&'a self, slice: &'a Slice, most: usize) -> Result<Vec<RawMessage<'a>>, Trouble> {
        let (ahead, misfit) = (self.target.ahead(), self.misfit.as_ref().map(|misfit| misfit.message));
        let is_next = |message: &Message<'_>| !ahead.has(message.id()) && misfit != Some(message.id());
        let mut messages: Vec<RawMessage<'_>> = Vec::new();
        let mut bytes = 0;
        for message in slice.messages().take(most).take_while(is_next) {
            match record(self.origin.as_ref(), message) {
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

    /// Sends one message ahead of those before it, to see whether the broker takes any.
    async fn hear(&mut self, slice: &Slice, witness: u64) -> Delivery {
        let message = slice.message(witness);
        let message = message.and_then(|message| record(self.origin.as_ref(), message).ok());
        let Some(trial) = &mut self.trial else { return Delivery::otherwise() };
        let Some(message) = message else {
            trial.interrupted();
            return Delivery::otherwise();
        };
        let Err(error) = self.target.client.publish_raw(&self.target.topic, &[message]).await else {
            trial.witness_passed();
            let noted = {
                let mut ahead = self.target.ahead();
                ahead.insert(witness);
                serde_json::to_value(&*ahead)
            };
            if let Ok(noted) = noted {
                self.notebook.write(noted).await;
            }
            return Delivery::otherwise();
        };
        trial.interrupted();
        // In the same words as its own failure: to who reads the log it is one.
        let about = format!("message {}: ", trial.message());
        Delivery::failed(match refusal(&error) {
            Refusal::Backend => self.retry(&error, &about),
            Refusal::TooMuch => self.retry(&error, &format!("message {witness}: ")),
            Refusal::Later => self.retry(&error, ""),
            Refusal::Lasting => self.lasting(&error),
        })
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
                _ => Err(self.lasting(&error)),
            },
        }
    }

    fn failed(&mut self, slice: &Slice, count: usize, error: &Error) -> Delivery {
        if error.status().is_none() && error.may_have_happened() {
            // What takes too long is in the topic in part, and comes again with each attempt.
            self.most = (count / 2).max(1);
        }
        let refusal = refusal(error);
        if matches!(refusal, Refusal::Later | Refusal::Lasting) {
            if let Some(trial) = &mut self.trial {
                trial.interrupted();
            }
            let is_lasting = matches!(refusal, Refusal::Lasting);
            return Delivery::failed(if is_lasting { self.lasting(error) } else { self.retry(error, "") });
        }
        let too_much = matches!(refusal, Refusal::TooMuch);
        if too_much && let Some(misfit) = Misfit::named(error.message(), slice, count) {
            self.misfit = Some(misfit);
            return Delivery::otherwise();
        }
        self.suspects = self.suspects.or_else(|| Span::of(slice, count));
        if count > 1 {
            return if too_much { Delivery::otherwise() } else { Delivery::failed(self.retry(error, "")) };
        }
        let message = slice.first().map_or(0, |message| message.id());
        if too_much {
            return Delivery::failed(Trouble::Reject { message, reason: self.words(error) });
        }
        let (target, origin) = (Arc::clone(&self.target), self.origin.as_ref());
        let next_after = |id| {
            let ahead = target.ahead();
            let mut others = slice.messages().filter(|other| other.id() > id && !ahead.has(other.id()));
            others.find(|other| record(origin, *other).is_ok()).map(|other| other.id())
        };
        match self.trial.get_or_insert_with(|| Trial::of(slice.epoch, message)).failed(next_after) {
            Verdict::Later => Delivery::failed(self.retry(error, &format!("message {message}: "))),
            Verdict::Alone => Delivery::failed(Trouble::Alone {
                after: after(error),
                error: self.error(error, &format!("message {message}: ")),
            }),
            Verdict::Hear => Delivery::otherwise(),
            Verdict::Reject => {
                let reason = format!("it failed time and again while others passed: {}", self.words(error));
                Delivery::failed(Trouble::Reject { message, reason })
            }
        }
    }

    fn lasting(&self, error: &Error) -> Trouble {
        Trouble::Fatal(self.error(error, ""))
    }

    fn retry(&self, error: &Error, about: &str) -> Trouble {
        Trouble::Retry { after: after(error), error: self.error(error, about) }
    }

    fn error(&self, error: &Error, about: &str) -> SinkError {
        SinkError::new(error.class(), format!("{about}{}", self.words(error)))
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

fn after(error: &Error) -> Option<Duration> {
    error.retry_after().map(|after| after.min(LONGEST_RETRY_AFTER))
}

fn refusal(error: &Error) -> Refusal {
    match (error.kind(), error.status()) {
        (ErrorKind::TooLarge, _) | (ErrorKind::Invalid, Some(400 | 422)) => Refusal::TooMuch,
        (ErrorKind::Transient, Some(500)) => Refusal::Backend,
        (ErrorKind::Transient, _) => Refusal::Later,
        _ => Refusal::Lasting,
    }
}

impl Sink for TopicSink {
    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(async move { self.publish(&slice).await })
    }
}

#[cfg(test)]
mod tests;
