//! What a webhook sends in each format, end to end; and the examples for chats, as they are shipped.

use std::path::Path;

use ams_forwarder::client::NewMessage;
use serde_json::{Value, json};

use crate::common::{
    Config, Forwarder, Home, Hook, Hooked, Launch, PROJECT, Service, TOKEN, eventually, until,
};

async fn publish(service: &Service, topic: &str, payloads: &[&str]) {
    let messages: Vec<_> = payloads
        .iter()
        .map(|payload| NewMessage::new(*payload).attribute("partition_date", "2026-11-23").unwrap())
        .collect();
    service.client.publish(&topic.parse().unwrap(), &messages).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_for_mattermost_and_slack_send_what_these_take() {
    let names = ["alarms-mattermost", "alarms-slack"];
    let (service, home, hook) = (Service::with(&names).await, Home::new(), Hook::start().await);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/chat.toml");
    let example = std::fs::read_to_string(example).unwrap();
    let state = home.path("state");
    let top = format!("state_dir = \"{}\"\nadmin = {{ listen = \"127.0.0.1:0\" }}\n", state.display());
    let here = example
        .replace("https://msg.example.org", &service.endpoint())
        .replace("project = \"EGI\"", &format!("project = {PROJECT:?}"));
    home.write("example.toml", &(top + &here));
    home.write("egi", TOKEN);
    for name in names {
        let alarms = [
            r#"{"host": "a.example.org", "status": "CRITICAL"}"#,
            r#"{"host": "b \"quoted\" \\ ü", "status": "OK"}"#,
        ];
        publish(&service, name, &alarms).await;
    }
    let forwarder = Launch::new(&home)
        .env("CREDENTIALS_DIRECTORY", home.dir().to_str().unwrap())
        .env("MATTERMOST_HOOK", &hook.url("mattermost"))
        .env("SLACK_HOOK", &hook.url("slack"))
        .start_file("example.toml");
    for name in names {
        eventually(&format!("all of {name}"), async || service.is_acknowledged_to(name, 2).await).await;
    }
    let texts = |path: &str| {
        let came = hook.came(path);
        for one in &came {
            assert_eq!(one.header("content-type"), "application/json");
        }
        came.iter().map(|one| one.json()["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mattermost = texts("mattermost");
    assert_eq!(mattermost.len(), 2, "one each");
    assert!(mattermost[0].starts_with("**CRITICAL** a.example.org (20"), "{mattermost:?}");
    assert!(mattermost[1].starts_with("**OK** b \"quoted\" \\ ü (20"), "{mattermost:?}");
    assert_eq!(texts("slack"), ["*CRITICAL* a.example.org\n*OK* b \"quoted\" \\ ü\n"], "both in one");
    forwarder.stop().await;
}

fn sink(name: &str, url: &str, keys: &str) -> String {
    format!("[subscriptions.a.sinks.{name}]\ntype = \"webhook\"\nurl = \"{url}\"\n{keys}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_format_arrives_as_documented_and_what_cannot_be_made_is_set_aside_by_name() {
    let (service, home, hook) = (Service::with(&["a"]).await, Home::new(), Hook::start().await);
    let template = "format = \"template\"\nbatch = 10\ntemplate = '''\n\
                    {\"sums\": [{% for m in messages %}{{ m.json.n + 0 }}{% if not loop.last %},{% endif %}{% endfor %}]}'''";
    let sinks = [
        sink("raw", &hook.url("raw"), "format = \"raw\"\ncontent_type = \"text/plain\""),
        sink("one", &hook.url("one"), "format = \"cloudevents\""),
        sink("list", &hook.url("list"), "format = \"cloudevents\"\nmode = \"batched\"\nbatch = 10"),
        sink("headers", &hook.url("headers"), "format = \"cloudevents\"\nmode = \"binary\""),
        sink("made", &hook.url("made"), template),
    ];
    // The second has no number, and none of it is to be seen anywhere.
    publish(&service, "a", &[r#"{"n": 1}"#, "s3cret text", r#"{"n": 3}"#, r#"{"n": 4}"#]).await;
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sinks.concat());
    let forwarder = Forwarder::start(&home, &config);
    eventually("all", async || service.is_acknowledged_to("a", 4).await).await;
    until("the letter", async || {
        forwarder
            .metrics()
            .await
            .find("messages_dead_lettered_total", &[("sink", "made")])
            .filter(|n| *n > 0.5)
    })
    .await;

    let raw: Vec<_> = hook.came("raw").into_iter().map(|one| one.body).collect();
    assert_eq!(raw, [r#"{"n": 1}"#, "s3cret text", r#"{"n": 3}"#, r#"{"n": 4}"#]);
    assert_eq!(hook.came("raw")[1].header("x-ams-attribute-partition-date"), "2026-11-23");
    assert_eq!(hook.came("raw")[1].header("x-ams-message-id"), "1");

    let source = format!("{}/v1/projects/{PROJECT}/subscriptions/a", service.endpoint());
    let events: Vec<Value> = hook.came("one").iter().map(Hooked::json).collect();
    assert_eq!(events.iter().map(|event| &event["id"]).collect::<Vec<_>>(), ["0/0", "0/1", "0/2", "0/3"]);
    assert_eq!((&events[0]["data"], &events[1]["data"]), (&json!({"n": 1}), &json!("s3cret text")));
    assert_eq!((&events[0]["source"], &events[0]["partitiondate"]), (&json!(source), &json!("2026-11-23")));
    let list = hook.came("list").pop().unwrap();
    assert_eq!((list.json().as_array(), hook.came("list").len()), (Some(&events), 1));
    let binary = &hook.came("headers")[1];
    assert_eq!((binary.header("ce-id"), binary.header("ce-source")), ("0/1", source.as_str()));
    assert_eq!(
        (binary.header("content-type"), &binary.body[..]),
        ("text/plain; charset=utf-8", &b"s3cret text"[..])
    );

    let sums: Vec<_> = hook.came("made").iter().map(|one| one.json()["sums"].to_string()).collect();
    assert_eq!(sums.concat().replace("][", ","), "[1,3,4]", "{sums:?}");
    let log = forwarder.stop().await;
    assert!(log.contains("message 1") && log.contains("the template fails: in line"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}
