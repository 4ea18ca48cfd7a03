//! A thousand files by attribute, rotated by size and compressed, under `kill -9`: every message is in them once, in the
//! order of its file, over the rotated and compressed ones too.
//!
//! `AMS_ROTATE_SIZE` is the size at which they are rotated, as in `10MB`; there are as many messages, and the larger ones
//! are as large as it takes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ams_forwarder::client::NewMessage;

use crate::common::seed::seed_from;
use crate::common::{
    Config, Delivered, Forwarder, Gate, Home, Service, all_compressed, eventually, file_sink, numbered,
    read_rotated,
};

const KILLS: u64 = 25;
/// Distinct values of the attribute.
const VALUES: u64 = 1000;
/// Those of them that two of three messages have.
const BUSY: u64 = 10;
const MESSAGES: u64 = 12_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_rotated_and_compressed_files_have_each_message_once_after_kills() {
    let seed = seed_from("AMS_TEST_SEED", "kills at the same times");
    let mut random = fastrand::Rng::with_seed(seed);
    let size = std::env::var("AMS_ROTATE_SIZE").unwrap_or_else(|_| "16KiB".to_owned());
    let large = if size == "10MB" { 40_000 } else { 600 };

    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    let path = home.path("out/{attribute.host}.jsonl");
    let sink = format!(
        "{}max_open_files = 300\nrotate = {{ size = \"{size}\" }}\ncompress = \"zstd\"\n",
        file_sink("a", &path)
    );
    let config = Config::new(&home, &gate.endpoint()).subscription("a", "max_messages = 300", &sink);

    for round in 0..KILLS {
        publish(&service, large, round).await;
        let pulls = gate.requests("a:pull").len();
        let forwarder = Forwarder::start(&home, &config);
        eventually("a pull", async || gate.requests("a:pull").len() > pulls).await;
        tokio::time::sleep(Duration::from_micros(random.u64(0..600_000))).await;
        forwarder.kill().await;
    }

    let forwarder = Forwarder::start(&home, &config);
    forwarder.is("a", "running").await;
    let deadline = Instant::now() + Duration::from_mins(5);
    while !service.is_acknowledged_to("a", MESSAGES).await {
        assert!(Instant::now() < deadline, "not everything was acknowledged");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let out = home.path("out");
    eventually("all to be compressed", async || all_compressed(&out)).await;
    forwarder.stop().await;

    let log = std::fs::read_to_string(home.path("log")).unwrap();
    for word in ["was moved", "was changed", "ERROR"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
    let files = read_rotated(&out);
    assert_eq!(files.len(), usize::try_from(VALUES).unwrap());
    let (mut found, mut rotated) = (BTreeSet::new(), 0);
    for (of, parts) in &files {
        rotated += parts.iter().filter(|part| part.name != *of).count();
        let text: String = parts.iter().map(|part| part.text.as_str()).collect();
        let delivered = Delivered::in_text(&text);
        assert!(delivered.torn.is_empty(), "{of}: {:?}", delivered.torn);
        assert!(delivered.numbers.is_sorted(), "{of}: {:?}", delivered.numbers);
        for number in delivered.numbers {
            assert_eq!(*of, format!("{}.jsonl", host(number)), "of {number}");
            assert!(found.insert(number), "{number} is there twice");
        }
    }
    let missing: Vec<_> = (0..MESSAGES).filter(|number| !found.contains(number)).collect();
    assert!(missing.is_empty() && found.len() as u64 == MESSAGES, "missing: {missing:?}");
    println!("{rotated} files were rotated");
    assert!(rotated >= 10, "only {rotated} files were rotated");
}

/// The messages of one round.
async fn publish(service: &Service, large: usize, round: u64) {
    let numbers: Vec<u64> = (MESSAGES * round / KILLS..MESSAGES * (round + 1) / KILLS).collect();
    for some in numbers.chunks(60) {
        let message = |number: &u64| {
            let size = if number.is_multiple_of(3) { 600 } else { large };
            NewMessage::new(numbered(*number, size)).attribute("host", host(*number))
        };
        let messages: Result<Vec<_>, _> = some.iter().map(message).collect();
        service.client.publish(&"a".parse().unwrap(), &messages.unwrap()).await.unwrap();
    }
}

/// Two messages of each host come soon after each other, and each host comes twice at least.
fn host(number: u64) -> String {
    if number.is_multiple_of(3) {
        format!("host-{}", number / 6 % VALUES)
    } else {
        format!("host-{}", number / 30 % BUSY)
    }
}
