//! The ack deadline of a subscription is set where that is wanted, and said where deliveries come close to it.

use std::time::Duration;

use ams_forwarder::client::SubscriptionName;
use ams_forwarder::emulator::Fault;

use crate::common::{Answers, Config, Forwarder, Home, Receiver, Service, eventually};

async fn ack_deadline(service: &Service) -> u64 {
    let name: SubscriptionName = "a".parse().unwrap();
    service.client.subscription(&name).await.unwrap().ack_deadline.as_secs()
}

async fn all_acknowledged(service: &Service, end: u64) {
    eventually("everything to be acknowledged", async || service.is_acknowledged_to("a", end).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_one_that_is_wanted_is_set_at_the_start_and_another_left_alone() {
    for (settings, expected) in [("ack_deadline = \"120s\"", 120), ("", 10)] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let forwarder =
            Forwarder::start(&home, &Config::new(&home, &service.endpoint()).file_with("a", settings));
        service.publish("a", 0..10).await;
        all_acknowledged(&service, 10).await;
        assert_eq!(ack_deadline(&service).await, expected);
        let log = forwarder.stop().await;
        assert_eq!(log.contains("the ack deadline is 120 s now"), expected == 120, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_may_be_neither_seen_nor_set_is_done_without() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    for route in ["GET */subscriptions/a", "*a:modifyAckDeadline"] {
        let forbidden =
            r#"{"error":{"code":403,"message":"Access to this resource is forbidden","status":"FORBIDDEN"}}"#;
        service.emulator.inject(Fault::status(403).body(forbidden).on(route)).unwrap();
    }
    let config = Config::new(&home, &service.endpoint()).file_with("a", "ack_deadline = \"120s\"");
    let forwarder = Forwarder::start(&home, &config);
    service.publish("a", 0..10).await;
    all_acknowledged(&service, 10).await;
    forwarder.is("a", "running").await;
    let log = forwarder.stop().await;
    let said: Vec<_> = log.lines().filter(|line| line.contains("ack deadline")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("WARN") && said[0].contains("cannot be set to 120 s"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_that_come_close_to_it_are_said_with_one_that_would_do() {
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    let name: SubscriptionName = "a".parse().unwrap();
    service.client.modify_ack_deadline(&name, Duration::from_secs(2)).await.unwrap();
    receiver.tell("hook", Answers::Holds);
    let sink =
        format!("[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url("hook"));
    let forwarder =
        Forwarder::start(&home, &Config::new(&home, &service.endpoint()).subscription("a", "", &sink));
    service.publish("a", 0..1).await;
    eventually("the request", async || receiver.requests("hook") == 1).await;
    // What is measured is time itself.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    receiver.tell("hook", Answers::Takes);
    let line = forwarder.logs(&["WARN", "a delivery took", "is 2 s"]).await;
    assert!(line.contains("set ack_deadline = \\\"10s\\\" in [subscriptions.a]"), "{line}");
    all_acknowledged(&service, 1).await;
    forwarder.stop().await;
}
