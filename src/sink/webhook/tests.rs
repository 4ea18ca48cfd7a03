mod at_once;

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::config::{SinkKind, WebhookConfig, sink_for_test};
use crate::sink::tests::server::{Seen, Server, hang, status};
use crate::sink::tests::{error_of, notebook, rest, slice, source};

const SECRET: &str = "s3cret";

/// A configuration as it is written, with `more` keys.
fn config(url: &str, more: &str) -> WebhookConfig {
    let keys = format!("type = \"webhook\"\nurl = \"{url}\"\n{more}");
    let SinkKind::Webhook(webhook) = sink_for_test(&keys).kind else { panic!("{keys}") };
    *webhook
}

fn sink(url: &str, more: &str) -> WebhookSink {
    open(Arc::new(Receiver::new(&config(url, more)).unwrap()))
}

fn open(receiver: Arc<Receiver>) -> WebhookSink {
    WebhookSink::new(receiver, &source(), "https://ams", notebook())
}

async fn deliver(sink: &mut WebhookSink, slice: &Slice) -> Delivery {
    sink.deliver(slice.clone()).await
}

/// As a lane does it, without its waits: until everything is delivered, or there is other trouble than a retry.
async fn deliver_all(sink: &mut WebhookSink, slice: &Slice) -> Option<Trouble> {
    let mut left = Some(slice.clone());
    while let Some(now) = left.take() {
        let Delivery { receipt, trouble } = deliver(sink, &now).await;
        if let Some(trouble) = trouble.filter(|trouble| !matches!(trouble, Trouble::Retry { .. })) {
            return Some(trouble);
        }
        left = receipt.map_or_else(|| Some(now.clone()), |receipt| rest(&now, receipt.next()));
    }
    None
}

#[tokio::test]
async fn messages_go_in_order_one_request_each_unless_batch_says_more() {
    for (batch, keys) in [
        (1, vec!["P/S/2/5", "P/S/2/6", "P/S/2/7"]),
        (2, vec!["P/S/2/5-6", "P/S/2/7"]),
        (9, vec!["P/S/2/5-7"]),
    ] {
        let server = Server::start(|_, _| status(204)).await;
        let mut sink = sink(&format!("{}/hook?key=x", server.url), &format!("batch = {batch}"));
        assert!(deliver_all(&mut sink, &slice(5, 8, 2)).await.is_none());
        let seen = server.seen();
        assert_eq!(seen.iter().map(|one| one.header("idempotency-key")).collect::<Vec<_>>(), keys);
        assert_eq!(seen.iter().flat_map(Seen::ids).collect::<Vec<_>>(), [5, 6, 7]);
        for one in seen {
            assert_eq!((one.method.as_str(), one.path.as_str()), ("POST", "/hook?key=x"));
            assert_eq!(one.header("content-type"), "application/json");
            assert!(one.header("user-agent").starts_with("ams-forwarder/"));
        }
    }
}

#[tokio::test]
async fn a_retry_is_the_same_request_though_there_is_more_by_now_and_the_sink_is_another() {
    let server = Server::start(|_, before| status(if before < 3 { 503 } else { 200 })).await;
    let receiver = Arc::new(Receiver::new(&config(&server.url, "batch = 4")).unwrap());
    let mut first = open(Arc::clone(&receiver));
    deliver(&mut first, &slice(0, 2, 0)).await.trouble.unwrap();
    deliver(&mut first, &slice(0, 9, 0)).await.trouble.unwrap();
    let mut second = open(receiver);
    deliver(&mut second, &slice(0, 9, 0)).await.trouble.unwrap();
    assert!(deliver_all(&mut second, &slice(0, 9, 0)).await.is_none());
    let seen = server.seen();
    for again in &seen[1..4] {
        assert_eq!((&again.body, again.header("idempotency-key")), (&seen[0].body, "P/S/0/0-1"));
    }
    let keys: Vec<_> = seen[4..].iter().map(|one| one.header("idempotency-key")).collect();
    assert_eq!(keys, ["P/S/0/2-5", "P/S/0/6-8"]);
}

#[tokio::test]
async fn a_retry_waits_for_all_messages_of_the_request_as_long_as_they_may_come() {
    for comes in [true, false] {
        let server = Server::start(|_, before| status(if before == 0 { 503 } else { 200 })).await;
        let mut sink = sink(&server.url, "batch = 10");
        deliver(&mut sink, &slice(0, 4, 0)).await.trouble.unwrap();
        let mut waits = 0;
        while let Some(Trouble::Incomplete(error)) = deliver(&mut sink, &slice(0, 2, 0)).await.trouble {
            assert_eq!((error.class, server.seen().len()), ("transient", 1), "nothing is sent meanwhile");
            waits += 1;
            if comes && waits == 3 {
                assert!(deliver_all(&mut sink, &slice(0, 5, 0)).await.is_none());
                break;
            }
        }
        let keys: Vec<_> =
            server.seen()[1..].iter().map(|one| one.header("idempotency-key").to_owned()).collect();
        let (waited, sent) = if comes { (3, vec!["P/S/0/0-3", "P/S/0/4"]) } else { (5, vec!["P/S/0/0-1"]) };
        assert_eq!((waits, keys), (waited, sent.into_iter().map(str::to_owned).collect()));
    }
}

#[tokio::test]
async fn a_delivery_stops_where_the_receiver_does_and_goes_on_from_there() {
    let server = Server::start(|_, before| status(if before == 1 { 500 } else { 200 })).await;
    let mut sink = sink(&server.url, "batch = 2");
    let all = slice(0, 5, 0);
    let first = deliver(&mut sink, &all).await;
    assert_eq!(first.receipt.as_ref().map(|receipt| (receipt.next(), receipt.messages())), Some((2, 2)));
    assert!(first.trouble.is_none());
    let rest = rest(&all, 2).unwrap();
    assert_eq!(error_of(deliver(&mut sink, &rest).await).0, "retry");
    assert!(deliver_all(&mut sink, &rest).await.is_none());
    let ids: Vec<_> = server.seen().iter().map(Seen::ids).collect();
    assert_eq!(ids, [vec![0, 1], vec![2, 3], vec![2, 3], vec![4]]);
}

#[tokio::test]
async fn each_status_has_its_consequence_and_no_answer_is_repeated_to_anybody() {
    for (code, consequence, said) in [
        (400, "reject", "0 ORIGIN answered 400 Bad Request"),
        (401, "fatal", "unauthorized ORIGIN answered 401 Unauthorized"),
        (403, "fatal", "forbidden ORIGIN answered 403 Forbidden"),
        (404, "fatal", "not_found ORIGIN answered 404 Not Found"),
        (402, "reject", "0 ORIGIN answered 402 Payment Required"),
        (405, "reject", "0 ORIGIN answered 405 Method Not Allowed"),
        (407, "fatal", "unauthorized ORIGIN answered 407 Proxy Authentication Required"),
        (408, "retry", "transient ORIGIN answered 408 Request Timeout"),
        (409, "reject", "0 ORIGIN answered 409 Conflict"),
        (410, "reject", "0 ORIGIN answered 410 Gone"),
        (413, "reject", "0 ORIGIN answered 413 Payload Too Large"),
        (422, "reject", "0 ORIGIN answered 422 Unprocessable Entity"),
        (425, "retry", "transient ORIGIN answered 425 Too Early"),
        (429, "retry", "transient ORIGIN answered 429 Too Many Requests"),
        (500, "retry", "transient ORIGIN answered 500 Internal Server Error"),
        (502, "retry", "transient ORIGIN answered 502 Bad Gateway"),
        (599, "retry", "transient ORIGIN answered 599 <unknown status code>"),
    ] {
        let server = Server::start(move |seen, _| {
            (StatusCode::from_u16(code).unwrap(), seen.body.clone()).into_response()
        })
        .await;
        let mut sink = sink(&format!("{}/{SECRET}?{SECRET}", server.url), "");
        let (got, text) = error_of(deliver(&mut sink, &slice(0, 1, 0)).await);
        assert_eq!((got, text), (consequence, said.replace("ORIGIN", &server.url)));
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_both_forms_and_has_a_bound() {
    let date = |seconds| {
        let at = SystemTime::now() + Duration::from_secs(seconds);
        jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&at.try_into().unwrap())
            .unwrap()
    };
    for (value, least, most) in [
        ("7".to_owned(), 7, 7),
        (date(100), 90, 100),
        ("90000".to_owned(), 3600, 3600),
        (date(90_000), 3600, 3600),
        (date(0), 0, 0),
    ] {
        let header = HeaderValue::from_str(&value).unwrap();
        let server = Server::start(move |_, _| {
            (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", header.clone())]).into_response()
        })
        .await;
        let delivery = deliver(&mut sink(&server.url, ""), &slice(0, 1, 0)).await;
        let Some(Trouble::Retry { after: Some(after), .. }) = delivery.trouble else { panic!("{value}") };
        assert!((least..=most).contains(&after.as_secs()), "{value}: {after:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_shown_without_path_and_query() {
    let elsewhere = Server::start(|_, _| status(200)).await;
    for code in [301, 302, 303, 307, 308] {
        let location = format!("http://u:{SECRET}@{}/{SECRET}?{SECRET}", &elsewhere.url["http://".len()..]);
        let server = Server::start(move |_, _| {
            (StatusCode::from_u16(code).unwrap(), [("location", location.clone())]).into_response()
        })
        .await;
        let mut sink = sink(&server.url, &format!("bearer_token = \"{SECRET}\""));
        let (consequence, text) = error_of(deliver(&mut sink, &slice(0, 1, 0)).await);
        assert_eq!(consequence, "fatal");
        assert!(text.contains(&format!("a redirect to {}, which is not", elsewhere.url)), "{text}");
        assert!(!text.contains(SECRET), "{text}");
    }
    assert_eq!(elsewhere.seen(), []);
}

#[tokio::test]
async fn credentials_and_headers_are_sent_and_never_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{SECRET}\n")).unwrap();
    for (more, authorization) in [
        (format!("bearer_token = \"{SECRET}\""), format!("Bearer {SECRET}")),
        (format!("bearer_token_file = {:?}", file.path()), format!("Bearer {SECRET}")),
        (format!("basic = {{ username = \"u\", password = \"{SECRET}\" }}"), "Basic dTpzM2NyZXQ=".to_owned()),
        (format!("headers = {{ Authorization = \"{SECRET}\", X-Key = \"{SECRET}\" }}"), SECRET.to_owned()),
    ] {
        let server = Server::start(|_, _| status(500)).await;
        let config = config(&format!("{}/{SECRET}", server.url), &more);
        let receiver = Arc::new(Receiver::new(&config).unwrap());
        let mut sink = open(receiver);
        let (_, text) = error_of(deliver(&mut sink, &slice(0, 1, 0)).await);
        let seen = &server.seen()[0];
        assert_eq!(seen.header("authorization"), authorization);
        assert_eq!(seen.header("x-key"), if more.contains("X-Key") { SECRET } else { "" });
        let shown = format!("{text} {sink:?} {config:?} {config:#?}");
        assert!(!shown.contains(SECRET) && !shown.contains("dTpz"), "{shown}");
    }
}

#[tokio::test]
async fn a_token_file_that_changed_is_read_again_when_the_token_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "old").unwrap();
    let path = file.path().to_owned();
    let server = Server::start(move |seen, _| {
        let good = seen.header("authorization") == "Bearer new";
        std::fs::write(&path, "new").unwrap();
        status(if good { 200 } else { 401 })
    })
    .await;
    let mut sink = sink(&server.url, &format!("bearer_token_file = {:?}", file.path()));
    assert!(deliver(&mut sink, &slice(0, 1, 0)).await.receipt.is_some());
    assert_eq!(server.seen()[0].body, server.seen()[1].body);
    std::fs::remove_file(file.path()).unwrap();
    let mut another = self::sink(&server.url, "bearer_token_file = \"/nonexistent\"");
    let (consequence, text) = error_of(deliver(&mut another, &slice(0, 1, 0)).await);
    assert_eq!(consequence, "fatal");
    assert!(text.starts_with("unauthorized token file /nonexistent: "), "{text}");
}

#[tokio::test]
async fn of_refused_messages_the_one_at_fault_is_named_and_its_neighbours_arrive() {
    for code in [400, 405, 410, 413] {
        let taken = Arc::new(std::sync::Mutex::new(Vec::new()));
        let into = Arc::clone(&taken);
        let server = Server::start(move |seen, _| {
            if seen.ids().contains(&5) {
                return status(code);
            }
            into.lock().unwrap().extend(seen.ids());
            status(200)
        })
        .await;
        let mut sink = sink(&server.url, "batch = 8");
        let all = slice(0, 12, 0);
        let Some(Trouble::Reject { message: 5, .. }) = deliver_all(&mut sink, &all).await else { panic!() };
        assert_eq!(*taken.lock().unwrap(), [0, 1, 2, 3, 4]);
        assert!(deliver_all(&mut sink, &rest(&all, 6).unwrap()).await.is_none());
        assert_eq!(taken.lock().unwrap()[5..], [6, 7, 8, 9, 10, 11]);
    }
}

/// A server whose answers break off.
async fn half_an_answer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"}") && stream.read_buf(&mut request).await.unwrap() > 0 {}
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn an_answer_must_be_whole_but_no_more_than_a_bounded_part_of_it_is_read() {
    let endless = || {
        let chunk = || Ok::<_, std::io::Error>(vec![b'x'; 16 * 1024]);
        Response::new(Body::from_stream(stream::repeat_with(chunk)))
    };
    let server = Server::start(move |_, _| endless()).await;
    assert!(deliver(&mut sink(&server.url, ""), &slice(0, 1, 0)).await.receipt.is_some());

    let half = half_an_answer().await;
    let (consequence, text) = error_of(deliver(&mut sink(&half, ""), &slice(0, 1, 0)).await);
    assert_eq!(consequence, "retry");
    assert!(text.starts_with("transient the answer broke off: "), "{text}");
}

#[tokio::test]
async fn without_an_answer_it_is_tried_again() {
    let server = Server::start(|_, _| hang()).await;
    let (consequence, text) =
        error_of(deliver(&mut sink(&server.url, "timeout = \"100ms\""), &slice(0, 1, 0)).await);
    assert_eq!(
        (consequence, text),
        ("retry", format!("timeout no complete answer from {} within 100ms", server.url))
    );
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut sink = sink(&format!("http://{closed}/{SECRET}"), "");
    let (consequence, text) = error_of(deliver(&mut sink, &slice(0, 1, 0)).await);
    assert_eq!(consequence, "retry");
    assert!(text.starts_with(&format!("connect no connection to http://{closed}: ")), "{text}");
    assert!(!text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn a_conflict_after_a_lost_answer_is_waited_for_and_the_request_not_cut_anew() {
    let server = Server::start(|_, before| match before {
        0 => hang(),
        1 => status(409),
        _ => status(200),
    })
    .await;
    let mut sink = sink(&server.url, "timeout = \"100ms\"\nbatch = 10");
    assert!(deliver_all(&mut sink, &slice(0, 10, 0)).await.is_none());
    let keys: Vec<String> =
        server.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, ["P/S/0/0-9"; 3]);
}

#[tokio::test]
async fn until_its_authorities_can_be_read_nothing_is_sent_and_the_file_is_named() {
    let server = Server::start(|_, _| status(200)).await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let mut sink = sink(&server.url, &format!("ca_file = \"{}\"", ca.display()));
    let (follows, message) = error_of(deliver(&mut sink, &slice(0, 1, 0)).await);
    assert_eq!(follows, "fatal");
    assert!(message.starts_with(&format!("untrusted CA file {}: No such file", ca.display())), "{message}");
    assert_eq!(server.seen().len(), 0);

    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    std::fs::write(&ca, certificate.pem()).unwrap();
    assert!(deliver_all(&mut sink, &slice(0, 1, 0)).await.is_none());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_signed_request_that_is_sent_again_has_the_same_id_and_body() {
    let server = Server::start(|_, before| status(if before == 0 { 503 } else { 200 })).await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let mut sink = sink(&server.url, &format!("signing_secrets = [{secret:?}]"));
    assert!(deliver_all(&mut sink, &slice(0, 1, 0)).await.is_none());
    let [first, again] = &server.seen()[..] else { panic!("two requests") };
    assert_eq!((&first.body, first.header("webhook-id")), (&again.body, "P/S/0/0"));
    assert_eq!(again.header("webhook-id"), "P/S/0/0");
    assert!(again.header("webhook-timestamp") >= first.header("webhook-timestamp"));
    assert!(first.header("webhook-signature").starts_with("v1,"));
    assert!(!format!("{sink:?}").contains("MfKQ"));
}
