//! The sinks of one subscription do not disturb each other: a stuck one holds up the acknowledgement, and makes no other
//! see a message twice; a best-effort one holds up nothing.

use std::fs::File;

use crate::common::{
    Config, Delivered, Forwarder, Home, Launch, MORE_THAN_A_PIPE_HOLDS, Pipe, Service, eventually, file_sink,
    until,
};

/// Two file sinks, `first` and `second`.
fn two_files(home: &Home, service: &Service, of_second: &str) -> Config {
    let sink = |name: &str| {
        format!("[subscriptions.a.sinks.{name}]\ntype = \"file\"\npath = \"{}\"\n", home.path(name).display())
    };
    let sinks = sink("first") + &sink("second") + of_second;
    Config::new(home, &service.endpoint()).subscription("a", "", &sinks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_sink_holds_up_the_acknowledgement_and_the_healthy_one_gets_nothing_twice() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let somebody = File::create(home.path("second")).unwrap();
    somebody.lock().unwrap();
    let forwarder = Forwarder::start(
        &home,
        &two_files(&home, &service, "retry = { initial = \"20ms\", max = \"50ms\" }\n"),
    );
    service.publish("a", 0..10).await;
    let failed = [("subscription", "a"), ("operation", "second")];
    eventually("several attempts", async || forwarder.metrics().await.get("failures_total", &failed) > 3.5)
        .await;
    let first_has_all = async || Delivered::in_file(&home.path("first")).numbers.len() == 10;
    eventually("the healthy one to have all", first_has_all).await;
    assert_eq!(service.offsets("a").await.current, 0, "a required sink does not have it");
    let status = forwarder.status("a").await.unwrap();
    assert_eq!(
        (&status["sinks"]["first"]["next"], &status["sinks"]["second"]["next"]),
        (&10.into(), &0.into())
    );

    drop(somebody);
    eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
    forwarder.stop().await;
    for name in ["first", "second"] {
        Delivered::in_file(&home.path(name)).assert_exactly(10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_best_effort_sink_that_fails_holds_up_nothing_and_what_it_missed_is_counted() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let somebody = File::create(home.path("second")).unwrap();
    somebody.lock().unwrap();
    let of_second = "required = false\nretry = { initial = \"10ms\", max = \"20ms\", attempts = 2 }\n";
    let forwarder = Forwarder::start(&home, &two_files(&home, &service, of_second));
    service.publish("a", 0..10).await;
    eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
    let missed = [("subscription", "a"), ("sink", "second")];
    let dropped =
        async || Some(forwarder.metrics().await.get("messages_dropped_total", &missed)).filter(|n| *n > 0.5);
    let dropped = until("the count", dropped).await;
    assert!((dropped - 10.0).abs() < 1e-9, "{dropped}");
    forwarder.logs(&["WARN", "second", "dropped"]).await;

    // It is asked again once its backoff is over, and gets what comes from then on.
    drop(somebody);
    let mut end = 10;
    until("the sink takes messages again", async || {
        service.publish("a", end..end + 1).await;
        end += 1;
        eventually("it", async || service.is_acknowledged_to("a", end).await).await;
        Some(Delivered::in_file(&home.path("second")).distinct()).filter(|count| *count > 0)
    })
    .await;
    let dropped = forwarder.metrics().await.get("messages_dropped_total", &missed);
    forwarder.stop().await;
    Delivered::in_file(&home.path("first")).assert_exactly(end);
    let second = Delivered::in_file(&home.path("second")).numbers;
    assert_eq!(second, (end - second.len() as u64..end).collect::<Vec<_>>());
    assert!((dropped + second.len() as f64 - end as f64).abs() < 1e-9, "{dropped} and {second:?} of {end}");
}

/// A best-effort console beside a file.
fn console_and_file(home: &Home, service: &Service) -> Config {
    let console = "[subscriptions.a.sinks.show]\ntype = \"stdout\"\nrequired = false\n";
    Config::new(home, &service.endpoint()).subscription("a", "", &(file_sink("a", &home.out("a")) + console))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_was_closed_holds_up_nothing() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let (pipe, stdout) = Pipe::new();
    drop(pipe);
    let forwarder = Launch::new(&home).stdout(stdout).start(&console_and_file(&home, &service));
    for round in 0..3 {
        service.publish("a", round * 10..(round + 1) * 10).await;
        eventually("all", async || service.is_acknowledged_to("a", (round + 1) * 10).await).await;
    }
    assert_eq!(forwarder.status("a").await.unwrap()["state"], "running");
    forwarder.stop().await;
    Delivered::in_file(&home.out("a")).assert_exactly(30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_nobody_reads_is_given_up_after_seconds_and_holds_up_no_end() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    service.publish_sized("a", 0..20, MORE_THAN_A_PIPE_HOLDS / 20).await;
    let (pipe, stdout) = Pipe::new();
    let forwarder = Launch::new(&home).stdout(stdout).start(&console_and_file(&home, &service));
    let pipe = pipe.has_begun().await;
    eventually("all", async || service.is_acknowledged_to("a", 20).await).await;
    forwarder.logs(&["WARN", "show", "dropped"]).await;
    forwarder.stop().await;
    drop(pipe);
    Delivered::in_file(&home.out("a")).assert_exactly(20);
}
