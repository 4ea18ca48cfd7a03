//! Pull and acknowledge, and where a subscription stands.
//!
//! Pull and acknowledge alternate: a pull moves nothing, and each pull replaces the window of ids that can be
//! acknowledged, whoever made it.

use super::{
    AmsClient,
    batch::{self, Batch},
    error::{ErrorKind, Result},
    http::{Method, Repetition},
    model::{Offsets, PullLimits},
    name::SubscriptionName,
};
use serde_json::json;

/// Pulling and acknowledging.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{NewMessage, PullLimits, SubscriptionName, TopicName};
///
/// let (topic, subscription): (TopicName, SubscriptionName) = ("metrics".parse()?, "archive".parse()?);
/// client.create_topic(&topic).await?;
/// client.create_subscription(&subscription, &topic, None).await?;
/// client.publish(&topic, &[NewMessage::new("a"), NewMessage::new("b")]).await?;
///
/// let limits = PullLimits { max_messages: 1000, max_bytes: 64 << 20 };
/// let batch = client.pull(&subscription, limits).await?;
/// for message in &batch {
///     println!("{}: {}", message.id(), message.data_text()); // what it is to be done with
/// }
/// if let Some(last) = batch.last_id() {
///     client.acknowledge(&subscription, last).await?;
/// }
/// assert_eq!(client.offsets(&subscription).await?.current, 2);
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Pulls the next messages, at once: the service waits 0.3 s at most, and may return fewer than there
    /// are.
    ///
    /// An answer above `max_bytes` is cut off while it is read ([`TooLarge`](super::ErrorKind::TooLarge)):
    /// pull fewer. [`PoisonedRecord`](super::ErrorKind::PoisonedRecord): no pull over that record will
    /// succeed, a smaller one may.
    ///
    /// Dropping the call loses nothing: a pull does not move the subscription. It may have replaced the
    /// window of ids that can be acknowledged.
    pub async fn pull(&self, subscription: &SubscriptionName, limits: PullLimits) -> Result<Batch> {
        // Numbers and booleans are answered with 400. Waiting pulls would hold a lock for up to 300 s.
        let body =
            json!({ "maxMessages": limits.max_messages.max(1).to_string(), "returnImmediately": "true" });
        let request = self
            .subscription_request(Method::Post, subscription, ":pull")
            .body(body.to_string())
            .max_bytes(limits.max_bytes.min(batch::LARGEST_BODY))
            .repetition(Repetition::Harmless);
        self.0.send(request).await?.batch()
    }

    /// Acknowledges every message up to and including the id `through`, which must be of the last pull.
    ///
    /// Cumulative: what lies below is acknowledged too, so a part can only be acknowledged from the front.
    /// After [`AckDeadlinePassed`](super::ErrorKind::AckDeadlinePassed),
    /// [`AckWindowGone`](super::ErrorKind::AckWindowGone), a dropped call or a lost answer,
    /// [`offsets`](Self::offsets) tells whether it was accepted.
    pub async fn acknowledge(&self, subscription: &SubscriptionName, through: u64) -> Result<()> {
        let id = format!("{}:{through}", subscription.qualified(self.project()));
        let request = self
            .subscription_request(Method::Post, subscription, ":acknowledge")
            .body(json!({ "ackIds": [id] }).to_string())
            .repetition(Repetition::Harmless);
        match self.0.send(request).await {
            // Refused for what an earlier attempt has done, perhaps.
            Err(error) if error.kind() == ErrorKind::AckWindowGone && error.follows_doubt() => {
                let offsets = self.offsets(subscription).await;
                let stands_behind =
                    |offsets: Offsets| u64::try_from(offsets.current).is_ok_and(|at| at > through);
                if offsets.is_ok_and(stands_behind) { Ok(()) } else { Err(error) }
            }
            answer => answer?.object(),
        }
    }

    /// Pulls the next messages and acknowledges them before they are returned: a message is handed out once at most,
    /// and lost if the caller fails with it. To lose none, [`pull`](Self::pull), work, [`acknowledge`](Self::acknowledge).
    ///
    /// When the acknowledgement fails, so does the call, and the messages come again; unless it
    /// [may have happened](super::Error::may_have_happened) and [`offsets`](Self::offsets) cannot tell: then they may
    /// be acknowledged and gone. So may they be when the call is dropped.
    pub async fn pull_and_acknowledge(
        &self,
        subscription: &SubscriptionName,
        limits: PullLimits,
    ) -> Result<Batch> {
        let batch = self.pull(subscription, limits).await?;
        let Some(last) = batch.last_id() else {
            return Ok(batch);
        };
        let Err(failed) = self.acknowledge(subscription, last).await else {
            return Ok(batch);
        };
        // An answer that was lost is not an acknowledgement that was refused.
        let accepted = failed.may_have_happened()
            && self.offsets(subscription).await.is_ok_and(|offsets| {
                offsets.bounds().is_some() && u64::try_from(offsets.current) == Ok(last + 1)
            });
        if accepted { Ok(batch) } else { Err(failed) }
    }

    /// The bounds of the log and the subscription's place in it. Costs the service 1-2 ms.
    ///
    /// It needs no permission on the subscription, and shows `-1` bounds while the broker is down: see
    /// [`Offsets::bounds`]. Dropping it loses nothing; but a look that finds the subscription behind `min`
    /// moves it there and clears the window of ids that can be acknowledged.
    pub async fn offsets(&self, subscription: &SubscriptionName) -> Result<Offsets> {
        self.0.send(self.subscription_request(Method::Get, subscription, ":offsets")).await?.json()
    }
}
