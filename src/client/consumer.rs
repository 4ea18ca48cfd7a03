//! A stream of the messages of one subscription, in batches, with acknowledgements by value.
//!
//! What it promises: nothing is acknowledged but by the caller's word; what was acknowledged does not come again; and
//! the stream can be dropped at any point.
//!
//! The service knows one batch at a time: each pull replaces what can be acknowledged, and an acknowledgement covers
//! everything before it as well. So there is one [`Delivery`] at a time, and it is acknowledged from the front.
//!
//! `puller` gets the batches, `acknowledger` tells the service, `failure` says what is in the way, `pace` how often the
//! service is asked.

use super::{
    AmsClient,
    batch::{Batch, Message, Messages},
    error,
    model::PullLimits,
    name::SubscriptionName,
};
use futures_util::{Stream, StreamExt, stream};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

mod acknowledger;
mod failure;
pub(super) mod pace;
mod puller;

pub use acknowledger::Acknowledger;
pub use failure::ConsumeError;
use pace::PollInterval;
use puller::Puller;

impl AmsClient {
    /// Begins a stream of the messages of a subscription.
    ///
    /// ```
    /// # use ams_forwarder::{client::{AmsClient, NewMessage}, emulator::Emulator};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let emulator = Emulator::new(Default::default());
    /// # emulator.create_project("EGI", "")?;
    /// # emulator.create_topic("EGI", "metrics")?;
    /// # emulator.create_subscription("EGI", "metrics", "metrics")?;
    /// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let endpoint = format!("http://{}", listener.local_addr()?);
    /// # tokio::spawn(async move { emulator.run(listener, std::future::pending()).await });
    /// # let client = AmsClient::builder(&endpoint, "EGI".parse()?).token("emulator".into()).no_proxy().build()?;
    /// # client.publish(&"metrics".parse()?, &[NewMessage::new("one"), NewMessage::new("two")]).await?;
    /// # let (done, enough) = tokio::sync::oneshot::channel::<()>();
    /// # let (mut done, enough) = (Some(done), async { drop(enough.await) });
    /// let mut deliveries = client.consume(&"metrics".parse()?).until(enough).start();
    /// while let Some(delivery) = deliveries.next().await {
    ///     let delivery = delivery?;
    ///     for message in &delivery {
    ///         let mut payload = Vec::new();
    ///         message.decode_data(&mut payload)?;
    ///         println!("{} {}", message.id(), String::from_utf8_lossy(&payload));
    ///     }
    ///     delivery.acknowledge().await?; // all of them
    /// #   if client.offsets(&"metrics".parse()?).await?.current == 2 { drop(done.take()); }
    /// }
    /// # assert!(done.is_none(), "the stream ended before it was told to");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn consume(&self, subscription: &SubscriptionName) -> ConsumerBuilder {
        ConsumerBuilder {
            client: self.clone(),
            subscription: subscription.clone(),
            limits: PullLimits { max_messages: 1000, max_bytes: 64 << 20 },
            poll: PollInterval::new(Duration::from_millis(100), Duration::from_secs(2)),
            until: None,
        }
    }
}

type Deliveries = Pin<Box<dyn Stream<Item = Result<Delivery, ConsumeError>> + Send>>;
type Until = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What [`AmsClient::consume`] returns.
#[must_use]
pub struct ConsumerBuilder {
    client: AmsClient,
    subscription: SubscriptionName,
    limits: PullLimits,
    poll: PollInterval,
    until: Option<Until>,
}

impl ConsumerBuilder {
    /// At most so many messages come with one delivery; 1,000 unless set, and at least 1. Big batches are the one way
    /// to be fast.
    pub fn max_messages(mut self, messages: u32) -> Self {
        self.limits.max_messages = messages.max(1);
        self
    }

    /// An answer above so many bytes is cut off while it is read, and fewer messages are asked for; 64 MiB unless set.
    /// Base64 and JSON count. It bounds the memory of the stream.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_bytes = bytes;
        self
    }

    /// How long to wait after an empty answer: `min`, doubling up to `max`, until messages come. 100 ms and 2 s unless
    /// set.
    pub fn poll_interval(mut self, min: Duration, max: Duration) -> Self {
        self.poll = PollInterval::new(min, max.max(min));
        self
    }

    /// Ends the stream when `stop` is over: at once, whatever it waits for. A delivery that is out by then can still
    /// be acknowledged.
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.until = Some(Box::pin(stop));
        self
    }

    /// Makes the stream. The service is asked when it is polled first.
    #[must_use]
    pub fn start(self) -> Consumer {
        let puller = Puller::new(self.client, self.subscription, self.limits, self.poll);
        let deliveries = stream::unfold(puller, async |mut puller| Some((puller.next().await, puller)));
        Consumer { deliveries: Some(Box::pin(deliveries)), until: self.until }
    }
}

impl fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerBuilder")
            .field("subscription", &self.subscription)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The deliveries of one subscription, one after the other.
///
/// The next one is pulled when the one before was acknowledged or dropped: **whoever keeps a delivery and waits for
/// the next waits for ever.** (The service could not acknowledge the first any more.) A delivery that was dropped,
/// or acknowledged in part, comes again from its first message that was not acknowledged.
///
/// One stream of a subscription is enough: of two, in one program or in several, each gets every message, and each
/// spoils the other's acknowledgements.
///
/// What goes wrong comes as an item; what to do about it is the caller's choice. The stream goes on when it is polled
/// again, after a wait that grows with each failure. What the client's [retry policy](super::RetryPolicy) covers
/// does not come up here. The stream ends by [`until`](ConsumerBuilder::until) alone.
///
/// Dropping it loses nothing, and neither does dropping a call of [`next`](Self::next): a pull moves nothing.
pub struct Consumer {
    deliveries: Option<Deliveries>,
    until: Option<Until>,
}

impl Consumer {
    /// The next delivery; none when the stream has ended.
    pub async fn next(&mut self) -> Option<Result<Delivery, ConsumeError>> {
        StreamExt::next(self).await
    }
}

impl Stream for Consumer {
    type Item = Result<Delivery, ConsumeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.until.as_mut().is_some_and(|until| until.as_mut().poll(context).is_ready()) {
            (self.until, self.deliveries) = (None, None);
        }
        match &mut self.deliveries {
            Some(deliveries) => deliveries.as_mut().poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}

/// Messages that are to be acknowledged: a batch, which is never empty, and its [`Acknowledger`].
///
/// Dropping it acknowledges nothing.
#[derive(Debug)]
#[must_use = "what is not acknowledged comes again"]
pub struct Delivery {
    batch: Batch,
    missing: u64,
    acknowledger: Acknowledger,
}

impl Delivery {
    /// The messages, lowest id first.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The messages one by one, lowest id first.
    #[must_use]
    pub fn iter(&self) -> Messages<'_> {
        self.batch.iter()
    }

    /// How many ids lie between the delivery before and this one: messages that retention removed before they were
    /// pulled, or that somebody skipped with a seek, or that another consumer acknowledged.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Acknowledges all of its messages. See [`Acknowledger::all`].
    pub async fn acknowledge(self) -> error::Result<()> {
        self.acknowledger.all().await
    }

    /// Acknowledges its messages up to and including the id `through`; the others come again with the next delivery.
    /// See [`Acknowledger::through`].
    pub async fn acknowledge_through(self, through: u64) -> error::Result<()> {
        self.acknowledger.through(through).await
    }

    /// The messages, and the right to acknowledge them.
    pub fn into_parts(self) -> (Batch, Acknowledger) {
        (self.batch, self.acknowledger)
    }
}

impl<'a> IntoIterator for &'a Delivery {
    type Item = Message<'a>;
    type IntoIter = Messages<'a>;

    fn into_iter(self) -> Messages<'a> {
        self.iter()
    }
}
