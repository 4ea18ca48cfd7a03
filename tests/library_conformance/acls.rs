//! Access lists.

use ams_forwarder::client::{ErrorKind, NewMessage, PullLimits, Role};

use super::refused;
use super::stage::on_stage;

const ONE: PullLimits = PullLimits { max_messages: 1, max_bytes: 1 << 20 };

#[tokio::test]
async fn a_publisher_may_publish_where_the_acl_lists_it() {
    on_stage("topic_acl", async |stage| {
        let (name, _) = stage.lay("t").await;
        let (publisher, as_publisher) = stage.member("pub", Role::Publisher).await;
        let (_, as_consumer) = stage.member("con", Role::Consumer).await;
        let message = [NewMessage::new("x")];
        assert!(stage.admin.topic_acl(&name).await.unwrap().is_empty());
        refused(as_publisher.publish(&name, &message).await, 403, ErrorKind::Forbidden);
        stage.admin.modify_topic_acl(&name, &[&publisher]).await.unwrap();
        assert_eq!(stage.admin.topic_acl(&name).await.unwrap(), [publisher.as_str()]);
        assert_eq!(as_publisher.publish(&name, &message).await.unwrap(), [0]);
        refused(as_consumer.publish(&name, &message).await, 403, ErrorKind::Forbidden);

        let nobody = [format!("{}_nosuch", stage.project())];
        refused(stage.admin.modify_topic_acl(&name, &nobody).await, 404, ErrorKind::NotFound);
        assert_eq!(stage.admin.topic_acl(&name).await.unwrap(), [publisher.as_str()], "nothing was changed");
        stage.admin.modify_topic_acl::<&str>(&name, &[]).await.unwrap();
        assert!(stage.admin.topic_acl(&name).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_consumer_may_pull_where_the_acl_lists_it() {
    on_stage("sub_acl", async |stage| {
        let (_, name) = stage.lay("s").await;
        let (consumer, as_consumer) = stage.member("con", Role::Consumer).await;
        let (_, as_publisher) = stage.member("pub", Role::Publisher).await;
        assert!(stage.admin.subscription_acl(&name).await.unwrap().is_empty());
        refused(as_consumer.pull(&name, ONE).await, 403, ErrorKind::Forbidden);
        stage.admin.modify_subscription_acl(&name, &[consumer.as_str()]).await.unwrap();
        assert_eq!(stage.admin.subscription_acl(&name).await.unwrap(), [consumer.as_str()]);
        assert!(as_consumer.pull(&name, ONE).await.unwrap().is_empty());
        refused(as_publisher.pull(&name, ONE).await, 403, ErrorKind::Forbidden);
        refused(as_publisher.acknowledge(&name, 0).await, 403, ErrorKind::Forbidden);

        let nobody = [format!("{}_nosuch", stage.project())];
        refused(stage.admin.modify_subscription_acl(&name, &nobody).await, 404, ErrorKind::NotFound);
        let member = stage.admin.member(&consumer).await.unwrap();
        assert_eq!(member.projects[0].subscriptions, [name]);
    })
    .await;
}
