//! However many messages go through the daemon, to whichever kind of sink, its memory does not grow with them.
//!
//! A million of each, as the daemon is built for use, with the figures:
//! `MESSAGES_OF_EACH=1000000 cargo test --release --test promises memory_does_not_grow -- --nocapture`

use crate::common::{Config, Delivered, Forwarder, Home, Memory, Receiver, Service, eventually};

const VARIABLE: &str = "MESSAGES_OF_EACH";

/// Enough to tell, in a build that is slow: what stayed of each message would add up.
const MESSAGES: u64 = 100_000;

/// What the payload of each message has at least, in bytes.
const SIZE: usize = 100;

/// What memory may be more in the end than after a quarter: a byte for each message would not be seen, 50 are.
const ROOM: u64 = 2 * 1024 * 1024;

/// A backlog, and a daemon that forwards it to one sink.
struct Course {
    service: Service,
    home: Home,
    messages: u64,
}

impl Course {
    async fn new() -> Self {
        let messages = std::env::var(VARIABLE).map_or(MESSAGES, |count| count.parse().unwrap());
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        for part in 0..10 {
            let (first, end) = (messages * part / 10, messages * (part + 1) / 10);
            service.publish_sized("a", first..end, SIZE).await;
        }
        Self { service, home, messages }
    }

    fn config(&self) -> Config {
        Config::new(&self.home, &self.service.endpoint())
    }

    /// Forwards all of it to a sink with these `keys`.
    async fn runs(&self, kind: &str, config: Config, keys: &str) {
        let sink = format!("[subscriptions.a.sinks.out]\ntype = \"{kind}\"\n{keys}\n");
        let mut forwarder =
            Forwarder::start(&self.home, &config.subscription("a", "max_messages = 1000", &sink));
        let process = forwarder.process().await;
        let mut seen = Vec::new();
        for percent in [25, 50, 75, 100] {
            let there = i64::try_from(self.messages * percent / 100).unwrap();
            eventually(&format!("{percent} %"), async || self.service.offsets("a").await.current >= there)
                .await;
            seen.push((percent, Memory::of(process)));
        }
        forwarder.stop().await;
        for (percent, Memory { now, peak }) in &seen {
            println!(
                "{kind}, {percent} % of {}: {} KiB, peak {} KiB",
                self.messages,
                now / 1024,
                peak / 1024
            );
        }
        let (first, last) = (seen[0].1.peak, seen[3].1.peak);
        assert!(last <= first + ROOM, "{kind}: {first} bytes after a quarter and {last} in the end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_messages_to_a_file() {
    let course = Course::new().await;
    let path = course.home.out("a");
    course.runs("file", course.config(), &format!("path = \"{}\"", path.display())).await;
    Delivered::in_file(&path).assert_exactly(course.messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_messages_to_standard_output() {
    let course = Course::new().await;
    course.runs("stdout", course.config(), "").await;
    Delivered::in_file(&course.home.path("stdout")).assert_exactly(course.messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_messages_to_a_webhook() {
    let (course, receiver) = (Course::new().await, Receiver::start().await);
    let keys = format!("url = \"{}\"\nbatch = 1000", receiver.url("a"));
    course.runs("webhook", course.config(), &keys).await;
    receiver.delivered("a").assert_exactly(course.messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_messages_to_a_topic() {
    let (course, target) = (Course::new().await, Service::with(&["copy"]).await);
    let config = course.config().connection("lab", &target.endpoint(), &course.home.path("token"));
    course.runs("topic", config, "connection = \"lab\"\ntopic = \"copy\"\nbatch = 1000").await;
    target.take_all("copy").await.assert_exactly(course.messages);
}
