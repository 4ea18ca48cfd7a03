//! What the service, other consumers and operators do behind the daemon's back: each is recognised, counted exactly
//! and said in the log, and whatever can be delivered is, once.

use std::time::Duration;

use ams_forwarder::client::{PullLimits, SubscriptionName, TopicName};

use crate::common::{
    Action, Config, Delivered, Forwarder, Gate, Home, Launch, MORE_THAN_A_PIPE_HOLDS, PROJECT, Pipe, Service,
    eventually, until,
};

/// A daemon that forwards the subscription `a` of `service` through `gate`.
struct Scene {
    // First, for its log is shown while there still is a home.
    forwarder: Forwarder,
    service: Service,
    gate: Gate,
    home: Home,
}

impl Scene {
    /// With settings for the subscription, and the first `published` messages delivered and acknowledged.
    async fn after(published: u64, settings: &str) -> Self {
        let service = Service::with(&["a"]).await;
        let gate = Gate::before(service.address).await;
        let home = Home::new();
        let config = Config::new(&home, &gate.endpoint()).file_with("a", settings);
        let forwarder = Forwarder::start(&home, &config);
        let scene = Self { forwarder, service, gate, home };
        scene.forwarder.is("a", "running").await;
        scene.service.publish("a", 0..published).await;
        scene.acknowledged(published).await;
        scene
    }

    async fn acknowledged(&self, end: u64) {
        let all = async || self.service.is_acknowledged_to("a", end).await;
        eventually(&format!("everything below {end} to be acknowledged"), all).await;
    }

    fn numbers(&self) -> Vec<u64> {
        Delivered::in_file(&self.home.out("a")).numbers
    }

    async fn count(&self, name: &str) -> u64 {
        self.forwarder.metrics().await.of("a", name)
    }

    /// Pulls as another consumer of the same subscription.
    async fn rival_pulls(&self, max_messages: u32) -> u64 {
        let limits = PullLimits { max_messages, max_bytes: 1 << 20 };
        self.service.client.pull(&subscription(), limits).await.unwrap().last_id().unwrap()
    }

    /// Five messages from `first` on are delivered; before they are acknowledged, another consumer acknowledges as many
    /// of them as it may.
    async fn rival_is_first(&self, first: u64, most: u32) {
        let held = self.gate.rule_for(1, "a:acknowledge", Action::Hold);
        self.service.publish("a", first..first + 5).await;
        eventually("our acknowledgement", async || held.met() == 1).await;
        let last = self.rival_pulls(most).await;
        self.service.client.acknowledge(&subscription(), last).await.unwrap();
    }

    /// All is well again: ten more messages go through, and it ends in order. What was delivered altogether.
    async fn goes_on(self, from: u64) -> Delivered {
        self.service.publish("a", from..from + 10).await;
        self.acknowledged(from + 10).await;
        self.forwarder.is("a", "running").await;
        self.forwarder.stop().await;
        Delivered::in_file(&self.home.out("a"))
    }
}

fn subscription() -> SubscriptionName {
    "a".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rival_that_acknowledges_first_is_counted_and_named_and_the_messages_are_there_once() {
    // It may be an attempt of its own, from before a restart, until one has been answered.
    let scene = Scene::after(5, "").await;
    scene.rival_is_first(5, 100).await;
    assert_eq!(scene.forwarder.counted("a", "rival_acknowledgements_total", 1).await, 1);
    scene.forwarder.logs(&["WARN", "another consumer acknowledged this batch first"]).await;
    assert_eq!(scene.forwarder.counted("a", "messages_acknowledged_total", 10).await, 10);
    scene.goes_on(10).await.assert_exactly(20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rival_that_acknowledges_a_part_of_a_batch_first_may_be_a_seek_once_and_is_named_then() {
    let scene = Scene::after(5, "").await;
    for (first, rivals) in [(5, 0), (10, 1)] {
        scene.rival_is_first(first, 2).await;
        scene.acknowledged(first + 5).await;
        scene.forwarder.counted("a", "messages_acknowledged_total", first + 5).await;
        assert_eq!(scene.count("rival_acknowledgements_total").await, rivals);
    }
    scene.forwarder.logs(&["WARN", "Pulling again", "a seek moved it, or another consumer"]).await;
    scene.forwarder.logs(&["WARN", "another consumer acknowledged this batch first, or a part of it"]).await;
    scene.goes_on(15).await.assert_exactly(25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rival_acknowledged_of_our_deliveries_counts_as_acknowledged() {
    let scene = Scene::after(5, "").await;
    let too_late = r#"{"error":{"code":408,"message":"ack timeout","status":"TIMEOUT"}}"#;
    let refused = scene.gate.rule_for(1, "a:acknowledge", Action::Answer(408, too_late));
    let question = scene.gate.rule_for(1, "a:offsets", Action::Hold);
    scene.service.publish("a", 5..10).await;
    eventually("our question", async || question.met() == 1).await;
    assert_eq!(refused.met(), 1);
    let pull = scene.gate.rule_for(1, "a:pull", Action::Hold);
    question.lift();
    eventually("our pull", async || pull.met() == 1).await;
    scene.service.publish("a", 10..12).await;
    let last = scene.rival_pulls(100).await;
    scene.service.client.acknowledge(&subscription(), last).await.unwrap();
    scene.service.publish("a", 12..20).await;
    pull.lift();

    scene.acknowledged(20).await;
    assert_eq!(scene.forwarder.counted("a", "messages_skipped_total", 2).await, 2);
    assert_eq!(scene.forwarder.counted("a", "messages_acknowledged_total", 18).await, 18);
    assert_eq!(scene.numbers(), (0..10).chain(12..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rival_that_only_pulls_takes_the_ack_window_and_nothing_is_delivered_twice() {
    let scene = Scene::after(0, "").await;
    let held = scene.gate.rule_for(1, "a:acknowledge", Action::Hold);
    scene.service.publish("a", 0..10).await;
    eventually("our acknowledgement", async || held.met() == 1).await;
    scene.rival_pulls(1).await;
    held.lift();

    scene.acknowledged(10).await;
    scene.forwarder.logs(&["wrong ack", "Pulling again"]).await;
    assert_eq!(scene.forwarder.counted("a", "messages_redelivered_total", 10).await, 10);
    assert_eq!(scene.forwarder.counted("a", "messages_acknowledged_total", 10).await, 10);
    assert_eq!(scene.count("rival_acknowledgements_total").await, 0);
    scene.goes_on(10).await.assert_exactly(20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_is_slower_than_the_ack_deadline_gets_nothing_twice() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    service.client.modify_ack_deadline(&subscription(), Duration::from_secs(1)).await.unwrap();
    let sinks = "[subscriptions.a.sinks.show]\ntype = \"stdout\"\n";
    let config = Config::new(&home, &service.endpoint()).subscription("a", "max_messages = 50", sinks);
    service.publish_sized("a", 0..50, MORE_THAN_A_PIPE_HOLDS / 50).await;
    let (pipe, stdout) = Pipe::new();
    let forwarder = Launch::new(&home).stdout(stdout).start(&config);
    let pipe = pipe.has_begun().await;
    // What the sink takes for it: three times the deadline.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let reading = tokio::spawn(pipe.read_to_end());

    eventually("all to be acknowledged", async || service.is_acknowledged_to("a", 50).await).await;
    forwarder.logs(&["WARN", "ack timeout", "raise it"]).await;
    assert_eq!(forwarder.counted("a", "messages_acknowledged_total", 50).await, 50);
    let metrics = forwarder.metrics().await;
    assert_eq!(
        (metrics.of("a", "messages_redelivered_total"), metrics.of("a", "messages_received_total")),
        (50, 50)
    );
    let too_late = [("operation", "acknowledge"), ("class", "ack_deadline_passed")];
    assert!(metrics.get("failures_total", &too_late) > 0.5);
    forwarder.stop().await;
    Delivered::in_text(&reading.await.unwrap()).assert_exactly(50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_whose_answer_is_lost_is_found_out_and_not_taken_for_a_rival() {
    let scene = Scene::after(5, "").await;
    let lost = scene.gate.rule_for(1, "a:acknowledge", Action::LoseAnswer);
    scene.service.publish("a", 5..10).await;
    scene.acknowledged(10).await;
    eventually("the loss", async || lost.met() == 1).await;

    assert_eq!(scene.forwarder.counted("a", "messages_acknowledged_total", 10).await, 10);
    assert_eq!(scene.count("rival_acknowledgements_total").await, 0);
    let failed = [("operation", "acknowledge"), ("class", "transient")];
    assert!(scene.forwarder.metrics().await.get("failures_total", &failed) > 0.5);
    scene.goes_on(10).await.assert_exactly(20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_that_never_reached_the_service_is_sent_again_and_nothing_is_delivered_twice() {
    let scene = Scene::after(5, "").await;
    let refused = scene.gate.rule_for(3, "a:acknowledge", Action::Answer(502, "<html>Bad Gateway</html>"));
    scene.service.publish("a", 5..10).await;
    scene.acknowledged(10).await;
    assert_eq!(refused.met(), 3);
    assert_eq!(scene.forwarder.counted("a", "messages_acknowledged_total", 10).await, 10);
    assert_eq!(scene.count("rival_acknowledgements_total").await, 0);
    scene.goes_on(10).await.assert_exactly(20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_retention_removed_are_counted_exactly_as_lost() {
    let scene = Scene::after(10, "").await;
    let out_of_service = scene.gate.rule("a:pull", Action::Answer(503, "{}"));
    scene.service.publish("a", 10..100).await;
    scene.service.emulator.remove_records_below(PROJECT, "a", 40).unwrap();
    out_of_service.lift();

    scene.acknowledged(100).await;
    assert_eq!(scene.forwarder.counted("a", "messages_lost_total", 30).await, 30);
    assert_eq!(scene.count("messages_skipped_total").await, 0);
    scene.forwarder.logs(&["ERROR", "LOST", "\"from\":10", "\"messages\":30"]).await;
    assert_eq!(scene.numbers(), (0..10).chain(40..100).collect::<Vec<_>>());
    scene.goes_on(100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seek_back_delivers_again_from_there_and_is_counted() {
    let scene = Scene::after(20, "").await;
    scene.service.seek("a", 5).await;
    scene.acknowledged(20).await;
    assert_eq!(scene.forwarder.counted("a", "rewinds_total", 1).await, 1);
    assert_eq!(scene.numbers(), (0..20).chain(5..20).collect::<Vec<_>>());
    assert_eq!(scene.forwarder.status("a").await.unwrap()["epoch"], 1);
    assert_eq!(scene.count("messages_lost_total").await, 0);
    scene.goes_on(20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seek_forward_is_counted_as_skipped_and_not_as_lost() {
    let scene = Scene::after(10, "").await;
    let out_of_service = scene.gate.rule("a:pull", Action::Answer(503, "{}"));
    scene.service.publish("a", 10..40).await;
    scene.service.seek("a", 25).await;
    out_of_service.lift();
    scene.acknowledged(40).await;
    assert_eq!(scene.forwarder.counted("a", "messages_skipped_total", 15).await, 15);
    assert_eq!(scene.count("messages_lost_total").await, 0);
    assert_eq!(scene.numbers(), (0..10).chain(25..40).collect::<Vec<_>>());
    scene.goes_on(40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_is_alarmed_and_forwarded_from_its_start() {
    let scene = Scene::after(10, "on_log_reset = \"from_start\"").await;
    make_the_topic_anew(&scene).await;
    scene.service.publish("a", 0..4).await;
    scene.acknowledged(4).await;
    assert_eq!(scene.forwarder.counted("a", "log_resets_total", 1).await, 1);
    assert_eq!(scene.numbers(), (0..10).chain(0..4).collect::<Vec<_>>());
    assert_eq!(scene.forwarder.status("a").await.unwrap()["epoch"], 1);
    scene.forwarder.logs(&["ERROR", "made anew"]).await;
    scene.goes_on(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_halts_where_that_is_wanted_until_somebody_says_where_to_begin() {
    let scene = Scene::after(10, "on_log_reset = \"halt\"").await;
    make_the_topic_anew(&scene).await;
    scene.service.publish("a", 0..4).await;
    let reason = until("it to be parked for that", async || {
        let status = scene.forwarder.status("a").await?;
        let reason = status["reason"].as_str()?.to_owned();
        (status["state"] == "parked" && reason.contains("on_log_reset")).then_some(reason)
    })
    .await;
    assert!(reason.contains("ams subscription seek a --offset"), "{reason}");
    assert_eq!(scene.count("log_resets_total").await, 1);
    assert_eq!(scene.numbers().len(), 10);

    scene.service.seek("a", 1).await;
    scene.acknowledged(4).await;
    assert_eq!(scene.numbers(), (0..10).chain(1..4).collect::<Vec<_>>());
    assert_eq!(scene.count("log_resets_total").await, 1);
    scene.goes_on(4).await;
}

async fn make_the_topic_anew(scene: &Scene) {
    let topic: TopicName = "a".parse().unwrap();
    scene.service.client.delete_topic(&topic).await.unwrap();
    scene.forwarder.is("a", "parked").await;
    scene.service.client.create_topic(&topic).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_record_lets_the_messages_before_it_through_and_says_how_to_skip_it() {
    let scene = Scene::after(0, "").await;
    let out_of_service = scene.gate.rule("a:pull", Action::Answer(503, "{}"));
    scene.service.publish("a", 0..21).await;
    scene.service.publish_poison("a").await;
    scene.service.publish("a", 22..30).await;
    out_of_service.lift();

    scene.acknowledged(21).await;
    let status = scene.forwarder.is("a", "parked").await;
    let reason = status["reason"].as_str().unwrap();
    assert!(reason.contains("message 21 blocks") && reason.contains("seek a --offset 22"), "{reason}");
    assert_eq!(scene.forwarder.counted("a", "poisoned_messages_total", 1).await, 1);
    assert_eq!(scene.numbers(), (0..21).collect::<Vec<_>>());

    scene.service.seek("a", 22).await;
    scene.acknowledged(30).await;
    assert_eq!(scene.numbers(), (0..21).chain(22..30).collect::<Vec<_>>());
    assert_eq!(scene.count("poisoned_messages_total").await, 1);
    assert_eq!(scene.count("messages_lost_total").await, 0);
    scene.goes_on(30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_its_broker_is_waited_for_and_taken_for_nothing_else() {
    let scene = Scene::after(10, "").await;
    // As recorded (recording 10).
    let no_bounds = scene.gate.rule("a:offsets", Action::Answer(200, r#"{"max":-1,"min":-1,"current":10}"#));
    let backend = r#"{"error":{"code":500,"message":"Backend Error","status":"INTERNAL"}}"#;
    let no_pull = scene.gate.rule("a:pull", Action::Answer(500, backend));
    scene.service.publish("a", 10..20).await;
    let status = scene.forwarder.is("a", "retrying").await;
    assert!(!status["reason"].is_null(), "{status}");
    eventually("looks and pulls in vain", async || no_bounds.met() + no_pull.met() > 5).await;
    no_pull.lift();
    no_bounds.lift();

    scene.acknowledged(20).await;
    scene.forwarder.counted("a", "messages_acknowledged_total", 20).await;
    for name in ["messages_lost_total", "messages_skipped_total", "rewinds_total", "log_resets_total"] {
        assert_eq!(scene.count(name).await, 0, "{name}");
    }
    scene.goes_on(20).await.assert_exactly(30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seek_beyond_the_end_that_was_refused_and_done_all_the_same_is_undone() {
    let scene = Scene::after(10, "").await;
    let out_of_service = scene.gate.rule("a:pull", Action::Answer(503, "{}"));
    assert_eq!(scene.service.try_to_seek("a", 1000).await, 400);
    assert_eq!(scene.service.offsets("a").await.current, 1000, "the service moves it all the same");
    // After a failure the daemon looks where it stands, and else every 30 s.
    let before = out_of_service.met();
    eventually("a failure", async || out_of_service.met() > before).await;
    out_of_service.lift();
    scene.forwarder.logs(&["WARN", "moved beyond the end of the log"]).await;
    scene.acknowledged(10).await;
    scene.service.publish("a", 10..20).await;
    scene.acknowledged(20).await;
    assert_eq!(scene.count("messages_lost_total").await, 0);
    scene.goes_on(20).await.assert_exactly(30);
}
