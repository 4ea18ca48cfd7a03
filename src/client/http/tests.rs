use crate::client::testing::{OFFSETS, TOKEN, always, builder, client, offsets, raw, send, serve_fn};
use crate::client::{AmsClient, ErrorKind, NewMessage, PullLimits, Result};
use axum::{
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::net::TcpListener;

async fn pull(client: &AmsClient, max_bytes: usize) -> Result<crate::client::Batch> {
    client.pull(&"S".parse().unwrap(), PullLimits { max_messages: 10, max_bytes }).await
}

#[tokio::test]
async fn a_request_carries_token_and_agent_and_a_path_with_its_verb_as_it_is() {
    let seen = Arc::new(Mutex::new(String::new()));
    let keep = Arc::clone(&seen);
    let endpoint = raw(move |request, stream| {
        *keep.lock().unwrap() = request;
        send(stream, "HTTP/1.1 200 OK\r\ncontent-length: 23\r\n\r\n{\"receivedMessages\":[]}")
    })
    .await;
    let client = builder(&format!("{endpoint}/ams/")).token(TOKEN.into()).build().unwrap();
    assert!(pull(&client, 1000).await.unwrap().is_empty());
    let request = seen.lock().unwrap().clone();
    assert!(request.starts_with("POST /ams/v1/projects/P/subscriptions/S:pull HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("x-api-key: {TOKEN}\r\n")), "{request}");
    assert!(request.contains(concat!("user-agent: ams-forwarder/", env!("CARGO_PKG_VERSION"))), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(
        request.ends_with("\r\n\r\n{\"maxMessages\":\"10\",\"returnImmediately\":\"true\"}"),
        "{request}"
    );
}

#[tokio::test]
async fn an_answer_above_the_limit_is_cut_off_with_and_without_a_length() {
    let body = format!(r#"{{"receivedMessages":[]}}{}"#, " ".repeat(200_000));
    let whole = always(body.clone()).await;
    assert!(pull(&whole, body.len()).await.unwrap().is_empty());
    let error = pull(&whole, body.len() - 1).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.class(), error.may_have_happened()),
        (ErrorKind::TooLarge, "too_large", true)
    );
    assert_eq!(error.message(), "the answer is larger than 200022 bytes and was cut off");

    // Without a length, and without an end: only cutting it off can end this.
    let endpoint = raw(|_, mut stream| async move {
        use tokio::io::AsyncWriteExt;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        while stream.write_all(format!("1000\r\n{}\r\n", " ".repeat(0x1000)).as_bytes()).await.is_ok() {}
    })
    .await;
    let error = pull(&client(&endpoint), 100_000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
}

#[tokio::test]
async fn memory_for_an_answer_is_bounded_by_its_limit() {
    let chunk = format!("3e8\r\n{}\r\n", " ".repeat(1000));
    let answer =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(100));
    let endpoint = raw(move |_, stream| {
        let answer = answer.clone();
        async move { send(stream, &answer).await }
    })
    .await;
    let http = client(&endpoint).0.inner.connector.http().await.ok().unwrap();
    let response = http.get(endpoint).send().await.unwrap();
    let body = super::body::read(response, 100_500).await.ok().unwrap();
    assert_eq!(body.len(), 100_000);
    assert!(body.capacity() <= 100_500, "{}", body.capacity());
}

#[tokio::test]
async fn a_page_of_somebody_in_between_is_no_success() {
    let page =
        always((StatusCode::OK, [("content-type", "application/json")], "\n<html>Please log in</html>"))
            .await;
    let (topic, subscription) = ("t".parse().unwrap(), "S".parse().unwrap());
    let errors = [
        offsets(&page).await.map(|_| ()),
        pull(&page, 1000).await.map(|_| ()),
        page.acknowledge(&subscription, 1).await,
        page.delete_subscription(&subscription).await,
        page.delete_project().await,
        page.topics(&crate::client::PageRequest::default()).await.map(|_| ()),
        page.publish(&topic, &[NewMessage::new("x")]).await.map(|_| ()),
    ]
    .map(Result::unwrap_err);
    for error in errors {
        assert_eq!((error.kind(), error.status()), (ErrorKind::Transient, Some(200)));
        assert_eq!(error.message(), "this is no answer of AMS: a page of HTML or XML");
        assert!(error.may_have_happened());
    }
}

#[tokio::test]
async fn an_ack_needs_the_object_the_service_answers_with() {
    let subscription = "S".parse().unwrap();
    for (answer, accepted) in
        [("{}", true), ("{\n}\n", true), ("", false), ("[]", false), (r#"{"error":{}}"#, false)]
    {
        let client = always(answer).await;
        assert_eq!(client.acknowledge(&subscription, 1).await.is_ok(), accepted, "{answer:?}");
    }
}

#[tokio::test]
async fn content_of_an_answer_never_reaches_an_error() {
    let client = always(r#"{"receivedMessages":["geheim"]}"#).await;
    let error = pull(&client, 1000).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
    assert!(error.message().contains("JSON of another form, at line 1 column"), "{error}");
}

#[tokio::test]
async fn a_fixed_token_that_is_refused_is_tried_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let refuse = move |_: Request| {
        count.fetch_add(1, Ordering::SeqCst);
        let body = r#"{"error":{"code":401,"message":"Unauthorized","status":"UNAUTHORIZED"}}"#;
        std::future::ready::<Response>((StatusCode::UNAUTHORIZED, body).into_response())
    };
    let error = offsets(&client(&serve_fn(refuse).await)).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unauthorized, "Unauthorized"));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn connections_are_kept_for_the_next_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut bytes = Vec::new();
                while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
                    if bytes.ends_with(b"\r\n\r\n") {
                        bytes.clear();
                        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\n{OFFSETS}");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    let client = client(&endpoint);
    for _ in 0..5 {
        assert_eq!(offsets(&client).await.unwrap().max, 3);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
