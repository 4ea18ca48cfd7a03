//! The task behind a publisher: gather a batch, send it, tell everybody, and again.

use super::{PublishError, Room};
use crate::client::{AmsClient, error::Error, name::TopicName, publish::NewMessage};
use std::{mem, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    time::{Instant, timeout_at},
};

/// When a batch is sent: whichever is reached first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) messages: usize,
    pub(super) bytes: usize,
    pub(super) delay: Duration,
}

/// What a publisher tells its worker.
pub(super) enum Order {
    Publish(Waiting),
    Flush(oneshot::Sender<()>),
    Close,
}

type Outcome = oneshot::Sender<Result<u64, PublishError>>;

/// A message that was accepted.
pub(super) struct Waiting {
    pub(super) message: NewMessage,
    pub(super) bytes: usize,
    pub(super) since: Instant,
    pub(super) outcome: Outcome,
    /// Given back with the outcome.
    pub(super) room: [OwnedSemaphorePermit; 2],
}

pub(super) struct Worker {
    client: AmsClient,
    topic: TopicName,
    limits: Limits,
    orders: mpsc::Receiver<Order>,
    room: Room,
    /// The first message of the next batch: it did not fit into the one before.
    left: Option<Waiting>,
}

/// Messages that go together, and who waits for them to be sent.
#[derive(Default)]
struct Batch {
    messages: Vec<Waiting>,
    bytes: usize,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn takes(&self, waiting: &Waiting, limits: &Limits) -> bool {
        self.messages.is_empty() || self.bytes + waiting.bytes <= limits.bytes
    }

    fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.bytes;
        self.messages.push(waiting);
    }
}

impl Worker {
    pub(super) fn new(
        client: AmsClient,
        topic: TopicName,
        limits: Limits,
        orders: mpsc::Receiver<Order>,
        room: Room,
    ) -> Self {
        Self { client, topic, limits, orders, room, left: None }
    }

    /// Works until the publisher is closed or dropped and everything has its outcome; then drops `running`.
    pub(super) async fn run_until_done(mut self, running: watch::Sender<()>) {
        while let Some(Batch { messages, flushes, .. }) = self.gather().await {
            self.send(messages).await;
            for flushed in flushes {
                // Whoever waited may have left.
                let _ = flushed.send(());
            }
        }
        drop(running);
    }

    /// The next batch; none at the end.
    async fn gather(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        batch.messages.reserve(self.limits.messages.min(1024));
        if let Some(left) = self.left.take() {
            batch.push(left);
        }
        while batch.messages.len() < self.limits.messages {
            let next = match batch.messages.first() {
                None => self.orders.recv().await,
                Some(first) => match first.since.checked_add(self.limits.delay) {
                    // What is there already is taken, however late it is.
                    Some(at) => match timeout_at(at, self.orders.recv()).await {
                        Ok(order) => order,
                        Err(_) => break,
                    },
                    None => self.orders.recv().await,
                },
            };
            match next {
                Some(Order::Publish(waiting)) if batch.takes(&waiting, &self.limits) => batch.push(waiting),
                Some(Order::Publish(waiting)) => {
                    self.left = Some(waiting);
                    break;
                }
                Some(Order::Flush(flushed)) => {
                    batch.flushes.push(flushed);
                    break;
                }
                Some(Order::Close) => {
                    self.orders.close();
                    self.room.bytes.close();
                }
                None if batch.messages.is_empty() => return None,
                None => break,
            }
        }
        Some(batch)
    }

    /// Sends messages in their order and gives each its outcome.
    ///
    /// When the service refused all of them for what one of them is, they are sent by halves until that one is alone:
    /// nothing of a refused publish is in the topic, so nothing is sent twice.
    async fn send(&self, messages: Vec<Waiting>) {
        let (messages, outcomes) =
            messages.into_iter().map(|each| (each.message, (each.outcome, each.room))).unzip();
        let mut parts = vec![Part { messages, outcomes }];
        while let Some(mut part) = parts.pop() {
            match self.client.publish(&self.topic, &part.messages).await {
                Ok(ids) => part.tell(ids.into_iter().map(Ok)),
                Err(error) if part.messages.len() > 1 && is_for_one_of_them(&error) => {
                    let rest = part.split_off(part.messages.len() / 2);
                    parts.extend([rest, part]);
                }
                Err(error) => {
                    let error = PublishError::Service(Arc::new(error));
                    part.tell(std::iter::repeat_with(|| Err(error.clone())));
                }
            }
        }
    }
}

/// A refusal that need not be for all messages: the schema, or the size of the request.
fn is_for_one_of_them(error: &Error) -> bool {
    !error.may_have_happened() && matches!(error.status(), Some(400 | 413 | 422))
}

struct Part {
    messages: Vec<NewMessage>,
    outcomes: Vec<(Outcome, [OwnedSemaphorePermit; 2])>,
}

impl Part {
    fn split_off(&mut self, at: usize) -> Self {
        Self { messages: self.messages.split_off(at), outcomes: self.outcomes.split_off(at) }
    }

    fn tell(&mut self, results: impl Iterator<Item = Result<u64, PublishError>>) {
        for ((outcome, _room), result) in mem::take(&mut self.outcomes).into_iter().zip(results) {
            // Whoever published it may not care.
            let _ = outcome.send(result);
        }
    }
}
