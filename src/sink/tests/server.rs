//! A server for the tests of sinks: it remembers the requests, and answers as it is told.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// A request that came.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sink) struct Seen {
    pub(in crate::sink) method: String,
    pub(in crate::sink) path: String,
    pub(in crate::sink) headers: HeaderMap,
    pub(in crate::sink) body: String,
}

impl Seen {
    pub(in crate::sink) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The attribute `id` of each message in a request of a webhook or a publish.
    pub(in crate::sink) fn ids(&self) -> Vec<u64> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let messages = body["messages"].as_array().cloned().unwrap_or_else(|| vec![body]);
        let id = |message: &Value| {
            let attributes =
                message.get("attributes").or_else(|| message["message"].get("attributes")).unwrap();
            attributes["id"].as_str().unwrap().parse().unwrap()
        };
        messages.iter().map(id).collect()
    }
}

pub(in crate::sink) struct Server {
    pub(in crate::sink) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers each request as `answer` says, which is given it and how many came before. Nothing hangs but what
    /// [`hang`] makes hang.
    pub(in crate::sink) async fn start(
        answer: impl Fn(&Seen, usize) -> Response + Clone + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let all = Arc::clone(&seen);
        let handler = move |request: axum::extract::Request| {
            let (all, answer) = (Arc::clone(&all), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let one = Seen {
                    method: head.method.to_string(),
                    path: head.uri.to_string(),
                    headers: head.headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                let before = {
                    let mut all = all.lock().unwrap();
                    all.push(one.clone());
                    all.len() - 1
                };
                let response = answer(&one, before);
                if response.extensions().get::<Hang>().is_some() {
                    std::future::pending::<()>().await;
                }
                response
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(handler).layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    pub(in crate::sink) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

#[derive(Clone)]
struct Hang;

/// No answer at all.
pub(in crate::sink) fn hang() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(Hang);
    response
}

pub(in crate::sink) fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap().into_response()
}
