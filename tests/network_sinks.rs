//! Webhooks and topics as sinks of the real program: everything arrives, a retry is recognisable as one, a wanted
//! replay as another, and no log shows where a webhook is beyond its host.

use std::sync::{Arc, Mutex};

use ams_forwarder::client::PullLimits;
use ams_forwarder::emulator::Fault;
use axum::extract::Request;
use axum::http::StatusCode;

use crate::common::{Action, Config, Forwarder, Gate, Home, Service, eventually, numbered};

/// A receiver that refuses its first request for now. Gives its URL and the keys of the requests that came.
async fn receiver() -> (String, Arc<Mutex<Vec<String>>>) {
    let keys = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&keys);
    let hook = move |request: Request| {
        let key = request.headers()["idempotency-key"].to_str().unwrap().to_owned();
        let mut seen = seen.lock().unwrap();
        seen.push(key);
        let status = if seen.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        std::future::ready(status)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/s3cret?s3cret", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(hook)).await });
    (url, keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_and_a_replay_is_told_from_a_retry() {
    let service = Service::with(&["a", "copy"]).await;
    let (url, keys) = receiver().await;
    let sinks = format!(
        "[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{url}\"\nbatch = 10\n\
         retry = {{ initial = \"20ms\", max = \"50ms\" }}\n\
         [subscriptions.a.sinks.copy]\ntype = \"topic\"\ntopic = \"copy\"\n"
    );
    let home = Home::new();
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sinks);
    let forwarder = Forwarder::start(&home, &config);
    forwarder.is("a", "running").await;
    service.publish("a", 0..10).await;
    eventually("an acknowledgement", async || service.is_acknowledged_to("a", 10).await).await;
    service.seek("a", 5).await;
    eventually("the replay", async || keys.lock().unwrap().iter().any(|key| key.contains("/1/"))).await;
    eventually("an acknowledgement", async || service.is_acknowledged_to("a", 10).await).await;
    let log = forwarder.stop().await;
    assert_eq!(*keys.lock().unwrap(), ["TEST/a/0/0-9", "TEST/a/0/0-9", "TEST/a/1/5-9"]);
    assert_eq!(service.offsets("copy").await.max, 15);
    assert!(log.contains("503 Service Unavailable") && !log.contains("s3cret"), "{log}");
}

/// From the topic `a` to the topic `copy`, with that many messages in a publish.
fn copying(home: &Home, endpoint: &str, batch: u32) -> Config {
    let sinks = format!(
        "[subscriptions.a.sinks.copy]\ntype = \"topic\"\ntopic = \"copy\"\nbatch = {batch}\n\
         retry = {{ initial = \"2ms\", max = \"20ms\" }}\n"
    );
    Config::new(home, endpoint).subscription("a", "", &sinks)
}

/// The payloads in the topic `copy`, in the order of its log.
async fn copied(service: &Service) -> Vec<String> {
    let limits = PullLimits { max_messages: 1000, max_bytes: 1 << 20 };
    let batch = service.client.pull(&"copy".parse().unwrap(), limits).await.unwrap();
    let payload = |message: ams_forwarder::client::Message<'_>| {
        let mut data = Vec::new();
        message.decode_data(&mut data).unwrap();
        String::from_utf8(data).unwrap()
    };
    batch.iter().map(payload).collect()
}

fn payloads(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| numbered(number, 0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_broker_of_a_topic_never_takes_is_named_and_no_other_is_published_twice() {
    for batch in [1, 100] {
        let (service, home) = (Service::with(&["a", "copy"]).await, Home::new());
        let gate = Gate::before(service.address).await;
        // As for a record that is too large for the broker: its publish fails there.
        let emulator = service.emulator.clone();
        let bad = "\"MCA=\"";
        let refuse = move |request: &crate::common::Request| {
            if let Some((before, _)) = request.body.split_once(bad) {
                let place = before.matches("\"data\"").count() as u64;
                let fault = Fault::publish_fails_midway(place).on("*topics/copy:publish").times(1);
                emulator.inject(fault).unwrap();
            }
        };
        gate.keep("topics/copy:publish", Action::Show(Arc::new(refuse)));
        service.publish("a", 0..1).await;
        let forwarder = Forwarder::start(&home, &copying(&home, &gate.endpoint(), batch));
        let alone = "message 0: ";
        eventually("it to be tried alone", async || {
            let status = forwarder.status("a").await;
            status.is_some_and(|status| status["reason"].as_str().is_some_and(|why| why.contains(alone)))
        })
        .await;
        assert_eq!(forwarder.status("a").await.unwrap()["state"], "retrying", "it may be the broker");

        // There is no telling before others come.
        service.publish("a", 1..30).await;
        let status = forwarder.is("a", "parked").await;
        let reason = status["reason"].as_str().unwrap();
        assert!(
            reason.starts_with("sink copy: message 0: it failed time and again while others"),
            "{reason}"
        );
        assert!(forwarder.get("/readyz").await.unwrap().body.contains("parked: a: sink copy: message 0"));
        assert_eq!(service.offsets("a").await.current, 0, "nothing is acknowledged");

        // An operator gives it up.
        service.seek("a", 1).await;
        eventually("the rest", async || service.is_acknowledged_to("a", 30).await).await;
        forwarder.is("a", "running").await;
        assert_eq!(copied(&service).await, payloads(1..30), "batch = {batch}");
        forwarder.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_of_a_topic_is_down_no_message_is_blamed_and_all_arrive() {
    let (service, home) = (Service::with(&["a", "copy"]).await, Home::new());
    let down = || Fault::broker_down().on("*topics/copy:publish");
    for (round, outage) in [50, 1, 7, 13].into_iter().enumerate() {
        let fault = service.emulator.inject(down().times(outage)).unwrap();
        let first = 20 * round as u64;
        service.publish("a", first..first + 20).await;
        let forwarder = Forwarder::start(&home, &copying(&home, &service.endpoint(), 7));
        eventually("the end of it", async || service.is_acknowledged_to("a", first + 20).await).await;
        assert_eq!(service.emulator.fault_hits(fault), Some(outage));
        let log = forwarder.stop().await;
        assert!(!log.contains("ERROR"), "{log}");
    }
    let mut copied = copied(&service).await;
    let mut all = payloads(0..80);
    copied.sort();
    all.sort();
    assert_eq!(copied, all, "each once");
}
