//! Push, where it is switched off as on the service that was recorded, and where it is not.

use std::time::Duration;

use ams_forwarder::client::{AmsClient, ErrorKind, PushConfig, PushRetry, Result};

use super::refused;
use super::stage::{on_stage, subscription};

fn config() -> PushConfig {
    PushConfig::http("https://127.0.0.1:1/x").max_messages(2).retry(PushRetry::Linear(Duration::from_mins(5)))
}

/// Where push is switched off, nothing of it succeeds.
async fn fits<T>(client: &AmsClient, outcome: Result<T>) -> Option<T> {
    if client.status().await.unwrap().push_functionality == "disabled" {
        refused(outcome, 409, ErrorKind::Conflict);
        return None;
    }
    Some(outcome.unwrap())
}

#[tokio::test]
async fn a_subscription_is_pushed_where_the_service_pushes_at_all() {
    on_stage("push", async |stage| {
        let (topic, name) = stage.lay("t").await;
        let pushed = subscription("pushed");
        let made = stage.admin.create_push_subscription(&pushed, &topic, None, &config()).await;
        if let Some(made) = fits(&stage.admin, made).await {
            let push = made.push.unwrap();
            assert_eq!((push.kind.as_str(), push.max_messages), ("http_endpoint", 2));
            assert_eq!(push.retry, Some(PushRetry::Linear(Duration::from_mins(5))));
            assert!(!push.verified && !push.verification_hash.is_empty());
        }
        fits(&stage.admin, stage.admin.modify_push_config(&name, &config()).await).await;
        stage.admin.stop_push(&name).await.unwrap();
        assert!(stage.admin.subscription(&name).await.unwrap().push.is_none());
        // Nothing is pushed from it any more, so there is nothing to verify.
        refused(stage.admin.verify_push_endpoint(&name).await, 409, ErrorKind::Conflict);
    })
    .await;
}
