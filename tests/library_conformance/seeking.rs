//! Moving a subscription.

use std::time::{Duration, SystemTime};

use ams_forwarder::client::ErrorKind;

use super::stage::{on_stage, pull, subscription, texts};
use super::{not_sent, refused};

#[tokio::test]
async fn a_subscription_is_moved_within_the_log_and_not_out_of_it() {
    on_stage("seek", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        stage.publish(&topic, 0, &["a", "b", "c"]).await;
        admin.modify_offset(&name, 1).await.unwrap();
        assert_eq!(texts(&pull(admin, &name, 10, 2).await), ["b", "c"]);
        admin.modify_offset(&name, 1).await.unwrap();
        refused(admin.acknowledge(&name, 1).await, 500, ErrorKind::AckWindowGone);
        admin.modify_offset(&name, 3).await.unwrap();
        not_sent(admin.modify_offset(&name, 4).await, ErrorKind::Invalid);
        assert_eq!(admin.offsets(&name).await.unwrap().current, 3, "it stands where it stood");
        admin.modify_offset(&name, 0).await.unwrap();
        assert_eq!(texts(&pull(admin, &name, 10, 3).await), ["a", "b", "c"]);
        refused(admin.modify_offset(&subscription("nosuch"), 0).await, 404, ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_time_is_an_offset_unless_it_lies_ahead() {
    on_stage("time", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        stage.publish(&topic, 0, &["a", "b"]).await;
        let year = Duration::from_hours(24 * 365);
        assert_eq!(admin.time_to_offset(&name, SystemTime::now() - year).await.unwrap(), 0);
        refused(admin.time_to_offset(&name, SystemTime::now() + year).await, 409, ErrorKind::Conflict);
    })
    .await;
}
