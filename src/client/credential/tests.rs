use super::*;
use crate::client::testing::{OFFSETS, builder, offsets, serve_fn};
use crate::client::{AmsClient, ErrorKind};
use axum::{http::StatusCode, response::IntoResponse};
use std::{
    fs::{self, File},
    path::Path,
    sync::Mutex,
};

/// A service that takes one token, and remembers which ones it saw.
struct Service {
    accepted: Arc<Mutex<String>>,
    seen: Arc<Mutex<Vec<String>>>,
    endpoint: String,
}

impl Service {
    async fn start(accepted: &str) -> Self {
        let accepted = Arc::new(Mutex::new(accepted.to_owned()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (takes, saw) = (Arc::clone(&accepted), Arc::clone(&seen));
        let endpoint = serve_fn(move |request| {
            let token = request.headers()["x-api-key"].to_str().unwrap().to_owned();
            saw.lock().unwrap().push(token.clone());
            let answer = if token == *takes.lock().unwrap() {
                OFFSETS.into_response()
            } else {
                let body = r#"{"error":{"code":401,"message":"Unauthorized","status":"UNAUTHORIZED"}}"#;
                (StatusCode::UNAUTHORIZED, body).into_response()
            };
            std::future::ready(answer)
        })
        .await;
        Self { accepted, seen, endpoint }
    }

    fn client(&self, file: &Path) -> AmsClient {
        builder(&self.endpoint).token_file(file).build().unwrap()
    }

    fn accept(&self, token: &str) {
        token.clone_into(&mut self.accepted.lock().unwrap());
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn ask(client: &AmsClient) -> std::result::Result<(), ErrorKind> {
    client.offsets(&"S".parse().unwrap()).await.map(|_| ()).map_err(|error| error.kind())
}

/// Writes a file of the same size and time as the one before, so that only reading it shows the change.
fn write_unseen(path: &Path, text: &str) {
    let before = fs::metadata(path).unwrap();
    assert_eq!(before.len(), text.len() as u64);
    fs::write(path, text).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(before.modified().unwrap()).unwrap();
}

#[tokio::test]
async fn a_changed_token_file_is_read_before_the_next_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "first\n").unwrap();
    let service = Service::start("first").await;
    let client = service.client(&file);
    ask(&client).await.unwrap();
    ask(&client).await.unwrap();

    service.accept("second-one");
    fs::write(&file, "  second-one").unwrap();
    ask(&client).await.unwrap();
    assert_eq!(service.seen(), ["first", "first", "second-one"]);
}

#[tokio::test]
async fn a_refused_token_that_changed_unseen_is_replaced_at_once_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "first").unwrap();
    let service = Service::start("first").await;
    let client = service.client(&file);
    ask(&client).await.unwrap();

    service.accept("other");
    write_unseen(&file, "other");
    ask(&client).await.unwrap();
    assert_eq!(service.seen(), ["first", "first", "other"]);

    service.accept("nobody's");
    write_unseen(&file, "third");
    assert_eq!(ask(&client).await, Err(ErrorKind::Unauthorized));
    assert_eq!(service.seen(), ["other", "third"], "tried once");
    assert_eq!(ask(&client).await, Err(ErrorKind::Unauthorized));
    assert_eq!(service.seen(), ["third"], "a file that did not change brings nothing");
}

#[tokio::test]
async fn a_body_is_sent_again_with_the_other_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "first").unwrap();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&bodies);
    let path = file.clone();
    let endpoint = serve_fn(move |request: axum::extract::Request| {
        let (keep, path) = (Arc::clone(&keep), path.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            keep.lock().unwrap().push(body);
            if head.headers["x-api-key"] == "first" {
                fs::write(path, "second").unwrap();
                return StatusCode::UNAUTHORIZED.into_response();
            }
            "{}".into_response()
        }
    })
    .await;
    let client = builder(&endpoint).token_file(&file).build().unwrap();
    client.acknowledge(&"S".parse().unwrap(), 7).await.unwrap();
    let bodies = bodies.lock().unwrap();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0], r#"{"ackIds":["projects/P/subscriptions/S:7"]}"#);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_until_the_file_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let service = Service::start("here").await;
    let client = service.client(&file);
    for text in [None, Some(""), Some("two words"), Some("two\nlines")] {
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        let error = offsets(&client).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.status(), error.may_have_happened()),
            (ErrorKind::Unauthorized, None, false)
        );
        assert!(error.message().starts_with(&format!("token file {}: ", file.display())), "{error}");
    }
    fs::write(&file, "here").unwrap();
    ask(&client).await.unwrap();
    assert_eq!(service.seen(), ["here"]);
}

#[tokio::test]
async fn a_file_that_is_gone_or_half_written_keeps_the_token_read_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "first").unwrap();
    let service = Service::start("first").await;
    let client = service.client(&file);
    ask(&client).await.unwrap();
    fs::write(&file, "").unwrap();
    ask(&client).await.unwrap();
    fs::remove_file(&file).unwrap();
    ask(&client).await.unwrap();
    service.accept("next");
    fs::write(&file, "next").unwrap();
    ask(&client).await.unwrap();
    assert_eq!(service.seen(), ["first", "first", "first", "next"]);
}

#[test]
fn a_token_is_one_line_of_printable_ascii() {
    for good in ["a", " a+/=b \n", "!~"] {
        assert!(Token::new(good).is_some(), "{good:?}");
    }
    for bad in ["", " ", "a b", "a\nb", "\u{e9}", "a\u{7f}", "\0"] {
        assert!(Token::new(bad).is_none(), "{bad:?}");
    }
    let token = Token::new("geheim").unwrap();
    assert_eq!(token.redact("x geheim, geheim"), "x ***, ***");
    assert_eq!(format!("{:?}", token.header()), "Sensitive");
}
