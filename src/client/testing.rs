//! Small servers for the tests of the client: recorded answers, answers made up, and bytes as they are.

use super::{AmsClient, AmsClientBuilder, Offsets, Result};
use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::{
    collections::VecDeque,
    future::Future,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub(super) const TOKEN: &str = "S3CRET+token/0123456789abcdef==";

/// One exchange with the real service. The project is called P.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) text: String,
}

/// All exchanges of a recording.
pub(super) fn recording(file: &str) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(file);
    let text = std::fs::read_to_string(path).unwrap().replace("${P}", "P").replace("${page}", "cGFnZQ==");
    let steps: Vec<Value> = serde_json::from_str(&text).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    steps
        .iter()
        .map(|step| Step {
            name: text(&step["name"]),
            method: text(&step["method"]),
            path: text(&step["path"]),
            body: step.get("body").cloned(),
            status: u16::try_from(step["response"]["status"].as_u64().unwrap()).unwrap(),
            content_type: text(&step["response"]["content_type"]),
            text: text(&step["response"]["text"]),
        })
        .collect()
}

/// Some exchanges of a recording, by name and in its order.
pub(super) fn steps(file: &str, names: &[&str]) -> Vec<Step> {
    let mut all = recording(file).into_iter();
    names.iter().map(|name| all.find(|step| step.name == *name).expect(name)).collect()
}

/// A server that expects exactly these requests, one after the other, and answers as recorded. Anything else
/// gets 418, with what was wrong as the message.
pub(super) async fn replay(steps: Vec<Step>) -> AmsClient {
    let left = Arc::new(Mutex::new(VecDeque::from(steps)));
    let router = Router::new().fallback(move |request: Request| {
        let left = Arc::clone(&left);
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let Some(step) = left.lock().unwrap().pop_front() else {
                return (StatusCode::IM_A_TEAPOT, format!("no request expected, got {}", head.uri))
                    .into_response();
            };
            let got = format!("{} {}", head.method, unescaped(&head.uri.to_string()));
            let expected = format!("{} {}", step.method, step.path);
            let got_body = (!body.is_empty()).then(|| serde_json::from_slice::<Value>(&body).unwrap());
            let token = head.headers.get("x-api-key").and_then(|token| token.to_str().ok());
            if (&got, &got_body, token) != (&expected, &step.body, Some(TOKEN)) {
                let wrong =
                    format!("{}: expected {expected} {:?}, got {got} {got_body:?}", step.name, step.body);
                return (StatusCode::IM_A_TEAPOT, wrong).into_response();
            }
            let status = StatusCode::from_u16(step.status).unwrap();
            (status, [("content-type", step.content_type)], step.text).into_response()
        }
    });
    client(&serve(router).await)
}

/// The recordings show queries as they are; on the wire, parts of them are escaped.
fn unescaped(path: &str) -> String {
    path.replace("%3A", ":").replace("%3D", "=")
}

/// Answers every request alike.
pub(super) async fn always<R>(answer: R) -> AmsClient
where
    R: IntoResponse + Clone + Send + Sync + 'static,
{
    client(&serve_fn(move |_| std::future::ready(answer.clone().into_response())).await)
}

/// Answers with a function; returns the endpoint.
pub(super) async fn serve_fn<F, A>(answer: F) -> String
where
    F: Fn(Request) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    serve(Router::new().fallback(answer)).await
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Reads one request of each connection, its body included, and hands it to a function with the connection.
pub(super) async fn raw<F, A>(handle: F) -> String
where
    F: Fn(String, TcpStream) -> A + Send + 'static,
    A: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            handle(request, stream).await;
        }
    });
    format!("http://{address}")
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return text;
        }
    }
}

/// Sends bytes and closes the connection.
pub(super) async fn send(mut stream: TcpStream, bytes: &str) {
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

pub(super) fn builder(endpoint: &str) -> AmsClientBuilder {
    AmsClient::builder(endpoint, "P".parse().unwrap()).no_proxy()
}

pub(super) fn client(endpoint: &str) -> AmsClient {
    builder(endpoint).token(TOKEN.into()).build().unwrap()
}

/// What a service that is well answers to a look at the offsets.
pub(super) const OFFSETS: &str = r#"{"max":3,"min":0,"current":1}"#;

/// A look at the offsets, as an example of any call.
pub(super) async fn offsets(client: &AmsClient) -> Result<Offsets> {
    client.offsets(&"S".parse().unwrap()).await
}
