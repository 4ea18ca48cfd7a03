//! Wherever the daemon crashes while it sets a message aside or skips a record: each is among the dead letters once, in
//! order, and no other message suffers.
//!
//! The places are those of `fail_point` in the source. `AMS_CRASHES` is the number of crashes at each of them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;

use crate::common::{
    Answers, Config, Delivered, Forwarder, Home, Launch, Receiver, Service, eventually, file_sink,
};
use crate::crash_points::{of_letters, places};
use crate::dead_letters::letters;

/// Messages published before each start: one of them is refused by the receiver, and two can be handed out to nobody.
const ROUND: u64 = 20;
const REFUSED: u64 = 7;
const POISONED: std::ops::Range<u64> = 13..15;
/// More rounds than there can be.
const ROUNDS: u64 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_it_crashes_each_letter_is_there_once_and_every_other_message_arrives() {
    let crashes = std::env::var("AMS_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let places: Vec<_> = places().into_iter().filter(|place| of_letters(place)).collect();
    assert!(places.len() > 7, "{places:?}");
    let runs = places.into_iter().map(|place| async move { Scene::new(&place).await.crash(crashes).await });
    let published: Vec<_> = futures_util::stream::iter(runs).buffer_unordered(3).collect().await;
    assert!(published.iter().all(|published| *published > ROUND), "{published:?}");
}

struct Scene {
    place: String,
    service: Service,
    receiver: Receiver,
    home: Home,
    config: Config,
    published: u64,
}

impl Scene {
    async fn new(place: &str) -> Self {
        let (service, receiver, home) = (Service::with(&["a"]).await, Receiver::start().await, Home::new());
        let refused = (0..ROUNDS).map(|round| round * ROUND + REFUSED).collect::<Vec<_>>();
        receiver.tell("hook", Answers::Refuses(refused.leak()));
        let sinks = format!(
            "{}\n[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{}\"\nbatch = 5\n",
            file_sink("a", &home.out("a")),
            receiver.url("hook"),
        );
        let config =
            Config::new(&home, &service.endpoint()).subscription("a", "on_poison = \"skip\"", &sinks);
        Self { place: place.to_owned(), service, receiver, home, config, published: 0 }
    }

    /// How many messages were published meanwhile.
    async fn crash(mut self, wanted: u64) -> u64 {
        // A file is announced once.
        let wanted = if self.place == "letter announced" { 1 } else { wanted };
        for start in 0..wanted {
            self.publish().await;
            // Each round comes by each place of a letter three times, and by each of a skip twice.
            let armed = format!("{}:{}", self.place, 1 + start % 2);
            let mut forwarder =
                Launch::new(&self.home).env("AMS_FORWARDER_FAIL_POINT", &armed).start(&self.config);
            let crashed = async || forwarder.has_ended();
            eventually(&format!("a crash at {armed}"), crashed).await;
            assert_eq!(forwarder.wait(Duration::MAX).await, None, "it has ended by a signal of its own");
        }
        self.publish().await;
        let forwarder = Forwarder::start(&self.home, &self.config);
        let all = async || self.service.is_acknowledged_to("a", self.published).await;
        eventually("everything to be acknowledged", all).await;
        let metrics = forwarder.metrics().await;
        for name in ["messages_lost_total", "messages_skipped_total", "rewinds_total"] {
            assert_eq!(metrics.of("a", name), 0, "{}: {name}", self.place);
        }
        forwarder.stop().await;
        self.account();
        self.published
    }

    async fn publish(&mut self) {
        let first = self.published;
        self.service.publish("a", first..first + POISONED.start).await;
        for _ in POISONED {
            self.service.publish_poison("a").await;
        }
        self.service.publish("a", first + POISONED.end..first + ROUND).await;
        self.published += ROUND;
    }

    fn account(&self) {
        let is_poison = |number: &u64| POISONED.contains(&(number % ROUND));
        let is_refused = |number: &u64| number % ROUND == REFUSED;
        let good: Vec<u64> = (0..self.published).filter(|number| !is_poison(number)).collect();
        let file = Delivered::in_file(&self.home.out("a"));
        assert_eq!((file.numbers, file.torn), (good.clone(), vec![]), "{}", self.place);

        let set_aside: Vec<u64> = letters(&self.home)
            .iter()
            .map(|letter| letter["messageId"].as_str().unwrap().parse().unwrap())
            .collect();
        let expected: Vec<u64> =
            (0..self.published).filter(|number| is_poison(number) || is_refused(number)).collect();
        assert_eq!(set_aside, expected, "{}", self.place);

        let taken = self.receiver.posts("hook").into_iter().filter(|post| post.taken);
        let taken: BTreeSet<u64> = taken.flat_map(|post| post.numbers).collect();
        assert_eq!(taken, good.into_iter().filter(|number| !is_refused(number)).collect(), "{}", self.place);
    }
}
