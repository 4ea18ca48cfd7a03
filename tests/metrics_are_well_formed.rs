//! What monitoring relies on: every metric is there from the start, in a form that Prometheus takes; health and status
//! answer as they are said to.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::{Action, Config, Forwarder, Gate, Home, Service, eventually, is_there};

/// With the label `subscription`.
const BY_SUBSCRIPTION: [&str; 17] = [
    "messages_received_total",
    "bytes_received_total",
    "messages_acknowledged_total",
    "messages_lost_total",
    "messages_skipped_total",
    "messages_redelivered_total",
    "log_resets_total",
    "rewinds_total",
    "poisoned_messages_total",
    "rival_acknowledgements_total",
    "restarts_total",
    "backlog_messages",
    "retention_headroom_messages",
    "oldest_message_age_seconds",
    "batch_messages_count",
    "pull_duration_seconds_count",
    "acknowledge_duration_seconds_count",
];

/// With the labels `subscription` and `sink`.
const BY_SINK: [&str; 4] = [
    "messages_delivered_total",
    "messages_dead_lettered_total",
    "messages_dropped_total",
    "delivery_duration_seconds_count",
];

const SINKS: &str = "[subscriptions.a.sinks.show]\ntype = \"stdout\"\nrequired = false\n\
                     [subscriptions.a.sinks.also]\ntype = \"stdout\"\nformat = \"raw\"\n";

/// A daemon whose first look at its subscription is not answered.
async fn untried() -> (Service, Gate, crate::common::Rule, Home, Forwarder) {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    let held = gate.rule("", Action::Hold);
    let forwarder =
        Forwarder::start(&home, &Config::new(&home, &gate.endpoint()).subscription("a", "", SINKS));
    forwarder.is_up().await;
    (service, gate, held, home, forwarder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_there_at_zero_from_the_start() {
    let (_service, _gate, _held, _home, forwarder) = untried().await;
    let metrics = forwarder.metrics().await;
    let zero = |name: &str, labels: &[(&str, &str)]| {
        let value = metrics.get(name, labels);
        assert!(value.abs() < 1e-9, "{name}{labels:?} is {value}");
    };
    for name in BY_SUBSCRIPTION {
        zero(name, &[("subscription", "a")]);
    }
    for sink in ["show", "also"] {
        for name in BY_SINK {
            zero(name, &[("subscription", "a"), ("sink", sink)]);
        }
    }
    for operation in ["pull", "acknowledge", "show", "also"] {
        zero("failures_total", &[("subscription", "a"), ("operation", operation)]);
    }
    for (operation, class) in [("pull", "unauthorized"), ("acknowledge", "ack_window_gone"), ("show", "full")]
    {
        zero("failures_total", &[("subscription", "a"), ("operation", operation), ("class", class)]);
    }
    for (state, value) in
        [("starting", 1.0), ("running", 0.0), ("retrying", 0.0), ("parked", 0.0), ("stopped", 0.0)]
    {
        let found = metrics.get("subscription_state", &[("subscription", "a"), ("state", state)]);
        assert!((found - value).abs() < 1e-9, "{state} is {found}");
    }
    zero("last_success_timestamp_seconds", &[("subscription", "a")]);
    assert!((metrics.get("build_info", &[("version", env!("CARGO_PKG_VERSION"))]) - 1.0).abs() < 1e-9);
    assert!((metrics.get("config_last_reload_successful", &[]) - 1.0).abs() < 1e-9);
    assert!(metrics.get("config_last_reload_timestamp_seconds", &[]) > 1e9);
    for process in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(metrics.text.contains(&format!("\n{process} ")), "no {process}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promtool_accepts_them_at_the_start_and_under_load() {
    if !is_there("promtool") {
        return;
    }
    let (service, _gate, held, _home, forwarder) = untried().await;
    check_with_promtool(&forwarder.metrics().await.text);
    held.lift();
    service.publish("a", 0..50).await;
    eventually("all", async || service.is_acknowledged_to("a", 50).await).await;
    forwarder.counted("a", "messages_acknowledged_total", 50).await;
    let metrics = forwarder.metrics().await;
    check_with_promtool(&metrics.text);

    for (name, value) in [
        ("messages_received_total", 50),
        ("messages_acknowledged_total", 50),
        ("messages_delivered_total", 100),
        ("messages_dropped_total", 0),
        ("backlog_messages", 0),
    ] {
        assert_eq!(metrics.of("a", name), value, "{name}");
    }
    assert!(metrics.of("a", "bytes_received_total") > 50 * 100);
    assert!(metrics.get("last_success_timestamp_seconds", &[]) > 1e9);
}

fn check_with_promtool(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_status_answer_as_they_are_said_to() {
    let (service, _gate, held, home, forwarder) = untried().await;
    let get = async |path: &str| forwarder.get(path).await.unwrap();
    let readyz = get("/readyz").await;
    assert_eq!((readyz.status, readyz.body.as_str()), (503, "starting: not tried yet: a\n"));
    assert_eq!(get("/livez").await.status, 200);
    held.lift();
    forwarder.is("a", "running").await;
    for path in ["/readyz", "/readyz?strict"] {
        let readyz = get(path).await;
        assert_eq!((readyz.status, readyz.body.as_str()), (200, "ready\n"));
    }
    service.publish("a", 0..5).await;
    eventually("all", async || service.is_acknowledged_to("a", 5).await).await;
    forwarder.counted("a", "messages_acknowledged_total", 5).await;

    let answer = get("/status").await;
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    let report: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["state"], "running");
    assert!(report["uptime_seconds"].is_u64() && report["started"].is_string());
    let status = &report["subscriptions"][0];
    for (key, value) in [
        ("key", "a".into()),
        ("subscription", "projects/TEST/subscriptions/a".into()),
        ("state", "running".into()),
        ("reason", serde_json::Value::Null),
        ("epoch", 0.into()),
        ("next", 5.into()),
        ("backlog", 0.into()),
    ] {
        assert_eq!(status[key], value, "{key}");
    }
    let (show, also) = (&status["sinks"]["show"], &status["sinks"]["also"]);
    assert_eq!((&show["required"], &also["required"]), (&false.into(), &true.into()));
    assert_eq!((&show["delivered"], &also["delivered"]), (&5.into(), &5.into()));
    assert!(status["last_success"].is_string() && status["since"].is_string());

    assert!(get("/metrics").await.head.contains("content-type: text/plain; version=0.0.4"));
    let unknown = get("/nonsense").await;
    assert!(unknown.status == 404 && unknown.body.contains("/status"), "{unknown:?}");
    forwarder.stop().await;
    let shown = std::fs::read_to_string(home.path("stdout")).unwrap();
    assert_eq!(shown.lines().count(), 10, "{shown}");
}
