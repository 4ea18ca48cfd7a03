//! A webhook with several requests at once: faster over a slow line, and as safe.

use std::io::Write as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{Answers, Config, Forwarder, Home, PATIENCE, Receiver, Service, eventually};

fn config(home: &Home, service: &Service, receiver: &Receiver, keys: &str) -> Config {
    let sinks = format!(
        "[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{}\"\n\
         retry = {{ initial = \"20ms\", max = \"50ms\" }}\n{keys}\n",
        receiver.url("a")
    );
    Config::new(home, &service.endpoint()).subscription("a", "max_messages = 200", &sinks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_lets_the_requests_under_way_finish_and_begins_no_other() {
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    receiver.tell("a", Answers::Holds);
    service.publish("a", 0..40).await;
    let keys = "batch = 3\nconcurrency = 4";
    let mut forwarder = Forwarder::start(&home, &config(&home, &service, &receiver, keys));
    eventually("four requests", async || receiver.posts("a").len() == 4).await;
    forwarder.signal(Signal::TERM).await;
    forwarder.logs(&["stopping"]).await;
    receiver.tell("a", Answers::Takes);
    assert_eq!(forwarder.wait(PATIENCE).await, Some(0));
    assert_eq!(receiver.requests("a"), 4);
    let mut taken = receiver.delivered("a");
    taken.numbers.sort_unstable();
    taken.assert_exactly(12);
    assert!(service.is_acknowledged_to("a", 12).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_message_among_several_requests_is_set_aside_alone() {
    const BAD: &[u64] = &[5, 17, 18, 60];
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    receiver.tell("a", Answers::Refuses(BAD));
    service.publish("a", 0..80).await;
    let keys = "batch = 5\nconcurrency = 4";
    let forwarder = Forwarder::start(&home, &config(&home, &service, &receiver, keys));
    eventually("all", async || service.is_acknowledged_to("a", 80).await).await;
    let letters = forwarder.metrics().await.get("messages_dead_lettered_total", &[("sink", "hook")]);
    assert!((letters - BAD.len() as f64).abs() < 0.5, "{letters}");
    forwarder.stop().await;
    let taken = receiver.posts("a").into_iter().filter(|post| post.taken);
    let mut taken: Vec<_> = taken.flat_map(|post| post.numbers).collect();
    taken.sort_unstable();
    assert!(taken.into_iter().eq((0..80).filter(|number| !BAD.contains(number))), "each once");
}

/// What it is for. How fast that is is printed, and not judged: it depends on the machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_slow_line_all_arrive_whatever_goes_at_once() {
    const MESSAGES: u64 = 400;
    for concurrency in [1, 8] {
        let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
        receiver.tell("a", Answers::TakesAfter(Duration::from_millis(10)));
        service.publish("a", 0..MESSAGES).await;
        let started = Instant::now();
        let keys = format!("concurrency = {concurrency}");
        let forwarder = Forwarder::start(&home, &config(&home, &service, &receiver, &keys));
        eventually("all", async || service.is_acknowledged_to("a", MESSAGES).await).await;
        let rate = MESSAGES as f64 / started.elapsed().as_secs_f64();
        forwarder.stop().await;
        let mut taken = receiver.delivered("a");
        taken.numbers.sort_unstable();
        taken.assert_exactly(MESSAGES);
        // Past the harness, which shows what is printed by tests that fail only.
        let _ = writeln!(
            std::io::stderr(),
            "{concurrency} at once, answers after 10 ms: {rate:.0} messages a second"
        );
    }
}
