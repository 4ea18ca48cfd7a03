//! A receiver of webhooks: it keeps what came, and answers each path as it is told.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Delivered, numbered};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Its messages are taken.
    Takes,
    /// It is refused if one of its messages has one of these numbers.
    Refuses(&'static [u64]),
    /// It is refused with a status, a header and a body.
    Says(u16, (&'static str, &'static str), &'static str),
    /// Its messages are taken, and it is answered after so long.
    TakesAfter(Duration),
    /// Every third one has to come again, and the others are taken.
    Stumbles,
    /// It waits until the receiver is told something else, and is taken then.
    Holds,
    /// It is never answered.
    Hangs,
    /// It is not read, and its connection ends.
    HangsUp,
    /// Its messages are taken, and its connection ends without an answer.
    TakesAndHangsUp,
    /// Its messages are taken, and its connection ends in the middle of the answer.
    TakesAndSaysHalf,
}

impl Answers {
    pub(crate) fn status(status: u16) -> Self {
        Self::Says(status, ("content-type", "text/plain"), "")
    }

    /// At once.
    fn takes(self, numbers: &[u64]) -> bool {
        match self {
            Self::Refuses(some) => !numbers.iter().any(|number| some.contains(number)),
            _ => matches!(
                self,
                Self::Takes | Self::TakesAfter(_) | Self::TakesAndHangsUp | Self::TakesAndSaysHalf
            ),
        }
    }
}

/// A request that came and was read.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) key: String,
    /// The numbers of its messages.
    pub(crate) numbers: Vec<u64>,
    /// How much each of them is padded.
    pub(crate) paddings: Vec<usize>,
    pub(crate) taken: bool,
}

/// The receiver; it ends when dropped.
pub(crate) struct Receiver {
    origin: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    /// By path; one that is not there takes.
    answers: watch::Sender<BTreeMap<String, Answers>>,
    came: Mutex<Came>,
}

#[derive(Default)]
struct Came {
    requests: BTreeMap<String, usize>,
    posts: BTreeMap<String, Vec<Post>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        Self::on(listener, origin)
    }

    /// One that is reached at `origin`.
    pub(crate) fn on(listener: impl axum::serve::Listener<Addr = SocketAddr>, origin: String) -> Self {
        let shared = Arc::new(Shared { answers: watch::Sender::default(), came: Mutex::default() });
        let receiving = Arc::clone(&shared);
        let hook = move |request: Request| receive(Arc::clone(&receiving), request);
        let router = axum::Router::new().fallback(hook);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, shared, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }

    /// Without its scheme.
    pub(crate) fn address(&self) -> SocketAddr {
        self.origin.rsplit('/').next().unwrap().parse().unwrap()
    }

    /// From now on, requests to this path are answered so.
    pub(crate) fn tell(&self, path: &str, answers: Answers) {
        self.shared.answers.send_modify(|all| {
            all.insert(path.to_owned(), answers);
        });
    }

    /// How many requests came to this path, read or not.
    pub(crate) fn requests(&self, path: &str) -> usize {
        self.shared.came.lock().unwrap().requests.get(path).copied().unwrap_or_default()
    }

    /// Those that were read.
    pub(crate) fn posts(&self, path: &str) -> Vec<Post> {
        self.shared.came.lock().unwrap().posts.get(path).cloned().unwrap_or_default()
    }

    /// What a receiver has that leaves out requests whose key it knows. Fails if a key was for other messages than
    /// before, or a message came with another key than before.
    pub(crate) fn delivered(&self, path: &str) -> Delivered {
        let (mut by_key, mut delivered) = (BTreeMap::new(), Delivered::default());
        for post in self.posts(path) {
            let first = by_key.entry(post.key.clone()).or_insert_with(|| (post.numbers.clone(), false));
            assert_eq!(first.0, post.numbers, "{} came again with other messages", post.key);
            if post.taken && !std::mem::replace(&mut first.1, true) {
                delivered.numbers.extend(&post.numbers);
            }
        }
        let numbers = by_key.values().flat_map(|(numbers, _)| numbers);
        let distinct: std::collections::BTreeSet<_> = numbers.clone().collect();
        assert_eq!(distinct.len(), numbers.count(), "a message has two keys: {by_key:?}");
        delivered
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(shared: Arc<Shared>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let key = request.headers()["idempotency-key"].to_str().unwrap().to_owned();
    let count = {
        let mut came = shared.came.lock().unwrap();
        let count = came.requests.entry(path.clone()).or_default();
        *count += 1;
        *count
    };
    let mut told = shared.answers.subscribe();
    let now = |told: &BTreeMap<String, Answers>| match *told.get(&path).unwrap_or(&Answers::Takes) {
        Answers::Stumbles if count.is_multiple_of(3) => Answers::status(503),
        Answers::Stumbles => Answers::Takes,
        other => other,
    };
    let answers = now(&told.borrow());
    if answers == Answers::HangsUp {
        return breaks(&[]);
    }
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let (numbers, paddings): (Vec<_>, Vec<_>) = messages(&body).into_iter().unzip();
    let taken = answers.takes(&numbers);
    let index = {
        let mut came = shared.came.lock().unwrap();
        let posts = came.posts.entry(path.clone()).or_default();
        posts.push(Post { key, numbers, paddings, taken });
        posts.len() - 1
    };
    match answers {
        Answers::Says(status, header, body) => {
            (StatusCode::from_u16(status).unwrap(), [header], body).into_response()
        }
        Answers::Hangs => std::future::pending().await,
        Answers::Holds => {
            told.wait_for(|told| now(told) != Answers::Holds).await.unwrap();
            shared.came.lock().unwrap().posts.get_mut(&path).unwrap()[index].taken = true;
            StatusCode::OK.into_response()
        }
        Answers::TakesAfter(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
        Answers::TakesAndSaysHalf => breaks(&["half an "]),
        Answers::TakesAndHangsUp => breaks(&[]),
        Answers::Refuses(_) if !taken => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Answers::Takes | Answers::Refuses(_) | Answers::HangsUp | Answers::Stumbles => {
            StatusCode::OK.into_response()
        }
    }
}

/// An answer that breaks off after these parts; without any, nothing is sent at all.
pub(crate) fn breaks(parts: &'static [&'static str]) -> Response {
    let end = Err(io::Error::from(io::ErrorKind::ConnectionReset));
    let parts = parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).chain([end]);
    // What comes before the pause is sent.
    let parts = stream::iter(parts.collect::<Vec<_>>()).then(async |part| {
        tokio::task::yield_now().await;
        part
    });
    Response::new(Body::from_stream(parts.boxed()))
}

/// The numbers of the messages of a request, each of which is as it was published.
pub(crate) fn numbers(body: &[u8]) -> Vec<u64> {
    messages(body).into_iter().map(|(number, _)| number).collect()
}

/// The same with their paddings.
fn messages(body: &[u8]) -> Vec<(u64, usize)> {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    let message = |push: &serde_json::Value| {
        let id = push["message"]["messageId"].as_str().unwrap().parse().unwrap();
        let data = BASE64_STANDARD.decode(push["message"]["data"].as_str().unwrap()).unwrap();
        let size = data.len().saturating_sub(numbered(id, 0).len());
        assert_eq!(data, numbered(id, size).as_bytes(), "message {id}");
        (id, size)
    };
    match body["messages"].as_array() {
        Some(pushes) => pushes.iter().map(message).collect(),
        None => vec![message(&body)],
    }
}
