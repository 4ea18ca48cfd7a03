//! Subscriptions: the resource itself.

use std::time::Duration;

use ams_forwarder::client::{ErrorKind, LONGEST_ACK_DEADLINE, Role};

use super::stage::{ALL, on_stage, page, subscription, topic};
use super::{not_sent, refused};

#[tokio::test]
async fn a_subscription_is_created_shown_and_deleted() {
    on_stage("sub", async |stage| {
        let (admin, on, name) = (&stage.admin, topic("t"), subscription("s"));
        refused(admin.create_subscription(&name, &on, None).await, 404, ErrorKind::NotFound);
        admin.create_topic(&on).await.unwrap();
        assert!(!admin.subscription_exists(&name).await.unwrap());
        let made = admin.create_subscription(&name, &on, None).await.unwrap();
        assert_eq!((&made.project, &made.name), (admin.project(), &name));
        assert_eq!((&made.topic_project, &made.topic), (admin.project(), &on));
        assert!(made.push.is_none() && !made.created_on.is_empty());
        assert_eq!(made.ack_deadline, Duration::from_secs(10));
        assert!(admin.subscription_exists(&name).await.unwrap());
        assert_eq!(admin.subscription(&name).await.unwrap().created_on, made.created_on);
        refused(admin.create_subscription(&name, &on, None).await, 409, ErrorKind::Conflict);
        assert_eq!(admin.topic_subscriptions(&on).await.unwrap(), std::slice::from_ref(&name));

        admin.delete_subscription(&name).await.unwrap();
        refused(admin.delete_subscription(&name).await, 404, ErrorKind::NotFound);
        refused(admin.subscription(&name).await, 404, ErrorKind::NotFound);
        refused(admin.subscription_metrics(&name).await, 404, ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn an_ack_deadline_is_set_and_changed_within_its_bounds() {
    on_stage("deadline", async |stage| {
        let (admin, on, name) = (&stage.admin, topic("t"), subscription("s"));
        admin.create_topic(&on).await.unwrap();
        let made = admin.create_subscription(&name, &on, Some(Duration::from_millis(32_500))).await.unwrap();
        assert_eq!(made.ack_deadline, Duration::from_secs(33), "a started second counts");
        for deadline in [LONGEST_ACK_DEADLINE, Duration::ZERO] {
            admin.modify_ack_deadline(&name, deadline).await.unwrap();
            assert_eq!(admin.subscription(&name).await.unwrap().ack_deadline, deadline);
        }
        for beyond in [LONGEST_ACK_DEADLINE + Duration::from_secs(1), Duration::MAX] {
            not_sent(admin.modify_ack_deadline(&name, beyond).await, ErrorKind::Invalid);
        }
        let missing = admin.modify_ack_deadline(&subscription("nosuch"), Duration::from_secs(10)).await;
        refused(missing, 404, ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn subscriptions_are_listed_by_pages_and_to_consumers_only_their_own() {
    on_stage("subs", async |stage| {
        let on = topic("t");
        stage.admin.create_topic(&on).await.unwrap();
        for name in ["s1", "s2", "s3"] {
            stage.admin.create_subscription(&subscription(name), &on, None).await.unwrap();
        }
        let all = stage.admin.subscriptions(&ALL).await.unwrap();
        assert_eq!((all.items.len(), all.next, all.total), (3, None, 3));
        assert_eq!(all.items[0].name, subscription("s3"), "the newest is first");
        let first = stage.admin.subscriptions(&page(1, None)).await.unwrap();
        let second = stage.admin.subscriptions(&page(1, first.next)).await.unwrap();
        assert_eq!((&first.items[0].name, &second.items[0].name), (&subscription("s3"), &subscription("s2")));

        let (consumer, as_consumer) = stage.member("con", Role::Consumer).await;
        assert_eq!(as_consumer.subscriptions(&ALL).await.unwrap().total, 0);
        stage.admin.modify_subscription_acl(&subscription("s2"), &[consumer]).await.unwrap();
        assert_eq!(as_consumer.subscriptions(&ALL).await.unwrap().items[0].name, subscription("s2"));
        let more = as_consumer.create_subscription(&subscription("s4"), &on, None).await;
        refused(more, 403, ErrorKind::Forbidden);
    })
    .await;
}
