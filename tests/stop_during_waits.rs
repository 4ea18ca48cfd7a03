//! Told to stop while it waits for a service in trouble, whatever the wait: it ends within its grace with exit code 0,
//! and nothing is lost by it; the same for a webhook's receiver and for the service of a topic in trouble. What a healthy
//! service and a slow sink make it wait for is in `graceful_stop`.

use std::time::Duration;

use ams_forwarder::emulator::Fault;
use rustix::process::Signal;

use crate::common::{
    Answers, Config, Delivered, FaultProxy, Forwarder, Home, Network, Receiver, Service, eventually,
};

/// Ending when nothing has to be waited for: moments, and much less than any wait that is set in these tests.
const SOON: Duration = Duration::from_secs(5);

/// Longer than a test waits for anything.
const LONG_RETRY: &str = "retry = { initial = \"300s\", max = \"300s\" }";

const ALL: &str = "*/subscriptions/a:*";
const PULL: &str = "*/subscriptions/a:pull";
const OFFSETS: &str = "*/subscriptions/a:offsets";
const ACKNOWLEDGE: &str = "*/subscriptions/a:acknowledge";

/// A daemon of a service and a network that are in order, which has not pulled anything yet.
struct Site {
    service: Service,
    network: FaultProxy,
    home: Home,
}

impl Site {
    async fn new() -> Self {
        let service = Service::with(&["a"]).await;
        let network = FaultProxy::before(service.address).await;
        Self { service, network, home: Home::new() }
    }

    fn config(&self, settings: &str) -> Config {
        Config::new(&self.home, &self.network.endpoint()).file_with("a", settings)
    }

    /// Stops a daemon that waits: it ends at once.
    async fn ends_at_once(&self, mut forwarder: Forwarder) {
        forwarder.is_up().await;
        forwarder.signal(Signal::TERM).await;
        assert_eq!(forwarder.wait(SOON).await, Some(0));
        forwarder.logs(&["stopped"]).await;
    }

    /// Another daemon, with all in order again, delivers what the one before did not.
    async fn goes_on(&self, messages: u64) {
        self.service.emulator.clear_faults();
        self.network.set(Network::Good).await;
        let forwarder = Forwarder::start(&self.home, &self.config(""));
        forwarder.is("a", "running").await;
        eventually("all", async || self.service.is_acknowledged_to("a", messages).await).await;
        forwarder.stop().await;
    }

    fn delivered(&self) -> Delivered {
        Delivered::in_file(&self.home.out("a"))
    }

    /// Stopped in the wait that this fault leads to.
    async fn ends_in_the_wait_after(fault: Fault, settings: &str) {
        let site = Self::new().await;
        site.service.publish("a", 0..10).await;
        site.service.emulator.inject(fault).unwrap();
        let forwarder = Forwarder::start(&site.home, &site.config(settings));
        forwarder.is("a", "retrying").await;
        site.ends_at_once(forwarder).await;
        site.service.emulator.clear_faults();
        assert!(site.service.is_acknowledged_to("a", 0).await);
        let before = site.delivered();
        site.goes_on(10).await;
        if before.numbers.is_empty() {
            site.delivered().assert_exactly(10);
        } else {
            // What was delivered and could not be acknowledged may come once more.
            site.delivered().assert_complete(10);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_pause_after_a_failed_pull_or_look() {
    for route in [ALL, PULL, OFFSETS] {
        Site::ends_in_the_wait_after(Fault::status(503).on(route), LONG_RETRY).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_pause_after_an_acknowledgement_that_failed() {
    Site::ends_in_the_wait_after(Fault::status(503).on(ACKNOWLEDGE), LONG_RETRY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_pause_that_the_service_asked_for() {
    let patience = || Fault::status(429).header("Retry-After", "3600");
    for route in [ALL, PULL, ACKNOWLEDGE] {
        Site::ends_in_the_wait_after(patience().on(route), "").await;
    }
    let date = Fault::status(503).header("Retry-After", "Fri, 31 Dec 2100 23:59:59 GMT");
    Site::ends_in_the_wait_after(date.on(ALL), "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_pause_while_the_broker_is_down() {
    Site::ends_in_the_wait_after(Fault::broker_down(), LONG_RETRY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_pause_after_an_acknowledgement_of_which_nothing_was_heard() {
    let site = Site::new().await;
    let forwarder = Forwarder::start(&site.home, &site.config(LONG_RETRY));
    forwarder.is("a", "running").await;
    for fault in [Fault::lost_answer().on(ACKNOWLEDGE), Fault::status(503).on(OFFSETS)] {
        site.service.emulator.inject(fault).unwrap();
    }
    site.service.publish("a", 0..10).await;
    forwarder.is("a", "retrying").await;
    site.ends_at_once(forwarder).await;
    site.service.emulator.clear_faults();
    assert!(site.service.is_acknowledged_to("a", 10).await);
    site.goes_on(10).await;
    site.delivered().assert_exactly(10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_service_answers_slowly_and_while_it_never_does() {
    let slow = Fault::latency(Duration::from_mins(10));
    for fault in [Fault::hang(), slow] {
        for route in [OFFSETS, PULL] {
            let site = Site::new().await;
            let fault = site.service.emulator.inject(fault.clone().on(route)).unwrap();
            site.service.publish("a", 0..10).await;
            let forwarder = Forwarder::start(&site.home, &site.config(""));
            eventually("it to ask", async || site.service.emulator.fault_hits(fault) == Some(1)).await;
            site.ends_at_once(forwarder).await;
            site.goes_on(10).await;
            site.delivered().assert_exactly(10);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_network_hangs_or_an_answer_comes_in_drops() {
    for network in [Network::Hangs, Network::BytesPerSecond(40)] {
        let site = Site::new().await;
        site.service.publish("a", 0..10).await;
        site.network.set(network).await;
        let forwarder = Forwarder::start(&site.home, &site.config(""));
        eventually("it to ask", async || site.network.requests() > 0).await;
        site.ends_at_once(forwarder).await;
        site.goes_on(10).await;
        site.delivered().assert_exactly(10);
    }
}

/// Requests in flight may finish: an acknowledgement, and the question what became of one, are given the grace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_or_the_question_what_became_of_it_is_given_the_grace_and_no_more() {
    let never_answered = || vec![Fault::hang().on(ACKNOWLEDGE)];
    let never_explained = || vec![Fault::lost_answer().on(ACKNOWLEDGE), Fault::hang().on(OFFSETS)];
    for (faults, acknowledged) in [(never_answered(), false), (never_explained(), true)] {
        let site = Site::new().await;
        let config = site.config("").set("shutdown = { grace = \"1s\" }");
        let mut forwarder = Forwarder::start(&site.home, &config);
        forwarder.is("a", "running").await;
        let injected: Vec<u64> =
            faults.into_iter().map(|fault| site.service.emulator.inject(fault).unwrap()).collect();
        site.service.publish("a", 0..10).await;
        let last = *injected.last().unwrap();
        eventually("the last of it", async || site.service.emulator.fault_hits(last) == Some(1)).await;
        forwarder.signal(Signal::TERM).await;
        assert_eq!(forwarder.wait(SOON).await, Some(0));
        forwarder.logs(&["WARN", "grace of 1s is over"]).await;
        site.service.emulator.clear_faults();
        assert!(site.service.is_acknowledged_to("a", if acknowledged { 10 } else { 0 }).await);
        site.goes_on(10).await;
        if acknowledged {
            site.delivered().assert_exactly(10);
        } else {
            site.delivered().assert_complete(10);
        }
    }
}

/// A daemon with a receiver that answers so, stopped once the first of its requests came. What the receiver has then,
/// and what it has after all is well again.
async fn stopped_with_a_receiver(
    answers: Answers,
    grace: &str,
    meanwhile: impl AsyncFn(&Forwarder, &Receiver),
    acknowledged: u64,
) {
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    receiver.tell("a", answers);
    let sinks = format!(
        "[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{}\"\nbatch = 4\n{LONG_RETRY}\n",
        receiver.url("a")
    );
    let config = Config::new(&home, &service.endpoint())
        .set(&format!("shutdown = {{ grace = \"{grace}\" }}"))
        .subscription("a", "", &sinks);
    service.publish("a", 0..10).await;
    let mut forwarder = Forwarder::start(&home, &config);
    eventually("a request", async || receiver.posts("a").len() == 1).await;
    forwarder.is_up().await;
    if matches!(answers, Answers::Says(..)) {
        forwarder.is("a", "retrying").await;
    }
    forwarder.signal(Signal::TERM).await;
    meanwhile(&forwarder, &receiver).await;
    assert_eq!(forwarder.wait(SOON).await, Some(0), "{answers:?}");
    assert_eq!(receiver.requests("a"), 1, "{answers:?}: no new attempt begins");
    assert!(service.is_acknowledged_to("a", acknowledged).await, "{answers:?}");

    receiver.tell("a", Answers::Takes);
    let forwarder = Forwarder::start(&home, &config);
    eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
    forwarder.stop().await;
    receiver.delivered("a").assert_exactly(10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_slow_is_given_the_grace_and_what_it_took_is_acknowledged() {
    let answers_after_a_while = async |forwarder: &Forwarder, receiver: &Receiver| {
        forwarder.logs(&["SIGTERM: stopping"]).await;
        receiver.tell("a", Answers::Takes);
    };
    stopped_with_a_receiver(Answers::Holds, "10m", answers_after_a_while, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_never_answers_is_given_the_grace_and_no_more() {
    let is_told = async |forwarder: &Forwarder, _: &Receiver| {
        forwarder.logs(&["WARN", "grace of 1s is over", "not done are: a"]).await;
    };
    stopped_with_a_receiver(Answers::Hangs, "1s", is_told, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_pause_that_a_receiver_asked_for() {
    for status in [429, 503] {
        let an_hour = Answers::Says(status, ("retry-after", "3600"), "");
        stopped_with_a_receiver(an_hour, "10m", async |_: &Forwarder, _: &Receiver| {}, 0).await;
    }
}

/// A daemon whose service for the topic bears `fault`, stopped when that was met. In the end all is in the topic.
async fn stopped_with_a_topic(fault: Fault, grace: &str, says: &[&str]) {
    let (service, target, home) = (Service::with(&["a"]).await, Service::with(&["copy"]).await, Home::new());
    let sinks = format!(
        "[subscriptions.a.sinks.out]\ntype = \"topic\"\nconnection = \"lab\"\ntopic = \"copy\"\n{LONG_RETRY}\n"
    );
    let config = Config::new(&home, &service.endpoint())
        .set(&format!("shutdown = {{ grace = \"{grace}\" }}"))
        .connection("lab", &target.endpoint(), &home.path("token"))
        .subscription("a", "connection = \"main\"", &sinks);
    let fault = target.emulator.inject(fault.on("*/topics/copy:publish")).unwrap();
    service.publish("a", 0..10).await;
    let mut forwarder = Forwarder::start(&home, &config);
    eventually("a publish", async || target.emulator.fault_hits(fault) == Some(1)).await;
    if says.is_empty() {
        forwarder.is("a", "retrying").await;
    }
    forwarder.signal(Signal::TERM).await;
    assert_eq!(forwarder.wait(SOON).await, Some(0));
    forwarder.logs(says).await;
    assert_eq!(target.emulator.fault_hits(fault), Some(1), "no new attempt begins");
    assert!(service.is_acknowledged_to("a", 0).await);

    target.emulator.clear_faults();
    let forwarder = Forwarder::start(&home, &config);
    eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
    forwarder.stop().await;
    target.take_all("copy").await.assert_exactly(10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_service_of_a_topic_never_answers_and_in_the_pauses_after_it_did() {
    stopped_with_a_topic(Fault::hang(), "1s", &["WARN", "grace of 1s is over", "not done are: a"]).await;
    for fault in [Fault::status(503), Fault::status(429).header("retry-after", "3600")] {
        stopped_with_a_topic(fault, "10m", &[]).await;
    }
}
