//! A service that refuses every acknowledgement.

use super::*;

/// A service that hands out one message for ever and refuses every acknowledgement of it.
async fn stubborn_service(acknowledgements: mpsc::UnboundedSender<Instant>) -> String {
    use axum::http::{StatusCode, Uri};
    let answer = move |uri: Uri| {
        let acknowledgements = acknowledgements.clone();
        async move {
            if uri.path().ends_with(":acknowledge") {
                acknowledgements.send(Instant::now()).unwrap();
                let refusal = r#"{"error":{"code":408,"message":"ack timeout","status":"TIMEOUT"}}"#;
                return (StatusCode::REQUEST_TIMEOUT, refusal);
            }
            let answer = if uri.path().ends_with(":pull") {
                r#"{"receivedMessages":[{"ackId":"projects/P/subscriptions/s:0","message":
                    {"messageId":"0","data":"eA==","publishTime":"2026-11-23T07:05:18Z"}}]}"#
            } else {
                r#"{"max":1,"min":0,"current":0}"#
            };
            (StatusCode::OK, answer)
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    endpoint
}

#[tokio::test]
async fn acknowledgements_that_are_refused_again_and_again_are_tried_with_backoff_and_nothing_is_sent_twice()
{
    let (sender, mut acknowledgements) = mpsc::unbounded_channel();
    let endpoint = stubborn_service(sender).await;
    let mut scene = Scene::new(&[true]).await;
    let mut config = (*scene.parts.config).clone();
    config.retry = BackoffPolicy::new(Duration::from_millis(200), Duration::from_millis(200)).unwrap();
    scene.parts.config = Arc::new(config);
    scene.parts.client =
        AmsClient::builder(&endpoint, "P".parse().unwrap()).token("T".into()).build().unwrap();
    let run = scene.start();
    assert_eq!(scene.given("a").await, [0]);
    let mut at = Vec::new();
    while at.len() < 5 {
        at.push(acknowledgements.recv().await.unwrap());
    }
    // The second is tried at once; before each of the others the backoff waits half its time at the least.
    assert!(at[4] - at[1] >= Duration::from_millis(300), "{:?}", at[4] - at[1]);
    run.stop().await;
    assert!(scene.seen.get_mut("a").unwrap().try_recv().is_err());
}
