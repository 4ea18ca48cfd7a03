//! What the emulator is told to do wrong it does, to the requests it was told, as often as it was told; and nothing
//! else.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use ams_forwarder::emulator::{Emulator, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{PROJECT, Service, TOKEN};

const PULL: &str = "/v1/projects/TEST/subscriptions/a:pull";
const PUBLISH: &str = "/v1/projects/TEST/topics/a:publish";
const OFFSETS: &str = "/v1/projects/TEST/subscriptions/a:offsets";
const ACKNOWLEDGE: &str = "/v1/projects/TEST/subscriptions/a:acknowledge";
const FAULTS: &str = "/emulator/faults";
const BACKEND: &str = "{\n   \"error\": {\n      \"code\": 500,\n      \"message\": \"Backend Error\",\n      \
                       \"status\": \"INTERNAL_SERVER_ERROR\"\n   }\n}";
const THREE: &str = r#"{"messages":[{"data":"YQ=="},{"data":"Yg=="},{"data":"Yw=="}]}"#;

/// What came over a connection before it ended, and how it ended.
struct Raw {
    text: String,
    end: Result<(), ErrorKind>,
}

impl Raw {
    fn status(&self) -> u16 {
        assert_eq!(self.end, Ok(()), "{}", self.text);
        self.text[9..12].parse().unwrap()
    }

    fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.text.split_once("\r\n\r\n").unwrap().0.lines();
        lines.filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

async fn send(service: &Service, method: &str, path: &str, token: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\nconnection: close\r\n");
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).await.unwrap();
    stream
}

async fn ask(service: &Service, method: &str, path: &str, body: &str) -> Raw {
    let mut stream = send(service, method, path, TOKEN, body).await;
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await.map(drop).map_err(|error| error.kind());
    Raw { text: String::from_utf8(bytes).unwrap(), end }
}

async fn offsets(service: &Service) -> [i64; 3] {
    let answer: Value = serde_json::from_str(ask(service, "GET", OFFSETS, "").await.body()).unwrap();
    ["min", "max", "current"].map(|key| answer[key].as_i64().unwrap())
}

async fn with(fault: Fault) -> Service {
    let service = Service::with(&["a"]).await;
    service.emulator.inject(fault).unwrap();
    service
}

fn hits(emulator: &Emulator) -> Vec<u64> {
    emulator.faults().iter().map(|fault| fault.hits).collect()
}

#[tokio::test]
async fn a_status_is_answered_as_given_and_nothing_is_done() {
    let page = "<html><h1>Bad Gateway</h1></html>";
    let fault = Fault::status(502).on("POST *:publish").times(1).body(page).content_type("text/html");
    let service = with(fault.header("Retry-After", "7")).await;
    assert_eq!(ask(&service, "GET", OFFSETS, "").await.status(), 200, "another route");
    let spoiled = ask(&service, "POST", PUBLISH, THREE).await;
    assert_eq!((spoiled.status(), spoiled.body()), (502, page));
    assert_eq!(
        (spoiled.header("content-type"), spoiled.header("retry-after")),
        (Some("text/html"), Some("7"))
    );
    assert_eq!(offsets(&service).await, [0, 0, 0]);
    assert_eq!(ask(&service, "POST", PUBLISH, THREE).await.status(), 200, "it was for one request");
    assert_eq!(hits(&service.emulator), [1]);

    service.emulator.inject(Fault::status(503)).unwrap();
    let error: Value = serde_json::from_str(ask(&service, "GET", OFFSETS, "").await.body()).unwrap();
    let like_the_services =
        json!({"code": 503, "message": "Service Unavailable", "status": "SERVICE_UNAVAILABLE"});
    assert_eq!(error["error"], like_the_services);
}

#[tokio::test]
async fn latency_only_delays_and_goes_with_other_effects() {
    let wait = Duration::from_millis(300);
    let service = with(Fault::latency(wait).on("*:publish")).await;
    let asked = Instant::now();
    assert_eq!(ask(&service, "POST", PUBLISH, THREE).await.status(), 200);
    assert!(asked.elapsed() >= wait);
    assert_eq!(offsets(&service).await, [0, 3, 0]);

    service.emulator.inject(Fault::status(500).delayed_by(wait)).unwrap();
    let asked = Instant::now();
    assert_eq!(ask(&service, "POST", PUBLISH, THREE).await.status(), 500);
    assert!(asked.elapsed() >= wait);
}

#[tokio::test]
async fn a_reset_and_a_lost_answer_end_the_connection_and_only_the_latter_is_carried_out() {
    let service = with(Fault::reset().times(1)).await;
    let reset = ask(&service, "POST", PUBLISH, THREE).await;
    assert_eq!((reset.text.as_str(), reset.end), ("", Err(ErrorKind::ConnectionReset)));
    assert_eq!(offsets(&service).await, [0, 0, 0]);

    service.emulator.inject(Fault::lost_answer().times(1)).unwrap();
    let lost = ask(&service, "POST", PUBLISH, THREE).await;
    assert_eq!((lost.text.as_str(), lost.end), ("", Ok(())));
    assert_eq!(offsets(&service).await, [0, 3, 0]);
}

#[tokio::test]
async fn a_connection_that_served_before_is_reset_too() {
    let service = Service::with(&["a"]).await;
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let request = b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut some = [0; 1024];
    assert!(stream.read(&mut some).await.unwrap() > 0);
    service.emulator.inject(Fault::reset()).unwrap();
    stream.write_all(request).await.unwrap();
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest).await;
    assert_eq!(ended.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset), "{rest:?}");
}

#[tokio::test]
async fn a_hanging_request_is_never_answered_and_its_connection_stays() {
    let service = with(Fault::hang().on("*:publish")).await;
    let mut hanging = send(&service, "POST", PUBLISH, TOKEN, THREE).await;
    let mut byte = [0];
    let answer = tokio::time::timeout(Duration::from_millis(300), hanging.read(&mut byte)).await;
    assert!(answer.is_err(), "{answer:?}");
    service.emulator.clear_faults();
    let answer = tokio::time::timeout(Duration::from_millis(300), hanging.read(&mut byte)).await;
    assert!(answer.is_err(), "what hangs goes on hanging: {answer:?}");
    assert_eq!(offsets(&service).await, [0, 0, 0]);
}

#[tokio::test]
async fn of_a_truncated_answer_the_head_and_half_the_body_arrive() {
    for messages in [1, 4_000] {
        let service = with(Fault::truncate().on("*:pull").times(1)).await;
        service.publish_sized("a", 0..messages, 1000).await;
        let body = json!({"maxMessages": messages.to_string(), "returnImmediately": "true"}).to_string();
        let half = ask(&service, "POST", PULL, &body).await;
        let whole = ask(&service, "POST", PULL, &body).await;
        assert_eq!(half.status(), 200);
        assert_eq!(half.header("content-length"), whole.header("content-length"));
        assert_eq!(half.body(), &whole.body()[..whole.body().len() / 2]);
    }
    let service = with(Fault::truncate().on("*:modifyOffset")).await;
    let half = ask(&service, "POST", &OFFSETS.replace(":offsets", ":modifyOffset"), "{\"offset\":0}").await;
    assert_eq!((half.status(), half.body(), half.header("content-length")), (200, "", Some("1")));
}

#[tokio::test]
async fn an_acknowledgement_comes_too_late_as_the_service_says_it() {
    let service = with(Fault::ack_deadline_passed().times(1)).await;
    assert_eq!(ask(&service, "POST", PUBLISH, THREE).await.status(), 200);
    assert_eq!(ask(&service, "POST", PULL, r#"{"maxMessages":"9"}"#).await.status(), 200);
    let body = r#"{"ackIds":["projects/TEST/subscriptions/a:2"]}"#;
    let late = ask(&service, "POST", ACKNOWLEDGE, body).await;
    let error: Value = serde_json::from_str(late.body()).unwrap();
    assert_eq!(late.status(), 408);
    assert_eq!(error["error"], json!({"code": 408, "message": "ack timeout", "status": "TIMEOUT"}));
    assert_eq!(offsets(&service).await, [0, 3, 0]);
    assert_eq!(ask(&service, "POST", ACKNOWLEDGE, body).await.status(), 200);
    assert_eq!(offsets(&service).await, [0, 3, 3]);
}

#[tokio::test]
async fn a_publish_fails_midway_and_what_stands_before_is_in_the_log() {
    let service = with(Fault::publish_fails_midway(3)).await;
    let two = r#"{"messages":[{"data":"YQ=="},{"data":"Yg=="}]}"#;
    assert_eq!(ask(&service, "POST", PUBLISH, two).await.status(), 200, "it has no third message");
    let failed = ask(&service, "POST", PUBLISH, THREE).await;
    assert_eq!((failed.status(), failed.body()), (500, BACKEND));
    assert_eq!(offsets(&service).await, [0, 4, 0]);
}

/// Recording 10: the steps after the broker was stopped, and their answers.
#[tokio::test]
async fn with_the_broker_down_all_is_as_recorded() {
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/10_broker_gone.json");
    let steps: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(recording).unwrap()).unwrap();
    let service = Service::with(&["t"]).await;
    service.emulator.create_subscription(PROJECT, "s", "t").unwrap();
    let mut played = 0;
    for step in steps.iter().skip_while(|step| step["name"] != "publish") {
        if step["name"] == "broker gone: publish" {
            service.emulator.inject(Fault::broker_down()).unwrap();
        }
        let path = step["path"].as_str().unwrap().replace("${P}", PROJECT);
        let body = step.get("body").map(Value::to_string).unwrap_or_default();
        let answer = ask(&service, step["method"].as_str().unwrap(), &path, &body).await;
        let want = &step["response"];
        assert_eq!(json!(answer.status()), want["status"], "{path}");
        assert_eq!(json!(answer.body()), want["text"], "{path}");
        assert_eq!(json!(answer.header("content-type")), want["content_type"], "{path}");
        played += 1;
    }
    assert_eq!(played, 5);
    service.emulator.clear_faults();
    assert_eq!(service.offsets("s").await.max, 3, "what was refused is not in the log");
}

#[tokio::test]
async fn a_fault_with_a_probability_befalls_that_share_of_the_requests() {
    let service = with(Fault::status(500).with_probability(0.3)).await;
    for _ in 0..300 {
        ask(&service, "GET", "/v1/status", "").await;
    }
    let hits = hits(&service.emulator)[0];
    assert!((40..=140).contains(&hits), "{hits} of 300");
}

#[tokio::test]
async fn rules_are_posted_listed_and_deleted_with_the_service_token() {
    let service = Service::with(&["a"]).await;
    let rule = json!({"effect": "status", "route": "POST *:pull", "times": 2, "status": 503, "delay": "10ms",
        "headers": {"retry-after": "1"}, "body": "no", "content_type": "text/plain"});
    let posted = ask(&service, "POST", FAULTS, &rule.to_string()).await;
    assert_eq!(posted.status(), 200, "{}", posted.body());
    let posted: Value = serde_json::from_str(posted.body()).unwrap();
    assert_eq!(posted, json!({"id": 1, "hits": 0, "fault": rule}));
    assert_eq!(ask(&service, "POST", FAULTS, r#"{"effect":"hang","route":"/nowhere"}"#).await.status(), 200);
    for status in [503, 503, 200] {
        assert_eq!(ask(&service, "POST", PULL, "{}").await.status(), status);
    }
    let list: Value = serde_json::from_str(ask(&service, "GET", FAULTS, "").await.body()).unwrap();
    let hits: Vec<_> = list["faults"].as_array().unwrap().iter().map(|rule| rule["hits"].clone()).collect();
    assert_eq!(hits, [json!(2), json!(0)]);
    let one = format!("{FAULTS}/2");
    let statuses = async |method: &str| ask(&service, method, &one, "").await.status();
    assert_eq!([statuses("GET").await, statuses("DELETE").await, statuses("DELETE").await], [200, 200, 404]);
    assert_eq!(ask(&service, "DELETE", FAULTS, "").await.status(), 200);
    assert_eq!(service.emulator.faults(), []);

    for token in ["", "wrong"] {
        let mut stream = send(&service, "POST", FAULTS, token, r#"{"effect":"reset"}"#).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    assert_eq!(service.emulator.faults(), []);
}

#[tokio::test]
async fn the_interface_itself_is_spared_and_the_newest_rule_counts() {
    let service = with(Fault::hang()).await;
    service.emulator.inject(Fault::status(500).times(1)).unwrap();
    assert_eq!(ask(&service, "GET", FAULTS, "").await.status(), 200);
    assert_eq!(ask(&service, "GET", "/v1/status", "").await.status(), 500);
    assert_eq!(hits(&service.emulator), [0, 1]);
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_with_the_reason() {
    let service = Service::with(&["a"]).await;
    for (rule, reason) in [
        (json!({"effect": "explode"}), "unknown variant `explode`"),
        (json!({"effect": "reset", "tims": 1}), "unknown field `tims`"),
        (json!({"effect": "reset", "times": 0}), "times is at least 1"),
        (json!({"effect": "reset", "probability": 1.5}), "probability is above 0 and at most 1"),
        (json!({"effect": "reset", "route": "pull"}), "route names no path"),
        (json!({"effect": "reset", "status": 500}), "belong to the effect"),
        (json!({"effect": "status", "status": 100}), "status is from 200 to 599"),
        (json!({"effect": "status", "status": 500, "headers": {"content-length": "1"}}), "connection's own"),
        (json!({"effect": "status", "status": 500, "headers": {"a b": "1"}}), "no name of a header"),
        (json!({"effect": "latency"}), "needs a delay"),
        (json!({"effect": "latency", "delay": "soon"}), "this is no fault"),
        (json!({"effect": "publish_fails_midway", "message": 0}), "counted from 1"),
    ] {
        let refused = ask(&service, "POST", FAULTS, &rule.to_string()).await;
        assert_eq!(refused.status(), 400, "{rule}");
        let error: Value = serde_json::from_str(refused.body()).unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{rule}: {message}");
    }
}
