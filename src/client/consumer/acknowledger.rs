//! Acknowledging a delivery, and finding out what became of it when the answer is surprising.

use crate::client::{
    AmsClient,
    error::{Error, ErrorKind, Result},
    http::Method,
    model::PullLimits,
    name::SubscriptionName,
};
use tokio::sync::oneshot;

/// How often a batch that can no longer be acknowledged is pulled again to open the window for it.
const ROUNDS: u32 = 3;

/// The right to acknowledge the messages of one delivery, once.
///
/// It is taken by value, and dropping it acknowledges nothing. An acknowledgement is cumulative: it covers every
/// message of the subscription up to its id, so a part can only be acknowledged from the front.
#[derive(Debug)]
#[must_use = "what is not acknowledged comes again"]
pub struct Acknowledger {
    pub(super) client: AmsClient,
    pub(super) subscription: SubscriptionName,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) max_bytes: usize,
    /// The stream waits for this or for its end.
    pub(super) settled: oneshot::Sender<()>,
}

impl Acknowledger {
    /// Acknowledges all messages of the delivery. Otherwise as [`through`](Self::through).
    pub async fn all(self) -> Result<()> {
        let last = self.last;
        self.through(last).await
    }

    /// Acknowledges the messages up to and including the id `through`, which must be of the delivery
    /// ([`Invalid`](ErrorKind::Invalid) otherwise, and not sent).
    ///
    /// `Ok` says that the service has them acknowledged: also when an answer was lost, or when it is too late for the
    /// ack deadline, in which case the messages are pulled again and acknowledged at once. After an error they come
    /// again, unless [`may_have_happened`](Error::may_have_happened). If the call is dropped, they are acknowledged or
    /// come again.
    pub async fn through(self, through: u64) -> Result<()> {
        if !(self.first..=self.last).contains(&through) {
            let message = format!(
                "not sent: message {through} is not of this delivery, which has {} to {}",
                self.first, self.last
            );
            let request = self.client.subscription_request(Method::Post, &self.subscription, ":acknowledge");
            return Err(request.refuse(ErrorKind::Invalid, message));
        }
        self.insist(through).await?;
        // The stream may be gone.
        let _ = self.settled.send(());
        Ok(())
    }

    async fn insist(&self, through: u64) -> Result<()> {
        let Self { client, subscription, .. } = self;
        let (mut doubtful, mut round) = (false, 1);
        loop {
            let Err(error) = client.acknowledge(subscription, through).await else { return Ok(()) };
            doubtful |= error.may_have_happened();
            let error = error.with_may_have_happened(doubtful);
            if !is_worth_a_look(&error) {
                return Err(error);
            }
            let Ok(offsets) = client.offsets(subscription).await else { return Err(error) };
            let (Some(_), Ok(current)) = (offsets.bounds(), u64::try_from(offsets.current)) else {
                return Err(error);
            };
            if current > through {
                return Ok(());
            }
            // Further back, somebody moved the subscription: these are to come again.
            if current < self.first || round == ROUNDS || !self.pull_again(current, through).await {
                return Err(error);
            }
            round += 1;
        }
    }

    /// Opens the window once more for what is still to be acknowledged: whether it is the same messages. An answer may
    /// have fewer than there are, or none.
    async fn pull_again(&self, current: u64, through: u64) -> bool {
        let count = u32::try_from(through - current + 1).unwrap_or(u32::MAX);
        let limits = PullLimits { max_messages: count, max_bytes: self.max_bytes };
        let again = self.client.pull(&self.subscription, limits).await;
        again.is_ok_and(|batch| batch.first_id().is_none_or(|first| first == current))
    }
}

/// Whether `:offsets` can tell more than the answer.
fn is_worth_a_look(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::AckDeadlinePassed | ErrorKind::AckWindowGone => true,
        ErrorKind::Transient => error.may_have_happened(),
        _ => false,
    }
}
