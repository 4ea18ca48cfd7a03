mod schemas;
mod trials;

use std::sync::Mutex;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::*;
use crate::client::PullLimits;
use crate::emulator::{Emulator, Options};
use crate::sink::tests::server::{Seen, Server, hang, status};
use crate::sink::tests::{error_of, notebook, rest, slice, slice_of, source};

fn client(url: &str, project: &str) -> AmsClient {
    AmsClient::builder(url, project.parse().unwrap()).token("s3cret".into()).build().unwrap()
}

fn sink(url: &str, batch: u32) -> TopicSink {
    let own = client("http://127.0.0.1:1", "P");
    let target = Target::new(client(url, "Q"), "t".parse().unwrap(), batch, own);
    TopicSink::new(Arc::new(target), &source(), notebook())
}

async fn deliver(sink: &mut TopicSink, slice: &Slice) -> Delivery {
    sink.deliver(slice.clone()).await
}

/// As a lane does it, without its waits; says how often it had to retry, and what other trouble there was.
async fn deliver_all(sink: &mut TopicSink, slice: &Slice) -> (usize, Option<Trouble>) {
    let (mut left, mut retries) = (Some(slice.clone()), 0);
    while let Some(now) = left.take() {
        let Delivery { receipt, trouble } = deliver(sink, &now).await;
        match trouble {
            None => {}
            Some(Trouble::Retry { .. } | Trouble::Alone { .. }) if retries < 100 => retries += 1,
            trouble => return (retries, trouble),
        }
        left = receipt.map_or_else(|| Some(now.clone()), |receipt| rest(&now, receipt.next()));
    }
    (retries, None)
}

fn backend_error() -> Response {
    let body = json!({"error": {"code": 500, "message": "Backend Error", "status": "INTERNAL_SERVER_ERROR"}});
    (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response()
}

fn published(seen: &Seen) -> Response {
    let ids: Vec<_> = seen.ids().iter().map(u64::to_string).collect();
    axum::Json(json!({ "messageIds": ids })).into_response()
}

/// An AMS with a project P, its topics `own` and `copy`, and a subscription of each.
async fn service() -> AmsClient {
    let emulator = Emulator::new(Options { token: "s3cret".to_owned(), ..Options::default() });
    emulator.create_project("P", "").unwrap();
    for (topic, subscription) in [("own", "S"), ("copy", "copy")] {
        emulator.create_topic("P", topic).unwrap();
        emulator.create_subscription("P", subscription, topic).unwrap();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { emulator.run(listener, std::future::pending()).await });
    client(&url, "P")
}

fn sink_of(service: &AmsClient, topic: &str) -> TopicSink {
    let target = Target::new(service.clone(), topic.parse().unwrap(), 100, service.clone());
    TopicSink::new(Arc::new(target), &source(), notebook())
}

#[tokio::test]
async fn data_and_attributes_arrive_as_they_were() {
    let service = service().await;
    let odd = [
        json!({"data": "eA==", "attributes": {"a": "<&>", "ключ": "", "b": "2"}}),
        json!({"data": "no base64 \"at\\ all\" <ü>\u{1}\n"}),
        json!({"data": ""}),
        json!({"data": "YWJj\nZGVm\r\n"}),
    ];
    let messages: Vec<String> = (0..)
        .zip(&odd)
        .map(|(id, message): (u32, _)| {
            let mut message = message.clone();
            message["messageId"] = id.to_string().into();
            message["publishTime"] = "T".into();
            message.to_string()
        })
        .collect();
    let (retries, trouble) =
        deliver_all(&mut sink_of(&service, "copy"), &slice_of(&messages.join(","), 0)).await;
    assert!(retries == 0 && trouble.is_none(), "{trouble:?}");
    let limits = PullLimits { max_messages: 10, max_bytes: 1 << 20 };
    let copied = service.pull(&"copy".parse().unwrap(), limits).await.unwrap();
    assert_eq!(copied.len(), odd.len());
    for (copy, original) in copied.iter().zip(&odd) {
        assert_eq!(copy.data_text(), original["data"]);
        let attributes: serde_json::Map<_, _> =
            copy.attributes().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
        assert_eq!(original.get("attributes").cloned().unwrap_or(json!({})), Value::Object(attributes));
    }
}

#[tokio::test]
async fn a_publish_is_bounded_by_count_and_by_bytes() {
    let server = Server::start(|seen, _| published(seen)).await;
    assert_eq!(deliver_all(&mut sink(&server.url, 3), &slice(0, 7, 0)).await.0, 0);
    let ids: Vec<_> = server.seen().iter().map(|one| one.ids().len()).collect();
    assert_eq!(ids, [3, 3, 1]);
    assert_eq!(server.seen()[0].path, "/v1/projects/Q/topics/t:publish");

    let large = |id: u32| {
        let data = "A".repeat(600_000);
        format!(r#"{{"messageId":"{id}","attributes":{{"id":"{id}"}},"data":"{data}","publishTime":"T"}}"#)
    };
    let large = (0..5).map(large).collect::<Vec<_>>().join(",");
    let server = Server::start(|seen, _| published(seen)).await;
    assert!(deliver_all(&mut sink(&server.url, 100), &slice_of(&large, 0)).await.1.is_none());
    let seen = server.seen();
    assert_eq!(seen.iter().map(Seen::ids).collect::<Vec<_>>(), [vec![0, 1], vec![2, 3], vec![4]]);
    assert!(seen.iter().all(|one| one.body.len() < 1_500_000));
}

#[tokio::test]
async fn what_no_record_can_hold_is_rejected_by_name_after_what_is_before_it() {
    let huge = "A".repeat(1_500_000);
    for (bad, said) in [
        (
            r#""attributes":{"k":"say \"s3cret\""},"data":"""#.to_owned(),
            "the value of attribute \"k\" has '\"'",
        ),
        (format!(r#""data":"{huge}""#), "record of 15000"),
    ] {
        let service = service().await;
        let mut sink = sink_of(&service, "copy");
        let messages = format!(
            r#"{{"messageId":"0","data":"eA==","publishTime":"T"}},{{"messageId":"1",{bad},"publishTime":"T"}},
               {{"messageId":"2","data":"eA==","publishTime":"T"}}"#
        );
        let all = slice_of(&messages, 0);
        let (_, trouble) = deliver_all(&mut sink, &all).await;
        let Some(Trouble::Reject { message: 1, reason }) = trouble else { panic!("{trouble:?}") };
        assert!(reason.contains(said) && !reason.contains("s3cret"), "{reason}");
        let end = || async { service.offsets(&"copy".parse().unwrap()).await.unwrap().max };
        assert_eq!(end().await, 1);
        assert!(deliver_all(&mut sink, &rest(&all, 2).unwrap()).await.1.is_none());
        assert_eq!(end().await, 2);
    }
}

#[tokio::test]
async fn after_a_500_in_the_middle_messages_go_one_by_one_until_that_publish_is_through() {
    let server =
        Server::start(|seen, before| if before == 1 { backend_error() } else { published(seen) }).await;
    let mut sink = sink(&server.url, 3);
    assert_eq!(deliver_all(&mut sink, &slice(0, 9, 0)).await.0, 1);
    let ids: Vec<_> = server.seen().iter().map(Seen::ids).collect();
    assert_eq!(ids, [vec![0, 1, 2], vec![3, 4, 5], vec![3], vec![4], vec![5], vec![6, 7, 8]]);
}

#[tokio::test]
async fn a_publish_without_an_answer_is_tried_again_in_a_smaller_one_which_then_grows_back() {
    let server = Server::start(|seen, before| if before < 2 { hang() } else { published(seen) }).await;
    let impatient = AmsClient::builder(&server.url, "Q".parse().unwrap()).token("s3cret".into());
    let impatient = impatient.timeout(Duration::from_millis(100)).build().unwrap();
    let own = client("http://127.0.0.1:1", "P");
    let target = Target::new(impatient, "t".parse().unwrap(), 8, own);
    let mut sink = TopicSink::new(Arc::new(target), &source(), notebook());
    assert_eq!(deliver_all(&mut sink, &slice(0, 12, 0)).await.0, 2);
    let sizes: Vec<_> = server.seen().iter().map(|seen| seen.ids().len()).collect();
    assert_eq!(sizes, [8, 4, 2, 4, 6]);
}

#[tokio::test]
async fn each_refusal_has_its_consequence() {
    for (code, consequence) in [
        (301, "fatal invalid"),
        (401, "fatal unauthorized"),
        (403, "fatal forbidden"),
        (404, "fatal not_found"),
        (409, "fatal conflict"),
        (429, "retry transient"),
        (502, "retry transient"),
        (503, "retry transient"),
    ] {
        let server = Server::start(move |_, _| status(code)).await;
        let (kind, text) = error_of(deliver(&mut sink(&server.url, 10), &slice(0, 3, 0)).await);
        assert!(format!("{kind} {text}").starts_with(consequence), "{code}: {kind} {text}");
    }
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (kind, text) = error_of(deliver(&mut sink(&format!("http://{closed}"), 10), &slice(0, 3, 0)).await);
    assert!(kind == "retry" && text.starts_with("connect "), "{text}");
}

#[tokio::test]
async fn of_a_publish_that_is_refused_the_message_at_fault_is_named() {
    for code in [400, 413] {
        let taken = Arc::<Mutex<Vec<u64>>>::default();
        let into = Arc::clone(&taken);
        let server = Server::start(move |seen, _| {
            if seen.ids().contains(&2) {
                return status(code);
            }
            into.lock().unwrap().extend(seen.ids());
            published(seen)
        })
        .await;
        let mut sink = sink(&server.url, 10);
        let (retries, trouble) = deliver_all(&mut sink, &slice(0, 5, 0)).await;
        assert!(matches!(trouble, Some(Trouble::Reject { message: 2, .. })), "{trouble:?}");
        assert_eq!((retries, taken.lock().unwrap().clone()), (0, vec![0, 1]));
    }
}

#[tokio::test]
async fn a_retry_waits_as_long_as_the_service_asks_within_a_bound() {
    for (asked, waits) in [("7", 7), ("86400", 3600)] {
        let answer = move || (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", asked)]).into_response();
        let server = Server::start(move |_, _| answer()).await;
        let trouble = deliver(&mut sink(&server.url, 10), &slice(0, 1, 0)).await.trouble;
        let Some(Trouble::Retry { after, .. }) = trouble else { panic!("{trouble:?}") };
        assert_eq!(after, Some(Duration::from_secs(waits)));
    }
}

#[tokio::test]
async fn a_topic_is_not_fed_from_itself() {
    let service = service().await;
    let (consequence, text) = error_of(deliver(&mut sink_of(&service, "own"), &slice(0, 1, 0)).await);
    assert_eq!(consequence, "fatal");
    assert!(text.contains("the topic own is the subscription's own"), "{text}");
    assert_eq!(service.offsets(&"S".parse().unwrap()).await.unwrap().max, 0);
    assert!(deliver(&mut sink_of(&service, "copy"), &slice(0, 1, 0)).await.receipt.is_some());
}

#[tokio::test]
async fn who_may_not_look_at_the_subscription_may_publish_and_a_service_that_is_down_is_waited_for() {
    for (code, passes) in [(403, true), (404, true), (401, false), (429, false), (503, false)] {
        let server =
            Server::start(move |seen, _| if seen.method == "GET" { status(code) } else { published(seen) })
                .await;
        let service = client(&server.url, "P");
        let delivery = deliver(&mut sink_of(&service, "own"), &slice(0, 1, 0)).await;
        assert_eq!(delivery.receipt.is_some(), passes);
        assert_eq!(server.seen().len(), if passes { 2 } else { 1 });
    }
}
