//! The service as a whole.

use ams_forwarder::client::{ErrorKind, Role};

use super::refused;
use super::stage::{NOBODY, on_stage};

#[tokio::test]
async fn everybody_may_ask_how_the_service_is_and_what_it_is() {
    on_stage("service", async |stage| {
        for client in [&stage.admin, &stage.client_with(NOBODY)] {
            let status = client.status().await.unwrap();
            assert_eq!(status.status, "ok");
            assert!(["enabled", "disabled"].contains(&status.push_functionality.as_str()), "{status:?}");
            let version = client.version().await.unwrap();
            assert!(!version.os.is_empty() && !version.architecture.is_empty(), "{version:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_details_are_for_service_admins() {
    on_stage("details", async |stage| {
        refused(stage.client_with(NOBODY).status_details().await, 403, ErrorKind::Forbidden);
        let (_, as_consumer) = stage.member("con", Role::Consumer).await;
        let error = as_consumer.status_details().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden), "{error}");
    })
    .await;
}
