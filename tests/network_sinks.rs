//! Webhooks and topics as sinks of the real program: everything arrives, a retry is recognisable as one, a wanted
//! replay as another, and no log shows where a webhook is beyond its host.

use std::sync::Arc;

use ams_forwarder::client::PullLimits;
use ams_forwarder::emulator::Fault;

use crate::common::{
    Action, Answers, Config, Forwarder, Gate, Home, Receiver, Service, eventually, numbered,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_and_a_replay_is_told_from_a_retry() {
    let service = Service::with(&["a", "copy"]).await;
    let receiver = Receiver::start().await;
    receiver.tell("s3cret", Answers::status(503));
    let url = format!("{}?s3cret", receiver.url("s3cret"));
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
    eventually("a retry", async || receiver.requests("s3cret") > 1).await;
    receiver.tell("s3cret", Answers::Takes);
    eventually("an acknowledgement", async || service.is_acknowledged_to("a", 10).await).await;
    service.seek("a", 5).await;
    let keys = || receiver.posts("s3cret").into_iter().map(|post| post.key).collect::<Vec<_>>();
    eventually("the replay", async || keys().iter().any(|key| key.contains("/1/"))).await;
    eventually("an acknowledgement", async || service.is_acknowledged_to("a", 10).await).await;
    let log = forwarder.stop().await;
    let mut keys = keys();
    keys.dedup();
    assert_eq!(keys, ["TEST/a/0/0-9", "TEST/a/1/5-9"]);
    assert_eq!(service.offsets("copy").await.max, 15);
    assert!(log.contains("503 Service Unavailable") && !log.contains("s3cret"), "{log}");
}

/// After a lost answer the credential is refused: the daemon parks, gives the batch back and pulls again, first more
/// messages than there were in the request, then fewer, for a pull that hangs is halved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_answer_was_lost_comes_again_the_same_though_the_pulls_differ() {
    for fewer in [false, true] {
        let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
        let sinks = format!(
            "[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{}\"\nbatch = 100\n\
             retry = {{ initial = \"20ms\", max = \"50ms\" }}\n",
            receiver.url("a")
        );
        let config = Config::new(&home, &service.endpoint()).impatient();
        let max_messages = if fewer { 10 } else { 20 };
        let config = config.subscription("a", &format!("max_messages = {max_messages}"), &sinks);
        receiver.tell("a", Answers::TakesAndHangsUp);
        service.publish("a", 0..8).await;
        let forwarder = Forwarder::start(&home, &config);
        eventually("a request", async || receiver.requests("a") > 0).await;
        receiver.tell("a", Answers::status(401));
        forwarder.is("a", "parked").await;
        let pulled = async || forwarder.metrics().await.of("a", "batch_messages_count");
        if fewer {
            let hangs = Fault::hang().on("*/subscriptions/a:pull").times(1);
            let hangs = service.emulator.inject(hangs).unwrap();
            eventually("a pull that hangs", async || service.emulator.fault_hits(hangs) == Some(1)).await;
        } else {
            service.publish("a", 8..12).await;
            let before = pulled().await;
            eventually("further pulls", async || pulled().await > before + 1).await;
        }
        receiver.tell("a", Answers::Takes);
        let end = if fewer { 8 } else { 12 };
        eventually("all", async || service.is_acknowledged_to("a", end).await).await;
        let log = forwarder.stop().await;
        assert_eq!(log.contains("not all messages of a request"), fewer, "{log}");
        receiver.delivered("a").assert_exactly(end);
        let mut keys: Vec<String> = receiver.posts("a").into_iter().map(|post| post.key).collect();
        assert!(keys.len() > 2, "{keys:?}");
        keys.dedup();
        assert_eq!(keys, ["TEST/a/0/0-7", "TEST/a/0/8-11"][..if fewer { 1 } else { 2 }]);
    }
}

/// From the topic `a` to the topic `copy`, with that many messages in a publish.
fn copying(home: &Home, endpoint: &str, batch: u32) -> Config {
    let sinks = format!(
        "[subscriptions.a.sinks.copy]\ntype = \"topic\"\ntopic = \"copy\"\nbatch = {batch}\n\
         on_reject = \"halt\"\nretry = {{ initial = \"2ms\", max = \"20ms\" }}\n"
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
