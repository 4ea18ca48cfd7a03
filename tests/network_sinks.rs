//! Webhooks and topics as sinks of the real program: everything arrives, a retry is recognisable as one, a wanted
//! replay as another, and no log shows where a webhook is beyond its host.

use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::http::StatusCode;

use crate::common::{Config, Forwarder, Home, Service, eventually};

/// A receiver that refuses its first request for now. Gives its URL and the keys of the requests that came.
async fn receiver() -> (String, Arc<Mutex<Vec<String>>>) {
    let keys = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&keys);
    let hook = move |request: Request| {
        let key = request.headers()["idempotency-key"].to_str().unwrap().to_owned();
        let mut seen = seen.lock().unwrap();
        seen.push(key);
        let status = if seen.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        std::future::ready(status)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/s3cret?s3cret", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(hook)).await });
    (url, keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_and_a_replay_is_told_from_a_retry() {
    let service = Service::with(&["a", "copy"]).await;
    let (url, keys) = receiver().await;
    let sinks = format!(
        "[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{url}\"\nbatch = 10\n\
         retry = {{ initial = \"20ms\", max = \"50ms\" }}\n\
         [subscriptions.a.sinks.copy]\ntype = \"topic\"\ntopic = \"copy\"\n"
    );
    let home = Home::new();
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sinks);
    let forwarder = Forwarder::start(&home, &config);
    forwarder.is("a", "running").await;
    service.publish("a", 0..10).await;
    eventually("an acknowledgement", async || service.is_acknowledged_to("a", 10).await).await;
    service.seek("a", 5).await;
    eventually("the replay", async || keys.lock().unwrap().iter().any(|key| key.contains("/1/"))).await;
    eventually("an acknowledgement", async || service.is_acknowledged_to("a", 10).await).await;
    let log = forwarder.stop().await;
    assert_eq!(*keys.lock().unwrap(), ["TEST/a/0/0-9", "TEST/a/0/0-9", "TEST/a/1/5-9"]);
    assert_eq!(service.offsets("copy").await.max, 15);
    assert!(log.contains("503 Service Unavailable") && !log.contains("s3cret"), "{log}");
}
