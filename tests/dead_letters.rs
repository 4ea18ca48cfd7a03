//! What a sink will never take is kept: whole, for its owner alone, and until a person has dropped it. The messages
//! around it go on.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::common::{
    Answers, Config, Delivered, Forwarder, Home, Launch, PROJECT, Receiver, Service, TOKEN, eventually,
};

/// What `ams-forwarder dead-letters` prints with these arguments, and its exit code.
pub(crate) fn dead_letters(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let all = [&["dead-letters"], arguments, &["--config", "forwarder.toml"]].concat();
    let output = Launch::new(home).to_its_end(&all);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Every letter there is.
pub(crate) fn letters(home: &Home) -> Vec<Value> {
    let (code, lines, _) = dead_letters(home, &["show", "--all"]);
    assert_eq!(code, Some(0));
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn webhook(receiver: &Receiver, settings: &str) -> String {
    let url = receiver.url("hook");
    format!("[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{url}\"\nbatch = 10\n{settings}\n")
}

/// By `ams publish`, to the topic `again`.
async fn publish_again(service: &Service, home: &Home, shown: &str) {
    let lines = home.write("shown", shown);
    let mut ams = std::process::Command::new(env!("CARGO_BIN_EXE_ams"));
    ams.args(["--endpoint", &service.endpoint(), "--project", PROJECT, "--token", TOKEN]);
    ams.args(["publish", "again", "--lines", "--format", "jsonl"]);
    ams.stdin(std::fs::File::open(lines).unwrap());
    let published = tokio::task::spawn_blocking(move || ams.output().unwrap()).await.unwrap();
    assert!(published.status.success(), "{}", String::from_utf8_lossy(&published.stderr));
    assert_eq!(service.take_all("again").await.numbers, [3, 17, 18]);
}

async fn all_acknowledged(service: &Service, end: u64) {
    eventually("everything to be acknowledged", async || service.is_acknowledged_to("a", end).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_refuses_is_kept_whole_and_its_neighbours_arrive_in_order() {
    let (service, home, receiver) =
        (Service::with(&["a", "again"]).await, Home::new(), Receiver::start().await);
    receiver.tell("hook", Answers::Refuses(&[3, 17, 18]));
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &webhook(&receiver, ""));
    let forwarder = Forwarder::start(&home, &config);
    service.publish("a", 0..30).await;
    all_acknowledged(&service, 30).await;
    let others: Vec<u64> = (0..30).filter(|number| ![3, 17, 18].contains(number)).collect();
    let taken = receiver.posts("hook").into_iter().filter(|post| post.taken);
    assert_eq!(taken.flat_map(|post| post.numbers).collect::<Vec<_>>(), others);
    forwarder.counted("a", "messages_dead_lettered_total", 3).await;
    let metrics = forwarder.metrics().await;
    assert_eq!(
        (metrics.of("a", "messages_delivered_total"), metrics.of("a", "messages_dropped_total")),
        (27, 0)
    );
    let line = forwarder.logs(&["WARN", "sink hook does not take message 3", "422"]).await;
    assert_eq!(
        line.matches("\"message\":").count(),
        1,
        "whoever reads the line as JSON finds its text: {line}"
    );
    assert!(!line.contains("3 x") && !line.contains("MyB4"), "no payload: {line}");

    // Beside the running daemon.
    let kept = letters(&home);
    assert_eq!(kept.iter().map(|letter| &letter["messageId"]).collect::<Vec<_>>(), ["3", "17", "18"]);
    assert_eq!(kept[0]["data"], "3 ");
    assert_eq!(kept[0]["subscription"], "projects/TEST/subscriptions/a");
    assert_eq!(
        (&kept[0]["deadLetter"]["sink"], &kept[0]["deadLetter"]["epoch"]),
        (&json!("hook"), &json!(0))
    );
    assert!(kept[0]["deadLetter"]["reason"].as_str().unwrap().contains("422"));
    let shown = dead_letters(&home, &["show", "a"]).1;
    publish_again(&service, &home, &shown).await;
    let shown: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(shown.iter().map(|line| &line["data"]).collect::<Vec<_>>(), ["3 ", "17 ", "18 "]);
    let file = home.path("state/dead-letters/a/00000001.jsonl");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    forwarder.stop().await;
    let again = Forwarder::start(&home, &config);
    service.publish("a", 30..40).await;
    all_acknowledged(&service, 40).await;
    again.stop().await;
    assert_eq!(letters(&home).len(), 3, "a restart repeats none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_lists_shows_and_drops_what_it_is_told_to() {
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    receiver.tell("hook", Answers::Refuses(&[1, 2, 5, 6]));
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &webhook(&receiver, ""));
    home.write("forwarder.toml", &config.text());
    assert_eq!(dead_letters(&home, &["list"]), (Some(0), String::new(), "there are none\n".to_owned()));
    let forwarder = Forwarder::start(&home, &config);
    service.publish("a", 0..10).await;
    all_acknowledged(&service, 10).await;

    let (code, table, _) = dead_letters(&home, &["list"]);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((code, rows.len()), (Some(0), 2), "{table}");
    assert_eq!(rows[0], ["SUBSCRIPTION", "SINK", "LETTERS", "BYTES", "OLDEST", "NEWEST"]);
    assert_eq!(rows[1][..3], ["a", "hook", "4"]);
    let list = dead_letters(&home, &["list", "--output", "json"]).1;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&list[0]["subscription"], &list[0]["letters"]), (&json!("a"), &json!(4)));
    assert!(
        list[0]["oldest"].as_str() <= list[0]["newest"].as_str() && list[0]["bytes"].as_u64() > Some(100)
    );

    let shown = dead_letters(&home, &["show", "a", "--sink", "hook", "--id", "2", "--id", "5"]).1;
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert_eq!(dead_letters(&home, &["show", "a", "--sink", "other"]).1, "");

    // Nothing is dropped that was not named.
    for unclear in [
        &["drop", "a"][..],
        &["drop", "a", "--sink", "hook"],
        &["drop"],
        &["drop", "a", "--all", "--id", "1"],
    ] {
        assert_eq!(dead_letters(&home, unclear).0, Some(2), "{unclear:?}");
    }
    let (code, _, said) = dead_letters(&home, &["drop", "b", "--all"]);
    let unknown = "ams-forwarder: there is no subscription \"b\"; there are: a\n";
    assert_eq!((code, said.as_str()), (Some(2), unknown));
    let (code, said, _) = dead_letters(&home, &["drop", "a", "--id", "1", "--output", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["dropped"]), (Some(0), &json!(1)));
    let drop_shown = ["dead-letters", "drop", "a", "--lines", "--config", "forwarder.toml"];
    assert!(Launch::new(&home).fed(&drop_shown, shown.as_bytes()).status.success());
    assert_eq!(letters(&home).iter().map(|letter| &letter["messageId"]).collect::<Vec<_>>(), ["6"]);
    assert_eq!(dead_letters(&home, &["drop", "a", "--all"]).0, Some(0));
    assert_eq!(letters(&home).len(), 0);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_dead_letters_park_the_subscription_until_some_are_dropped_beside_the_running_daemon() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let sink = format!(
        "[subscriptions.a.sinks.archive]\ntype = \"file\"\nformat = \"raw\"\npath = {:?}\nretry = {{ initial = \"20ms\", max = \"100ms\" }}\n",
        home.out("a")
    );
    let config = Config::new(&home, &service.endpoint())
        .table("[limits]\ndead_letter_bytes = \"64KiB\"")
        .subscription("a", "", &sink);
    let no_base64 = format!(r#"{{"data":"{}"}}"#, "!".repeat(9000));
    let messages = vec![no_base64; 10].join(",");
    let status = service.post("topics/a:publish", &format!(r#"{{"messages":[{messages}]}}"#)).await;
    assert_eq!(status, 200);
    let forwarder = Forwarder::start(&home, &config);
    let status = forwarder.is("a", "parked").await;
    let reason = status["reason"].as_str().unwrap();
    assert!(
        reason.contains("message 7") && reason.contains("`ams-forwarder dead-letters drop a`"),
        "{reason}"
    );
    assert_eq!((letters(&home).len(), forwarder.metrics().await.of("a", "messages_dropped_total")), (7, 0));

    assert_eq!(dead_letters(&home, &["drop", "a", "--all"]).0, Some(0));
    all_acknowledged(&service, 10).await;
    forwarder.is("a", "running").await;
    let kept = letters(&home);
    assert_eq!(kept.iter().map(|letter| &letter["messageId"]).collect::<Vec<_>>(), ["7", "8", "9"]);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_down_for_longer_than_its_attempts_costs_no_message() {
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    receiver.tell("hook", Answers::status(503));
    let settings = "retry = { initial = \"5ms\", max = \"10ms\", attempts = 3 }";
    let config = Config::new(&home, &service.endpoint()).subscription(
        "a",
        "",
        &(webhook(&receiver, settings) + &crate::common::file_sink("a", &home.out("a"))),
    );
    let forwarder = Forwarder::start(&home, &config);
    service.publish("a", 0..30).await;
    forwarder.counted("a", "messages_dead_lettered_total", 2).await;
    receiver.tell("hook", Answers::Takes);
    all_acknowledged(&service, 30).await;
    let kept = letters(&home);
    assert_eq!(kept[0]["deadLetter"]["tries"], 3, "{}", kept[0]);
    let mut all: Vec<u64> =
        kept.iter().map(|letter| letter["messageId"].as_str().unwrap().parse().unwrap()).collect();
    all.extend(receiver.posts("hook").iter().filter(|post| post.taken).flat_map(|post| &post.numbers));
    assert_eq!(all, (0..30).collect::<Vec<_>>(), "each in one of the two places, in order");
    forwarder.stop().await;
    Delivered::in_file(&home.out("a")).assert_exactly(30);
}

#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_unrecorded_is_not_dropped_before_the_daemon_has_put_it_right() {
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    receiver.tell("hook", Answers::Refuses(&[1, 2]));
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &webhook(&receiver, ""));
    service.publish("a", 0..10).await;
    let mut crashing = Launch::new(&home).env("AMS_FORWARDER_FAIL_POINT", "letter synced:2").start(&config);
    eventually("the crash", async || crashing.has_ended()).await;
    assert_eq!(letters(&home).len(), 2);
    let (code, _, said) = dead_letters(&home, &["drop", "a", "--id", "1"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("start the daemon"), "{said}");

    let forwarder = Forwarder::start(&home, &config);
    all_acknowledged(&service, 10).await;
    forwarder.stop().await;
    assert_eq!(dead_letters(&home, &["drop", "a", "--id", "1"]).0, Some(0));
    assert_eq!(letters(&home).iter().map(|letter| &letter["messageId"]).collect::<Vec<_>>(), ["2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_repeat_no_letter_and_lose_no_message() {
    const REFUSED: [u64; 6] = [3, 30, 31, 99, 150, 199];
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    receiver.tell("hook", Answers::Refuses(&REFUSED));
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &webhook(&receiver, ""));
    service.publish("a", 0..200).await;
    let mut kills = 0;
    while !service.is_acknowledged_to("a", 200).await {
        let forwarder = Forwarder::start(&home, &config);
        let before = receiver.requests("hook");
        eventually("some requests, or the end", async || {
            receiver.requests("hook") > before + 7 || service.is_acknowledged_to("a", 200).await
        })
        .await;
        forwarder.kill().await;
        kills += 1;
    }
    assert!(kills > 3, "{kills}");
    let kept: Vec<u64> =
        letters(&home).iter().map(|letter| letter["messageId"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(kept, REFUSED, "after {kills} kills");
    let taken = receiver.posts("hook").into_iter().filter(|post| post.taken).flat_map(|post| post.numbers);
    let taken: std::collections::BTreeSet<u64> = taken.collect();
    assert_eq!(taken, (0..200).filter(|number| !REFUSED.contains(number)).collect());
}
