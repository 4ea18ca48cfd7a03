//! Moving a subscription to another place in the log.
//!
//! The service moves a subscription out of bounds and answers 400: beyond the log's end, pulls are empty for
//! ever and what comes is skipped. So bounds are compared before a seek is sent, and the place is looked at
//! afterwards.

use super::{
    AmsClient,
    error::{ErrorKind, Result},
    http::{Method, Repetition},
    name::SubscriptionName,
};
use serde::Deserialize;
use serde_json::json;
use std::time::{Instant, SystemTime};

#[derive(Deserialize)]
struct Found {
    offset: i64,
}

/// Seeking.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{NewMessage, SubscriptionName, TopicName};
/// use std::time::{Duration, SystemTime};
///
/// let (topic, subscription): (TopicName, SubscriptionName) = ("metrics".parse()?, "archive".parse()?);
/// client.create_topic(&topic).await?;
/// client.publish(&topic, &[NewMessage::new("a"), NewMessage::new("b")]).await?;
/// client.create_subscription(&subscription, &topic, None).await?; // at the end of the log
/// let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
/// let offset = client.time_to_offset(&subscription, an_hour_ago).await?;
/// client.modify_offset(&subscription, offset).await?;
/// assert_eq!(client.offsets(&subscription).await?.current, 0);
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Moves a subscription so that the message with id `offset` comes next; one past the newest is the end
    /// of the log.
    ///
    /// An offset out of bounds is [`Invalid`](ErrorKind::Invalid) and not sent; while the broker is down it
    /// is [`Transient`](ErrorKind::Transient), and not sent either. When the subscription stands elsewhere
    /// afterwards (retention or another consumer moved it) that is an error too. The window of ids that can
    /// be acknowledged is cleared. If the call is dropped, or fails with
    /// [`may_have_happened`](super::Error::may_have_happened), [`offsets`](Self::offsets) tells where it
    /// stands.
    pub async fn modify_offset(&self, subscription: &SubscriptionName, offset: u64) -> Result<()> {
        let started = Instant::now();
        let request = || {
            self.subscription_request(Method::Post, subscription, ":modifyOffset")
                .body(json!({ "offset": offset }).to_string())
                .repetition(Repetition::Harmless)
        };
        let refuse =
            |kind, message: String| Err(request().refuse(kind, message).with_elapsed(started.elapsed()));
        let before = self.offsets(subscription).await;
        match before.map_err(|error| error.with_may_have_happened(false))?.bounds() {
            None => {
                let message = "not sent: the bounds of the log are unknown, the broker is down";
                return refuse(ErrorKind::Transient, message.to_owned());
            }
            Some((min, max)) if offset < min || offset > max => {
                let message =
                    format!("not sent: offset {offset} is out of bounds, the log has {min} to {max}");
                return refuse(ErrorKind::Invalid, message);
            }
            Some(_) => {}
        }
        self.0.send(request()).await?.nothing()?;
        let current =
            self.offsets(subscription).await.map_err(|error| error.with_may_have_happened(true))?.current;
        if i64::try_from(offset) == Ok(current) {
            return Ok(());
        }
        let message = format!("moved to {offset}, but the subscription stands at {current}");
        Err(request().error(ErrorKind::Transient, message).with_elapsed(started.elapsed()))
    }

    /// The id of the first message published at a time or later, to be given to
    /// [`modify_offset`](Self::modify_offset).
    ///
    /// [`Conflict`](ErrorKind::Conflict) when there is none: the time lies behind the newest message.
    /// Milliseconds count. Changes nothing, so dropping it loses nothing.
    pub async fn time_to_offset(&self, subscription: &SubscriptionName, time: SystemTime) -> Result<u64> {
        let request = self.subscription_request(Method::Get, subscription, ":timeToOffset");
        let Ok(time) = jiff::Timestamp::try_from(time) else {
            return Err(request.refuse(ErrorKind::Invalid, "the time is out of range"));
        };
        // Three digits and a Z: the service takes no other form.
        let time = time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let answer = self.0.send(request.query("time", time)).await?;
        let found: Found = answer.json()?;
        u64::try_from(found.offset).map_err(|_| answer.not_ams("a negative offset"))
    }
}
