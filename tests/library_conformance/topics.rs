//! Topics.

use ams_forwarder::client::{ErrorKind, Role};

use super::refused;
use super::stage::{ALL, on_stage, page, topic};

#[tokio::test]
async fn a_topic_is_created_shown_and_deleted() {
    on_stage("topic", async |stage| {
        let (admin, name) = (&stage.admin, topic("t"));
        assert!(!admin.topic_exists(&name).await.unwrap());
        let made = admin.create_topic(&name).await.unwrap();
        assert_eq!((&made.project, &made.name, &made.schema), (admin.project(), &name, &None));
        assert!(!made.created_on.is_empty());
        assert!(admin.topic_exists(&name).await.unwrap());
        assert_eq!(admin.topic(&name).await.unwrap(), made);
        refused(admin.create_topic(&name).await, 409, ErrorKind::Conflict);
        assert!(admin.topic_subscriptions(&name).await.unwrap().is_empty());

        admin.delete_topic(&name).await.unwrap();
        refused(admin.topic(&name).await, 404, ErrorKind::NotFound);
        refused(admin.delete_topic(&name).await, 404, ErrorKind::NotFound);
        refused(admin.topic_acl(&name).await, 404, ErrorKind::NotFound);
        refused(admin.topic_metrics(&name).await, 404, ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn topics_are_listed_by_pages_the_newest_first_and_to_publishers_only_their_own() {
    on_stage("topics", async |stage| {
        for name in ["t1", "t2", "t3"] {
            stage.admin.create_topic(&topic(name)).await.unwrap();
        }
        let names = |page: &ams_forwarder::client::Page<ams_forwarder::client::TopicInfo>| {
            page.items.iter().map(|topic| topic.name.to_string()).collect::<Vec<_>>()
        };
        let all = stage.admin.topics(&ALL).await.unwrap();
        assert_eq!(
            (names(&all), all.next, all.total),
            (["t3", "t2", "t1"].map(str::to_owned).into(), None, 3)
        );
        let first = stage.admin.topics(&page(2, None)).await.unwrap();
        assert_eq!((names(&first).join(" "), first.total), ("t3 t2".to_owned(), 3));
        let second = stage.admin.topics(&page(2, first.next)).await.unwrap();
        assert_eq!((names(&second).join(" "), second.next), ("t1".to_owned(), None));

        let (publisher, as_publisher) = stage.member("pub", Role::Publisher).await;
        assert_eq!(as_publisher.topics(&ALL).await.unwrap().total, 0);
        stage.admin.modify_topic_acl(&topic("t2"), &[&publisher]).await.unwrap();
        assert_eq!(names(&as_publisher.topics(&ALL).await.unwrap()), ["t2"]);
        refused(as_publisher.create_topic(&topic("t4")).await, 403, ErrorKind::Forbidden);
    })
    .await;
}
