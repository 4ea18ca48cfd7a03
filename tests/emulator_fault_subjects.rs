//! Faults that are for one topic, one subscription or one user befall nobody else; and those that change the log or the
//! clock go with others. Beside them: the waits of the real service.

use std::time::{Duration, Instant};

use ams_forwarder::emulator::{Fault, Options, Role};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::common::pki::exchange;
use crate::common::{PROJECT, Service, TOKEN};

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

async fn ask_as(service: &Service, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let (text, end) = exchange(&mut stream, method, path, token, body).await;
    end.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let body = serde_json::from_str(body).unwrap_or_default();
    Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body }
}

async fn ask(service: &Service, method: &str, path: &str, body: &str) -> Answer {
    ask_as(service, TOKEN, method, &format!("/v1/projects/{PROJECT}/{path}"), body).await
}

async fn publish(service: &Service, topic: &str) -> u16 {
    ask(service, "POST", &format!("topics/{topic}:publish"), r#"{"messages":[{"data":"YQ=="}]}"#).await.status
}

async fn pull(service: &Service, subscription: &str) -> Answer {
    let body = r#"{"maxMessages":"100","returnImmediately":"true"}"#;
    ask(service, "POST", &format!("subscriptions/{subscription}:pull"), body).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let received = answer.body["receivedMessages"].as_array().unwrap();
    received.iter().map(|one| one["message"]["messageId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_fault_of_a_topic_befalls_its_subscriptions_and_no_other_topic() {
    let service = Service::with(&["a", "b"]).await;
    service.emulator.create_subscription(PROJECT, "a2", "a").unwrap();
    service.emulator.inject(Fault::broker_down().on_topic("a")).unwrap();
    assert_eq!(publish(&service, "a").await, 500);
    assert_eq!(pull(&service, "a2").await.status, 500);
    assert_eq!(publish(&service, "b").await, 200);
    assert_eq!(pull(&service, "b").await.status, 200);
}

#[tokio::test]
async fn a_fault_of_a_subscription_befalls_it_alone_and_its_project_may_be_named() {
    let service = Service::with(&["a"]).await;
    service.emulator.create_subscription(PROJECT, "a2", "a").unwrap();
    let full = format!("projects/{PROJECT}/subscriptions/a2");
    for (name, befallen) in [("a2", 503), (full.as_str(), 503), ("projects/OTHER/subscriptions/a2", 200)] {
        service.emulator.inject(Fault::status(503).on_subscription(name)).unwrap();
        assert_eq!(pull(&service, "a2").await.status, befallen, "{name}");
        assert_eq!(pull(&service, "a").await.status, 200);
        assert_eq!(publish(&service, "a").await, 200);
        service.emulator.clear_faults();
    }
}

#[tokio::test]
async fn a_fault_of_a_user_befalls_the_bearer_of_the_token_alone() {
    let service = Service::with(&["a"]).await;
    let tokens = ["one", "two"]
        .map(|name| service.emulator.create_member(PROJECT, name, &[Role::ProjectAdmin]).unwrap());
    service.emulator.inject(Fault::status(503).by_user("one")).unwrap();
    let path = format!("/v1/projects/{PROJECT}/topics/a");
    for (token, status) in [(tokens[0].as_str(), 503), (tokens[1].as_str(), 200), (TOKEN, 200)] {
        assert_eq!(ask_as(&service, token, "GET", &path, "").await.status, status);
    }
}

#[tokio::test]
async fn retention_cuts_the_log_when_the_rule_is_met_and_other_faults_happen_besides() {
    let service = Service::with(&["a", "b"]).await;
    for _ in 0..5 {
        publish(&service, "a").await;
    }
    service.emulator.inject(Fault::retention_cut(3).on("*:pull").on_topic("a").times(1)).unwrap();
    service.emulator.inject(Fault::latency(Duration::from_millis(1)).on("*:pull")).unwrap();
    assert_eq!(pull(&service, "b").await.status, 200);
    assert_eq!(service.offsets("a").await.min, 0, "nobody has pulled of it");
    assert_eq!(ids(&pull(&service, "a").await), ["3", "4"]);
    assert_eq!(service.offsets("a").await.min, 3);
    let hits: Vec<_> = service.emulator.faults().iter().map(|fault| fault.hits).collect();
    assert_eq!(hits, [1, 2]);
}

#[tokio::test]
async fn a_wrong_clock_shows_in_publish_times_and_in_the_date() {
    let service = Service::with(&["a"]).await;
    publish(&service, "a").await;
    let hour = Duration::from_hours(1);
    service.emulator.inject(Fault::clock_ahead(hour * 48).times(1).on("*:publish")).unwrap();
    let body = r#"{"messages":[{"data":"YQ=="}]}"#;
    let date = |answer: &Answer| {
        let date = answer.head.lines().find_map(|line| line.strip_prefix("date: ")).unwrap().to_owned();
        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).unwrap()
    };
    let skewed = ask(&service, "POST", "topics/a:publish", body).await;
    let right = pull(&service, "a").await;
    let ahead = date(&skewed).duration_since(date(&right)).as_hours();
    assert!((47..=48).contains(&ahead), "{ahead} hours");
    let received = right.body["receivedMessages"].as_array().unwrap();
    let times: Vec<jiff::Timestamp> = received
        .iter()
        .map(|received| received["message"]["publishTime"].as_str().unwrap().parse().unwrap())
        .collect();
    let apart = times[1].duration_since(times[0]).as_hours();
    assert!((47..=48).contains(&apart), "{apart} hours");
}

#[tokio::test]
async fn a_clock_that_jumps_between_pull_and_acknowledgement_makes_it_too_late() {
    let service = Service::with(&["a"]).await;
    publish(&service, "a").await;
    pull(&service, "a").await;
    let hour = Duration::from_hours(1);
    service.emulator.inject(Fault::clock_ahead(hour)).unwrap();
    let acknowledge = async || {
        let body = json!({"ackIds": [format!("projects/{PROJECT}/subscriptions/a:0")]}).to_string();
        ask(&service, "POST", "subscriptions/a:acknowledge", &body).await.status
    };
    assert_eq!(acknowledge().await, 408);
    pull(&service, "a").await;
    assert_eq!(acknowledge().await, 200, "it is wrong by as much for both");
    service.emulator.clear_faults();
    publish(&service, "a").await;
    pull(&service, "a").await;
    service.emulator.inject(Fault::clock_behind(hour)).unwrap();
    let body = json!({"ackIds": [format!("projects/{PROJECT}/subscriptions/a:1")]}).to_string();
    assert_eq!(ask(&service, "POST", "subscriptions/a:acknowledge", &body).await.status, 200);
}

#[tokio::test]
async fn the_new_rules_are_posted_too_and_make_sense_or_are_refused() {
    let service = Service::with(&["a"]).await;
    let post =
        async |rule: &Value| ask_as(&service, TOKEN, "POST", "/emulator/faults", &rule.to_string()).await;
    for rule in [
        json!({"effect": "clock_skew", "by": "1h 30m ago", "user": "con"}),
        json!({"effect": "retention_cut", "below": 7, "topic": "projects/P/topics/a"}),
        json!({"effect": "reset", "subscription": "s", "topic": "t"}),
    ] {
        let posted = post(&rule).await;
        assert_eq!(posted.status, 200, "{}", posted.body);
        assert_eq!(posted.body["fault"], rule);
    }
    assert_eq!(post(&json!({"effect": "clock_skew", "by": "-90s"})).await.body["fault"]["by"], "1m 30s ago");
    for (rule, reason) in [
        (json!({"effect": "clock_skew"}), "by says how wrong the clock is"),
        (json!({"effect": "clock_skew", "by": "1h", "delay": "1s"}), "know no delay"),
        (json!({"effect": "retention_cut"}), "below is the offset"),
        (json!({"effect": "reset", "below": 1}), "below belongs to"),
        (json!({"effect": "reset", "by": "1s"}), "by belongs to"),
        (json!({"effect": "reset", "topic": "projects/P/subscriptions/a"}), "neither a name nor"),
        (json!({"effect": "reset", "user": ""}), "user is the name"),
    ] {
        let refused = post(&rule).await;
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(refused.status == 400 && message.contains(reason), "{rule}: {message}");
    }
}

#[tokio::test]
async fn with_realistic_latency_pulls_take_their_time_and_subscriptions_of_one_topic_wait_for_each_other() {
    let options = Options { realistic_latency: true, ..Options::default() };
    let service = Service::with_options(options).await;
    for name in ["a", "b"] {
        service.emulator.create_topic(PROJECT, name).unwrap();
        service.emulator.create_subscription(PROJECT, name, name).unwrap();
    }
    service.emulator.create_subscription(PROJECT, "a2", "a").unwrap();
    publish(&service, "a").await;
    publish(&service, "b").await;
    let end_of_the_log = Duration::from_millis(610);
    let began = Instant::now();
    tokio::join!(pull(&service, "a"), pull(&service, "b"));
    let side_by_side = began.elapsed();
    assert!(side_by_side >= end_of_the_log, "{side_by_side:?}");
    let began = Instant::now();
    tokio::join!(pull(&service, "a"), pull(&service, "a2"));
    let one_after_the_other = began.elapsed();
    assert!(one_after_the_other >= 2 * end_of_the_log, "{one_after_the_other:?}");
}
