//! A publisher that gathers single messages into batches: a request costs the service about as much for a thousand
//! messages as for one.
//!
//! What it promises: messages of one publisher stand in the topic in the order in which they were accepted, for one
//! request is under way at a time; what waits in it is bounded, and who publishes more waits; every accepted message
//! gets an outcome of its own ([`Receipt`]), which says whether a message that failed may be in the topic all the same.
//!
//! `worker` gathers and sends; `error` says what can become of a message.

use super::{AmsClient, name::TopicName, publish::LARGEST_RECORD, publish::NewMessage};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    time::Instant,
};

mod error;
mod worker;

pub use error::PublishError;
use worker::{Limits, Order, Waiting, Worker};

impl AmsClient {
    /// Begins a publisher of a topic, which gathers messages into batches and sends them one batch after the other.
    ///
    /// ```
    /// # use ams_forwarder::{client::{AmsClient, NewMessage}, emulator::Emulator};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let emulator = Emulator::new(Default::default());
    /// # emulator.create_project("EGI", "")?;
    /// # emulator.create_topic("EGI", "metrics")?;
    /// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let endpoint = format!("http://{}", listener.local_addr()?);
    /// # tokio::spawn(async move { emulator.run(listener, std::future::pending()).await });
    /// # let client = AmsClient::builder(&endpoint, "EGI".parse()?).token("emulator".into()).no_proxy().build()?;
    /// let publisher = client.publisher(&"metrics".parse()?).start();
    /// let first = publisher.publish(NewMessage::new("one")).await?; // waits for room, not for the service
    /// let second = publisher.publish(NewMessage::new("two")).await?;
    /// assert_eq!((first.await?, second.await?), (0, 1)); // the ids of the messages
    /// publisher.close().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn publisher(&self, topic: &TopicName) -> PublisherBuilder {
        PublisherBuilder {
            client: self.clone(),
            topic: topic.clone(),
            limits: Limits { messages: 1000, bytes: 1_000_000, delay: Duration::from_millis(10) },
            waiting_messages: 10_000,
            waiting_bytes: 32 << 20,
        }
    }
}

/// What [`AmsClient::publisher`] returns.
#[must_use]
#[derive(Debug)]
pub struct PublisherBuilder {
    client: AmsClient,
    topic: TopicName,
    limits: Limits,
    waiting_messages: usize,
    waiting_bytes: usize,
}

impl PublisherBuilder {
    /// A batch of so many messages is sent at once; 1,000 unless set, and at least 1.
    pub fn max_messages(mut self, messages: usize) -> Self {
        self.limits.messages = messages.max(1);
        self
    }

    /// A batch does not grow beyond so many bytes of request; 1 MB unless set. A message that is larger by itself goes
    /// alone.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How long a message waits for others to join it; 10 ms unless set. While a request is under way it may take
    /// longer.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.limits.delay = delay;
        self
    }

    /// How many messages, and how many bytes of them, wait in the publisher at most, those under way included;
    /// [`Publisher::publish`] waits for room. 10,000 and 32 MiB unless set; at least what one batch has, and room for
    /// the largest message.
    pub fn max_waiting(mut self, messages: usize, bytes: usize) -> Self {
        (self.waiting_messages, self.waiting_bytes) = (messages, bytes);
        self
    }

    /// Starts the publisher's task.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as everything of tokio does.
    #[must_use]
    pub fn start(self) -> Publisher {
        let messages = self.waiting_messages.max(self.limits.messages).min(Semaphore::MAX_PERMITS);
        let bytes = self.waiting_bytes.max(self.limits.bytes).clamp(LARGEST_RECORD, Semaphore::MAX_PERMITS);
        let room =
            Room { messages: Arc::new(Semaphore::new(messages)), bytes: Arc::new(Semaphore::new(bytes)) };
        let (orders, taken) = mpsc::channel(messages);
        let (running, ended) = watch::channel(());
        let topic = self.topic.clone();
        tokio::spawn(
            Worker::new(self.client, self.topic, self.limits, taken, room.clone()).run_until_done(running),
        );
        Publisher { topic, orders, room, ended }
    }
}

/// How much may wait in a publisher.
#[derive(Clone)]
struct Room {
    messages: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// Publishes to one topic, in batches.
///
/// Clones are cheap and share everything; a publisher of many tasks is one publisher. Each call says what dropping it
/// means. Dropping the last clone closes the publisher without waiting: what was accepted is still sent, as long as
/// the runtime lives, and its receipts still tell. [`close`](Self::close) waits for it.
#[derive(Clone)]
pub struct Publisher {
    topic: TopicName,
    orders: mpsc::Sender<Order>,
    room: Room,
    ended: watch::Receiver<()>,
}

impl Publisher {
    /// Hands a message over, and waits only until there is room for it; its outcome comes with the [`Receipt`].
    ///
    /// [`TooLarge`](PublishError::TooLarge) and [`Closed`](PublishError::Closed) come from here, and mean that nothing
    /// was sent. Attributes that would destroy a record never get this far: see [`NewMessage::attribute`]. If the call
    /// is dropped before it is over, the message is not published.
    pub async fn publish(&self, message: NewMessage) -> Result<Receipt, PublishError> {
        let bytes = message.record_bytes();
        let permits = u32::try_from(bytes).ok().filter(|_| bytes <= LARGEST_RECORD);
        let Some(permits) = permits else { return Err(PublishError::TooLarge { bytes }) };
        let closed = |_| PublishError::Closed;
        let one = Arc::clone(&self.room.messages).acquire_owned().await.map_err(closed)?;
        let all = Arc::clone(&self.room.bytes).acquire_many_owned(permits).await.map_err(closed)?;
        let (outcome, receipt) = oneshot::channel();
        let since = Instant::now();
        let waiting = Waiting { message, bytes, since, outcome, room: [one, all] };
        self.orders.send(Order::Publish(waiting)).await.map_err(|_| PublishError::Closed)?;
        Ok(Receipt(receipt))
    }

    /// Sends what was accepted so far without waiting for more, and returns when all of it has its outcome.
    ///
    /// Dropping it loses nothing.
    pub async fn flush(&self) {
        let (flushed, done) = oneshot::channel();
        if self.orders.send(Order::Flush(flushed)).await.is_ok() {
            // An error is the end of the publisher, which has sent everything.
            let _ = done.await;
        } else {
            self.ended().await;
        }
    }

    /// Accepts nothing more, of no clone either, and returns when all that was accepted has its outcome.
    ///
    /// If the call is dropped, that goes on by itself as long as the runtime lives.
    pub async fn close(&self) {
        self.room.messages.close();
        // An error says that it is closed already.
        let _ = self.orders.send(Order::Close).await;
        self.ended().await;
    }

    /// The topic it publishes to.
    #[must_use]
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    async fn ended(&self) {
        // Nothing is ever sent over it: the worker drops it at its end.
        let _ = self.ended.clone().changed().await;
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// What becomes of one message: a future of the id it got, or of the error that kept it from the topic.
///
/// While others publish to the topic too, the id may be another's. Dropping it changes nothing for the message.
#[derive(Debug)]
#[must_use = "only the receipt tells whether the message was published"]
pub struct Receipt(oneshot::Receiver<Result<u64, PublishError>>);

impl Future for Receipt {
    type Output = Result<u64, PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.unwrap_or(Err(PublishError::Abandoned)))
    }
}
