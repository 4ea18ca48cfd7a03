//! Told to stop, the daemon ends soon and with code 0 whatever it is doing: what was delivered is acknowledged, the rest
//! stays in the service, and nothing is lost or doubled by it.

use std::time::Duration;

use rustix::process::Signal;

use crate::common::{
    Action, Config, Delivered, Forwarder, Gate, Home, Launch, MORE_THAN_A_PIPE_HOLDS, Namespace, PATIENCE,
    Pipe, Service, eventually, file_sink,
};

/// Ending when nothing has to be waited for: moments, and much less than any wait that is set in these tests.
const SOON: Duration = Duration::from_secs(10);

/// Longer than a test waits for anything.
const LONG_RETRY: &str = "retry = { initial = \"300s\", max = \"300s\" }";

const STDOUT: &str = "[subscriptions.a.sinks.show]\ntype = \"stdout\"\n";

const MESSAGES: u64 = 120;
const BATCH: u64 = 50;

/// A daemon in the middle of a delivery to a pipe that nobody reads.
async fn in_the_middle_of_a_delivery(service: &Service, home: &Home, config: &Config) -> (Forwarder, Pipe) {
    let size = MORE_THAN_A_PIPE_HOLDS / usize::try_from(BATCH).unwrap();
    service.publish_sized("a", 0..MESSAGES, size).await;
    let (pipe, stdout) = Pipe::new();
    let forwarder = Launch::new(home).stdout(stdout).start(config);
    let pipe = pipe.has_begun().await;
    assert_eq!(service.offsets("a").await.current, 0);
    (forwarder, pipe)
}

fn to_stdout(home: &Home, service: &Service) -> Config {
    Config::new(home, &service.endpoint()).subscription("a", &format!("max_messages = {BATCH}"), STDOUT)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_a_slow_delivery_it_finishes_and_acknowledges_that_and_begins_no_other() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let config = to_stdout(&home, &service);
    let (mut forwarder, pipe) = in_the_middle_of_a_delivery(&service, &home, &config).await;
    forwarder.signal(Signal::TERM).await;
    forwarder.logs(&["SIGTERM: stopping"]).await;
    let ready = forwarder.get("/readyz").await.unwrap();
    assert_eq!((ready.status, ready.body.as_str()), (503, "stopping\n"));

    let first = pipe.read_to_end().await;
    assert_eq!(forwarder.wait(SOON).await, Some(0));
    Delivered::in_text(&first).assert_exactly(BATCH);
    assert_eq!(u64::try_from(service.offsets("a").await.current), Ok(BATCH), "delivered is acknowledged");

    let forwarder = Forwarder::start(&home, &config);
    eventually("the rest", async || service.is_acknowledged_to("a", MESSAGES).await).await;
    forwarder.stop().await;
    let rest = std::fs::read_to_string(home.path("stdout")).unwrap();
    Delivered::in_text(&(first + &rest)).assert_exactly(MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_never_ends_is_given_up_when_the_grace_is_over() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let config = to_stdout(&home, &service).set("shutdown = { grace = \"1s\" }");
    let (mut forwarder, pipe) = in_the_middle_of_a_delivery(&service, &home, &config).await;
    forwarder.signal(Signal::TERM).await;
    assert_eq!(forwarder.wait(SOON).await, Some(0));
    forwarder.logs(&["WARN", "grace of 1s is over", "not done are: a"]).await;
    assert_eq!(service.offsets("a").await.current, 0, "what was not delivered is not acknowledged");
    drop(pipe);

    let forwarder = Forwarder::start(&home, &config);
    eventually("all of it", async || service.is_acknowledged_to("a", MESSAGES).await).await;
    forwarder.stop().await;
    Delivered::in_file(&home.path("stdout")).assert_exactly(MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_at_once_with_130() {
    for signals in [[Signal::TERM, Signal::TERM], [Signal::INT, Signal::TERM]] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let config = to_stdout(&home, &service).set("shutdown = { grace = \"10m\" }");
        let (mut forwarder, _pipe) = in_the_middle_of_a_delivery(&service, &home, &config).await;
        forwarder.signal(signals[0]).await;
        forwarder.logs(&["stopping; a second signal ends at once"]).await;
        forwarder.signal(signals[1]).await;
        assert_eq!(forwarder.wait(SOON).await, Some(130));
        assert_eq!(service.offsets("a").await.current, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_polls_it_ends_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let idle = "poll_min = \"300s\"\npoll_max = \"300s\"";
        let config = Config::new(&home, &service.endpoint()).file_with("a", idle);
        service.publish("a", 0..10).await;
        let mut forwarder = Forwarder::start(&home, &config);
        forwarder.is("a", "running").await;
        eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
        forwarder.signal(signal).await;
        assert_eq!(forwarder.wait(SOON).await, Some(0));
        forwarder.logs(&["\"next\":10", "\"delivered_not_acknowledged\":0"]).await;
        Delivered::in_file(&home.out("a")).assert_exactly(10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_waits_for_a_service_that_is_down_it_ends_at_once() {
    let home = Home::new();
    // A port that was free a moment ago; should it not be any more, the state is another, and the end is the same.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = Config::new(&home, &format!("http://{nobody}")).file_with("a", LONG_RETRY);
    let mut forwarder = Forwarder::start(&home, &config);
    forwarder.is("a", "retrying").await;
    forwarder.signal(Signal::TERM).await;
    assert_eq!(forwarder.wait(SOON).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_is_parked_it_ends_at_once() {
    let (service, home) = (Service::with(&[]).await, Home::new());
    let config = Config::new(&home, &service.endpoint()).file_with("missing", LONG_RETRY);
    let mut forwarder = Forwarder::start(&home, &config);
    forwarder.is("missing", "parked").await;
    forwarder.signal(Signal::TERM).await;
    assert_eq!(forwarder.wait(SOON).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_waits_for_a_sink_it_ends_at_once_and_acknowledges_nothing() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let somebody = std::fs::File::create(home.out("a")).unwrap();
    somebody.lock().unwrap();
    let sink = file_sink("a", &home.out("a")).replace("20ms", "300s").replace("200ms", "300s");
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sink);
    service.publish("a", 0..10).await;
    let mut forwarder = Forwarder::start(&home, &config);
    forwarder.is("a", "retrying").await;
    forwarder.signal(Signal::TERM).await;
    assert_eq!(forwarder.wait(SOON).await, Some(0));
    forwarder.logs(&["\"next\":0", "\"delivered_not_acknowledged\":0"]).await;
    assert_eq!(service.offsets("a").await.current, 0);

    drop(somebody);
    let forwarder = Forwarder::start(&home, &config);
    eventually("all of it", async || service.is_acknowledged_to("a", 10).await).await;
    forwarder.stop().await;
    Delivered::in_file(&home.out("a")).assert_exactly(10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_pull_or_a_look_hangs_it_ends_at_once() {
    for hanging in ["a:pull", "a:offsets"] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let gate = Gate::before(service.address).await;
        let held = gate.rule(hanging, Action::Hold);
        let config = Config::new(&home, &gate.endpoint()).file("a");
        let mut forwarder = Forwarder::start(&home, &config);
        eventually("it to hang", async || held.met() == 1).await;
        forwarder.is_up().await;
        forwarder.signal(Signal::TERM).await;
        assert_eq!(forwarder.wait(SOON).await, Some(0), "{hanging}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_on_its_way_is_waited_for() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    let held = gate.rule("a:acknowledge", Action::Hold);
    let config = Config::new(&home, &gate.endpoint()).file("a");
    let mut forwarder = Forwarder::start(&home, &config);
    service.publish("a", 0..10).await;
    eventually("the acknowledgement", async || held.met() == 1).await;
    forwarder.signal(Signal::TERM).await;
    forwarder.logs(&["SIGTERM: stopping"]).await;
    held.lift();
    assert_eq!(forwarder.wait(SOON).await, Some(0));
    assert_eq!(service.offsets("a").await.current, 10);
    forwarder.logs(&["\"next\":10", "\"delivered_not_acknowledged\":0"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_that_is_never_answered_is_given_up_when_the_grace_is_over() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    let held = gate.rule("a:acknowledge", Action::Hold);
    let config = Config::new(&home, &gate.endpoint()).file("a").set("shutdown = { grace = \"1s\" }");
    let mut forwarder = Forwarder::start(&home, &config);
    service.publish("a", 0..10).await;
    eventually("the acknowledgement", async || held.met() == 1).await;
    forwarder.signal(Signal::TERM).await;
    assert_eq!(forwarder.wait(SOON).await, Some(0));
    held.lift();
    assert_eq!(service.offsets("a").await.current, 0);

    let forwarder = Forwarder::start(&home, &config);
    eventually("it after the restart", async || service.is_acknowledged_to("a", 10).await).await;
    forwarder.stop().await;
    Delivered::in_file(&home.out("a")).assert_complete(10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_in_order_as_process_1_of_a_container_too() {
    let Some(namespace) = Namespace::Processes.command() else { return };
    for (signal, code) in [(Signal::TERM, 0), (Signal::INT, 0)] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let config = Config::new(&home, &service.endpoint()).file("a");
        let mut forwarder = Launch::new(&home).under(namespace.clone()).start(&config);
        service.publish("a", 0..10).await;
        eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
        let process = forwarder.process().await;
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let own = status.lines().find(|line| line.starts_with("NSpid:")).unwrap();
        assert!(own.ends_with("\t1"), "it is not process 1: {own}");
        forwarder.signal(signal).await;
        assert_eq!(forwarder.wait(PATIENCE).await, Some(code));
        Delivered::in_file(&home.out("a")).assert_exactly(10);
    }
}
