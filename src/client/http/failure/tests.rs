use crate::client::testing::{OFFSETS, TOKEN, always, builder, client, offsets, raw, send, serve_fn};
use crate::client::{Error, ErrorKind, NewMessage};
use axum::{extract::Request, http::StatusCode, response::IntoResponse};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpListener;

fn assert_no_token(error: &Error) {
    let shown = format!("{error} {error:?} {}", error.message());
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_named_without_its_query() {
    let reached = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reached);
    let elsewhere = serve_fn(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(OFFSETS.into_response())
    })
    .await;
    for status in [301, 302, 303, 307, 308] {
        let host = elsewhere.replace("http://", "http://user:geheim@");
        let location = format!("{host}/login?key={TOKEN}#geheim");
        let answer = (StatusCode::from_u16(status).unwrap(), [("location", location)], "moved");
        let error = offsets(&always(answer).await).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Invalid, Some(status)));
        assert_eq!(error.message(), format!("redirected to {elsewhere}/login, which is not followed"));
        assert_no_token(&error);
    }
    let bare = offsets(&always(StatusCode::FOUND).await).await.unwrap_err();
    assert_eq!(bare.message(), "redirected to nowhere, which is not followed");
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_request_refused_as_too_large_was_not_carried_out() {
    let client = always((StatusCode::PAYLOAD_TOO_LARGE, "<html>too large</html>")).await;
    let error = client.publish(&"t".parse().unwrap(), &[NewMessage::new("x")]).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::TooLarge, false));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_transient_and_may_have_happened() {
    for head in ["content-length: 500", "transfer-encoding: chunked"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\n{{\"max\"");
        let endpoint = raw(move |_, stream| {
            let answer = answer.clone();
            async move { send(stream, &answer).await }
        })
        .await;
        let error = offsets(&client(&endpoint)).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Transient, Some(200)));
        assert!(
            error.may_have_happened() && error.message().starts_with("the answer broke off: "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_may_have_happened() {
    let endpoint = raw(|_, stream| async move { drop(stream) }).await;
    let error = offsets(&client(&endpoint)).await.unwrap_err();
    assert_eq!((error.kind(), error.class(), error.status()), (ErrorKind::Transient, "transient", None));
    assert!(error.may_have_happened(), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_is_left_when_the_time_is_up() {
    for beginning in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{",
        "HTTP/1.1 500 X\r\ncontent-length: 500\r\n\r\n{",
    ] {
        let endpoint = raw(move |_, mut stream| async move {
            use tokio::io::AsyncWriteExt;
            stream.write_all(beginning.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        })
        .await;
        let client =
            builder(&endpoint).token(TOKEN.into()).timeout(Duration::from_millis(80)).build().unwrap();
        let error = offsets(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transient);
        assert!(error.may_have_happened() && error.elapsed() >= Duration::from_millis(80), "{error}");
        if !beginning.contains("500 X") {
            assert_eq!(error.class(), "timeout", "{error}");
            assert!(error.message().contains("within 80ms"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_says_so_and_has_certainly_not_happened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = offsets(&client(&format!("http://{address}"))).await.unwrap_err();
    assert_eq!((error.kind(), error.class(), error.status()), (ErrorKind::Transient, "connect", None));
    assert!(!error.may_have_happened());
    assert!(error.message().starts_with(&format!("no connection to {address}: ")), "{error}");
    assert!(error.message().contains("Connection refused"), "{error}");
    assert_no_token(&error);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_has_certainly_not_happened() {
    let error = offsets(&client("http://nosuch.invalid")).await.unwrap_err();
    assert_eq!((error.class(), error.may_have_happened()), ("connect", false), "{error}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_an_error_without_its_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://user:geheim@{}", listener.local_addr().unwrap());
    drop(listener);
    for endpoint in ["http://msg.example.org", "https://msg.example.org"] {
        let client = builder(endpoint).token(TOKEN.into()).proxy(&proxy).build().unwrap();
        let error = offsets(&client).await.unwrap_err();
        assert_eq!(error.class(), "connect", "{error}");
        assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
    }
}

#[tokio::test]
async fn an_error_page_that_repeats_the_token_is_redacted() {
    let echo = |request: Request| async move {
        let token = request.headers()["x-api-key"].to_str().unwrap().to_owned();
        // Around the place where the text is cut.
        let body = format!("<pre>{}{token}{}</pre>", ".".repeat(180), ".".repeat(300));
        (StatusCode::BAD_GATEWAY, [("retry-after", "7")], body).into_response()
    };
    let error = offsets(&client(&serve_fn(echo).await)).await.unwrap_err();
    assert_no_token(&error);
    assert!(error.message().contains("***") && !error.message().contains("S3CRET"), "{error}");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Transient, Some(Duration::from_secs(7))));
    assert!(error.to_string().contains("(transient, after "), "{error}");
    assert!(error.to_string().ends_with(", to be tried again after 7 s)"), "{error}");
}

#[tokio::test]
async fn an_endless_error_page_is_read_no_further_than_needed() {
    let endpoint = raw(|_, mut stream| async move {
        use tokio::io::AsyncWriteExt;
        stream.write_all(b"HTTP/1.1 503 X\r\nconnection: close\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let error = offsets(&client(&endpoint)).await.unwrap_err();
    assert_eq!((error.status(), error.message()), (Some(503), "x".repeat(200).as_str()));
}
