//! The calls, against what the real service was recorded to answer: each request is compared with the
//! recorded one.

mod documented;
mod dropped;
mod recordings;
mod resources;

use super::testing::{always, replay, steps};
use super::*;
use std::time::{Duration, SystemTime};

fn sub(name: &str) -> SubscriptionName {
    name.parse().unwrap()
}

fn topic(name: &str) -> TopicName {
    name.parse().unwrap()
}

const LIMITS: PullLimits = PullLimits { max_messages: 3, max_bytes: 1 << 20 };

#[tokio::test]
async fn projects_are_created_shown_and_deleted() {
    let client = replay(steps("02_projects.json", &["create", "create again", "show"])).await;
    let created = client.create_project("recorded").await.unwrap();
    assert_eq!((created.name.as_str(), created.description.as_str()), ("P", "recorded"));
    assert_eq!(client.create_project("recorded").await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(client.project_info().await.unwrap().created_on, "2026-11-23T07:05:17Z");

    let client = always("").await;
    client.delete_project().await.unwrap();
    let client = always("{}").await;
    assert!(client.projects().await.unwrap().is_empty());
}

#[tokio::test]
async fn topics_are_created_shown_listed_by_pages_and_deleted() {
    let names = [
        "create",
        "create again",
        "show",
        "show missing",
        "list",
        "list, page of 2",
        "list, next page",
        "delete",
    ];
    let client = replay(steps("04_topics.json", &names)).await;
    let t1 = client.create_topic(&topic("t1")).await.unwrap();
    assert_eq!((t1.project.as_str(), t1.name.as_str(), t1.schema), ("P", "t1", None));
    assert_eq!(client.create_topic(&topic("t1")).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(client.topic(&topic("t1")).await.unwrap().name, topic("t1"));
    assert_eq!(client.topic(&topic("nosuch")).await.unwrap_err().message(), "Topic doesn't exist");

    let all = client.topics(&PageRequest::default()).await.unwrap();
    assert_eq!((all.items.len(), all.next, all.total), (3, None, 3));
    let first = client.topics(&PageRequest { size: Some(2), token: None }).await.unwrap();
    assert_eq!((first.items.len(), first.total), (2, 3));
    let second = PageRequest { size: Some(2), token: first.next };
    let second = client.topics(&second).await.unwrap();
    assert_eq!((second.items[0].name.as_str(), second.next), ("t1", None));
    client.delete_topic(&topic("t3")).await.unwrap();
}

#[tokio::test]
async fn publishing_sends_base64_and_attributes_and_returns_the_ids() {
    let names = ["publish", "publish two", "publish unicode attribute", "publish to missing topic"];
    let mut recorded = steps("04_topics.json", &names);
    recorded.extend(steps("10_broker_gone.json", &["broker gone: publish"]));
    let client = replay(recorded).await;
    let one = NewMessage::new("one").attribute("k", "v").unwrap();
    assert_eq!(client.publish(&topic("t1"), &[one]).await.unwrap(), [0]);
    let three = NewMessage::new("three").attribute("b", "2").unwrap().attribute("a", "1").unwrap();
    assert_eq!(client.publish(&topic("t1"), &[NewMessage::new("two"), three]).await.unwrap(), [1, 2]);
    let unicode = NewMessage::new("x").attribute("ключ", "значение ☂").unwrap();
    assert_eq!(client.publish(&topic("t1"), &[unicode]).await.unwrap(), [8]);
    assert_eq!(client.publish(&topic("t1"), &[]).await.unwrap(), [0_u64; 0]);

    let missing = client.publish(&topic("nosuch"), &[NewMessage::new("one")]).await.unwrap_err();
    assert!(missing.kind() == ErrorKind::NotFound && !missing.may_have_happened());
    let gone = client.publish(&topic("t"), &[NewMessage::new("e")]).await.unwrap_err();
    assert!(gone.kind() == ErrorKind::Transient && gone.may_have_happened(), "{gone}");
}

#[tokio::test]
async fn a_publish_answered_with_too_few_ids_may_have_happened() {
    let client = always(r#"{"messageIds":["1"]}"#).await;
    let error = client.publish(&topic("t"), &[NewMessage::new("a"), NewMessage::new("b")]).await.unwrap_err();
    assert!(error.may_have_happened());
    assert!(error.message().contains("another number of ids than of messages"), "{error}");
}

#[tokio::test]
async fn subscriptions_are_created_shown_listed_and_deleted() {
    let names = [
        "create",
        "create with ack deadline",
        "create, missing topic",
        "show with deadline",
        "list, page of 1",
    ];
    let mut recorded = steps("05_subscriptions.json", &names);
    recorded.extend(steps("05_subscriptions.json", &["modify ack deadline", "delete", "delete again"]));
    let client = replay(recorded).await;
    let s1 = client.create_subscription(&sub("s1"), &topic("t1"), None).await.unwrap();
    assert_eq!((s1.name, s1.topic, s1.ack_deadline), (sub("s1"), topic("t1"), Duration::from_secs(10)));
    assert!(s1.push.is_none());
    let just_begun = Some(Duration::from_millis(1));
    let s2 = client.create_subscription(&sub("s2"), &topic("t1"), just_begun).await.unwrap();
    assert_eq!(s2.ack_deadline, Duration::from_secs(1));
    let missing = client.create_subscription(&sub("s9"), &topic("nosuch"), None).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(client.subscription(&sub("s2")).await.unwrap().ack_deadline, s2.ack_deadline);
    let page = client.subscriptions(&PageRequest { size: Some(1), token: None }).await.unwrap();
    assert_eq!((page.items.len(), page.total, page.next.is_some()), (1, 3, true));
    client.modify_ack_deadline(&sub("s2"), Duration::from_secs(33)).await.unwrap();
    client.delete_subscription(&sub("s2")).await.unwrap();
    assert_eq!(client.delete_subscription(&sub("s2")).await.unwrap_err().kind(), ErrorKind::NotFound);

    let too_long = client.modify_ack_deadline(&sub("s2"), Duration::from_secs(601)).await.unwrap_err();
    assert_eq!(
        (too_long.kind(), too_long.status(), too_long.may_have_happened()),
        (ErrorKind::Invalid, None, false)
    );
}

#[tokio::test]
async fn pull_and_acknowledge_alternate_as_recorded() {
    let names = ["pull three", "ack beyond what was pulled", "ack below", "ack the same again"];
    let mut recorded = steps("05_subscriptions.json", &names);
    recorded
        .extend(steps("05_subscriptions.json", &["pull s2", "ack after the deadline", "offsets unchanged"]));
    let client = replay(recorded).await;
    let batch = client.pull(&sub("s1"), LIMITS).await.unwrap();
    assert_eq!((batch.len(), batch.first_id(), batch.last_id()), (3, Some(0), Some(2)));
    let beyond = client.acknowledge(&sub("s1"), 7).await.unwrap_err();
    assert_eq!((beyond.kind(), beyond.message()), (ErrorKind::AckWindowGone, "wrong ack"));
    client.acknowledge(&sub("s1"), 0).await.unwrap();
    assert_eq!(client.acknowledge(&sub("s1"), 0).await.unwrap_err().kind(), ErrorKind::AckWindowGone);

    let batch = client.pull(&sub("s2"), PullLimits { max_messages: 2, ..LIMITS }).await.unwrap();
    let late = client.acknowledge(&sub("s2"), batch.last_id().unwrap()).await.unwrap_err();
    assert!(late.kind() == ErrorKind::AckDeadlinePassed && !late.may_have_happened());
    let offsets = client.offsets(&sub("s2")).await.unwrap();
    assert_eq!(offsets, Offsets { min: 0, max: 12, current: 0 });
    assert_eq!(offsets.bounds(), Some((0, 12)));
}

#[tokio::test]
async fn a_poisoned_record_and_a_topic_that_is_gone_are_told_apart() {
    let names =
        ["pull over the poisoned record", "pull at the poisoned record", "pull when the topic is gone"];
    let client = replay(steps("06_delivery.json", &names)).await;
    let one = PullLimits { max_messages: 1, ..LIMITS };
    assert_eq!(client.pull(&sub("w1"), LIMITS).await.unwrap_err().kind(), ErrorKind::PoisonedRecord);
    assert_eq!(client.pull(&sub("w1"), one).await.unwrap_err().kind(), ErrorKind::PoisonedRecord);
    let gone = client.pull(&sub("w1"), one).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Conflict);
    let shown = gone.to_string();
    let begin =
        "POST /v1/projects/P/subscriptions/w1:pull: 409 Subscription's topic doesn't exist (conflict, after ";
    assert!(shown.starts_with(begin) && shown.ends_with(" ms)"), "{shown}");
}

#[tokio::test]
async fn a_pull_of_nothing_asks_for_one_message_at_least() {
    let client = replay(steps("06_delivery.json", &["pull up to the poisoned record"])).await;
    let batch = client.pull(&sub("w1"), PullLimits { max_messages: 0, ..LIMITS }).await.unwrap();
    assert_eq!(batch.len(), 1);
}

#[tokio::test]
async fn a_seek_looks_at_the_bounds_before_and_at_the_place_after() {
    let mut recorded = steps("12_edges.json", &["offsets"]);
    recorded.extend(steps("12_edges.json", &["seek back", "offsets after the seek back"]));
    let client = replay(recorded).await;
    client.modify_offset(&sub("s"), 6).await.unwrap();
}

#[tokio::test]
async fn a_seek_out_of_bounds_is_never_sent() {
    let client = replay(steps("12_edges.json", &["offsets"])).await;
    let error = client.modify_offset(&sub("s"), 500).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.message(), "not sent: offset 500 is out of bounds, the log has 0 to 10");
    assert!(!error.may_have_happened() && error.path().ends_with(":modifyOffset"));
}

#[tokio::test]
async fn a_seek_is_not_sent_while_the_broker_is_down() {
    let client = replay(steps("10_broker_gone.json", &["broker gone: offsets"])).await;
    let error = client.modify_offset(&sub("s"), 0).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Transient && !error.may_have_happened(), "{error}");
}

#[tokio::test]
async fn a_seek_that_ended_elsewhere_is_an_error() {
    let mut recorded = steps("12_edges.json", &["offsets"]);
    recorded.extend(steps("12_edges.json", &["seek back"]));
    recorded.extend(steps("12_edges.json", &["offsets after the refused seek"]));
    let client = replay(recorded).await;
    let error = client.modify_offset(&sub("s"), 6).await.unwrap_err();
    assert_eq!(error.message(), "moved to 6, but the subscription stands at 500");
    assert!(error.may_have_happened());
}

#[tokio::test]
async fn a_seek_the_service_refuses_may_have_happened_all_the_same() {
    let mut recorded = steps("05_subscriptions.json", &["offsets at the start", "modify offset, too high"]);
    recorded[1] = steps("05_subscriptions.json", &["modify offset to the minimum"]).remove(0);
    let refused = &steps("05_subscriptions.json", &["modify offset, too high"])[0];
    recorded[1].status = refused.status;
    recorded[1].text.clone_from(&refused.text);
    let error = replay(recorded).await.modify_offset(&sub("s1"), 0).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, "Offset out of bounds"));
    assert!(error.may_have_happened());
}

#[tokio::test]
async fn a_time_is_sent_in_the_one_form_the_service_takes() {
    let names = ["time to offset, past", "time to offset, future"];
    let client = replay(steps("05_subscriptions.json", &names)).await;
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(client.time_to_offset(&sub("s1"), at(1_577_836_800)).await.unwrap(), 0);
    let future = client.time_to_offset(&sub("s1"), at(2_082_758_400)).await.unwrap_err();
    assert_eq!(future.kind(), ErrorKind::Conflict);
}
