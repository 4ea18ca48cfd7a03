//! What goes wrong. An [`Actor`] for each subscription publishes to it and does it harm, one kind at a time and each at
//! random; networks and disks are the harm of all. All is written down in the [`Truth`].

mod faults;

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ams_forwarder::client::TopicName;
use fastrand::Rng;

use super::scene::{Scene, Subscription};
use super::truth::{Id, Log, Move, Truth};
use crate::common::{Answers, Network, PROJECT};

/// How long a subscription may take to go on.
const DEADLINE: Duration = Duration::from_mins(3);

/// Some receivers will never take these, while they are in that mood.
static REFUSED: LazyLock<Vec<u64>> = LazyLock::new(|| (0..200_000).step_by(37).collect());

/// So many faults of the service are there at once for a subscription, at most.
const FAULTS: usize = 4;

/// Publishes to one subscription, and does it harm.
pub(crate) struct Actor<'a> {
    scene: &'a Scene,
    pub(crate) subscription: &'a Subscription,
    random: Rng,
    pub(crate) truth: Truth,
    /// The daemon may have moved the subscription itself, and may be about to do so.
    may_be_moved: bool,
    /// When its receivers are well again.
    troubled_until: Option<Instant>,
    /// Of the service, by their numbers.
    faults: VecDeque<u64>,
}

impl<'a> Actor<'a> {
    pub(crate) fn new(scene: &'a Scene, subscription: &'a Subscription, random: Rng) -> Self {
        Self {
            scene,
            subscription,
            random,
            truth: Truth::new(),
            may_be_moved: false,
            troubled_until: None,
            faults: VecDeque::new(),
        }
    }

    /// The first messages go through: from here on the ledger knows where the subscription is.
    pub(crate) async fn begin(&mut self) {
        self.publish(5).await;
        self.wait_until("the first messages", |current, _| current == 5).await;
    }

    pub(crate) async fn act(&mut self, until: Instant) {
        while Instant::now() < until {
            let count = self.random.u64(1..30);
            self.publish(count).await;
            self.attend().await;
            self.act_once().await;
            tokio::time::sleep(Duration::from_millis(self.random.u64(50..600))).await;
        }
    }

    /// All is well again: the rest goes through.
    pub(crate) async fn end(&mut self) {
        self.mend_receivers();
        self.publish(5).await;
        self.wait_until("the rest", |current, end| current == end).await;
    }

    async fn act_once(&mut self) {
        let (what, seldom) = (self.random.u32(..40), self.random.u32(..3) == 0);
        let kind = match what {
            0..4 => self.seek_back().await,
            4..6 => self.seek_forward().await,
            6 if seldom => self.seek_beyond_the_end().await,
            7 | 8 => self.cut(),
            9 if seldom => self.make_the_topic_anew().await,
            10 => self.publish_poison().await,
            11..22 => self.inject_fault(),
            22..27 => self.trouble_the_receiver(),
            _ => return,
        };
        *self.truth.done.entry(kind).or_default() += 1;
    }

    async fn publish(&mut self, count: u64) {
        let (first, log) = (self.truth.log().end, self.truth.number());
        let padding = Id::padding(log, self.random.usize(..3));
        self.truth.log().end += count;
        self.scene.service.publish_sized(&self.subscription.key, first..first + count, padding).await;
    }

    async fn seek_back(&mut self) -> &'static str {
        let current = self.attend().await;
        let to = self.random.u64(self.truth.log().cut.min(current)..=current);
        let is_far = to + 2 * self.subscription.max_messages <= current;
        // The daemon knows that it is there: it came there after the seek before.
        let is_known = self.truth.moves.last().is_none_or(|seek| seek.to < current);
        let waits = self.random.bool();
        let is_seen = is_far && is_known && waits && !self.may_be_moved;
        self.seek(current, to, is_seen).await;
        if waits {
            self.wait_until("the seek to be followed", |current, end| current > to || current == end).await;
        }
        "seek back"
    }

    async fn seek_forward(&mut self) -> &'static str {
        let current = self.attend().await;
        let to = self.random.u64(current..=self.truth.log().end.max(current));
        self.seek(current, to, false).await;
        "seek forward"
    }

    /// The daemon comes back, unless the log grows past it first.
    async fn seek_beyond_the_end(&mut self) -> &'static str {
        self.may_be_moved = true;
        let current = self.attend().await;
        let to = self.truth.log().end + self.random.u64(1..20);
        self.seek(current, to, false).await;
        if self.random.bool() {
            self.publish(20).await;
        }
        self.wait_until("it to come back", |current, end| current <= end).await;
        "seek beyond"
    }

    fn cut(&mut self) -> &'static str {
        let Log { end, cut, .. } = *self.truth.log();
        let below = self.random.u64(cut.max(end.saturating_sub(200))..=end);
        self.truth.log().cut = below;
        let emulator = &self.scene.service.emulator;
        emulator.remove_records_below(PROJECT, &self.subscription.key, below).unwrap();
        "retention cut"
    }

    /// It grows past what was delivered only when that has been noticed: nothing could show it then.
    async fn make_the_topic_anew(&mut self) -> &'static str {
        self.may_be_moved = true;
        self.publish(30).await;
        self.wait_until("all of the old log", |current, end| current == end).await;
        // These may be gone with it.
        self.publish(10).await;
        let topic: TopicName = self.subscription.key.parse().unwrap();
        self.scene.service.client.delete_topic(&topic).await.unwrap();
        tokio::time::sleep(Duration::from_millis(self.random.u64(..200))).await;
        self.scene.service.client.create_topic(&topic).await.unwrap();
        self.truth.logs.push(Log::default());
        self.publish(20).await;
        self.wait_until("the new log", |current, end| current > 0 && current <= end).await;
        "topic made anew"
    }

    /// The daemon skips it, or halts before it until somebody moves the subscription: see [`Actor::attend`].
    async fn publish_poison(&mut self) -> &'static str {
        self.may_be_moved |= self.subscription.skips_poison;
        self.scene.service.publish_poison(&self.subscription.key).await;
        let log = self.truth.log();
        log.poison.insert(log.end);
        log.end += 1;
        "poison"
    }

    fn inject_fault(&mut self) -> &'static str {
        let fault = faults::any(&mut self.random, self.subscription);
        let emulator = &self.scene.service.emulator;
        self.faults.push_back(emulator.inject(fault).unwrap());
        // The emulator keeps those that are used up, and not any number of them.
        if self.faults.len() > FAULTS {
            emulator.remove_fault(self.faults.pop_front().unwrap());
        }
        "fault of the service"
    }

    fn trouble_the_receiver(&mut self) -> &'static str {
        let webhooks: Vec<_> = self.subscription.webhooks().collect();
        let Some(path) = self.random.choice(webhooks) else { return "nothing" };
        let answers = match self.random.u32(..12) {
            0 => Answers::status(*self.random.choice(&[401, 403, 404, 500, 502, 504]).unwrap()),
            1 => Answers::Says(503, ("retry-after", "1"), "later"),
            2 => Answers::Says(429, ("retry-after", "1"), "later"),
            3 => Answers::HangsUp,
            4 => Answers::Hangs,
            5 => Answers::TakesAndHangsUp,
            6 => Answers::TakesAndSaysHalf,
            7..10 => Answers::Refuses(&REFUSED),
            _ => Answers::Takes,
        };
        self.scene.receiver.tell(path, answers);
        self.troubled_until = Some(Instant::now() + Duration::from_millis(self.random.u64(..2000)));
        "trouble of the receiver"
    }

    /// What operators do: a receiver is mended after a while; a record that cannot be handed out is given up, once it is
    /// all that is in the way. Where the subscription is.
    async fn attend(&mut self) -> u64 {
        if self.troubled_until.take_if(|until| *until < Instant::now()).is_some() {
            self.mend_receivers();
        }
        let offsets = self.scene.service.offsets(&self.subscription.key).await;
        let current = u64::try_from(offsets.current).unwrap();
        if !self.subscription.skips_poison && self.truth.log().poison.contains(&current) {
            self.seek(current, current + 1, false).await;
            *self.truth.done.entry("poison given up").or_default() += 1;
            return current + 1;
        }
        current
    }

    fn mend_receivers(&self) {
        for path in self.subscription.webhooks() {
            self.scene.receiver.tell(path, Answers::Takes);
        }
    }

    async fn seek(&mut self, from: u64, to: u64, is_seen: bool) {
        let log = self.truth.number();
        self.truth.moves.push(Move { log, from, to, is_seen });
        let status = self.scene.service.try_to_seek(&self.subscription.key, to).await;
        assert!(matches!(status, 200 | 400), "a seek: {status}");
    }

    /// Waits until the place of the subscription is as it should be, given the end of its log.
    async fn wait_until(&mut self, what: &str, is_so: impl Fn(u64, u64) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let (current, end) = (self.attend().await, self.truth.log().end);
            if is_so(current, end) {
                return;
            }
            let key = &self.subscription.key;
            assert!(
                Instant::now() < deadline,
                "{key}: waited for {what} in vain; it is at {current} of {end}\n{:?}",
                self.truth
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// One network at a time is bad for a while.
pub(crate) async fn bad_networks(scene: &Scene, mut random: Rng, until: Instant) {
    while Instant::now() < until {
        let network = random.choice(&scene.networks).unwrap();
        let how = match random.u32(..5) {
            0 => Network::Refuses,
            1 => Network::Resets,
            2 => Network::Hangs,
            3 => Network::CutsAfter(random.usize(..4000)),
            _ => Network::BytesPerSecond(random.usize(2_000..50_000)),
        };
        network.set(how).await;
        tokio::time::sleep(Duration::from_millis(random.u64(100..2000))).await;
        network.set(Network::Good).await;
        tokio::time::sleep(Duration::from_millis(random.u64(200..2000))).await;
    }
}

/// The state, the output or both find no room for a while.
pub(crate) async fn full_disks(scene: &Scene, mut random: Rng, until: Instant) -> u64 {
    let mut filled = 0;
    let Some(disks) = &scene.disks else { return filled };
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(random.u64(1000..8000))).await;
        let which = random.u32(1..4);
        let full: Vec<_> = [(1, "state"), (2, "out")]
            .into_iter()
            .filter(|(bit, _)| which & bit != 0)
            .map(|(_, name)| scene.home.path(name))
            .filter(|directory| disks.fill(directory))
            .collect();
        tokio::time::sleep(Duration::from_millis(random.u64(100..2000))).await;
        for directory in &full {
            disks.widen(directory);
        }
        filled += full.len() as u64;
    }
    filled
}
