//! However often an emulator with a data directory is killed: what was answered is so. No message of an answered publish
//! is gone, none that was acknowledged comes back, ids stay contiguous, a record never changes, and what was made is
//! there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;

use crate::common::seed::seed;
use crate::common::{EmulatorProcess, PATIENCE, PROJECT, Reply, TOKEN, Wire};

const KILLS: usize = 20;
const TOPICS: usize = 3;
const PUBLISHERS: usize = 2;

/// What a publisher was answered: the text by id.
type Answered = HashMap<u64, String>;

/// Every text is published once, answered or not.
static NEXT_TEXT: AtomicU64 = AtomicU64::new(0);

/// A subscription of one topic, which nobody else uses.
struct Consumer {
    topic: usize,
    /// The first id that it has no answered acknowledgement of.
    next: u64,
    /// The same, if the acknowledgement counts whose answer never came.
    unanswered: Option<u64>,
    /// Whether the next pull is the first one after a kill.
    is_back: bool,
    seen: BTreeMap<u64, String>,
}

/// Makes topics and members.
#[derive(Default)]
struct Maker {
    asked: usize,
    made: Vec<usize>,
}

fn ask(wire: &mut Wire, method: &str, path: &str, body: &str) -> Option<Reply> {
    let reply = wire.try_ask(method, &format!("/v1/projects/{PROJECT}/{path}"), TOKEN, body).ok()?;
    assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
    Some(reply)
}

/// Publishes until nobody answers any more.
fn publish(wire: &mut Wire, topic: usize, rng: &mut Rng, answered: &mut Answered, progress: &AtomicUsize) {
    loop {
        // Some take long to be written, so that a kill may find them half written.
        let count = if rng.u8(..10) == 0 { 2000 } else { rng.usize(1..30) };
        let texts: Vec<_> = (0..count).map(|_| NEXT_TEXT.fetch_add(1, SeqCst).to_string()).collect();
        let padding = "x".repeat(rng.usize(..3000));
        let messages = texts
            .iter()
            .map(|text| format!("{{\"data\":\"{text}\",\"attributes\":{{\"padding\":\"{padding}\"}}}}"));
        let body = format!("{{\"messages\":[{}]}}", messages.collect::<Vec<_>>().join(","));
        let Some(reply) = ask(wire, "POST", &format!("topics/t{topic}:publish"), &body) else { return };
        let reply: Value = serde_json::from_str(&reply.text).unwrap();
        let ids = reply["messageIds"].as_array().unwrap().iter().map(number);
        for (id, text) in ids.zip(texts) {
            assert_eq!(answered.insert(id, text), None, "id {id} is answered twice");
        }
        progress.fetch_add(1, SeqCst);
    }
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

impl Consumer {
    /// Pulls and acknowledges until nobody answers any more, or there is nothing left up to `end`.
    fn consume(&mut self, wire: &mut Wire, rng: &mut Rng, end: u64, progress: &AtomicUsize) {
        let topic = self.topic;
        while self.next < end {
            let body = format!("{{\"maxMessages\":\"{}\",\"returnImmediately\":\"true\"}}", rng.u8(1..));
            let Some(reply) = ask(wire, "POST", &format!("subscriptions/s{topic}:pull"), &body) else {
                return;
            };
            let reply: Value = serde_json::from_str(&reply.text).unwrap();
            let messages = reply["receivedMessages"].as_array().unwrap();
            let Some(first) = messages.first() else { continue };
            self.begin(number(&first["message"]["messageId"]));
            for (id, message) in (self.next..).zip(messages) {
                let message = &message["message"];
                assert_eq!(number(&message["messageId"]), id, "ids of t{topic} are not contiguous");
                let text = message["data"].as_str().unwrap();
                let before = self.seen.insert(id, text.to_owned());
                assert!(before.is_none_or(|before| before == text), "message {id} of t{topic} has changed");
            }
            let through = self.next + rng.u64(1..=messages.len() as u64);
            let id = format!("projects/{PROJECT}/subscriptions/s{topic}:{}", through - 1);
            self.unanswered = Some(through);
            let body = format!("{{\"ackIds\":[\"{id}\"]}}");
            if ask(wire, "POST", &format!("subscriptions/s{topic}:acknowledge"), &body).is_none() {
                return;
            }
            (self.next, self.unanswered) = (through, None);
            progress.fetch_add(1, SeqCst);
        }
    }

    /// A pull begins where the last answered acknowledgement ended, or after a kill the one without an answer.
    fn begin(&mut self, first: u64) {
        let may_be = self.unanswered.take().filter(|_| self.is_back);
        assert!(
            first == self.next || Some(first) == may_be,
            "the pull of s{} begins at {first}, not at {} or {may_be:?}",
            self.topic,
            self.next
        );
        (self.next, self.is_back) = (first, false);
    }
}

impl Maker {
    /// Makes topics and members until nobody answers any more.
    fn make(&mut self, wire: &mut Wire) {
        loop {
            let number = self.asked;
            self.asked += 1;
            let member =
                format!("{{\"projects\":[{{\"project\":\"{PROJECT}\",\"roles\":[\"publisher\"]}}]}}");
            let acl = format!("{{\"authorized_users\":[\"m{number}\"]}}");
            for (method, path, body) in [
                ("PUT", format!("topics/made{number}"), ""),
                ("POST", format!("members/m{number}"), &member),
                ("POST", format!("topics/made{number}:modifyAcl"), &acl),
            ] {
                if ask(wire, method, &path, body).is_none() {
                    return;
                }
            }
            self.made.push(number);
        }
    }

    fn assert_all_there(&self, wire: &mut Wire) {
        for number in &self.made {
            let acl = ask(wire, "GET", &format!("topics/made{number}:acl"), "").unwrap().text;
            assert!(acl.contains(&format!("\"m{number}\"")), "{acl}");
        }
    }
}

#[test]
fn twenty_kills_lose_no_answered_publish_and_bring_no_acknowledged_message_back() {
    let mut rng = Rng::with_seed(seed("emulator_is_killed"));
    let directory = tempfile::tempdir().unwrap();
    let mut answered: [[Answered; PUBLISHERS]; TOPICS] = Default::default();
    let consumer =
        |topic| Consumer { topic, next: 0, unanswered: None, is_back: false, seen: BTreeMap::new() };
    let mut consumers: Vec<_> = (0..TOPICS).map(consumer).collect();
    let (mut maker, mut torn) = (Maker::default(), 0);

    let emulator = EmulatorProcess::start(directory.path());
    let mut wire = emulator.wire();
    for topic in 0..TOPICS {
        ask(&mut wire, "PUT", &format!("topics/t{topic}"), "").unwrap();
        let body = format!("{{\"topic\":\"projects/{PROJECT}/topics/t{topic}\",\"ackDeadlineSeconds\":600}}");
        ask(&mut wire, "PUT", &format!("subscriptions/s{topic}"), &body).unwrap();
    }
    emulator.kill();

    for kill in 0..KILLS {
        let emulator = EmulatorProcess::start(directory.path());
        maker.assert_all_there(&mut emulator.wire());
        let progress = AtomicUsize::new(0);
        let address = emulator.address;
        std::thread::scope(|scope| {
            let mut fork = || Rng::with_seed(rng.u64(..));
            for (topic, publishers) in answered.iter_mut().enumerate() {
                for answered in publishers {
                    let (mut rng, progress) = (fork(), &progress);
                    scope
                        .spawn(move || publish(&mut Wire::new(address), topic, &mut rng, answered, progress));
                }
            }
            for consumer in &mut consumers {
                consumer.is_back = true;
                let (mut rng, progress) = (fork(), &progress);
                scope.spawn(move || consumer.consume(&mut Wire::new(address), &mut rng, u64::MAX, progress));
            }
            scope.spawn(|| maker.make(&mut Wire::new(address)));
            let deadline = Instant::now() + PATIENCE;
            while progress.load(SeqCst) < 30 && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(fork().u64(..50_000)));
            torn += usize::from(emulator.kill().contains("are cut off"));
        });
        assert!(progress.load(SeqCst) >= 30, "too little happened before kill {kill}");
    }

    let emulator = EmulatorProcess::start(directory.path());
    let mut wire = emulator.wire();
    maker.assert_all_there(&mut wire);
    for (consumer, publishers) in consumers.iter_mut().zip(answered) {
        let topic = consumer.topic;
        let offsets = ask(&mut wire, "GET", &format!("subscriptions/s{topic}:offsets"), "").unwrap().text;
        let end = serde_json::from_str::<Value>(&offsets).unwrap()["max"].as_u64().unwrap();
        consumer.is_back = true;
        consumer.consume(&mut wire, &mut rng, end, &AtomicUsize::new(0));
        assert!(consumer.seen.keys().copied().eq(0..end), "t{topic} has holes");
        let texts: HashSet<_> = consumer.seen.values().collect();
        assert_eq!(texts.len(), consumer.seen.len(), "a message of t{topic} is there twice");
        let all: usize = publishers.iter().map(HashMap::len).sum();
        for (id, text) in publishers.into_iter().flatten() {
            assert_eq!(consumer.seen.get(&id), Some(&text), "answered message {id} of t{topic}");
        }
        println!("t{topic}: {end} messages, {all} of them answered");
    }
    println!("{} topics and members were made, {torn} starts found a torn write", maker.made.len());
}
