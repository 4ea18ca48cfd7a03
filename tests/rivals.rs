//! Two daemons on one subscription, by mistake and with equal sinks: each of them says soon that it has a rival, however
//! they keep step, and no message is lost between them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ams_forwarder::client::{PullLimits, SubscriptionName};
use ams_forwarder::emulator::Fault;

use crate::common::{
    Action, Config, Delivered, FaultProxy, Forwarder, Gate, Home, Network, Request, Service, eventually,
};

/// In so many batches each must have said so.
const WITHIN: f64 = 50.0;

/// Two daemons on the subscription `a` of a service whose pulls take that long.
struct Rivals {
    service: Service,
    homes: [Home; 2],
    daemons: [Forwarder; 2],
}

impl Rivals {
    async fn start(pull_takes: Duration) -> Self {
        let service = Service::with(&["a"]).await;
        service.emulator.inject(Fault::latency(pull_takes).on("*:pull")).unwrap();
        let homes = [Home::new(), Home::new()];
        let daemons = homes.each_ref().map(|home| {
            let config = Config::new(home, &service.endpoint()).file_with("a", "max_messages = 20");
            Forwarder::start(home, &config)
        });
        for daemon in &daemons {
            daemon.is("a", "running").await;
        }
        Self { service, homes, daemons }
    }

    async fn both_say_so(&self) {
        eventually("both to say that there is a rival", async || {
            says_so(&self.daemons[0], WITHIN).await && says_so(&self.daemons[1], WITHIN).await
        })
        .await;
    }

    /// All is delivered by one of them at least.
    async fn deliver(self, published: u64) {
        self.service.emulator.clear_faults();
        let done = async || self.service.is_acknowledged_to("a", published).await;
        eventually("all to be acknowledged", done).await;
        let mut delivered = BTreeSet::new();
        for (daemon, home) in self.daemons.into_iter().zip(&self.homes) {
            let metrics = daemon.metrics().await;
            assert_eq!((metrics.of("a", "messages_lost_total"), metrics.of("a", "rewinds_total")), (0, 0));
            daemon.stop().await;
            let own = Delivered::in_file(&home.out("a"));
            assert!(own.torn.is_empty() && own.repeated() == 0, "{own:?}");
            delivered.extend(own.numbers);
        }
        assert_eq!(delivered, (0..published).collect());
    }
}

/// Whether it has said, and counted, that it has a rival; fails when it is time and it has not.
async fn says_so(daemon: &Forwarder, within: f64) -> bool {
    let metrics = daemon.metrics().await;
    let log = daemon.log();
    let mut warnings = log.lines().filter(|line| line.contains("WARN"));
    let said = warnings.any(|line| line.contains("another consumer acknowledged"));
    if said && metrics.of("a", "rival_acknowledgements_total") > 0 {
        return true;
    }
    let batches = metrics.get("batch_messages_count", &[("subscription", "a")]);
    assert!(batches < within, "{batches} batches, and it has not said so");
    false
}

/// Pulls and, after a while, acknowledges what came.
async fn consume(service: &Service, after: Duration) {
    let name: SubscriptionName = "a".parse().unwrap();
    let limits = PullLimits { max_messages: 20, max_bytes: 1 << 20 };
    if let Some(last) = service.client.pull(&name, limits).await.unwrap().last_id() {
        tokio::time::sleep(after).await;
        // The daemon may have been first.
        let _ = service.client.acknowledge(&name, last).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_faster_of_two_that_keep_step_finds_out_too() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    let (pulls, mut pulled) = tokio::sync::mpsc::unbounded_channel();
    let note = move |_: &Request| {
        let _ = pulls.send(());
    };
    gate.keep("a:pull", Action::Show(Arc::new(note)));
    let sinks = "[subscriptions.a.sinks.show]\ntype = \"stdout\"\n";
    let config = Config::new(&home, &gate.endpoint()).subscription("a", "max_messages = 20", sinks);
    let forwarder = Forwarder::start(&home, &config);
    forwarder.is("a", "running").await;
    service.publish("a", 0..10_000).await;
    // Always a little slower, unless the daemon waits for it.
    let slower = async {
        while pulled.recv().await.is_some() {
            consume(&service, Duration::from_millis(4)).await;
            while pulled.try_recv().is_ok() {}
        }
    };
    tokio::select! {
        () = slower => unreachable!("the gate stands"),
        () = eventually("it to say so", async || says_so(&forwarder, 400.0).await) => {}
    }
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_acknowledges_before_the_pull_is_taken_for_a_seek_once_and_for_a_rival_then() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let network = FaultProxy::before(service.address).await;
    let config = Config::new(&home, &network.endpoint()).file("a");
    let forwarder = Forwarder::start(&home, &config);
    forwarder.is("a", "running").await;
    for (round, rivals) in [(0, 0), (1, 1), (2, 2)] {
        network.set(Network::Refuses).await;
        let first = 30 * round;
        service.publish("a", first..first + 10).await;
        consume(&service, Duration::ZERO).await;
        service.publish("a", first + 10..first + 30).await;
        network.set(Network::Good).await;
        forwarder.counted("a", "messages_acknowledged_total", 20 * (round + 1)).await;
        let metrics = forwarder.metrics().await;
        assert_eq!(metrics.of("a", "messages_skipped_total"), 10 * (round + 1));
        assert_eq!(metrics.of("a", "rival_acknowledgements_total"), rivals);
    }
    let log = forwarder.stop().await;
    let said = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(
        (said("a seek moved it over them, or another consumer"), said("another consumer acknowledged 10")),
        (1, 1)
    );
    let expected = (0..90).filter(|number| number % 30 >= 10).collect::<Vec<u64>>();
    assert_eq!(Delivered::in_file(&home.out("a")).numbers, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_says_so_within_fifty_batches_of_a_backlog() {
    // The quick one, and one as slow as the real service.
    for pull_takes in [30, 110].map(Duration::from_millis) {
        let rivals = Rivals::start(pull_takes).await;
        rivals.service.publish("a", 0..2_000).await;
        rivals.both_say_so().await;
        rivals.deliver(2_000).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_says_so_within_fifty_batches_while_messages_trickle_in() {
    let rivals = Rivals::start(Duration::from_millis(10)).await;
    let publisher = rivals.service.keep_publishing("a");
    rivals.both_say_so().await;
    let count = publisher.stop().await;
    rivals.deliver(count).await;
}
