//! A receiver of webhooks of any format: it takes what comes, and keeps it as it came.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use tokio::task::JoinHandle;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Hooked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Hooked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The receiver; it ends when dropped.
pub(crate) struct Hook {
    origin: String,
    came: Arc<Mutex<Vec<Hooked>>>,
    task: JoinHandle<()>,
}

impl Hook {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        Self::on(listener, origin)
    }

    /// One that is reached at `origin`.
    pub(crate) fn on(listener: impl axum::serve::Listener<Addr = SocketAddr>, origin: String) -> Self {
        let came = Arc::<Mutex<Vec<Hooked>>>::default();
        let keeping = Arc::clone(&came);
        let take = move |request: Request| {
            let came = Arc::clone(&keeping);
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let path = head.uri.path().trim_start_matches('/').to_owned();
                came.lock().unwrap().push(Hooked { path, headers: head.headers, body });
            }
        };
        let router = axum::Router::new().fallback(take);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, came, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }

    /// What came to this path.
    pub(crate) fn came(&self, path: &str) -> Vec<Hooked> {
        self.came.lock().unwrap().iter().filter(|one| one.path == path).cloned().collect()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}
