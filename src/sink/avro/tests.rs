//! Whatever happens to a file, it can be read, and has what was put into it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apache_avro::Reader;
use apache_avro::types::Value;
use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::prelude::*;
use tempfile::TempDir;

use super::arbitrary::Arbitrary;
use crate::client::AmsClient;
use crate::config::{Codec, sink_for_test};
use crate::sink::notebook::Jotter;
use crate::sink::tests::{batch, notebook, source};
use crate::sink::{Outlet, Sink, Slice, Trouble};

#[derive(Debug, Clone)]
enum Event {
    /// So many messages are delivered and vouched for.
    Batch(usize),
    /// So many are written, then it crashes, and of what they made of the file so many percent are left.
    Crash(usize, u64),
    /// The same, and the ledger is lost too.
    CrashWithoutLedger(usize, u64),
}

fn event() -> impl Strategy<Value = Event> {
    let (some, part) = (1..15_usize, 0..=100_u64);
    prop_oneof![
        3 => some.clone().prop_map(Event::Batch),
        2 => (some.clone(), part.clone()).prop_map(|(some, part)| Event::Crash(some, part)),
        1 => (some, part).prop_map(|(some, part)| Event::CrashWithoutLedger(some, part)),
    ]
}

/// A file, and what must be in it.
struct Scene {
    path: PathBuf,
    sink: Box<dyn Sink>,
    notebook: Arc<Jotter>,
    keys: String,
    next: u64,
    /// The length of the file when all in it was vouched for.
    vouched: u64,
    _dir: TempDir,
}

impl Scene {
    fn new(schema: &str, codec: Codec) -> Self {
        let dir = TempDir::new().unwrap();
        let (path, schema_file) = (dir.path().join("a.avro"), dir.path().join("a.avsc"));
        std::fs::write(&schema_file, schema).unwrap();
        let keys = format!(
            "type = \"file\"\npath = {path:?}\nformat = \"avro\"\nschema_file = {schema_file:?}\ncodec = \"{}\"",
            codec.name()
        );
        let notebook = notebook();
        Self { sink: open(&keys, &notebook), path, notebook, keys, next: 0, vouched: 0, _dir: dir }
    }

    fn length(&self) -> u64 {
        self.path.metadata().map_or(0, |found| found.len())
    }

    /// Delivers these, and vouches for them or not.
    async fn deliver(&mut self, datums: &[Vec<u8>], vouch: bool) {
        let messages: Vec<_> = (self.next..)
            .zip(datums)
            .map(|(id, datum)| {
                format!(r#"{{"messageId":"{id}","data":"{}"}}"#, BASE64_STANDARD.encode(datum))
            })
            .collect();
        let batch = Arc::new(batch(&messages.join(",")));
        let slice = Slice::new(Arc::clone(&batch), 0..batch.len(), 0).unwrap();
        let delivery = self.sink.deliver(slice).await;
        assert!(delivery.trouble.is_none(), "{:?}", delivery.trouble);
        let receipt = delivery.receipt.unwrap();
        assert_eq!(receipt.messages(), datums.len() as u64);
        if vouch {
            self.next = receipt.next();
            self.vouched = self.length();
            *self.notebook.files.lock().unwrap() = receipt.files().to_vec();
        }
    }

    /// A crash that leaves a part of what was not vouched for.
    fn crash(&mut self, percent: u64, with_ledger: bool) {
        let more = (self.length() - self.vouched) * percent / 100;
        if !with_ledger {
            self.notebook = notebook();
        }
        self.sink = open(&self.keys, &self.notebook);
        OpenOptions::new().write(true).open(&self.path).unwrap().set_len(self.vouched + more).unwrap();
    }

    fn read(&self) -> Vec<Value> {
        let reader = Reader::new(BufReader::new(File::open(&self.path).unwrap())).unwrap();
        reader.map(|value| value.unwrap()).collect()
    }
}

fn open(keys: &str, notebook: &Arc<Jotter>) -> Box<dyn Sink> {
    let own = AmsClient::builder("http://127.0.0.1:1", "P".parse().unwrap()).token("T".into());
    let own = own.build().unwrap();
    let outlet = Outlet::new(&sink_for_test(keys), &own, &BTreeMap::new()).unwrap();
    outlet.open(&source(), Arc::clone(notebook) as _)
}

fn codecs() -> impl Strategy<Value = Codec> {
    prop::sample::select(&Codec::ALL[..])
}

async fn play(schema: &str, codec: Codec, events: &[Event], mut datum: impl FnMut() -> (Value, Vec<u8>)) {
    let mut scene = Scene::new(schema, codec);
    let mut expected = Vec::new();
    let mut after = |count: usize| -> (Vec<_>, Vec<_>) { (0..count).map(|_| datum()).unzip() };
    for event in events.iter().chain([&Event::Batch(1)]) {
        match *event {
            Event::Batch(count) => {
                let (values, datums) = after(count);
                scene.deliver(&datums, true).await;
                expected.extend(values);
                assert_eq!(scene.read(), expected);
            }
            Event::Crash(count, part) => {
                scene.deliver(&after(count).1, false).await;
                scene.crash(part, true);
            }
            Event::CrashWithoutLedger(count, part) => {
                let (written, datums) = after(count);
                scene.deliver(&datums, false).await;
                scene.crash(part, false);
                let (values, datums) = after(1);
                scene.deliver(&datums, true).await;
                let found = scene.read();
                let kept = found.len() - expected.len() - 1;
                expected.extend_from_slice(&written[..kept]);
                expected.extend(values);
                assert_eq!(found, expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_batches_crashes_and_restarts_read_back_equal(
        seed: u64,
        codec in codecs(),
        events in prop::collection::vec(event(), 1..8),
    ) {
        let mut made = Arbitrary::new(seed);
        let schema = made.text.clone();
        tokio::runtime::Builder::new_current_thread().build().unwrap()
            .block_on(play(&schema, codec, &events, || made.datum()));
    }

    #[test]
    fn batches_of_many_blocks_do_so_too(
        seed: u64,
        codec in codecs(),
        events in prop::collection::vec(event(), 1..5),
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let datum = || {
            let bytes: Vec<_> = (0..random.usize(..80_000)).map(|_| random.u8(..)).collect();
            let mut datum = Vec::new();
            super::long::write(bytes.len(), &mut datum);
            datum.extend(&bytes);
            (Value::Bytes(bytes), datum)
        };
        tokio::runtime::Builder::new_current_thread().build().unwrap()
            .block_on(play("\"bytes\"", codec, &events, datum));
    }
}

/// What becomes of a batch where the file already has this in it.
async fn onto(content: &[u8]) -> (Scene, Option<Trouble>) {
    let mut scene = Scene::new("\"bytes\"", Codec::Null);
    std::fs::write(&scene.path, content).unwrap();
    let batch = Arc::new(batch(r#"{"messageId":"0","data":"AA=="}"#));
    let delivery = scene.sink.deliver(Slice::new(batch, 0..1, 0).unwrap()).await;
    assert_eq!(delivery.receipt.is_none(), delivery.trouble.is_some());
    (scene, delivery.trouble)
}

#[tokio::test]
async fn what_is_no_file_of_this_schema_is_left_alone_and_parks() {
    let other = b"Obj\x01\x02\x16avro.schema\x0c\"long\"\x00MMMMMMMMMMMMMMMM";
    let unknown = b"Obj\x01\x04\x16avro.schema\x0e\"bytes\"\x14avro.codec\x04xz\x00MMMMMMMMMMMMMMMM";
    for (content, expected) in [
        (&b"{\"messageId\":\"1\"}\n"[..], "is no Avro object container file"),
        (other, "has another schema than schema_file"),
        (unknown, "has a codec that is not known here"),
    ] {
        let (scene, trouble) = onto(content).await;
        let Some(Trouble::Fatal(error)) = trouble else { panic!("{trouble:?}") };
        assert!(error.message.contains(expected) && error.message.contains("move it away"), "{error}");
        assert_eq!(std::fs::read(&scene.path).unwrap(), content);
    }
}

#[tokio::test]
async fn a_file_of_others_is_gone_on_with_in_its_own_codec() {
    let content = b"Obj\x01\x04\x16avro.schema\x0e\"bytes\"\x14avro.codec\x0csnappy\x00MMMMMMMMMMMMMMMM";
    let (scene, trouble) = onto(content).await;
    assert!(trouble.is_none(), "{trouble:?}");
    assert!(std::fs::read(&scene.path).unwrap().starts_with(content));
    assert_eq!(scene.read(), [Value::Bytes(Vec::new())]);
}

#[tokio::test]
async fn every_torn_end_is_kept_aside_and_none_over_another() {
    let (mut scene, _) = onto(b"Obj\x01\x02\x16avro").await;
    assert_eq!(scene.read().len(), 1);
    let aside = |number| std::fs::read(format!("{}.torn.{number}", scene.path.display()));
    assert_eq!(aside(1).unwrap(), b"Obj\x01\x02\x16avro");
    let whole = std::fs::read(&scene.path).unwrap();
    std::fs::write(&scene.path, [&whole[..], b"\x02\x08torn"].concat()).unwrap();
    scene.deliver(&[vec![0]], true).await;
    assert_eq!(scene.read().len(), 2);
    let aside = |number| std::fs::read(format!("{}.torn.{number}", scene.path.display()));
    assert_eq!(
        (aside(1).unwrap(), aside(2).unwrap()),
        (b"Obj\x01\x02\x16avro".to_vec(), b"\x02\x08torn".to_vec())
    );
    assert!(std::fs::read(&scene.path).unwrap().starts_with(&whole));
    assert!(aside(3).is_err());
}

#[tokio::test]
async fn a_torn_end_is_readable_by_those_only_who_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let mut scene = Scene::new("\"bytes\"", Codec::Null);
    std::fs::write(&scene.path, "Obj").unwrap();
    std::fs::set_permissions(&scene.path, PermissionsExt::from_mode(0o600)).unwrap();
    scene.deliver(&[vec![0]], true).await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(Path::new(&format!("{}.torn.1", scene.path.display()))), 0o600);
}
