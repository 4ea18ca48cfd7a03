//! What publishers really send, base64 or not, reaches every sink as it is, or is rejected by name: nothing crashes, and
//! nothing is changed in silence.

use std::sync::{Arc, Mutex};

use ams_forwarder::client::PullLimits;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::common::{Config, Forwarder, Home, PROJECT, Service, eventually};
use crate::dead_letters::letters;

/// As published, and what is in a jsonl line and in a line of format raw.
const PAYLOADS: [(&str, (&str, &str), Option<&str>); 9] = [
    (r#"{"data":"b25l"}"#, ("data", "one"), Some("one")),
    (r#"{"data":"b25\nl\r\n"}"#, ("data", "one"), Some("one")),
    (r#"{"data":"Zm91cg"}"#, ("data", "four"), Some("four")),
    (r#"{"data":""}"#, ("data", ""), Some("")),
    (r#"{"attributes":{"k":"v"}}"#, ("data", ""), Some("")),
    (r#"{"data":" \n"}"#, ("data", ""), Some("")),
    (r#"{"data":"not base64 <!!>"}"#, ("data_invalid", "not base64 <!!>"), None),
    (r#"{"data":"===="}"#, ("data_invalid", "===="), None),
    (r#"{"data":"IgpcAQ=="}"#, ("data", "\"\n\\\u{1}"), Some("\"\n\\\u{1}")),
];

/// Publishes them all, and one that is no text.
async fn publish(service: &Service) -> u64 {
    let published: Vec<_> =
        PAYLOADS.iter().map(|(published, ..)| *published).chain([r#"{"data":"//4A"}"#]).collect();
    let body = format!(r#"{{"messages":[{}]}}"#, published.join(","));
    assert_eq!(service.post("topics/a:publish", &body).await, 200);
    published.len() as u64
}

/// The texts of `data` as they were published; where there was none, an empty one.
fn texts() -> Vec<String> {
    let text = |published: &str| {
        serde_json::from_str::<Value>(published).unwrap()["data"].as_str().unwrap_or_default().to_owned()
    };
    PAYLOADS.iter().map(|(published, ..)| text(published)).chain(["//4A".to_owned()]).collect()
}

async fn forwarded(service: &Service, end: u64) {
    eventually("everything to be acknowledged", async || service.is_acknowledged_to("a", end).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_and_standard_output_have_them_decoded_and_say_which_are_no_base64() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let sinks = format!(
        "[subscriptions.a.sinks.lines]\ntype = \"file\"\npath = {:?}\n[subscriptions.a.sinks.show]\ntype = \"stdout\"\n",
        home.out("a")
    );
    let end = publish(&service).await;
    let forwarder =
        Forwarder::start(&home, &Config::new(&home, &service.endpoint()).subscription("a", "", &sinks));
    forwarded(&service, end).await;
    forwarder.stop().await;
    for file in [home.out("a"), home.path("stdout")] {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len() as u64, end);
        for (line, (published, (key, value), _)) in lines.iter().zip(PAYLOADS) {
            assert_eq!(line[key], value, "{published}");
            let forms =
                ["data", "data_base64", "data_invalid"].iter().filter(|form| line.get(form).is_some());
            assert_eq!(forms.count(), 1, "{line}");
        }
        assert_eq!(lines[PAYLOADS.len()]["data_base64"], "//4A");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_payloads_has_those_that_can_be_decoded_and_the_others_are_dead_letters_by_name() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let sink = format!(
        "[subscriptions.a.sinks.payloads]\ntype = \"file\"\nformat = \"raw\"\npath = {:?}\n",
        home.out("a")
    );
    let end = publish(&service).await;
    let forwarder =
        Forwarder::start(&home, &Config::new(&home, &service.endpoint()).subscription("a", "", &sink));
    forwarded(&service, end).await;
    forwarder.logs(&["payloads does not take message 6", "is not base64"]).await;
    forwarder.stop().await;
    let mut expected: Vec<u8> = Vec::new();
    for payload in PAYLOADS.iter().filter_map(|(.., raw)| *raw) {
        expected.extend_from_slice(payload.as_bytes());
        expected.push(b'\n');
    }
    expected.extend_from_slice(b"\xff\xfe\0\n");
    assert_eq!(std::fs::read(home.out("a")).unwrap(), expected);

    let kept = letters(&home);
    let kept: Vec<_> = kept
        .iter()
        .map(|letter| (letter["messageId"].as_str().unwrap(), letter["data_invalid"].as_str().unwrap()))
        .collect();
    assert_eq!(kept, [("6", "not base64 <!!>"), ("7", "====")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_and_a_topic_have_the_text_that_was_published() {
    let (service, home) = (Service::with(&["a", "copy"]).await, Home::new());
    let bodies = Arc::<Mutex<Vec<Value>>>::default();
    let into = Arc::clone(&bodies);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(async move |body: String| {
        into.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        StatusCode::OK
    });
    let receiving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let sinks = format!(
        "[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{url}\"\n\
         [subscriptions.a.sinks.copy]\ntype = \"topic\"\ntopic = \"copy\"\n"
    );
    let end = publish(&service).await;
    let forwarder =
        Forwarder::start(&home, &Config::new(&home, &service.endpoint()).subscription("a", "", &sinks));
    forwarded(&service, end).await;
    forwarder.stop().await;
    receiving.abort();

    let posted = bodies.lock().unwrap().clone();
    let posted: Vec<_> = posted.iter().map(|body| body["message"]["data"].as_str().unwrap()).collect();
    assert_eq!(posted, texts());
    let limits = PullLimits { max_messages: 100, max_bytes: 1 << 20 };
    let copied = service.client.pull(&"copy".parse().unwrap(), limits).await.unwrap();
    let copied: Vec<_> = copied.iter().map(|message| message.data_text().to_owned()).collect();
    assert_eq!(copied, texts(), "in project {PROJECT}");
    assert_eq!(letters(&home).len(), 0);
}
