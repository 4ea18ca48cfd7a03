//! Subscriptions: the resource itself. Consuming from one is in `consume`, moving it in `seek`.

use super::{
    AmsClient,
    classify::Call,
    error::{ErrorKind, Result},
    http::{Answer, Method, Repetition, Request, whole_seconds},
    model::{Page, PageRequest, SubscriptionInfo},
    name::{SubscriptionName, TopicName},
    push::WirePush,
    topics::{exists, non_empty, paged, qualified},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The longest ack deadline the service lets a subscription be changed to.
pub const LONGEST_ACK_DEADLINE: Duration = Duration::from_mins(10);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSubscription {
    name: String,
    topic: String,
    #[serde(default)]
    ack_deadline_seconds: u64,
    #[serde(default)]
    created_on: String,
    push_config: Option<WirePush>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSubscriptions {
    subscriptions: Vec<WireSubscription>,
    #[serde(default)]
    next_page_token: String,
    #[serde(default)]
    total_size: u64,
}

/// Subscriptions.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{SubscriptionName, TopicName};
/// use std::time::Duration;
///
/// let (topic, subscription): (TopicName, SubscriptionName) = ("metrics".parse()?, "archive".parse()?);
/// client.create_topic(&topic).await?;
/// let made = client.create_subscription(&subscription, &topic, Some(Duration::from_secs(60))).await?;
/// assert_eq!((made.topic, made.ack_deadline), (topic.clone(), Duration::from_secs(60)));
/// assert_eq!(client.topic_subscriptions(&topic).await?, [subscription]);
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Creates a subscription of a topic of the same project. It starts at the end of the topic's log.
    ///
    /// The deadline counts in whole seconds, a started one included; the service takes 10 s when there is
    /// none. [`Conflict`](ErrorKind::Conflict) when the subscription exists. If the call is dropped or its
    /// answer is lost, it may have been created.
    pub async fn create_subscription(
        &self,
        subscription: &SubscriptionName,
        topic: &TopicName,
        ack_deadline: Option<Duration>,
    ) -> Result<SubscriptionInfo> {
        self.put_subscription(subscription, topic, ack_deadline, None).await
    }

    pub(super) async fn put_subscription(
        &self,
        subscription: &SubscriptionName,
        topic: &TopicName,
        ack_deadline: Option<Duration>,
        push: Option<Value>,
    ) -> Result<SubscriptionInfo> {
        let has_push = push.is_some();
        let mut body = json!({ "topic": topic.qualified(self.project()) });
        if let Some(deadline) = ack_deadline {
            body["ackDeadlineSeconds"] = whole_seconds(deadline).into();
        }
        if let Some(push) = push {
            body["pushConfig"] = push;
        }
        let request = self.subscription_request(Method::Put, subscription, "").json(&body);
        match self.0.send(request).await {
            // It exists, and an earlier attempt may have created it.
            Err(error) if error.kind() == ErrorKind::Conflict && error.follows_doubt() => {
                let found = self.subscription(subscription).await?;
                let is_as_wanted = found.topic == *topic
                    && found.topic_project == *self.project()
                    && found.push.is_some() == has_push
                    && ack_deadline
                        .is_none_or(|deadline| found.ack_deadline.as_secs() == whole_seconds(deadline));
                if is_as_wanted { Ok(found) } else { Err(error) }
            }
            answer => {
                let answer = answer?;
                subscription_info(&answer, answer.json()?)
            }
        }
    }

    /// Shows a subscription. Changes nothing, so dropping it loses nothing.
    pub async fn subscription(&self, subscription: &SubscriptionName) -> Result<SubscriptionInfo> {
        let answer = self.0.send(self.subscription_request(Method::Get, subscription, "")).await?;
        subscription_info(&answer, answer.json()?)
    }

    /// Whether there is such a subscription; otherwise as [`topic_exists`](Self::topic_exists).
    pub async fn subscription_exists(&self, subscription: &SubscriptionName) -> Result<bool> {
        exists(self.subscription(subscription).await)
    }

    /// Lists subscriptions, the newest first; a consumer sees only those it may pull from. Changes nothing, so
    /// dropping it loses nothing.
    pub async fn subscriptions(&self, page: &PageRequest) -> Result<Page<SubscriptionInfo>> {
        let request = self.project_request(Method::Get, "/subscriptions");
        let answer = self.0.send(paged(request, page)).await?;
        let found: WireSubscriptions = answer.json()?;
        let items: Result<_> = found
            .subscriptions
            .into_iter()
            .map(|subscription| subscription_info(&answer, subscription))
            .collect();
        Ok(Page { items: items?, next: non_empty(found.next_page_token), total: found.total_size })
    }

    /// Deletes a subscription, and with it its place in the log.
    ///
    /// If the call is dropped or its answer is lost, it may be gone.
    pub async fn delete_subscription(&self, subscription: &SubscriptionName) -> Result<()> {
        self.0.send(self.subscription_request(Method::Delete, subscription, "")).await?.nothing()
    }

    /// Changes how long after a pull its messages can be acknowledged: whole seconds, a started one included.
    ///
    /// More than [`LONGEST_ACK_DEADLINE`] is [`Invalid`](ErrorKind::Invalid) and not sent. If the call is
    /// dropped or its answer is lost, the change may have been made.
    pub async fn modify_ack_deadline(
        &self,
        subscription: &SubscriptionName,
        deadline: Duration,
    ) -> Result<()> {
        let seconds = whole_seconds(deadline);
        let request = self
            .subscription_request(Method::Post, subscription, ":modifyAckDeadline")
            .body(json!({ "ackDeadlineSeconds": seconds }).to_string())
            .repetition(Repetition::Harmless);
        if seconds > LONGEST_ACK_DEADLINE.as_secs() {
            let message = format!("an ack deadline of {seconds} s is above the service's limit of 600 s");
            return Err(request.refuse(ErrorKind::Invalid, message));
        }
        self.0.send(request).await?.nothing()
    }

    /// `verb` is empty or begins with a colon.
    pub(super) fn subscription_request(
        &self,
        method: Method,
        subscription: &SubscriptionName,
        verb: &'static str,
    ) -> Request {
        let call = match verb {
            ":pull" => Call::Pull,
            ":acknowledge" => Call::Acknowledge,
            ":modifyOffset" => Call::ModifyOffset,
            _ => Call::Other,
        };
        self.project_request(method, &format!("/subscriptions/{subscription}{verb}")).call(call)
    }
}

fn subscription_info(answer: &Answer, wire: WireSubscription) -> Result<SubscriptionInfo> {
    let (project, name) = qualified(&wire.name, "subscriptions")
        .ok_or_else(|| answer.not_ams("a subscription without its name"))?;
    let (topic_project, topic) =
        qualified(&wire.topic, "topics").ok_or_else(|| answer.not_ams("a subscription without its topic"))?;
    Ok(SubscriptionInfo {
        project,
        name,
        topic_project,
        topic,
        ack_deadline: Duration::from_secs(wire.ack_deadline_seconds),
        created_on: wire.created_on,
        push: wire.push_config.and_then(WirePush::info),
    })
}
