//! The emulator's logs stay whole, whoever works on them: 32 threads with two clients each publish, pull, acknowledge
//! and seek at once, over HTTP. No id is missing or doubled in any topic, a record never changes, a lone consumer gets
//! every message once, and no subscription runs backwards but by a seek.
//!
//! It takes `EMULATOR_STRESS_SECONDS`, 8 unless given. `emulator_is_its_model` is beside it, for one client at a time.

mod account;

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use account::{Look, Place, Tag, Topic};
use fastrand::Rng;

use crate::common::seed::seed;
use crate::common::{Emulated, PROJECT, Reply, Wire};

const THREADS: usize = 32;
const TOPICS: usize = 6;
/// Of these the start is cut off now and then, as retention does.
const CUT_TOPICS: usize = 2;

/// What all threads work on.
struct Scene {
    emulated: Emulated,
    topics: Vec<Topic>,
    /// Subscriptions that anybody may use.
    places: Vec<Place>,
}

impl Scene {
    fn new() -> Self {
        let emulated = Emulated::start();
        let mut wire = emulated.wire();
        let topics: Vec<_> = (0..TOPICS).map(|number| Topic::new(format!("t{number}"))).collect();
        let mut places = Vec::new();
        for (number, topic) in topics.iter().enumerate() {
            assert_eq!(wire.ask("PUT", &format!("topics/{}", topic.name), "").status, 200);
            for is_sought in [false, true] {
                let name = format!("{}-{}", topic.name, if is_sought { "sought" } else { "still" });
                subscribe(&mut wire, &name, &topic.name);
                places.push(Place::new(name, number, is_sought));
            }
        }
        Self { emulated, topics, places }
    }
}

fn subscribe(wire: &mut Wire, name: &str, topic: &str) {
    let body = format!("{{\"topic\":\"projects/{PROJECT}/topics/{topic}\",\"ackDeadlineSeconds\":600}}");
    assert_eq!(wire.ask("PUT", &format!("subscriptions/{name}"), &body).status, 200);
}

/// What a client has asked, and what must be known to judge the answer.
enum Asked<'a> {
    Publish { topic: usize, tags: Vec<Tag> },
    Pull { place: &'a Place, look: Look },
    Acknowledge { place: &'a Place, look: Look, id: i64 },
    Seek { place: &'a Place, alone: Option<u64>, offset: i64, within: bool },
    Offsets { place: &'a Place, look: Look },
    PullAlone { published: i64 },
    AcknowledgeAlone { id: i64 },
}

/// One of the two clients of a thread.
struct Client {
    wire: Wire,
    /// The ids of its last pull and of which place that was.
    last_pull: Option<(usize, i64, i64)>,
}

/// A thread: its clients, and a subscription that nobody else uses.
struct Worker<'a> {
    scene: &'a Scene,
    number: usize,
    rng: Rng,
    clients: [Client; 2],
    next_tag: Tag,
    own: String,
    own_topic: usize,
    /// The next id for it, and the last one of the pull that is not acknowledged yet.
    own_next: i64,
    own_last: Option<i64>,
    done: [usize; 7],
}

impl<'a> Worker<'a> {
    fn new(scene: &'a Scene, number: usize, seed: u64) -> Self {
        let client = || Client { wire: scene.emulated.wire(), last_pull: None };
        let mut worker = Self {
            scene,
            number,
            rng: Rng::with_seed(seed.wrapping_add(number as u64)),
            clients: [client(), client()],
            next_tag: (number as Tag + 1) << 40,
            own: format!("own-{number}"),
            own_topic: number % TOPICS,
            own_next: 0,
            own_last: None,
            done: [0; 7],
        };
        subscribe(&mut worker.clients[0].wire, &worker.own, &scene.topics[worker.own_topic].name);
        // It begins at the end of the log, where others publish already.
        let offsets = worker.clients[0].wire.ask("GET", &format!("subscriptions/{}:offsets", worker.own), "");
        worker.own_next = number_of(&offsets.text, "current");
        worker
    }

    /// Asks with both clients at once, again and again.
    fn work(&mut self, until: Instant) {
        while Instant::now() < until {
            let first = self.ask(0, true);
            let is_alone = matches!(first, Asked::PullAlone { .. } | Asked::AcknowledgeAlone { .. });
            let second = self.ask(1, !is_alone);
            for (client, asked) in [(0, first), (1, second)] {
                let reply = self.clients[client].wire.receive();
                self.judge(client, asked, &reply);
            }
            if self.rng.u32(..400) == 0 {
                self.cut();
            }
        }
    }

    /// Retention on one of the topics that have it.
    fn cut(&mut self) {
        let topic = &self.scene.topics[self.rng.usize(..CUT_TOPICS)];
        let below = topic.published.load(SeqCst) - self.rng.i64(0..60);
        if below > 0 {
            topic.cut.fetch_max(below, SeqCst);
            let cut =
                self.scene.emulated.emulator.remove_records_below(PROJECT, &topic.name, below.unsigned_abs());
            cut.unwrap();
        }
    }

    fn ask(&mut self, client: usize, may_be_alone: bool) -> Asked<'a> {
        let place_number = self.rng.usize(..self.scene.places.len());
        let place = &self.scene.places[place_number];
        let wire = &mut self.clients[client].wire;
        match self.rng.u32(..100) {
            0..25 => {
                let topic = self.rng.usize(..TOPICS);
                let tags: Vec<_> = (self.next_tag..).take(self.rng.usize(1..8)).collect();
                self.next_tag += tags.len() as Tag;
                let messages: Vec<_> = tags.iter().map(|tag| format!("{{\"data\":\"{tag}\"}}")).collect();
                let body = format!("{{\"messages\":[{}]}}", messages.join(","));
                wire.send("POST", &format!("topics/{}:publish", self.scene.topics[topic].name), &body);
                Asked::Publish { topic, tags }
            }
            25..45 => {
                let look = place.look();
                send_pull(wire, &place.name, self.rng.u32(1..40));
                self.clients[client].last_pull = Some((place_number, 0, -1));
                Asked::Pull { place, look }
            }
            45..65 if self.clients[client].last_pull.is_some_and(|(_, first, last)| first <= last) => {
                let (place, first, last) = self.clients[client].last_pull.take().unwrap();
                let (place, id) = (&self.scene.places[place], self.rng.i64(first..=last));
                let look = place.look();
                send_acknowledge(&mut self.clients[client].wire, &place.name, id);
                Asked::Acknowledge { place, look, id }
            }
            65..70 if place.is_sought => {
                let topic = &self.scene.topics[place.topic];
                let (cut, published) = (topic.cut.load(SeqCst), topic.published.load(SeqCst));
                let offset = self.rng.i64(-3..published + 9);
                let alone = place.begin_seek();
                wire.send(
                    "POST",
                    &format!("subscriptions/{}:modifyOffset", place.name),
                    &format!("{{\"offset\":{offset}}}"),
                );
                let is_cut_topic = place.topic < CUT_TOPICS;
                let within = (cut..=published).contains(&offset) && !is_cut_topic;
                Asked::Seek { place, alone, offset, within }
            }
            70..90 if may_be_alone => {
                let published = self.scene.topics[self.own_topic].published.load(SeqCst);
                if let Some(last) = self.own_last {
                    let id = self.rng.i64(self.own_next..=last);
                    send_acknowledge(wire, &self.own, id);
                    Asked::AcknowledgeAlone { id }
                } else {
                    send_pull(wire, &self.own, self.rng.u32(1..40));
                    Asked::PullAlone { published }
                }
            }
            _ => {
                let look = place.look();
                wire.send("GET", &format!("subscriptions/{}:offsets", place.name), "");
                Asked::Offsets { place, look }
            }
        }
    }

    fn judge(&mut self, client: usize, asked: Asked<'_>, reply: &Reply) {
        let who = format!("client {client} of thread {}", self.number);
        let topics = &self.scene.topics;
        let succeeded = || assert_eq!(reply.status, 200, "{who}: {}", reply.text);
        match asked {
            Asked::Publish { topic, tags } => {
                self.done[0] += 1;
                succeeded();
                let ids = account::published_ids(&reply.text);
                assert_eq!(ids.len(), tags.len(), "{who}: {}", reply.text);
                topics[topic].was_published(&ids, &tags);
            }
            Asked::Pull { place, look } => {
                self.done[1] += 1;
                succeeded();
                let pulled = topics[place.topic].pulled(&reply.text);
                if let Some((first, last)) = pulled {
                    place.saw(&look, first, false, &who);
                    let (number, ..) = self.clients[client].last_pull.unwrap();
                    self.clients[client].last_pull = Some((number, first, last));
                }
            }
            Asked::Acknowledge { place, look, id } => {
                self.done[2] += 1;
                if reply.status == 200 {
                    place.saw(&look, id + 1, true, &who);
                } else {
                    let known = ["\"wrong ack\"", "\"no ack pending\""];
                    assert!(known.iter().any(|text| reply.text.contains(text)), "{who}: {}", reply.text);
                }
            }
            Asked::Seek { place, alone, offset, within } => {
                self.done[3] += 1;
                place.end_seek(alone, offset);
                assert!(
                    reply.status == 200 || (!within && reply.text.contains("\"Offset out of bounds\"")),
                    "{who}, to {offset}: {}",
                    reply.text
                );
            }
            Asked::Offsets { place, look } => {
                self.done[4] += 1;
                succeeded();
                place.saw(&look, number_of(&reply.text, "current"), true, &who);
            }
            Asked::PullAlone { published } => {
                self.done[5] += 1;
                succeeded();
                let pulled = topics[self.own_topic].pulled(&reply.text);
                let cut = topics[self.own_topic].cut.load(SeqCst);
                let Some((first, last)) = pulled else {
                    // Or nothing was left of it.
                    let reached = self.own_next.max(cut);
                    assert!(reached >= published, "{who}: nothing came from {} on", self.own_next);
                    return;
                };
                let by_retention = self.own_next < first && first <= cut;
                assert!(first == self.own_next || by_retention, "{who}: {first} came for {}", self.own_next);
                (self.own_next, self.own_last) = (first, Some(last));
            }
            Asked::AcknowledgeAlone { id } => {
                self.done[6] += 1;
                self.own_last = None;
                let overtaken = id < topics[self.own_topic].cut.load(SeqCst) && reply.status == 500;
                assert!(reply.status == 200 || overtaken, "{who}: {}", reply.text);
                if reply.status == 200 {
                    self.own_next = id + 1;
                }
            }
        }
    }
}

fn send_pull(wire: &mut Wire, subscription: &str, limit: u32) {
    let body = format!("{{\"maxMessages\":\"{limit}\",\"returnImmediately\":\"true\"}}");
    wire.send("POST", &format!("subscriptions/{subscription}:pull"), &body);
}

fn send_acknowledge(wire: &mut Wire, subscription: &str, id: i64) {
    let body = format!("{{\"ackIds\":[\"projects/{PROJECT}/subscriptions/{subscription}:{id}\"]}}");
    wire.send("POST", &format!("subscriptions/{subscription}:acknowledge"), &body);
}

/// The number of this key in an answer.
fn number_of(text: &str, key: &str) -> i64 {
    let (_, rest) = text.split_once(&format!("\"{key}\": ")).unwrap();
    let digits = rest.split([',', '\n']).next().unwrap();
    digits.parse().unwrap()
}

#[test]
fn no_id_is_missing_or_doubled_and_only_a_seek_goes_back() {
    let given = std::env::var("EMULATOR_STRESS_SECONDS").ok();
    let seconds = given.map_or(8, |text| text.parse().unwrap());
    let seed = seed("no_id_is_missing_or_doubled");
    let scene = Scene::new();
    let until = Instant::now() + Duration::from_secs(seconds);
    let done = std::thread::scope(|scope| {
        let scene = &scene;
        let threads = (0..THREADS).map(|number| {
            scope.spawn(move || {
                let mut worker = Worker::new(scene, number, seed);
                worker.work(until);
                worker.done
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold([0; 7], |mut sum, done| {
            sum.iter_mut().zip(done).for_each(|(sum, done)| *sum += done);
            sum
        })
    });
    eprintln!("publish, pull, acknowledge, seek, offsets, and alone pull, acknowledge: {done:?}");
    assert!(done.iter().all(|&count| count > 50), "too little was done to show anything: {done:?}");
    let mut wire = scene.emulated.wire();
    for (number, topic) in scene.topics.iter().enumerate() {
        let reader = format!("reader-{number}");
        subscribe(&mut wire, &reader, &topic.name);
        let offsets = wire.ask("GET", &format!("subscriptions/{reader}:offsets"), "");
        let [min, max] = ["min", "max"].map(|key| number_of(&offsets.text, key));
        topic.is_whole(max);
        assert!(number < CUT_TOPICS || min == 0, "{}: it begins at {min}", topic.name);
        let body = format!("{{\"offset\":{min}}}");
        assert_eq!(wire.ask("POST", &format!("subscriptions/{reader}:modifyOffset"), &body).status, 200);
        let mut next = min;
        while next < max {
            send_pull(&mut wire, &reader, 2000);
            let (first, last) = topic.pulled(&wire.receive().text).expect("the log ends too early");
            assert_eq!(first, next, "{}", topic.name);
            send_acknowledge(&mut wire, &reader, last);
            assert_eq!(wire.receive().status, 200);
            next = last + 1;
        }
        assert_eq!(next, max, "{}", topic.name);
    }
}
