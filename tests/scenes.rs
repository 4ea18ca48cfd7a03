//! What happens while the daemon is stopped, or for longer than a moment: what is delivered then, what is counted, and
//! what the log says. The quick surprises of a running daemon are in `surprises`.

use std::time::Duration;

use ams_forwarder::client::{PullLimits, TopicName};
use ams_forwarder::emulator::Fault;

use crate::common::{Config, Delivered, Forwarder, Home, Metrics, PROJECT, Service, eventually, until};

/// The subscription `a`, its daemon's home and configuration.
struct Stage {
    service: Service,
    home: Home,
    config: Config,
}

impl Stage {
    async fn with(settings: &str) -> Self {
        let service = Service::with(&["a"]).await;
        let home = Home::new();
        let config = Config::new(&home, &service.endpoint()).file_with("a", settings);
        Self { service, home, config }
    }

    /// One whose daemon has delivered the first 20 messages, and was stopped.
    async fn after_a_run(settings: &str) -> Self {
        let stage = Self::with(settings).await;
        let forwarder = stage.start();
        stage.service.publish("a", 0..20).await;
        stage.acknowledged(20).await;
        forwarder.stop().await;
        stage
    }

    fn start(&self) -> Forwarder {
        Forwarder::start(&self.home, &self.config)
    }

    async fn acknowledged(&self, end: u64) {
        let all = async || self.service.is_acknowledged_to("a", end).await;
        eventually(&format!("everything below {end} to be acknowledged"), all).await;
    }

    fn numbers(&self) -> Vec<u64> {
        Delivered::in_file(&self.home.out("a")).numbers
    }

    async fn make_the_topic_anew(&self) {
        let topic: TopicName = "a".parse().unwrap();
        self.service.client.delete_topic(&topic).await.unwrap();
        self.service.client.create_topic(&topic).await.unwrap();
    }
}

/// That nothing unusual was noticed but what is named.
fn assert_counted(metrics: &Metrics, noticed: &[(&str, u64)]) {
    for name in [
        "messages_lost_total",
        "messages_skipped_total",
        "rewinds_total",
        "log_resets_total",
        "rival_acknowledgements_total",
        "poisoned_messages_total",
        "restarts_total",
    ] {
        let expected = noticed.iter().find(|(noticed, _)| *noticed == name).map_or(0, |(_, count)| *count);
        assert_eq!(metrics.of("a", name), expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seek_back_while_it_is_stopped_delivers_again_from_there() {
    let stage = Stage::after_a_run("").await;
    stage.service.seek("a", 5).await;
    let forwarder = stage.start();
    stage.acknowledged(20).await;
    stage.service.publish("a", 20..30).await;
    stage.acknowledged(30).await;
    assert_eq!(stage.numbers(), (0..20).chain(5..30).collect::<Vec<_>>());
    assert_counted(&forwarder.metrics().await, &[("rewinds_total", 1)]);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seek_forward_while_it_is_stopped_goes_on_from_there() {
    let stage = Stage::after_a_run("").await;
    stage.service.publish("a", 20..40).await;
    stage.service.seek("a", 30).await;
    let forwarder = stage.start();
    stage.acknowledged(40).await;
    assert_eq!(stage.numbers(), (0..20).chain(30..40).collect::<Vec<_>>());
    assert_counted(&forwarder.metrics().await, &[("messages_skipped_total", 10)]);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seek_beyond_the_end_while_it_is_stopped_is_undone_and_costs_nothing() {
    let stage = Stage::after_a_run("").await;
    stage.service.publish("a", 20..30).await;
    assert_eq!(stage.service.try_to_seek("a", 1000).await, 400);
    let forwarder = stage.start();
    stage.acknowledged(30).await;
    assert_eq!(stage.numbers(), (0..30).collect::<Vec<_>>());
    let nothing = [("messages_lost_total", 0), ("messages_skipped_total", 0), ("rewinds_total", 0)];
    assert_counted(&forwarder.metrics().await, &nothing);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_of_the_log_beyond_where_it_stopped_is_where_it_goes_on() {
    let stage = Stage::after_a_run("").await;
    stage.service.publish("a", 20..60).await;
    stage.service.emulator.remove_records_below(PROJECT, "a", 50).unwrap();
    let forwarder = stage.start();
    stage.acknowledged(60).await;
    assert_eq!(stage.numbers(), (0..20).chain(50..60).collect::<Vec<_>>());
    assert_counted(&forwarder.metrics().await, &[("messages_lost_total", 30)]);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_of_the_log_within_what_a_killed_run_had_delivered_is_no_seek_back() {
    let stage = Stage::after_a_run("").await;
    let forwarder = stage.start();
    forwarder.is("a", "running").await;
    stage.service.emulator.inject(Fault::status(502).on("*a:acknowledge")).unwrap();
    stage.service.publish("a", 20..40).await;
    eventually("all to be delivered", async || stage.numbers().len() == 40).await;
    forwarder.kill().await;

    stage.service.emulator.remove_records_below(PROJECT, "a", 30).unwrap();
    let limits = PullLimits { max_messages: 1, max_bytes: 8 << 20 };
    stage.service.client.pull(&"a".parse().unwrap(), limits).await.unwrap();
    assert_eq!(stage.service.offsets("a").await.current, 30, "the service moves it to what is left");
    stage.service.emulator.clear_faults();
    stage.service.publish("a", 40..45).await;
    let forwarder = stage.start();
    stage.acknowledged(45).await;
    assert_counted(&forwarder.metrics().await, &[]);
    forwarder.stop().await;
    Delivered::in_file(&stage.home.out("a")).assert_exactly(45);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_while_it_is_stopped_is_forwarded_from_its_start() {
    let stage = Stage::after_a_run("on_log_reset = \"from_start\"").await;
    stage.make_the_topic_anew().await;
    stage.service.publish("a", 0..7).await;
    let forwarder = stage.start();
    stage.acknowledged(7).await;
    assert_eq!(stage.numbers(), (0..20).chain(0..7).collect::<Vec<_>>());
    forwarder.logs(&["ERROR", "made anew"]).await;
    assert_counted(&forwarder.metrics().await, &[("log_resets_total", 1)]);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_while_it_is_stopped_halts_where_that_is_wanted() {
    let stage = Stage::after_a_run("on_log_reset = \"halt\"").await;
    stage.make_the_topic_anew().await;
    stage.service.publish("a", 0..7).await;
    let forwarder = stage.start();
    let status = forwarder.is("a", "parked").await;
    assert!(status["reason"].as_str().unwrap().contains("ams subscription seek a --offset"), "{status}");
    assert_eq!((stage.numbers().len(), stage.service.offsets("a").await.current), (20, 20));
    stage.service.seek("a", 3).await;
    stage.acknowledged(7).await;
    assert_eq!(stage.numbers(), (0..20).chain(3..7).collect::<Vec<_>>());
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_before_a_kill_is_counted_after_it_too() {
    let stage = Stage::after_a_run("").await;
    stage.service.publish("a", 20..60).await;
    stage.service.emulator.remove_records_below(PROJECT, "a", 50).unwrap();
    let forwarder = stage.start();
    stage.acknowledged(60).await;
    stage.service.seek("a", 55).await;
    forwarder.counted("a", "rewinds_total", 1).await;
    forwarder.kill().await;
    let forwarder = stage.start();
    forwarder.is("a", "running").await;
    assert_counted(&forwarder.metrics().await, &[("messages_lost_total", 30), ("rewinds_total", 1)]);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_seek_beyond_the_end_has_skipped_by_the_time_the_log_has_grown_past_it_is_counted() {
    let stage = Stage::after_a_run("").await;
    let forwarder = stage.start();
    forwarder.is("a", "running").await;
    assert_eq!(stage.service.try_to_seek("a", 30).await, 400);
    stage.service.publish("a", 20..40).await;
    stage.acknowledged(40).await;
    forwarder.logs(&["WARN", "the subscription is at 30 now", "a seek moved it", "\"messages\":10"]).await;
    assert_counted(&forwarder.metrics().await, &[("messages_skipped_total", 10)]);
    assert_eq!(stage.numbers(), (0..20).chain(30..40).collect::<Vec<_>>());
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_down_for_a_while_is_waited_for_and_is_no_gap_and_no_rewind() {
    let stage = Stage::with("").await;
    let broker_down = || Fault::broker_down().delayed_by(Duration::from_millis(20));
    stage.service.emulator.inject(broker_down()).unwrap();
    let forwarder = stage.start();
    waits_for_the_broker(&forwarder).await;
    stage.service.emulator.clear_faults();
    stage.service.publish("a", 0..20).await;
    stage.acknowledged(20).await;
    forwarder.is("a", "running").await;

    stage.service.emulator.inject(broker_down()).unwrap();
    waits_for_the_broker(&forwarder).await;
    stage.service.emulator.clear_faults();
    stage.service.publish("a", 20..50).await;
    stage.acknowledged(50).await;
    forwarder.is("a", "running").await;
    assert_counted(&forwarder.metrics().await, &[]);
    forwarder.stop().await;
    Delivered::in_file(&stage.home.out("a")).assert_exactly(50);
}

async fn waits_for_the_broker(forwarder: &Forwarder) {
    until("it to say so", async || {
        let status = forwarder.status("a").await?;
        (status["state"] == "retrying" && status["reason"].as_str()?.contains("has lost its broker"))
            .then_some(())
    })
    .await;
    let ready = forwarder.get("/readyz?strict").await.unwrap();
    assert_eq!(ready.status, 200, "a broker that is down needs no person: {}", ready.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_down_before_an_acknowledgement_is_found_out_about_costs_nothing() {
    let stage = Stage::with("").await;
    let forwarder = stage.start();
    forwarder.is("a", "running").await;
    stage.service.emulator.inject(Fault::status(502).on("*a:acknowledge").times(1)).unwrap();
    let down = stage.service.emulator.inject(Fault::broker_down().on("*a:offsets").times(3)).unwrap();
    stage.service.publish("a", 0..20).await;
    forwarder.counted("a", "messages_acknowledged_total", 20).await;
    assert_eq!(stage.service.emulator.fault_hits(down), Some(3));
    stage.acknowledged(20).await;
    assert_counted(&forwarder.metrics().await, &[]);
    forwarder.stop().await;
    Delivered::in_file(&stage.home.out("a")).assert_exactly(20);
}
