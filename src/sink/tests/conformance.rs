//! What every sink must do, whatever it is: take messages in order, vouch for a prefix and no more, vouch for nothing
//! when it fails, and go on where it stopped.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::super::stdout::StdoutSink;
use super::server::{Server, hang, status};
use super::{notebook, rest, slice, source};
use crate::client::AmsClient;
use crate::config::{Format, sink_for_test};
use crate::sink::jsonl::Encoder;
use crate::sink::{Arc, Outlet, Sink, Slice, Trouble};

/// A sink, what arrived where it puts messages, and a way to make it fail and heal.
struct Subject {
    sink: Box<dyn Sink>,
    arrived: Box<dyn Fn() -> Vec<u64>>,
    fail: Box<dyn Fn(bool)>,
    /// For one that waits for an answer.
    hold: Option<Hold>,
}

/// A server that takes messages, says when it did, and answers nothing.
#[derive(Clone, Default)]
struct Hold {
    on: Arc<AtomicBool>,
    took: Arc<Notify>,
}

/// Delivers all of `slice`, checking every receipt.
async fn deliver_all(sink: &mut dyn Sink, slice: &Slice) {
    let mut left = Some(slice.clone());
    while let Some(now) = left {
        let delivery = sink.deliver(now.clone()).await;
        assert!(delivery.trouble.is_none(), "{:?}", delivery.trouble);
        let receipt = delivery.receipt.expect("a sink that is well delivers something");
        let ids: Vec<_> = now.messages().map(|message| message.id()).collect();
        let covered = usize::try_from(receipt.messages()).unwrap();
        assert_eq!(ids[covered - 1] + 1, receipt.next(), "a receipt covers a prefix");
        left = rest(&now, receipt.next());
    }
}

async fn conforms(mut subject: Subject) {
    let sink = &mut *subject.sink;
    deliver_all(sink, &slice(0, 5, 0)).await;
    deliver_all(sink, &rest(&slice(3, 9, 0), 5).unwrap()).await;
    assert_eq!((subject.arrived)(), (0..9).collect::<Vec<_>>(), "in order, each once");

    (subject.fail)(true);
    for _ in 0..2 {
        let failed = sink.deliver(slice(9, 14, 0)).await;
        assert_eq!(failed.receipt, None, "nothing is vouched for");
        assert!(matches!(failed.trouble, Some(Trouble::Retry { .. } | Trouble::Fatal(_))), "{failed:?}");
    }
    (subject.fail)(false);
    deliver_all(sink, &slice(9, 14, 0)).await;
    assert_eq!((subject.arrived)(), (0..14).collect::<Vec<_>>(), "what failed came later, and nothing else");

    // Given up in the middle, it may have taken them, and takes them again.
    let attempt = sink.deliver(slice(14, 17, 1));
    if let Some(hold) = &subject.hold {
        hold.on.store(true, Ordering::SeqCst);
        tokio::select! {
            delivery = attempt => panic!("delivered without an answer: {delivery:?}"),
            () = hold.took.notified() => {}
        }
        hold.on.store(false, Ordering::SeqCst);
        assert_eq!((subject.arrived)()[14], 14, "it was in the middle");
    } else {
        drop(tokio::time::timeout(std::time::Duration::ZERO, attempt).await);
    }
    deliver_all(sink, &slice(14, 17, 1)).await;
    let arrived = (subject.arrived)();
    assert_eq!(
        (&arrived[..14], &arrived[arrived.len() - 3..]),
        (&(0..14).collect::<Vec<_>>()[..], &[14, 15, 16][..])
    );
}

/// The sink of these keys; its subscription and its connection are at `url`.
fn open(url: &str, keys: &str) -> Box<dyn Sink> {
    let own = AmsClient::builder(url, "P".parse().unwrap()).token("T".into()).build().unwrap();
    let clients = [("c".to_owned(), own.clone())].into();
    Outlet::new(&sink_for_test(keys), &own, &clients).unwrap().open(&source(), notebook())
}

fn ids_of(lines: &str) -> Vec<u64> {
    let id =
        |line| serde_json::from_str::<Value>(line).unwrap()["messageId"].as_str().unwrap().parse().unwrap();
    lines.lines().map(id).collect()
}

#[tokio::test]
async fn a_file_conforms() {
    let dir = TempDir::new().unwrap();
    let (out, aside): (PathBuf, PathBuf) = (dir.path().join("out"), dir.path().join("aside"));
    let file = out.join("a.jsonl");
    let keys = format!("type = \"file\"\npath = {file:?}");
    let fail = move |fails| {
        if fails {
            std::fs::rename(&out, &aside).unwrap();
            std::fs::write(&out, "in the way").unwrap();
        } else {
            std::fs::remove_file(&out).unwrap();
            std::fs::rename(&aside, &out).unwrap();
        }
    };
    conforms(Subject {
        sink: open("http://127.0.0.1:1", &keys),
        arrived: Box::new(move || ids_of(&std::fs::read_to_string(&file).unwrap())),
        fail: Box::new(fail),
        hold: None,
    })
    .await;
}

/// A pipe whose reader comes and goes.
#[derive(Clone, Default)]
struct Pipe {
    written: Arc<Mutex<Vec<u8>>>,
    fails: Arc<AtomicBool>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.written.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn standard_output_conforms() {
    let pipe = Pipe::default();
    let (written, fails) = (Arc::clone(&pipe.written), Arc::clone(&pipe.fails));
    conforms(Subject {
        sink: Box::new(StdoutSink::on(Encoder::new(Format::Jsonl, "projects/P/subscriptions/S"), pipe)),
        arrived: Box::new(move || ids_of(str::from_utf8(&written.lock().unwrap()).unwrap())),
        fail: Box::new(move |now| fails.store(now, Ordering::SeqCst)),
        hold: None,
    })
    .await;
}

/// A server that takes what is posted to it, and the sink to test with it.
async fn over_http(keys: impl Fn(&str) -> String) {
    let fails = Arc::new(AtomicBool::new(false));
    let taken = Arc::<Mutex<Vec<u64>>>::default();
    let hold = Hold::default();
    let (fails_now, into, on_hold) = (Arc::clone(&fails), Arc::clone(&taken), hold.clone());
    let server = Server::start(move |seen, _| {
        if seen.method == "GET" {
            return status(403);
        }
        if fails_now.load(Ordering::SeqCst) {
            return status(503);
        }
        let ids = seen.ids();
        into.lock().unwrap().extend(&ids);
        if on_hold.on.load(Ordering::SeqCst) {
            on_hold.took.notify_one();
            return hang();
        }
        let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
        axum::Json(json!({ "messageIds": ids })).into_response()
    })
    .await;
    conforms(Subject {
        sink: open(&server.url, &keys(&server.url)),
        arrived: Box::new(move || taken.lock().unwrap().clone()),
        fail: Box::new(move |now| fails.store(now, Ordering::SeqCst)),
        hold: Some(hold),
    })
    .await;
}

#[tokio::test]
async fn a_webhook_conforms() {
    for batch in [1, 2, 100] {
        over_http(|url| format!("type = \"webhook\"\nurl = \"{url}/hook\"\nbatch = {batch}")).await;
    }
}

#[tokio::test]
async fn a_topic_conforms() {
    for batch in [1, 2, 100] {
        over_http(|_| format!("type = \"topic\"\ntopic = \"t\"\nbatch = {batch}")).await;
    }
}
