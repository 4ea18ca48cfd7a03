use std::sync::atomic::AtomicBool;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// A running admin server without subscriptions.
struct Admin {
    address: SocketAddr,
    daemon_stops: CancellationToken,
    alive: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Admin {
    async fn start() -> Self {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (daemon_stops, stop) = (CancellationToken::new(), CancellationToken::new());
        let alive = Arc::new(AtomicBool::new(true));
        let overview = Overview::new(daemon_stops.clone(), Arc::clone(&alive), Vec::new());
        let metrics = Arc::new(Metrics::new().unwrap());
        tokio::spawn(serve(listener, overview, metrics, stop.clone()));
        Self { address, daemon_stops, alive, stop }
    }

    /// The status code, the head in lower case, and the body.
    async fn ask(&self, method: &str, path: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, head.to_lowercase(), body.to_owned())
    }
}

#[tokio::test]
async fn metrics_are_answered_in_the_text_format_of_prometheus() {
    let admin = Admin::start().await;
    let (code, head, body) = admin.ask("GET", "/metrics").await;
    assert_eq!(code, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(body.contains("ams_forwarder_build_info"), "{body}");
}

#[tokio::test]
async fn health_follows_the_supervisor_and_readiness_the_phase() {
    let admin = Admin::start().await;
    assert_eq!(admin.ask("GET", "/livez").await.0, 200);
    assert_eq!(admin.ask("GET", "/readyz").await.2, "ready\n");
    admin.daemon_stops.cancel();
    assert_eq!(admin.ask("GET", "/readyz?strict").await.0, 503);
    assert_eq!(admin.ask("GET", "/livez").await.0, 200, "stopping is no reason for a kill");
    admin.alive.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(admin.ask("GET", "/livez").await.0, 503);
}

#[tokio::test]
async fn the_status_is_json_with_the_state_of_the_whole() {
    let admin = Admin::start().await;
    let (code, head, body) = admin.ask("GET", "/status").await;
    assert_eq!(code, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["state"], "running");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["subscriptions"], serde_json::json!([]));
    assert!(status["started"].is_string() && status["uptime_seconds"].is_u64(), "{body}");
}

#[tokio::test]
async fn a_head_has_no_body_and_nothing_else_than_get_and_head_is_taken() {
    let admin = Admin::start().await;
    let (code, _, body) = admin.ask("HEAD", "/metrics").await;
    assert_eq!((code, body.as_str()), (200, ""));
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(admin.ask(method, "/status").await.0, 405, "{method}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_answered_with_those_there_are() {
    let admin = Admin::start().await;
    for path in ["/", "/metric", "/status/x"] {
        let (code, _, body) = admin.ask("GET", path).await;
        assert_eq!(code, 404, "{path}");
        for known in ["/metrics", "/livez", "/readyz", "/status"] {
            assert!(body.contains(known), "{body}");
        }
    }
}

#[tokio::test]
async fn an_address_in_use_is_refused() {
    let admin = Admin::start().await;
    assert_eq!(bind(admin.address).await.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    admin.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nothing_moves_is_hung_up() {
    let (mut client, server) = tokio::io::duplex(64);
    let mut server = listener::Impatient::new(server, None);
    let mut bytes = [0; 8];
    tokio::time::sleep(listener::PATIENCE / 2).await;
    client.write_all(b"GET ").await.unwrap();
    assert_eq!(server.read(&mut bytes).await.unwrap(), 4);
    let began = tokio::time::Instant::now();
    assert_eq!(server.read(&mut bytes).await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed(), listener::PATIENCE);
}

#[test]
fn strict_is_asked_for_by_the_word_alone_or_with_a_value_that_does_not_say_no() {
    for query in ["strict", "strict=", "strict=1", "verbose&strict=true"] {
        assert!(asks_strictly(query), "{query}");
    }
    for query in ["", "strict=0", "strict=false", "strictly", "x=strict"] {
        assert!(!asks_strictly(query), "{query}");
    }
}
