//! Webhooks and topics as sinks of the real program: everything arrives, a retry is recognisable as one, a wanted
//! replay as another, and no log shows where a webhook is beyond its host.

use ams_forwarder::emulator::Fault;

use crate::common::{Answers, Config, Forwarder, Home, Receiver, Service, eventually};

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
