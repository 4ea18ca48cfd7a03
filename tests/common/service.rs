//! An AMS for a test: the emulator in this process, and its set-up through the client library.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ams_forwarder::client::{AmsClient, NewMessage, Offsets, PullLimits, SubscriptionName, TopicName};
use ams_forwarder::emulator::{Emulator, Options};
use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Delivered, http};

pub(crate) const PROJECT: &str = "TEST";

/// The token of every test; no log and no answer may ever show it.
pub(crate) const TOKEN: &str = "t0ken-that-nobody-may-see";

/// A running service with one project. It ends when dropped.
pub(crate) struct Service {
    pub(crate) emulator: Emulator,
    pub(crate) client: AmsClient,
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with_options(Options::default()).await
    }

    /// One that is set up in another way, but for the token.
    pub(crate) async fn with_options(options: Options) -> Self {
        let emulator = Emulator::new(Options { token: TOKEN.to_owned(), ..options });
        emulator.create_project(PROJECT, "").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = emulator.clone();
        let task = tokio::spawn(async move {
            serving.run(listener, std::future::pending()).await.unwrap();
        });
        let client = client_of(&format!("http://{address}"));
        Self { emulator, client, address, task }
    }

    /// One with a topic and a subscription of each of these names.
    pub(crate) async fn with(names: &[&str]) -> Self {
        let service = Self::start().await;
        for name in names {
            service.emulator.create_topic(PROJECT, name).unwrap();
            service.emulator.create_subscription(PROJECT, name, name).unwrap();
        }
        service
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Publishes messages of these numbers. On a topic that nobody else publishes to, number and id are the same.
    pub(crate) async fn publish(&self, topic: &str, numbers: Range<u64>) {
        self.publish_sized(topic, numbers, 0).await;
    }

    /// The same, each with about `size` bytes.
    pub(crate) async fn publish_sized(&self, topic: &str, numbers: Range<u64>, size: usize) {
        let messages: Vec<_> = numbers.map(|number| NewMessage::new(numbered(number, size))).collect();
        for some in messages.chunks(200) {
            self.client.publish(&name(topic), some).await.unwrap();
        }
    }

    /// Publishes one message whose record no pull can deliver.
    pub(crate) async fn publish_poison(&self, topic: &str) {
        let body = r#"{"messages":[{"attributes":{"host":"say \"hello\""},"data":"eA=="}]}"#;
        assert_eq!(self.post(&format!("topics/{topic}:publish"), body).await, 200);
    }

    pub(crate) async fn offsets(&self, subscription: &str) -> Offsets {
        self.client.offsets(&subscription.parse::<SubscriptionName>().unwrap()).await.unwrap()
    }

    /// Whether everything before `end` is acknowledged, and nothing beyond.
    pub(crate) async fn is_acknowledged_to(&self, subscription: &str, end: u64) -> bool {
        u64::try_from(self.offsets(subscription).await.current) == Ok(end)
    }

    /// The numbered messages that a subscription has, acknowledged with that.
    pub(crate) async fn take_all(&self, subscription: &str) -> Delivered {
        let texts = self.take_all_texts(subscription).await;
        let number = |text: &String| text.split(' ').next().unwrap().parse().unwrap();
        Delivered { numbers: texts.iter().map(number).collect(), torn: Vec::new() }
    }

    /// Their payloads.
    pub(crate) async fn take_all_texts(&self, subscription: &str) -> Vec<String> {
        let mut taken = Vec::new();
        let name: SubscriptionName = subscription.parse().unwrap();
        let limits = PullLimits { max_messages: 1000, max_bytes: 64 << 20 };
        let end = self.offsets(subscription).await.max;
        while self.offsets(subscription).await.current < end {
            let batch = self.client.pull(&name, limits).await.unwrap();
            let Some(last) = batch.last_id() else { continue };
            for message in &batch {
                let data = BASE64_STANDARD.decode(message.data_text()).unwrap();
                taken.push(String::from_utf8(data).unwrap());
            }
            self.client.acknowledge(&name, last).await.unwrap();
        }
        taken
    }

    /// Moves a subscription, and does not look whether it is still there afterwards: the daemon may be quick.
    pub(crate) async fn seek(&self, subscription: &str, offset: u64) {
        assert_eq!(self.try_to_seek(subscription, offset).await, 200);
    }

    /// The same, of an offset that may be out of bounds. The status of the answer.
    pub(crate) async fn try_to_seek(&self, subscription: &str, offset: u64) -> u16 {
        let path = format!("subscriptions/{subscription}:modifyOffset");
        self.post(&path, &format!("{{\"offset\":{offset}}}")).await
    }

    /// A request of an admin, below the project. The status of the answer.
    pub(crate) async fn post(&self, path: &str, body: &str) -> u16 {
        let path = format!("/v1/projects/{PROJECT}/{path}");
        http::post(self.address, &path, TOKEN, body).await.unwrap().status
    }

    /// Publishes numbered messages, a few at a time, until told to stop.
    pub(crate) fn keep_publishing(&self, topic: &str) -> Publisher {
        let client = self.client.clone();
        let topic = name(topic);
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut next = 0;
            while !stopping.load(Ordering::SeqCst) {
                let some: Vec<_> =
                    (next..next + 7).map(|number| NewMessage::new(numbered(number, 0))).collect();
                client.publish(&topic, &some).await.unwrap();
                next += 7;
                tokio::time::sleep(std::time::Duration::from_millis(4)).await;
            }
            next
        });
        Publisher { stop, task }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A task that publishes; see [`Service::keep_publishing`].
pub(crate) struct Publisher {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u64>,
}

impl Publisher {
    /// Ends it. How many messages it published, which is one past the last number.
    pub(crate) async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}

/// The payload of the message of that number, of at least `size` bytes.
pub(crate) fn numbered(number: u64, size: usize) -> String {
    format!("{number} {}", "x".repeat(size))
}

/// A client of the service, or of what stands before it.
pub(crate) fn client_of(endpoint: &str) -> AmsClient {
    AmsClient::builder(endpoint, PROJECT.parse().unwrap()).token(TOKEN.into()).no_proxy().build().unwrap()
}

fn name(topic: &str) -> TopicName {
    topic.parse().unwrap()
}
