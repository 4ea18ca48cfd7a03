//! Push: the service itself sends a subscription's messages to an endpoint.
//!
//! An operator can have switched that off; all calls here then end in a [`Conflict`](super::ErrorKind::Conflict).

use super::{
    AmsClient,
    error::Result,
    http::{Method, Repetition},
    model::SubscriptionInfo,
    name::{SubscriptionName, TopicName},
    users::secret,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// Where a subscription's messages are to be pushed, and how.
///
/// Its `Debug` does not show where: who knows such a URL can often post there.
#[derive(Clone, PartialEq, Eq)]
pub struct PushConfig {
    target: Target,
    max_messages: u32,
    retry: PushRetry,
    authorized: bool,
    decoded: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Target {
    Http { endpoint: String },
    Mattermost { url: String, username: String, channel: String },
}

/// How long the service waits between two pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushRetry {
    /// Always so long; milliseconds count.
    Linear(Duration),
    /// Half as long after a success, twice as long after a failure: 0.3 s to a day.
    SlowStart,
}

/// As the service writes it: `{"type":"linear","period":3000}`.
impl Serialize for PushRetry {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let wire = match self {
            Self::Linear(period) => {
                let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
                json!({ "type": "linear", "period": period })
            }
            Self::SlowStart => json!({ "type": "slowstart" }),
        };
        wire.serialize(serializer)
    }
}

impl PushConfig {
    /// Pushes to a URL, `https://`, in the form that the service's receivers know. Its owner has to prove that it is
    /// theirs: see [`verify_push_endpoint`](AmsClient::verify_push_endpoint).
    #[must_use]
    pub fn http(endpoint: impl Into<String>) -> Self {
        Self::new(Target::Http { endpoint: endpoint.into() })
    }

    /// Pushes to a channel of Mattermost through one of its webhooks.
    #[must_use]
    pub fn mattermost(
        webhook: impl Into<String>,
        username: impl Into<String>,
        channel: impl Into<String>,
    ) -> Self {
        Self::new(Target::Mattermost {
            url: webhook.into(),
            username: username.into(),
            channel: channel.into(),
        })
    }

    /// One message a push, every three seconds, with an authorization header that the service makes up.
    fn new(target: Target) -> Self {
        let retry = PushRetry::Linear(Duration::from_secs(3));
        Self { target, max_messages: 1, retry, authorized: true, decoded: false }
    }

    /// The most messages of one push; 1 unless set. With more than 1 they come as a list, even if it is only one.
    #[must_use]
    pub fn max_messages(self, max_messages: u32) -> Self {
        Self { max_messages: max_messages.max(1), ..self }
    }

    /// How long to wait between two pushes; [`Linear`](PushRetry::Linear) with 3 s unless set.
    #[must_use]
    pub fn retry(self, retry: PushRetry) -> Self {
        Self { retry, ..self }
    }

    /// Sends no authorization header; otherwise the service makes one up.
    #[must_use]
    pub fn without_authorization(self) -> Self {
        Self { authorized: false, ..self }
    }

    /// Decodes each message's data before it is sent.
    #[must_use]
    pub fn base64_decode(self) -> Self {
        Self { decoded: true, ..self }
    }

    fn wire(&self) -> Value {
        let mut wire = json!({
            "maxMessages": self.max_messages,
            "retryPolicy": self.retry,
            "authorizationHeader": { "type": if self.authorized { "autogen" } else { "disabled" } },
            "base64Decode": self.decoded,
        });
        match &self.target {
            Target::Http { endpoint } => {
                wire["type"] = "http_endpoint".into();
                wire["pushEndpoint"] = endpoint.as_str().into();
            }
            Target::Mattermost { url, username, channel } => {
                wire["type"] = "mattermost".into();
                wire["mattermostUrl"] = url.as_str().into();
                wire["mattermostUsername"] = username.as_str().into();
                wire["mattermostChannel"] = channel.as_str().into();
            }
        }
        wire
    }
}

impl fmt::Debug for PushConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushConfig")
            .field("max_messages", &self.max_messages)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Where a subscription's messages are pushed, as the service tells it.
///
/// Its `Debug` shows no URL, and its `Serialize` neither the webhook of Mattermost nor the authorization header.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct PushInfo {
    /// `http_endpoint` or `mattermost`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The URL of an HTTP endpoint.
    pub endpoint: String,
    /// The most messages of one push.
    pub max_messages: u64,
    /// How long the service waits between two pushes; none if it says something else.
    pub retry: Option<PushRetry>,
    /// The value of the authorization header that each push has.
    #[serde(skip)]
    pub authorization: Option<SecretString>,
    /// What an HTTP endpoint has to answer with, to prove that it is its owner's.
    pub verification_hash: String,
    /// Whether it has proved it.
    pub verified: bool,
    /// The webhook of Mattermost.
    #[serde(skip)]
    pub mattermost_url: Option<SecretString>,
    /// The name that messages in Mattermost come from.
    pub mattermost_username: String,
    /// The channel of Mattermost.
    pub mattermost_channel: String,
    /// Whether each message's data is decoded before it is sent.
    pub base64_decode: bool,
}

/// What stands in a subscription; without push, everything in it is empty.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WirePush {
    r#type: String,
    push_endpoint: String,
    max_messages: u64,
    authorization_header: WireAuthorization,
    retry_policy: WireRetry,
    verification_hash: String,
    verified: bool,
    #[serde(deserialize_with = "secret")]
    mattermost_url: Option<SecretString>,
    mattermost_username: String,
    mattermost_channel: String,
    base64_decode: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireAuthorization {
    #[serde(deserialize_with = "secret")]
    value: Option<SecretString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRetry {
    r#type: String,
    period: u64,
}

impl WirePush {
    /// None where nothing is pushed.
    pub(super) fn info(self) -> Option<PushInfo> {
        if self.r#type.is_empty() && self.push_endpoint.is_empty() {
            return None;
        }
        let retry = match self.retry_policy.r#type.as_str() {
            "linear" => Some(PushRetry::Linear(Duration::from_millis(self.retry_policy.period))),
            "slowstart" => Some(PushRetry::SlowStart),
            _ => None,
        };
        Some(PushInfo {
            kind: self.r#type,
            endpoint: self.push_endpoint,
            max_messages: self.max_messages,
            retry,
            authorization: self.authorization_header.value,
            verification_hash: self.verification_hash,
            verified: self.verified,
            mattermost_url: self.mattermost_url,
            mattermost_username: self.mattermost_username,
            mattermost_channel: self.mattermost_channel,
            base64_decode: self.base64_decode,
        })
    }
}

impl fmt::Debug for PushInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushInfo")
            .field("kind", &self.kind)
            .field("max_messages", &self.max_messages)
            .field("retry", &self.retry)
            .field("verified", &self.verified)
            .finish_non_exhaustive()
    }
}

/// Push.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{ErrorKind, PushConfig, PushRetry, SubscriptionName, TopicName};
///
/// let (topic, subscription): (TopicName, SubscriptionName) = ("alarms".parse()?, "alarms".parse()?);
/// client.create_topic(&topic).await?;
/// let push = PushConfig::http("https://alerts.example.org/hook").max_messages(10).retry(PushRetry::SlowStart);
/// match client.create_push_subscription(&subscription, &topic, None, &push).await {
///     Ok(made) => println!("to be verified with {:?}", made.push.map(|push| push.verification_hash)),
///     Err(error) if error.kind() == ErrorKind::Conflict => println!("this service does not push"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Creates a subscription whose messages are pushed; otherwise as
    /// [`create_subscription`](Self::create_subscription).
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) also when the service has push switched off.
    pub async fn create_push_subscription(
        &self,
        subscription: &SubscriptionName,
        topic: &TopicName,
        ack_deadline: Option<Duration>,
        push: &PushConfig,
    ) -> Result<SubscriptionInfo> {
        self.put_subscription(subscription, topic, ack_deadline, Some(push.wire())).await
    }

    /// Has a subscription's messages pushed from now on, or elsewhere.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when the service has push switched off. If the call is dropped or its
    /// answer is lost, the change may have been made.
    pub async fn modify_push_config(&self, subscription: &SubscriptionName, push: &PushConfig) -> Result<()> {
        self.put_push_config(subscription, push.wire()).await
    }

    /// Has a subscription's messages pushed no longer: from then on they are pulled.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such subscription. If the call is dropped or its
    /// answer is lost, the change may have been made.
    pub async fn stop_push(&self, subscription: &SubscriptionName) -> Result<()> {
        self.put_push_config(subscription, json!({})).await
    }

    /// Asks the service to look whether the endpoint is its owner's: `/ams_verification_hash` on the endpoint's host
    /// has to answer with the [`verification_hash`](PushInfo::verification_hash). Nothing is pushed before.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when the service has push switched off, or the subscription has no
    /// push. If the call is dropped or its answer is lost, the endpoint may have been verified.
    pub async fn verify_push_endpoint(&self, subscription: &SubscriptionName) -> Result<()> {
        let request = self.subscription_request(Method::Post, subscription, ":verifyPushEndpoint");
        self.0.send(request).await?.nothing()
    }

    async fn put_push_config(&self, subscription: &SubscriptionName, push: Value) -> Result<()> {
        let request = self
            .subscription_request(Method::Post, subscription, ":modifyPushConfig")
            .json(&json!({ "pushConfig": push }))
            .repetition(Repetition::Harmless);
        self.0.send(request).await?.nothing()
    }
}
