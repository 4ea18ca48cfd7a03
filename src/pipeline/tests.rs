//! The loop against the emulator, with sinks that do as they are told.

mod holes;
mod incomplete;
mod long_delivery;
mod parked;
mod rejected;
mod restarts;
mod stubborn;
mod unreachable;

use std::collections::BTreeMap;
use std::sync::Mutex;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::backoff::BackoffPolicy;
use crate::client::{NewMessage, Offsets};
use crate::config::{
    Color, OnClosed, OnLogReset, OnPoison, OnReject, SinkConfig, SinkKind, StdoutConfig, StdoutFormat,
};
use crate::emulator::{Emulator, Options};
use crate::metrics::Metrics;
use crate::sink::scripted::{Does, Scripted};

/// A pipeline at work.
struct Run {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Run {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// A pipeline on an emulator, with sinks named `a`, `b`, … by their order.
struct Scene {
    client: AmsClient,
    parts: Parts,
    /// With the ledger in it.
    state: TempDir,
    scripts: BTreeMap<String, Arc<Mutex<Vec<Does>>>>,
    seen: BTreeMap<String, mpsc::UnboundedReceiver<Vec<u64>>>,
    senders: BTreeMap<String, mpsc::UnboundedSender<Vec<u64>>>,
}

/// Bytes of dead letters.
const LETTERS: u64 = 2000;

fn open_ledger(state: &TempDir, config: &SubscriptionConfig) -> Ledger {
    let sinks = config.sinks.iter().map(|sink| (sink.name.as_str(), sink.required));
    Ledger::open(&state.path().join("s.journal"), sinks).unwrap()
}

const SHORT: Duration = Duration::from_millis(1);

impl Scene {
    /// Each sink is required or not; a best-effort one has two attempts.
    async fn new(sinks: &[bool]) -> Self {
        let emulator = Emulator::new(Options { token: "T".to_owned(), ..Options::default() });
        emulator.create_project("P", "").unwrap();
        emulator.create_topic("P", "t").unwrap();
        emulator.create_subscription("P", "s", "t").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { emulator.run(listener, std::future::pending()).await });
        let client = AmsClient::builder(&endpoint, "P".parse().unwrap()).token("T".into()).build().unwrap();
        let retry = BackoffPolicy::new(SHORT, SHORT).unwrap();
        let names: Vec<String> = ["a", "b", "c"].iter().take(sinks.len()).map(ToString::to_string).collect();
        let config = SubscriptionConfig {
            key: "s".to_owned(),
            connection: "c".to_owned(),
            subscription: "s".parse().unwrap(),
            max_messages: 100,
            max_batch_bytes: 8 * 1024 * 1024,
            on_log_reset: OnLogReset::FromStart,
            poll_min: SHORT,
            poll_max: SHORT,
            on_poison: OnPoison::Halt,
            ack_deadline: None,
            retry,
            sinks: names
                .iter()
                .zip(sinks)
                .map(|(name, required)| SinkConfig {
                    name: name.clone(),
                    required: *required,
                    retry,
                    attempts: (!required).then_some(2),
                    on_reject: if *required { OnReject::Halt } else { OnReject::Drop },
                    kind: SinkKind::Stdout(StdoutConfig {
                        format: StdoutFormat::Jsonl,
                        color: Color::Never,
                        on_closed: OnClosed::End,
                    }),
                })
                .collect(),
        };
        let metrics = Metrics::new().unwrap().subscription("s", &names);
        let state = TempDir::new().unwrap();
        let parts = Parts {
            ledger: Arc::new(open_ledger(&state, &config)),
            dead_letters: DeadLetters::new(state.path(), "s", LETTERS),
            budget: Budget::new(64 * 1024 * 1024),
            status: StatusHandle::new(&config, "projects/P/subscriptions/s", Arc::clone(&metrics)),
            outlets: config
                .sinks
                .iter()
                .map(|sink| Outlet::new(sink, &client, &BTreeMap::new()).unwrap())
                .collect(),
            config: Arc::new(config),
            client: client.clone(),
            end: CancellationToken::new(),
            metrics,
            reopen: tokio::sync::watch::channel(()).1,
        };
        let mut scene = Self {
            client,
            parts,
            state,
            scripts: BTreeMap::new(),
            seen: BTreeMap::new(),
            senders: BTreeMap::new(),
        };
        for name in names {
            let (sender, receiver) = mpsc::unbounded_channel();
            scene.scripts.insert(name.clone(), Arc::default());
            scene.seen.insert(name.clone(), receiver);
            scene.senders.insert(name, sender);
        }
        scene
    }

    fn tell(&self, sink: &str, script: &[Does]) {
        self.scripts[sink].lock().unwrap().extend_from_slice(script);
    }

    async fn publish(&self, count: usize) {
        let messages = vec![NewMessage::new("x"); count];
        self.client.publish(&"t".parse().unwrap(), &messages).await.unwrap();
    }

    fn start(&self) -> Run {
        let pipeline = Pipeline::with_sinks(self.parts.clone(), |sink| {
            let (script, seen) =
                (Arc::clone(&self.scripts[&sink.config.name]), self.senders[&sink.config.name].clone());
            Box::new(Scripted { script, seen, hangs: false })
        });
        let stop = CancellationToken::new();
        Run { stop: stop.clone(), task: tokio::spawn(pipeline.run(stop)) }
    }

    /// Starts it, and waits until it has found nothing to do.
    async fn running(&self) -> Run {
        let run = self.start();
        self.status("running", |status| status.state == State::Running).await;
        run
    }

    /// The ids that the sink is given next.
    async fn given(&mut self, sink: &str) -> Vec<u64> {
        let given = self.seen.get_mut(sink).unwrap().recv();
        tokio::time::timeout(Duration::from_secs(20), given)
            .await
            .expect("the sink is given something")
            .unwrap()
    }

    /// After the three messages that `b` was given and did not take, further ones neither wait for it nor reach it.
    async fn goes_on_without_b(&mut self) {
        let since = Instant::now();
        for next in 4..10 {
            self.publish(1).await;
            self.acknowledged(next).await;
        }
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
        assert_eq!(self.given("b").await, [0, 1, 2]);
        assert!(self.seen.get_mut("b").unwrap().try_recv().is_err());
    }

    async fn status(&self, what: &str, is: impl Fn(&Status) -> bool) -> Status {
        let mut status = self.parts.status.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(20), status.wait_for(is)).await;
        waited.unwrap_or_else(|_| panic!("never: {what}")).unwrap().clone()
    }

    async fn acknowledged(&self, next: u64) {
        self.status(&format!("acknowledged up to {next}"), |status| status.next == Some(next)).await;
        let offsets: Offsets = self.client.offsets(&"s".parse().unwrap()).await.unwrap();
        assert_eq!(u64::try_from(offsets.current).unwrap(), next);
    }
}

#[tokio::test]
async fn a_sink_that_fails_is_tried_again_and_the_others_do_not_see_the_batch_twice() {
    let mut scene = Scene::new(&[true, true]).await;
    scene.tell("b", &[Does::Retry(SHORT), Does::Retry(SHORT)]);
    let run = scene.running().await;
    scene.publish(3).await;
    scene.acknowledged(3).await;
    scene.publish(1).await;
    for expected in [vec![0, 1, 2], vec![3]] {
        assert_eq!(scene.given("a").await, expected);
    }
    for expected in [vec![0, 1, 2], vec![0, 1, 2], vec![0, 1, 2], vec![3]] {
        assert_eq!(scene.given("b").await, expected);
    }
    run.stop().await;
}

#[tokio::test]
async fn a_rejected_message_halts_and_what_is_before_it_is_acknowledged() {
    let mut scene = Scene::new(&[true, true]).await;
    let rejects = [Does::Reject(2); 3];
    scene.tell("b", &rejects);
    let run = scene.running().await;
    scene.publish(5).await;
    let status = scene.status("parked", |status| status.state == State::Parked).await;
    assert!(status.reason.unwrap().contains("message 2"), "names the message");
    // The script ends: somebody has mended it. The sink that had it all is not given it again.
    scene.acknowledged(5).await;
    assert_eq!(scene.given("a").await, [0, 1, 2, 3, 4]);
    scene.publish(1).await;
    assert_eq!(scene.given("a").await, [5]);
    assert_eq!(scene.given("b").await, [0, 1, 2, 3, 4]);
    assert_eq!(scene.given("b").await, [2, 3, 4]);
    run.stop().await;
}

#[tokio::test]
async fn a_sink_that_cannot_go_on_parks_the_subscription_and_nothing_is_acknowledged() {
    let scene = Scene::new(&[true]).await;
    scene.tell("a", &[Does::Fatal; 20]);
    let run = scene.running().await;
    scene.publish(2).await;
    let status = scene.status("parked", |status| status.state == State::Parked).await;
    assert_eq!(status.reason.as_deref(), Some("sink a: as told"));
    assert_eq!(status.next, Some(0));
    scene.acknowledged(2).await;
    run.stop().await;
}

#[tokio::test]
async fn a_best_effort_sink_is_given_up_after_its_attempts_and_counted() {
    let mut scene = Scene::new(&[true, false]).await;
    scene.tell("b", &[Does::Retry(SHORT), Does::Retry(SHORT)]);
    let run = scene.running().await;
    scene.publish(3).await;
    scene.acknowledged(3).await;
    scene.publish(1).await;
    scene.acknowledged(4).await;
    for expected in [vec![0, 1, 2], vec![0, 1, 2], vec![3]] {
        assert_eq!(scene.given("b").await, expected);
    }
    scene.parts.metrics.sink("b", |sink| assert_eq!((sink.dropped.get(), sink.delivered.get()), (3, 1)));
    run.stop().await;
}

#[tokio::test]
async fn a_best_effort_sink_that_hangs_does_not_hold_up_the_others_for_ever() {
    let mut scene = Scene::new(&[true, false]).await;
    scene.tell("b", &[Does::Hang]);
    let run = scene.running().await;
    scene.publish(3).await;
    scene.acknowledged(3).await;
    // Its time is over: while it hangs, further batches do not wait for it, nor is it given them.
    scene.goes_on_without_b().await;
    scene.parts.metrics.sink("b", |sink| assert_eq!(sink.dropped.get(), 9));
    run.stop().await;
}

#[tokio::test]
async fn a_best_effort_sink_that_hangs_does_not_hold_up_the_end() {
    let mut scene = Scene::new(&[true, false]).await;
    scene.tell("b", &[Does::Hang]);
    let run = scene.running().await;
    scene.publish(3).await;
    assert_eq!(scene.given("b").await, [0, 1, 2]);
    scene.status("delivered", |status| status.sinks["a"].delivered == 3).await;
    let since = Instant::now();
    run.stop().await;
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    scene.acknowledged(3).await;
}

#[tokio::test]
async fn a_best_effort_sink_is_not_asked_again_before_the_time_it_named() {
    let mut scene = Scene::new(&[true, false]).await;
    scene.tell("b", &[Does::Retry(Duration::from_hours(1))]);
    let run = scene.running().await;
    scene.publish(3).await;
    scene.acknowledged(3).await;
    scene.goes_on_without_b().await;
    run.stop().await;
}

#[tokio::test]
async fn a_best_effort_sink_that_rejects_a_message_gets_those_behind_it() {
    let mut scene = Scene::new(&[true, false]).await;
    scene.tell("b", &[Does::Reject(1)]);
    let run = scene.running().await;
    scene.publish(5).await;
    scene.acknowledged(5).await;
    assert_eq!(scene.given("b").await, [0, 1, 2, 3, 4]);
    assert_eq!(scene.given("b").await, [2, 3, 4]);
    scene.parts.metrics.sink("b", |sink| assert_eq!((sink.dropped.get(), sink.delivered.get()), (1, 4)));
    run.stop().await;
}

#[tokio::test]
async fn what_the_required_sinks_did_not_take_comes_again_to_best_effort_ones_too() {
    let mut scene = Scene::new(&[true, false]).await;
    scene.tell("a", &[Does::Fatal]);
    scene.tell("b", &[Does::Retry(SHORT), Does::Retry(SHORT)]);
    let run = scene.running().await;
    scene.publish(3).await;
    scene.acknowledged(3).await;
    for _ in 0..3 {
        assert_eq!(scene.given("b").await, [0, 1, 2]);
    }
    scene.parts.metrics.sink("b", |sink| assert_eq!((sink.dropped.get(), sink.delivered.get()), (0, 3)));
    run.stop().await;
}

#[tokio::test]
async fn a_batch_that_waits_for_its_sink_gives_its_memory_to_who_needs_it_and_comes_again() {
    let mut scene = Scene::new(&[true]).await;
    scene.tell("a", &[Does::Retry(Duration::from_secs(1))]);
    let run = scene.running().await;
    scene.publish(3).await;
    assert_eq!(scene.given("a").await, [0, 1, 2]);
    scene.status("retrying", |status| status.state == State::Retrying).await;
    // All of the budget: only granted once the batch is given back.
    let all = scene.parts.budget.reserve(usize::MAX).await;
    drop(all);
    scene.acknowledged(3).await;
    assert_eq!(scene.given("a").await, [0, 1, 2]);
    run.stop().await;
}

#[tokio::test]
async fn when_it_stops_no_new_attempt_begins_and_what_was_delivered_is_acknowledged() {
    let mut scene = Scene::new(&[true]).await;
    scene.tell("a", &[Does::Reject(2), Does::Retry(Duration::from_hours(1))]);
    let run = scene.running().await;
    scene.publish(5).await;
    assert_eq!(scene.given("a").await, [0, 1, 2, 3, 4]);
    assert_eq!(scene.given("a").await, [2, 3, 4]);
    scene.status("retrying", |status| status.state == State::Retrying).await;
    run.stop().await;
    scene.acknowledged(2).await;
    assert!(scene.seen.get_mut("a").unwrap().try_recv().is_err());
}

#[tokio::test]
async fn a_pipeline_made_anew_after_a_panic_sends_nothing_twice() {
    let mut scene = Scene::new(&[true, true]).await;
    scene.tell("b", &[Does::Hang]);
    let run = scene.running().await;
    scene.publish(3).await;
    assert_eq!(scene.given("a").await, [0, 1, 2]);
    scene.status("a has it", |status| status.sinks["a"].delivered == 3).await;
    run.task.abort();
    assert!(run.task.await.is_err());
    let run = scene.start();
    scene.acknowledged(3).await;
    assert!(scene.seen.get_mut("a").unwrap().try_recv().is_err());
    run.stop().await;
}
