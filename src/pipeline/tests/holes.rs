//! Ids that are missing within a batch: a log may have lost records in its middle.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A service of messages 0, 1 and 3, and after the first pull of 4 too.
async fn service_with_a_hole() -> String {
    use axum::http::Uri;
    let (pulls, acknowledged) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let answer = move |uri: Uri| {
        let (pulls, acknowledged) = (Arc::clone(&pulls), Arc::clone(&acknowledged));
        async move {
            if uri.path().ends_with(":acknowledge") {
                acknowledged.store(5, Ordering::SeqCst);
                return "{}".to_owned();
            }
            let current = acknowledged.load(Ordering::SeqCst);
            if !uri.path().ends_with(":pull") {
                return format!(r#"{{"max":5,"min":0,"current":{current}}}"#);
            }
            let ids: &[u64] = match (current, pulls.fetch_add(1, Ordering::SeqCst)) {
                (5, _) => &[],
                (_, 0) => &[0, 1, 3],
                _ => &[0, 1, 3, 4],
            };
            let message = |id: &u64| {
                format!(
                    r#"{{"ackId":"projects/P/subscriptions/s:{id}","message":
                        {{"messageId":"{id}","data":"eA==","publishTime":"2026-11-23T07:05:18Z"}}}}"#
                )
            };
            let messages: Vec<_> = ids.iter().map(message).collect();
            format!(r#"{{"receivedMessages":[{}]}}"#, messages.join(","))
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    endpoint
}

#[tokio::test]
async fn an_id_that_is_missing_within_a_batch_is_counted_as_lost_once_however_often_it_is_pulled() {
    let endpoint = service_with_a_hole().await;
    let mut scene = Scene::new(&[true]).await;
    scene.parts.client =
        AmsClient::builder(&endpoint, "P".parse().unwrap()).token("T".into()).build().unwrap();
    // So that it is pulled again.
    scene.tell("a", &[Does::Incomplete]);
    let run = scene.start();
    scene.status("all is acknowledged", |status| status.next == Some(5)).await;
    assert_eq!(scene.given("a").await, [0, 1, 3]);
    assert_eq!(scene.given("a").await, [0, 1, 3, 4]);
    let metrics = &scene.parts.metrics;
    assert_eq!((metrics.lost.get(), metrics.received.get()), (1, 4));
    run.stop().await;
}
