//! However large the answers and however many subscriptions, the daemon holds no more than it was allowed, and goes on.

use std::fs::File;

use crate::common::{Config, Delivered, Forwarder, Home, Memory, Service, eventually, file_sink};

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_too_large_are_cut_off_and_batches_halve_until_they_fit() {
    const MESSAGES: u64 = 400;
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    // Pulled at once, this would be 53 MiB on the wire.
    service.publish_sized("a", 0..MESSAGES, 100_000).await;
    let config = Config::new(&home, &service.endpoint())
        .file_with("a", "max_batch_bytes = \"8MiB\"\nmax_messages = 1000");
    let mut forwarder = Forwarder::start(&home, &config);
    eventually("everything", async || service.is_acknowledged_to("a", MESSAGES).await).await;

    let metrics = forwarder.metrics().await;
    let too_large = [("operation", "pull"), ("class", "too_large")];
    assert!(metrics.get("failures_total", &too_large) >= 3.0, "{}", metrics.text);
    let peak = Memory::of(forwarder.process().await).peak / MIB;
    println!("{peak} MiB at most");
    // Half of it is the program itself, which these tests have with debug information.
    assert!(peak < 50, "{peak} MiB of memory for batches of 8 MiB");
    forwarder.stop().await;
    Delivered::in_file(&home.out("a")).assert_exactly(MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_whose_sink_is_stuck_gives_its_share_back_to_the_others() {
    let (service, home) = (Service::with(&["stuck", "good"]).await, Home::new());
    // 6.7 MiB on the wire: with it in hand, there is no room for the smallest pull of another.
    service.publish_sized("stuck", 0..50, 100_000).await;
    let somebody = File::create(home.out("stuck")).unwrap();
    somebody.lock().unwrap();
    let sink = file_sink("stuck", &home.out("stuck"));
    let config = Config::new(&home, &service.endpoint())
        .set("limits = { in_flight_bytes = \"8MiB\" }")
        .subscription("stuck", "", &sink)
        .file("good");
    let forwarder = Forwarder::start(&home, &config);
    let status = forwarder.is("stuck", "retrying").await;
    assert!(status["reason"].as_str().unwrap().contains("locked by another process"), "{status}");
    for round in 1..=5 {
        service.publish("good", (round - 1) * 10..round * 10).await;
        eventually("the other one", async || service.is_acknowledged_to("good", round * 10).await).await;
    }
    assert_eq!(service.offsets("stuck").await.current, 0);

    drop(somebody);
    eventually("the stuck one", async || service.is_acknowledged_to("stuck", 50).await).await;
    forwarder.stop().await;
    Delivered::in_file(&home.out("stuck")).assert_exactly(50);
    Delivered::in_file(&home.out("good")).assert_exactly(50);
}
