//! Wherever the daemon crashes, in the loop, in a sink or in its ledger: each message is in the files once and in order,
//! though these are rotated and compressed meanwhile;
//! to a webhook and a topic none is lost, and no more of them come twice than were under way; and the service was never
//! told more than what every sink has.
//!
//! The places are those of `fail_point` in the source. `AMS_CRASHES` is the number of crashes at each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ams_forwarder::client::NewMessage;
use apache_avro::types::Value;
use futures_util::StreamExt;

use crate::common::avro;
use crate::common::{
    Answers, Config, Delivered, Forwarder, Home, Launch, Receiver, Service, all_compressed, eventually,
    file_sink, numbered,
};

/// Messages published before each start, in three batches of three requests each.
const ROUND: u64 = 60;
const BATCH: u64 = 20;
const REQUEST: u64 = 7;
/// Requests at once of the second webhook, whose receiver stumbles now and then: it has messages ahead of others.
const AT_ONCE: u64 = 3;

/// All payloads have one size, so that they are datums of this schema too.
const NUMBERED: &str = r#"{"type":"fixed","name":"numbered","size":10}"#;
const SIZE: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_it_crashes_files_have_each_message_once_and_nobody_misses_one() {
    let crashes = std::env::var("AMS_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    // Those of letters need messages that become some: `letters_over_crashes`; and that of files that are closed needs
    // such: `file_sink`.
    let is_here = |place: &String| !of_letters(place) && place != "file released";
    let places: BTreeSet<_> = places().into_iter().filter(is_here).collect();
    assert!(places.len() > 20, "{places:?}");
    let runs = places.into_iter().map(|place| async move {
        let tally = Scene::new(&place).await.crash(crashes).await;
        (place, tally)
    });
    let tallies: BTreeMap<_, _> = futures_util::stream::iter(runs).buffer_unordered(4).collect().await;
    let mut table = format!("{:<24} crashes  published  again: file  webhook   wide  topic\n", "place");
    for (place, tally) in tallies {
        let Tally { crashes, published, file, webhook, wide, topic } = tally;
        writeln!(
            table,
            "{place:<24} {crashes:>7} {published:>10} {file:>12} {webhook:>8} {wide:>6} {topic:>6}"
        )
        .unwrap();
    }
    // Past the harness, which shows what is printed by tests that fail only.
    let _ = writeln!(std::io::stderr(), "{table}");
}

/// Whether a message that is set aside or skipped comes by that place.
pub(crate) fn of_letters(place: &str) -> bool {
    place.starts_with("letter ") || place.starts_with("skip ")
}

/// The names of all places, from the source.
pub(crate) fn places() -> BTreeSet<String> {
    fn read(directory: &Path, places: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, places);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in ["fail_point::pass(\"", "fail_point::tear(\""] {
                    let names = text.split(call).skip(1).map(|rest| rest.split('"').next().unwrap());
                    places.extend(names.map(ToOwned::to_owned));
                }
            }
        }
    }
    let mut places = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut places);
    places
}

/// What came of the crashes at one place.
#[derive(Debug)]
struct Tally {
    crashes: u64,
    published: u64,
    /// Messages that came again.
    file: usize,
    webhook: usize,
    wide: usize,
    topic: usize,
}

/// A subscription to a file of lines, one of Avro, a webhook and a topic, and the daemon that crashes.
struct Scene {
    place: String,
    service: Service,
    receiver: Receiver,
    home: Home,
    config: Config,
    published: u64,
    /// Daemons that ended in the middle of their work.
    ended: u64,
}

impl Scene {
    async fn new(place: &str) -> Self {
        let (service, receiver, home) =
            (Service::with(&["a", "copy"]).await, Receiver::start().await, Home::new());
        let schema = home.write("numbered.avsc", NUMBERED);
        let avro = format!(
            "[subscriptions.a.sinks.avro]\ntype = \"file\"\npath = \"{}\"\nformat = \"avro\"\n\
             schema_file = \"{}\"\ncodec = \"deflate\"\nretry = {{ initial = \"20ms\", max = \"200ms\" }}",
            avro_in(&home).display(),
            schema.display(),
        );
        let sinks = format!(
            "{}rotate = {{ size = \"4KiB\" }}\ncompress = \"zstd\"\n{avro}\n[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{}\"\nbatch = {REQUEST}\n\
             retry = {{ initial = \"20ms\", max = \"200ms\" }}\n\
             [subscriptions.a.sinks.wide]\ntype = \"webhook\"\nurl = \"{}\"\nbatch = {REQUEST}\n\
             concurrency = {AT_ONCE}\nretry = {{ initial = \"20ms\", max = \"200ms\" }}\n\
             [subscriptions.a.sinks.copy]\ntype = \"topic\"\ntopic = \"copy\"\nbatch = {REQUEST}\n\
             retry = {{ initial = \"20ms\", max = \"200ms\" }}\n",
            file_sink("a", &home.out("a")),
            receiver.url("a"),
            receiver.url("wide"),
        );
        receiver.tell("wide", Answers::Stumbles);
        let settings = format!("max_messages = {BATCH}");
        let config = Config::new(&home, &service.endpoint()).subscription("a", &settings, &sinks);
        let place = place.to_owned();
        Self { place, service, receiver, home, config, published: 0, ended: 0 }
    }

    async fn crash(mut self, wanted: u64) -> Tally {
        let mut crashes = 0;
        for start in 0.. {
            if crashes == wanted {
                break;
            }
            assert!(start < 5 * wanted + 5, "{}: only {crashes} crashes in {start} starts", self.place);
            self.publish().await;
            self.prepare(start);
            crashes += u64::from(self.run(start).await);
            self.assert_nothing_acknowledged_too_early().await;
        }
        self.publish().await;
        let forwarder = Forwarder::start(&self.home, &self.config);
        self.all_is_acknowledged().await;
        eventually("the last rotated file to be compressed", async || all_compressed(&self.home.path("out")))
            .await;
        forwarder.stop().await;
        self.account(crashes).await
    }

    async fn publish(&mut self) {
        let messages: Vec<_> = (self.published..self.published + ROUND)
            .map(|number| numbered(number, SIZE - numbered(number, 0).len()))
            .map(NewMessage::new)
            .collect();
        self.service.client.publish(&"a".parse().unwrap(), &messages).await.unwrap();
        self.published += ROUND;
    }

    /// Now and then somebody rotates the files while the daemon is down; and where a crash is to happen that follows
    /// upon another one, there is one.
    fn prepare(&mut self, start: u64) {
        let file = self.home.out("a");
        if start % 3 == 1 && file.exists() {
            std::fs::rename(&file, file.with_extension(format!("jsonl.{start}"))).unwrap();
            // The daemon may have crashed before it had both.
            let avro = avro_in(&self.home);
            let _ = std::fs::rename(&avro, avro.with_extension(format!("{start:05}.avro")));
        }
    }

    /// Starts a daemon that is to crash. Whether it did before it had nothing to do any more.
    async fn run(&mut self, start: u64) -> bool {
        let (place, nth) = match self.place.as_str() {
            // Something has to be left to find or to cut.
            "file found again" | "file cut back" if start.is_multiple_of(2) => ("file synced", 2),
            place => (place, if start.is_multiple_of(2) { 1 + start / 2 % 5 } else { 1 }),
        };
        let armed = format!("{place}:{nth}");
        let mut forwarder =
            Launch::new(&self.home).env("AMS_FORWARDER_FAIL_POINT", &armed).start(&self.config);
        let mut crashed = false;
        eventually("a crash, or the end of all work", async || {
            crashed = forwarder.has_ended();
            crashed || self.service.is_acknowledged_to("a", self.published).await
        })
        .await;
        self.ended += 1;
        if crashed {
            assert_eq!(forwarder.wait(Duration::MAX).await, None, "it has ended by a signal of its own");
        } else {
            forwarder.kill().await;
        }
        crashed && place == self.place
    }

    async fn assert_nothing_acknowledged_too_early(&self) {
        let shown = Launch::new(&self.home).to_its_end(&[
            "ledger",
            "show",
            "--output",
            "json",
            "--config",
            "forwarder.toml",
        ]);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        let acknowledged = u64::try_from(self.service.offsets("a").await.current).unwrap();
        let ledger = &shown[0]["ledger"];
        if ledger.is_null() {
            assert_eq!(acknowledged, 0, "{}", self.place);
            return;
        }
        for (name, sink) in ledger["sinks"].as_object().unwrap() {
            let next = sink["next"].as_u64().unwrap();
            assert!(acknowledged <= next, "{}: {acknowledged} acknowledged, {name} has {next}", self.place);
        }
    }

    async fn all_is_acknowledged(&self) {
        let all = async || self.service.is_acknowledged_to("a", self.published).await;
        eventually("everything to be acknowledged", all).await;
    }

    async fn account(&self, crashes: u64) -> Tally {
        let (place, published) = (&self.place, self.published);
        let file = Delivered::in_directory(&self.home.path("out"));
        file.assert_exactly(published);
        let log = std::fs::read_to_string(self.home.path("log")).unwrap();
        assert!(!log.contains("moved away or removed"), "{place}: {log}");
        // In order of their names, which is that of their times.
        let avro: BTreeSet<_> = avro_in(&self.home)
            .parent()
            .unwrap()
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        Delivered { numbers: avro.iter().flat_map(|path| numbered_in(path)).collect(), torn: Vec::new() }
            .assert_exactly(published);

        let sent: Vec<u64> = self.receiver.posts("a").into_iter().flat_map(|post| post.numbers).collect();
        self.receiver.delivered("a").assert_exactly(published);
        let hook = Delivered { numbers: sent, torn: Vec::new() };
        hook.assert_complete(published);
        let copy = self.service.take_all("copy").await;
        copy.assert_complete(published);
        let mut in_order = self.receiver.delivered("wide");
        in_order.numbers.sort_unstable();
        in_order.assert_exactly(published);
        let taken = self.receiver.posts("wide").into_iter().filter(|post| post.taken);
        let wide = Delivered { numbers: taken.flat_map(|post| post.numbers).collect(), torn: Vec::new() };
        for (sink, delivered, under_way) in [
            ("webhook", &hook, REQUEST),
            ("wide webhook", &wide, AT_ONCE * REQUEST),
            ("topic", &copy, REQUEST),
        ] {
            let at_most = usize::try_from(self.ended * under_way).unwrap();
            let again = delivered.repeated();
            assert!(again <= at_most, "{place}: {again} came again to the {sink}");
        }
        let (webhook, wide, topic) = (hook.repeated(), wide.repeated(), copy.repeated());
        Tally { crashes, published, file: file.repeated(), webhook, wide, topic }
    }
}

/// In a directory of its own.
fn avro_in(home: &Home) -> PathBuf {
    home.path("avro/a.avro")
}

fn numbered_in(path: &Path) -> Vec<u64> {
    // What was opened and not written to before a crash is empty, and no file of Avro yet.
    if path.metadata().map_or(0, |found| found.len()) == 0 {
        return Vec::new();
    }
    let number = |value: &Value| {
        let Value::Fixed(_, bytes) = value else { panic!("not numbered: {value:?}") };
        str::from_utf8(bytes).unwrap().split(' ').next().unwrap().parse().unwrap()
    };
    avro::values_in(path).iter().map(number).collect()
}
