//! A topic as a sink: what does not fit its schema is set aside by name and nothing else, and messages say where they
//! came from if that is wanted.

use std::collections::BTreeSet;

use ams_forwarder::client::{Message, NewMessage, PullLimits};
use serde_json::{Value, json};

use crate::common::{Config, Forwarder, Gate, Home, Service, eventually};
use crate::dead_letters::letters;

const MESSAGES: u64 = 1_000;

/// Numbers of messages that do not fit: the first and the last, neighbours, and others.
fn bad() -> BTreeSet<u64> {
    (0..MESSAGES).step_by(22).chain([1, 2, 500, 999]).collect()
}

/// Messages that fit the schema, and others in their different ways.
fn message(number: u64) -> NewMessage {
    let payload = match number {
        _ if !bad().contains(&number) => json!({"name": "x", "n": number}).to_string(),
        _ if number.is_multiple_of(5) => json!({"n": number, "value": "s3cret"}).to_string(),
        _ if number.is_multiple_of(3) => json!({"name": "x", "n": "s3cret"}).to_string(),
        _ if number.is_multiple_of(2) => json!({"name": "x", "n": number, "s3cret": 1}).to_string(),
        _ => format!("no JSON {number}"),
    };
    NewMessage::new(payload)
}

async fn pulled(service: &Service, subscription: &str, read: impl Fn(Message<'_>) -> Value) -> Vec<Value> {
    let limits = PullLimits { max_messages: 10_000, max_bytes: 64 << 20 };
    let batch = service.client.pull(&subscription.parse().unwrap(), limits).await.unwrap();
    batch.iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_those_that_do_not_fit_the_schema_of_the_topic_are_dead_letters() {
    let bad = bad();
    assert_eq!(bad.len(), 50);
    let (service, home) = (Service::with(&["a", "copy"]).await, Home::new());
    let schema = json!({"type": "json", "schema": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "n": {"type": "integer"}, "value": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": false,
    }});
    assert_eq!(service.post("schemas/narrow", &schema.to_string()).await, 200);
    let attach = json!({"schema": "projects/TEST/schemas/narrow"}).to_string();
    assert_eq!(service.post("topics/copy:attachSchema", &attach).await, 200);
    let messages: Vec<_> = (0..MESSAGES).map(message).collect();
    for some in messages.chunks(200) {
        service.client.publish(&"a".parse().unwrap(), some).await.unwrap();
    }

    let gate = Gate::before(service.address).await;
    let sink = "[subscriptions.a.sinks.copy]\ntype = \"topic\"\ntopic = \"copy\"\nbatch = 100\n";
    let config = Config::new(&home, &gate.endpoint()).subscription("a", "max_messages = 400", sink);
    let forwarder = Forwarder::start(&home, &config);
    eventually("all", async || service.is_acknowledged_to("a", MESSAGES).await).await;
    let log = forwarder.stop().await;

    let number = |message: Message<'_>| {
        let mut payload = Vec::new();
        message.decode_data(&mut payload).unwrap();
        serde_json::from_slice::<Value>(&payload).unwrap()["n"].clone()
    };
    let good: Vec<Value> = (0..MESSAGES).filter(|number| !bad.contains(number)).map(Value::from).collect();
    assert_eq!(pulled(&service, "copy", number).await, good, "in order, each once");
    let kept = letters(&home);
    let ids: Vec<u64> =
        kept.iter().map(|letter| letter["messageId"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, bad.iter().copied().collect::<Vec<_>>());
    for letter in &kept {
        let reason = letter["deadLetter"]["reason"].as_str().unwrap();
        assert!(reason.contains("data is not valid"), "{reason}");
        assert!(!reason.contains("s3cret"), "no payload: {reason}");
    }
    let reasons: BTreeSet<&str> =
        kept.iter().map(|letter| letter["deadLetter"]["reason"].as_str().unwrap()).collect();
    assert!(reasons.len() >= 4, "each says what is wrong with it: {reasons:?}");
    assert!(!log.contains("s3cret"), "{log}");
    let publishes = gate.requests("topics/copy:publish").len();
    assert!(publishes <= 2 * bad.len() + 16, "{publishes} requests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_says_where_it_came_from_also_behind_a_chain_of_forwarders() {
    let (service, home) = (Service::with(&["a", "b", "c"]).await, Home::new());
    let sink = |subscription: &str, topic: &str| {
        format!(
            "[subscriptions.{subscription}.sinks.copy]\ntype = \"topic\"\ntopic = \"{topic}\"\norigin_attributes = true\n"
        )
    };
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sink("a", "b")).subscription(
        "b",
        "",
        &sink("b", "c"),
    );
    let forwarder = Forwarder::start(&home, &config);
    // So that the ids of the copies are others.
    service.publish("b", 0..3).await;
    eventually("all of b", async || service.is_acknowledged_to("b", 3).await).await;
    let message = NewMessage::new("x").attribute("k", "v").unwrap();
    service.client.publish(&"a".parse().unwrap(), &[message]).await.unwrap();
    eventually("all of a", async || service.is_acknowledged_to("a", 1).await).await;
    eventually("all of b", async || service.is_acknowledged_to("b", 4).await).await;
    forwarder.stop().await;

    let limits = PullLimits { max_messages: 10, max_bytes: 1 << 20 };
    let first = service.client.pull(&"a".parse().unwrap(), limits).await.unwrap();
    assert_eq!(first.len(), 0, "acknowledged");
    let attributes = |message: Message<'_>| {
        message.attributes().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
    };
    let arrived = pulled(&service, "c", |message| Value::Object(attributes(message))).await;
    let origin = |value: &Value| {
        ["project", "subscription", "message_id"].map(|what| value[format!("ams_origin_{what}")].clone())
    };
    assert_eq!(origin(&arrived[0]), [json!("TEST"), json!("b"), json!("0")]);
    assert_eq!(origin(&arrived[3]), [json!("TEST"), json!("a"), json!("0")], "not the one in between");
    assert_eq!(arrived[3]["k"], "v");
    let published = arrived[3]["ams_origin_publish_time"].as_str().unwrap();
    assert!(published.parse::<jiff::Timestamp>().is_ok(), "{published}");
}
