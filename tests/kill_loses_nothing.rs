//! Whenever the daemon is killed, every message is in the file in the end, once and in order, and none was acknowledged
//! before it was written.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Action, Config, Delivered, Forwarder, Gate, Home, Service, Tail, eventually};

const KILLS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_five_kills_under_publishing_lose_and_repeat_nothing_and_nothing_is_acknowledged_before_it_is_written()
 {
    let seed = std::env::var("AMS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("AMS_TEST_SEED={seed} kills at the same times again");
    let mut random = fastrand::Rng::with_seed(seed);

    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let home = Home::new();
    let early = watch_for_early_acknowledgements(&gate, &home);
    let config = Config::new(&home, &gate.endpoint()).file_with("a", "max_messages = 40");
    let publisher = service.keep_publishing("a");

    for _ in 0..KILLS {
        let pulls = gate.requests("a:pull").len();
        let forwarder = Forwarder::start(&home, &config);
        // From the moment it works: a kill while it loads its libraries would show nothing.
        eventually("a pull", async || gate.requests("a:pull").len() > pulls).await;
        tokio::time::sleep(Duration::from_micros(random.u64(0..120_000))).await;
        forwarder.kill().await;
    }
    let total = publisher.stop().await;

    let forwarder = Forwarder::start(&home, &config);
    eventually("everything to be acknowledged", async || service.is_acknowledged_to("a", total).await).await;
    forwarder.stop().await;

    let delivered = Delivered::in_file(&home.out("a"));
    delivered.assert_exactly(total);
    let early = early.lock().unwrap();
    assert!(early.is_empty(), "acknowledged before they were in the file: {early:?}");
    drop(early);
    assert!(gate.requests("a:acknowledge").len() >= KILLS, "too little happened between the kills");
}

/// Looks into the file whenever an acknowledgement goes by, before the service has it.
fn watch_for_early_acknowledgements(gate: &Gate, home: &Home) -> Arc<Mutex<Vec<String>>> {
    let early = Arc::new(Mutex::new(Vec::new()));
    let tail = Mutex::new(Tail::of(&home.out("a")));
    let found = Arc::clone(&early);
    let look = move |request: &crate::common::Request| {
        let (through, written) = (request.acknowledges_through(), tail.lock().unwrap().contiguous());
        if written <= through {
            found.lock().unwrap().push(format!("through {through}, and {written} were written"));
        }
    };
    gate.keep(":acknowledge", Action::Show(Arc::new(look)));
    early
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_a_kill_left_without_its_end_is_ended_and_spoils_no_other() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let torn = r#"{"messageId":"0","publishTime":"2026-11-2"#;
    home.write("out/a.jsonl", torn);
    let forwarder = Forwarder::start(&home, &Config::new(&home, &service.endpoint()).file("a"));
    service.publish("a", 0..10).await;
    eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
    forwarder.stop().await;
    let delivered = Delivered::in_file(&home.out("a"));
    delivered.assert_complete(10);
    assert_eq!(delivered.torn, [format!("{torn}\n")]);
}
