//! Metrics and reports. A service may count later than it answers.

use ams_forwarder::client::{Day, ErrorKind, Metric, ReportQuery, Role};

use super::refused;
use super::stage::{on_stage, pull};
use crate::common::until;

fn latest(metrics: &[Metric], name: &str) -> Option<u64> {
    metrics.iter().find(|metric| metric.metric == name)?.timeseries.first()?.value.as_u64()
}

#[tokio::test]
async fn what_was_published_and_pulled_is_counted() {
    on_stage("metrics", async |stage| {
        let (admin, (topic, subscription)) = (&stage.admin, stage.lay("t").await);
        stage.publish(&topic, 0, &["a", "b", "c"]).await;
        pull(admin, &subscription, 10, 3).await;
        let of_topic = until("the count of messages of the topic", async || {
            let metrics = admin.topic_metrics(&topic).await.unwrap();
            (latest(&metrics, "topic.number_of_messages") == Some(3)).then_some(metrics)
        })
        .await;
        assert_eq!(latest(&of_topic, "topic.number_of_subscriptions"), Some(1));
        assert!(of_topic.iter().all(|metric| metric.resource_name == "t" && metric.resource_type == "topic"));
        until("the count of messages of the subscription", async || {
            let metrics = admin.subscription_metrics(&subscription).await.unwrap();
            latest(&metrics, "subscription.number_of_messages").filter(|count| *count >= 3)
        })
        .await;
        let of_project = admin.project_metrics().await.unwrap();
        assert_eq!(latest(&of_project, "project.number_of_topics"), Some(1));
        assert_eq!(latest(&of_project, "project.number_of_subscriptions"), Some(1));
        let of_nodes = admin.node_metrics().await.unwrap();
        assert!(of_nodes.iter().all(|metric| metric.metric.starts_with("ams_node.")), "{of_nodes:?}");
    })
    .await;
}

#[tokio::test]
async fn a_report_tells_what_a_project_published() {
    on_stage("report", async |stage| {
        let (admin, (topic, _)) = (&stage.admin, stage.lay("t").await);
        let day = |text: &str| Some(text.parse::<Day>().unwrap());
        let query =
            ReportQuery { projects: vec![admin.project().clone()], start: day("2020-01-01"), end: None };
        assert_eq!(admin.va_metrics(&query).await.unwrap().projects_metrics.total_message_count, 0);
        stage.publish(&topic, 0, &["a", "b"]).await;
        until("the report to count the messages", async || {
            let report = admin.va_metrics(&query).await.unwrap();
            (report.projects_metrics.total_message_count == 2).then_some(())
        })
        .await;

        let (_, as_boss) = stage.member("boss", Role::ProjectAdmin).await;
        let usage = as_boss.usage_report(&ReportQuery::default()).await.unwrap();
        let named: Vec<_> =
            usage.va_metrics.projects_metrics.projects.iter().map(|usage| usage.project.as_str()).collect();
        assert_eq!(named, [stage.project()], "of the own projects alone");

        let turned = ReportQuery { start: day("2026-02-01"), end: day("2026-01-01"), ..query };
        refused(admin.va_metrics(&turned).await, 400, ErrorKind::Invalid);
        refused(as_boss.usage_report(&turned).await, 400, ErrorKind::Invalid);
    })
    .await;
}
