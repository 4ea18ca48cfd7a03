//! What the service counts: of its nodes, of a project, of a topic, of a subscription. Reports over many projects are in
//! `report`.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Request},
    name::{SubscriptionName, TopicName},
    role::null_as_default,
};
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// One metric of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, such as `topic.number_of_messages`.
    pub metric: String,
    /// `counter`, `rate` or `percentage`.
    #[serde(default)]
    pub metric_type: String,
    /// `int64` or `float64`.
    #[serde(default)]
    pub value_type: String,
    /// What it is of: `ams_node`, `project`, `project.user`, `topic` or `subscription`.
    #[serde(default)]
    pub resource_type: String,
    /// The name of that.
    #[serde(default)]
    pub resource_name: String,
    /// The values; none before there was anything to count.
    #[serde(default, deserialize_with = "null_as_default")]
    pub timeseries: Vec<MetricValue>,
    /// What it means.
    #[serde(default)]
    pub description: String,
}

/// A value at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricValue {
    /// The time, RFC 3339, or the day, `2026-11-23`, that was counted.
    pub timestamp: String,
    /// The number.
    pub value: Number,
}

/// The metrics of an answer.
#[derive(Deserialize)]
pub(super) struct WireMetrics {
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) metrics: Vec<Metric>,
}

/// Metrics.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::TopicName;
///
/// let topic: TopicName = "metrics".parse()?;
/// client.create_topic(&topic).await?;
/// for metric in client.topic_metrics(&topic).await? {
///     if let Some(latest) = metric.timeseries.first() {
///         println!("{} {}: {}", metric.resource_name, metric.metric, latest.value);
///     }
/// }
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// What the nodes of the service use of their machines; for service admins and viewers. Changes nothing, so
    /// dropping it loses nothing.
    pub async fn node_metrics(&self) -> Result<Vec<Metric>> {
        self.metrics(Request::new(Method::Get, "/v1/metrics".to_owned())).await
    }

    /// What the project has, and how many messages a day are published in it. Changes nothing, so dropping it loses
    /// nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such project.
    pub async fn project_metrics(&self) -> Result<Vec<Metric>> {
        self.metrics(self.project_request(Method::Get, ":metrics")).await
    }

    /// How much was published to a topic. The service counts after it has answered a publish. Changes nothing, so
    /// dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such topic.
    pub async fn topic_metrics(&self, topic: &TopicName) -> Result<Vec<Metric>> {
        self.metrics(self.topic_request(Method::Get, topic, ":metrics")).await
    }

    /// How much was pulled from a subscription, what was pulled again counted again. Changes nothing, so dropping it
    /// loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such subscription.
    pub async fn subscription_metrics(&self, subscription: &SubscriptionName) -> Result<Vec<Metric>> {
        self.metrics(self.subscription_request(Method::Get, subscription, ":metrics")).await
    }

    async fn metrics(&self, request: Request) -> Result<Vec<Metric>> {
        let found: WireMetrics = self.0.send(request).await?.json()?;
        Ok(found.metrics)
    }
}
