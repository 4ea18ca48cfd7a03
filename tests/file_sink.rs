//! Where a file sink puts messages, when that is durable, and what becomes of files that somebody rotates.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ams_forwarder::client::NewMessage;
use rustix::process::Signal;

use crate::common::{Action, Config, Delivered, Forwarder, Gate, Home, Service, eventually, numbered};
#[cfg(debug_assertions)]
use crate::common::{Launch, PATIENCE};
use crate::parked_and_recovers::FORBIDDEN;

/// A subscription `a` to a file sink of these keys.
fn config(home: &Home, endpoint: &str, keys: &str) -> Config {
    let sink = format!(
        "[subscriptions.a.sinks.archive]\ntype = \"file\"\nretry = {{ initial = \"20ms\", max = \"200ms\" }}\n{keys}\n"
    );
    Config::new(home, endpoint).subscription("a", "", &sink)
}

/// The files below `directory`, by their paths from there.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let (mut found, mut left) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().display().to_string();
                found.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_to_files_by_their_attributes_and_none_leaves_the_directory() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let path = home.path("out/{topic}/{attribute.day:-no-day}.jsonl");
    let keys = format!("path = {path:?}\nmax_open_files = 2");
    let days = ["2026-11-23", "2026-11-24", "", "../../escaped", "/etc/x", ".."];
    let messages: Vec<_> = (0..60)
        .map(|number: usize| {
            NewMessage::new(numbered(number as u64, 0)).attribute("day", days[number % days.len()]).unwrap()
        })
        .collect();
    let forwarder = Forwarder::start(&home, &config(&home, &service.endpoint(), &keys));
    service.client.publish(&"a".parse().unwrap(), &messages).await.unwrap();
    eventually("all", async || service.is_acknowledged_to("a", 60).await).await;
    forwarder.stop().await;
    let found = files(&home.path("out"));
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "a/%2E.%2F..%2Fescaped.jsonl",
            "a/%2E..jsonl",
            "a/%2Fetc%2Fx.jsonl",
            "a/2026-11-23.jsonl",
            "a/2026-11-24.jsonl",
            "a/no-day.jsonl"
        ]
    );
    for (name, text) in &found {
        let first = Delivered::in_text(text).numbers[0];
        let expected: Vec<_> = (0..10).map(|round| first + round * days.len() as u64).collect();
        assert_eq!(Delivered::in_text(text).numbers, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_wait_where_nobody_says_which_topic_they_are_of() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    let hidden = gate.rule("subscriptions/a", Action::Answer(403, FORBIDDEN));
    gate.keep("subscriptions/a:", Action::Show(Arc::new(|_| {})));
    let keys = format!("path = {:?}", home.path("out/{topic}.jsonl"));
    service.publish("a", 0..10).await;
    let forwarder = Forwarder::start(&home, &config(&home, &gate.endpoint(), &keys));
    let reason = forwarder.is("a", "parked").await["reason"].to_string();
    assert!(reason.contains("{topic} is in its path") && reason.contains("403"), "{reason}");
    assert_eq!(files(&home.path("out")), BTreeMap::new());
    hidden.lift();
    eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
    forwarder.stop().await;
    Delivered::in_file(&home.path("out/a.jsonl")).assert_exactly(10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_logrotate_moved_is_let_go_at_sighup_and_each_message_is_in_one_of_the_two() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let keys = format!("path = {:?}", home.out("a"));
    let mut forwarder = Forwarder::start(&home, &config(&home, &service.endpoint(), &keys));
    let publisher = service.keep_publishing("a");
    let mut text = String::new();
    for rotation in 1..=5 {
        eventually("lines in the file", async || home.out("a").metadata().is_ok_and(|file| file.len() > 0))
            .await;
        let rotated = home.path(&format!("out/a.jsonl.{rotation}"));
        std::fs::rename(home.out("a"), &rotated).unwrap();
        forwarder.signal(Signal::HUP).await;
        is_let_go(&rotated).await;
        text += &std::fs::read_to_string(rotated).unwrap();
    }
    // Nothing comes any more: also then a file is let go.
    let total = publisher.stop().await;
    eventually("all", async || service.is_acknowledged_to("a", total).await).await;
    forwarder.signal(Signal::HUP).await;
    if home.out("a").exists() {
        is_let_go(&home.out("a")).await;
    }
    forwarder.stop().await;
    text += &std::fs::read_to_string(home.out("a")).unwrap_or_default();
    Delivered::in_text(&text).assert_exactly(total);
}

async fn is_let_go(path: &Path) {
    let file = std::fs::File::open(path).unwrap();
    eventually("the file to be let go", async || file.try_lock().is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sync_for_each_batch_a_kill_still_loses_nothing_and_doubles_nothing() {
    for sync in ["sync = \"interval\"\nsync_interval = \"100ms\"", "sync = \"never\""] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let config = config(&home, &service.endpoint(), &format!("path = {:?}\n{sync}", home.out("a")));
        let publisher = service.keep_publishing("a");
        for _ in 0..4 {
            let before = service.offsets("a").await.current;
            let forwarder = Forwarder::start(&home, &config);
            eventually("progress", async || service.offsets("a").await.current > before + 50).await;
            forwarder.kill().await;
        }
        let total = publisher.stop().await;
        let forwarder = Forwarder::start(&home, &config);
        forwarder.is("a", "running").await;
        eventually("all", async || service.is_acknowledged_to("a", total).await).await;
        forwarder.stop().await;
        Delivered::in_file(&home.out("a")).assert_exactly(total);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_power_loss_has_cost_without_a_sync_is_said_at_the_next_start() {
    for sync in ["interval", "never"] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let keys = format!("path = {:?}\nsync = {sync:?}", home.out("a"));
        let config = config(&home, &service.endpoint(), &keys);
        let forwarder = Forwarder::start(&home, &config);
        service.publish("a", 0..10).await;
        eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
        forwarder.kill().await;
        // As the operating system would have left it.
        let text = std::fs::read_to_string(home.out("a")).unwrap();
        let seven: usize = text.split_inclusive('\n').take(7).map(str::len).sum();
        std::fs::write(home.out("a"), &text[..seven]).unwrap();

        let forwarder = Forwarder::start(&home, &config);
        service.publish("a", 10..20).await;
        eventually("all", async || service.is_acknowledged_to("a", 20).await).await;
        forwarder.logs(&["messages that are acknowledged are missing", "a.jsonl"]).await;
        forwarder.stop().await;
        let delivered = Delivered::in_file(&home.out("a"));
        assert_eq!(delivered.numbers, (0..7).chain(10..20).collect::<Vec<_>>());
    }
}

#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_a_file_is_closed_repeats_nothing_in_it() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let keys = format!("path = {:?}", home.out("a"));
    let config = config(&home, &service.endpoint(), &keys);
    let mut forwarder = Launch::new(&home).env("AMS_FORWARDER_FAIL_POINT", "file released:1").start(&config);
    service.publish("a", 0..10).await;
    eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
    let rotated = home.path("out/a.jsonl.1");
    std::fs::rename(home.out("a"), &rotated).unwrap();
    forwarder.signal(Signal::HUP).await;
    assert_eq!(forwarder.wait(PATIENCE).await, None, "it has ended by a signal of its own");

    // It is another's now.
    std::fs::write(&rotated, std::fs::read_to_string(&rotated).unwrap() + "# compressed soon\n").unwrap();
    let forwarder = Forwarder::start(&home, &config);
    service.publish("a", 10..20).await;
    eventually("all", async || service.is_acknowledged_to("a", 20).await).await;
    let log = forwarder.stop().await;
    assert!(!log.contains("since the last run"), "{log}");
    let rotated = std::fs::read_to_string(rotated).unwrap();
    let text = rotated.strip_suffix("# compressed soon\n").expect("nothing is cut from it");
    Delivered::in_text(&(text.to_owned() + &std::fs::read_to_string(home.out("a")).unwrap()))
        .assert_exactly(20);
}
