//! A record that the service cannot hand out is skipped where that is wanted: noted first, and nothing else with it.

use crate::common::{Action, Config, Delivered, Forwarder, Gate, Home, Metrics, Service, eventually};
use crate::dead_letters::{dead_letters, letters};

const SKIP: &str = "on_poison = \"skip\"\nmax_messages = 1000";

/// Publishes numbered messages up to `end`, with poison in the place of those `bad`.
async fn publish(service: &Service, end: u64, bad: std::ops::Range<u64>) {
    service.publish("a", 0..bad.start).await;
    for _ in bad.clone() {
        service.publish_poison("a").await;
    }
    service.publish("a", bad.end..end).await;
}

/// That all but `bad` arrived, in order and once, and that `bad` is what was noted.
fn only_the_bad_ones_are_missing(home: &Home, metrics: &Metrics, end: u64, bad: std::ops::Range<u64>) {
    let arrived = Delivered::in_file(&home.out("a"));
    let good: Vec<u64> = (0..end).filter(|number| !bad.contains(number)).collect();
    assert_eq!((arrived.numbers, arrived.torn), (good, vec![]));
    let noted: Vec<_> =
        letters(home).into_iter().map(|letter| letter["deadLetter"]["offset"].as_u64().unwrap()).collect();
    assert_eq!(noted, bad.clone().collect::<Vec<_>>());
    assert_eq!(metrics.of("a", "poisoned_messages_total"), bad.end - bad.start);
    for name in ["messages_lost_total", "messages_skipped_total", "rewinds_total", "log_resets_total"] {
        assert_eq!(metrics.of("a", name), 0, "{name}");
    }
}

async fn all_acknowledged(service: &Service, end: u64) {
    eventually("everything to be acknowledged", async || service.is_acknowledged_to("a", end).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_bad_record_in_ten_thousand_all_others_arrive_in_order_and_once() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    publish(&service, 10_000, 6_543..6_544).await;
    let config = Config::new(&home, &service.endpoint()).file_with("a", SKIP);
    let forwarder = Forwarder::start(&home, &config);
    all_acknowledged(&service, 10_000).await;
    forwarder.logs(&["ERROR", "SKIPPED message 6543", "invalid JSON Structure"]).await;
    only_the_bad_ones_are_missing(&home, &forwarder.metrics().await, 10_000, 6_543..6_544);
    forwarder.is("a", "running").await;

    let letter = &letters(&home)[0];
    assert_eq!(letter["messageId"], "6543");
    assert!(letter["deadLetter"]["reason"].as_str().unwrap().contains("invalid JSON Structure"), "{letter}");
    // There is nothing in it to publish.
    let (code, shown, said) = dead_letters(&home, &["show"]);
    assert_eq!((code, shown.as_str()), (Some(0), ""));
    assert!(said.contains("not shown: 1 without a payload"), "{said}");
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_bad_records_in_a_row_all_others_arrive_in_order_and_once() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    publish(&service, 1_000, 300..350).await;
    let config = Config::new(&home, &service.endpoint()).file_with("a", SKIP);
    let forwarder = Forwarder::start(&home, &config);
    all_acknowledged(&service, 1_000).await;
    only_the_bad_ones_are_missing(&home, &forwarder.metrics().await, 1_000, 300..350);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_skipped_that_cannot_be_noted() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    publish(&service, 30, 10..11).await;
    // No directory can be made there.
    std::fs::create_dir(home.path("state")).unwrap();
    std::fs::write(home.path("state/dead-letters"), "in the way").unwrap();
    let config = Config::new(&home, &service.endpoint()).file_with("a", SKIP);
    let forwarder = Forwarder::start(&home, &config);
    forwarder.logs(&["dead letters: ", "Not a directory"]).await;
    assert_eq!(service.offsets("a").await.current, 10);
    std::fs::remove_file(home.path("state/dead-letters")).unwrap();
    all_acknowledged(&service, 30).await;
    only_the_bad_ones_are_missing(&home, &forwarder.metrics().await, 30, 10..11);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seek_past_it_that_fails_is_tried_again_and_nothing_noted_twice() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    let no_seek = gate.rule("a:modifyOffset", Action::Answer(503, "{}"));
    publish(&service, 30, 10..11).await;
    let config = Config::new(&home, &gate.endpoint()).file_with("a", SKIP);
    let forwarder = Forwarder::start(&home, &config);
    eventually("several seeks in vain", async || no_seek.met() > 3).await;
    no_seek.lift();
    all_acknowledged(&service, 30).await;
    only_the_bad_ones_are_missing(&home, &forwarder.metrics().await, 30, 10..11);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_the_note_and_the_seek_repeats_neither_note_nor_message() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    publish(&service, 60, 20..23).await;
    let config = Config::new(&home, &gate.endpoint()).file_with("a", SKIP);
    // Once before the service has heard of it, and once before the daemon has heard of that.
    for (action, stands) in [(Action::Answer(503, "{}"), 20), (Action::LoseAnswer, 21)] {
        let seek = gate.rule("a:modifyOffset", action);
        let forwarder = Forwarder::start(&home, &config);
        eventually("a seek", async || seek.met() > 0 && service.offsets("a").await.current >= stands).await;
        forwarder.kill().await;
        seek.lift();
    }
    let forwarder = Forwarder::start(&home, &config);
    all_acknowledged(&service, 60).await;
    let arrived = Delivered::in_file(&home.out("a"));
    assert_eq!(arrived.numbers, (0..60).filter(|number| !(20..23).contains(number)).collect::<Vec<_>>());
    let noted: Vec<_> = letters(&home).iter().map(|letter| letter["deadLetter"]["offset"].clone()).collect();
    assert_eq!(noted, [20, 21, 22]);
    let metrics = forwarder.metrics().await;
    for name in ["messages_lost_total", "messages_skipped_total", "rewinds_total", "log_resets_total"] {
        assert_eq!(metrics.of("a", name), 0, "{name}");
    }
    forwarder.stop().await;
}
