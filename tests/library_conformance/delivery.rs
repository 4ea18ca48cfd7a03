//! Pull and acknowledge.

use std::time::Duration;

use ams_forwarder::client::{ErrorKind, Offsets, PullLimits};

use super::refused;
use super::stage::{on_stage, pull, subscription, texts};
use crate::common::until;

const ONE: PullLimits = PullLimits { max_messages: 1, max_bytes: 1 << 20 };
const TEN: PullLimits = PullLimits { max_messages: 10, max_bytes: 1 << 20 };

#[tokio::test]
async fn what_is_acknowledged_does_not_come_again() {
    on_stage("ack", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        assert!(admin.pull(&name, TEN).await.unwrap().is_empty());
        refused(admin.acknowledge(&name, 0).await, 500, ErrorKind::AckWindowGone);
        stage.publish(&topic, 0, &["a", "b", "c"]).await;

        assert_eq!(texts(&pull(admin, &name, 1, 1).await), ["a"]);
        assert_eq!(texts(&pull(admin, &name, 10, 3).await), ["a", "b", "c"], "a pull moves nothing");
        refused(admin.acknowledge(&name, 7).await, 500, ErrorKind::AckWindowGone);
        admin.acknowledge(&name, 1).await.unwrap();
        let offsets = admin.offsets(&name).await.unwrap();
        assert_eq!((offsets.min, offsets.max, offsets.current), (0, 3, 2));
        assert_eq!(offsets.bounds(), Some((0, 3)));
        refused(admin.acknowledge(&name, 1).await, 500, ErrorKind::AckWindowGone);
        assert_eq!(texts(&pull(admin, &name, 10, 1).await), ["c"]);
        refused(admin.acknowledge(&name, 0).await, 500, ErrorKind::AckWindowGone);
        admin.acknowledge(&name, 2).await.unwrap();
        assert!(admin.pull(&name, TEN).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_smaller_pull_takes_the_window_from_the_larger_one() {
    on_stage("window", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        stage.publish(&topic, 0, &["a", "b", "c"]).await;
        pull(admin, &name, 10, 3).await;
        pull(admin, &name, 1, 1).await;
        refused(admin.acknowledge(&name, 2).await, 500, ErrorKind::AckWindowGone);
        admin.acknowledge(&name, 0).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_acknowledgement_after_the_deadline_is_refused_and_the_message_comes_again() {
    on_stage("late", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        admin.modify_ack_deadline(&name, Duration::from_secs(1)).await.unwrap();
        stage.publish(&topic, 0, &["a"]).await;
        pull(admin, &name, 10, 1).await;
        // The deadline counts in whole seconds; this is what is waited for, not a guess.
        tokio::time::sleep(Duration::from_millis(2200)).await;
        refused(admin.acknowledge(&name, 0).await, 408, ErrorKind::AckDeadlinePassed);
        assert_eq!(admin.offsets(&name).await.unwrap().current, 0);
        admin.modify_ack_deadline(&name, Duration::from_mins(1)).await.unwrap();
        assert_eq!(texts(&pull(admin, &name, 10, 1).await), ["a"]);
        admin.acknowledge(&name, 0).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_pulled_and_acknowledged_at_once_comes_once() {
    on_stage("at_once", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        assert!(admin.pull_and_acknowledge(&name, TEN).await.unwrap().is_empty());
        stage.publish(&topic, 0, &["a", "b", "c"]).await;
        let mut got = Vec::new();
        while got.len() < 3 {
            got.extend(texts(&admin.pull_and_acknowledge(&name, TEN).await.unwrap()));
        }
        assert_eq!(got, ["a", "b", "c"]);
        assert_eq!(admin.offsets(&name).await.unwrap().current, 3);
    })
    .await;
}

#[tokio::test]
async fn a_destroyed_record_is_told_apart_and_stepped_over() {
    on_stage("poison", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        let quoted = r#"{"data": "YmFk", "attributes": {"q": "say \"hi\""}}"#;
        let body = format!(r#"{{"messages": [{{"data": "YQ=="}}, {quoted}, {{"data": "Yg=="}}]}}"#);
        stage.publish_anyhow(&topic, &body).await;
        refused(admin.pull(&name, TEN).await, 500, ErrorKind::PoisonedRecord);
        assert_eq!(texts(&pull(admin, &name, 1, 1).await), ["a"]);
        admin.acknowledge(&name, 0).await.unwrap();
        refused(admin.pull(&name, ONE).await, 500, ErrorKind::PoisonedRecord);
        admin.modify_offset(&name, 2).await.unwrap();
        assert_eq!(texts(&pull(admin, &name, 10, 1).await), ["b"]);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_larger_than_allowed_is_cut_off_and_moves_nothing() {
    on_stage("large", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        let text = "x".repeat(10_000);
        stage.publish(&topic, 0, &[&text]).await;
        let limits = PullLimits { max_messages: 1, max_bytes: 1000 };
        until("a pull of the message", async || match admin.pull(&name, limits).await {
            Ok(batch) => batch.first_id().map(|id| panic!("{id} came in spite of its size")),
            Err(error) => Some(refused::<()>(Err(error), 200, ErrorKind::TooLarge)),
        })
        .await;
        assert_eq!(texts(&pull(admin, &name, 1, 1).await), [text]);
    })
    .await;
}

#[tokio::test]
async fn a_subscription_outlives_its_topic_and_delivers_nothing() {
    on_stage("orphan", async |stage| {
        let (admin, (topic, name)) = (&stage.admin, stage.lay("t").await);
        stage.publish(&topic, 0, &["a"]).await;
        admin.delete_topic(&topic).await.unwrap();
        refused(admin.pull(&name, TEN).await, 409, ErrorKind::Conflict);
        assert_eq!(admin.subscription(&name).await.unwrap().topic, topic);
        let Offsets { current, .. } = admin.offsets(&name).await.unwrap();
        assert_eq!(current, 0);
    })
    .await;
}

#[tokio::test]
async fn a_subscription_that_does_not_exist_is_missed() {
    on_stage("no_sub", async |stage| {
        let (admin, name) = (&stage.admin, subscription("nosuch"));
        refused(admin.pull(&name, TEN).await, 404, ErrorKind::NotFound);
        refused(admin.pull_and_acknowledge(&name, TEN).await, 404, ErrorKind::NotFound);
        refused(admin.acknowledge(&name, 0).await, 404, ErrorKind::NotFound);
        refused(admin.offsets(&name).await, 404, ErrorKind::NotFound);
        refused(admin.subscription_acl(&name).await, 404, ErrorKind::NotFound);
    })
    .await;
}
