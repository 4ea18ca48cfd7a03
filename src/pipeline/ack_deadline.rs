//! The subscription's ack deadline: set where that is wanted, and held against what deliveries take. A batch that is
//! acknowledged too late is pulled again, and no sink gets it twice; but nothing goes on meanwhile.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Pipeline;
use super::complaint::Complaint;
use super::obstacle::Obstacle;
use crate::client::{Error, ErrorKind, LONGEST_ACK_DEADLINE};

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct AckDeadline {
    /// As the service said, or as it was set.
    known: Option<Duration>,
    /// It was asked for and set, as far as both are allowed.
    settled: bool,
    complaint: Complaint,
}

impl AckDeadline {
    /// A delivery took so long. The deadline that would do, if the one there is is close or passed, and it is time to say
    /// so.
    fn wants(&mut self, took: Duration) -> Option<Wanted> {
        let known = self.known.filter(|known| took > *known / 2)?;
        let longest = LONGEST_ACK_DEADLINE.as_secs();
        let seconds = (took.as_secs() + 1).saturating_mul(4).next_multiple_of(10).min(longest);
        // At its longest, only smaller batches help.
        let raise = (Duration::from_secs(seconds) > known).then_some(seconds);
        self.complaint.is_news("").then_some(Wanted { known, raise })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    known: Duration,
    raise: Option<u64>,
}

impl Pipeline {
    /// Asks for the ack deadline once, and sets the one that is wanted. Not everybody who may pull may do either: then
    /// it stays as it is, and only that it could not be set is worth a word.
    pub(super) async fn see_to_ack_deadline(&mut self, stop: &CancellationToken) -> Result<(), Obstacle> {
        if self.ack_deadline.settled {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Obstacle::Stopping),
            settled = self.ask_and_set_ack_deadline() => {
                self.ack_deadline.settled = settled;
                Ok(())
            }
        }
    }

    /// Whether there is no use in trying again.
    async fn ask_and_set_ack_deadline(&mut self) -> bool {
        let (key, name) = (&self.config.key, &self.config.subscription);
        match self.client.subscription(name).await {
            Ok(info) => self.ack_deadline.known = Some(info.ack_deadline),
            Err(error) if may_pass(&error) => return false,
            Err(error) => tracing::debug!(subscription = key, "{key}: the ack deadline is unknown: {error}"),
        }
        let Some(wanted) = self.config.ack_deadline.filter(|wanted| self.ack_deadline.known != Some(*wanted))
        else {
            return true;
        };
        let seconds = wanted.as_secs();
        match self.client.modify_ack_deadline(name, wanted).await {
            Ok(()) => {
                self.ack_deadline.known = Some(wanted);
                tracing::info!(subscription = key, seconds, "{key}: the ack deadline is {seconds} s now");
                true
            }
            Err(error) if may_pass(&error) => false,
            Err(error) => {
                tracing::warn!(
                    subscription = key,
                    seconds,
                    "{key}: the ack deadline cannot be set to {seconds} s: {error}; it stays as it is. An admin of the \
                     project can set it, and ack_deadline be left out here"
                );
                true
            }
        }
    }

    /// A batch was delivered so long after it was pulled.
    pub(super) fn compare_with_ack_deadline(&mut self, took: Duration) {
        let Some(Wanted { known, raise }) = self.ack_deadline.wants(took) else { return };
        let key = &self.config.key;
        let way_out = match raise {
            Some(seconds) => format!(
                "set ack_deadline = \"{seconds}s\" in [subscriptions.{key}] or have an admin set it, or lower max_messages"
            ),
            None => "lower max_messages".to_owned(),
        };
        tracing::warn!(
            subscription = key,
            took_seconds = took.as_secs_f64(),
            ack_deadline_seconds = known.as_secs(),
            "{key}: a delivery took {:.1} s, and the ack deadline of the subscription is {} s, after which the batch has to \
             be pulled again: {way_out}",
            took.as_secs_f64(),
            known.as_secs()
        );
    }
}

/// Whether the next look may find it better.
fn may_pass(error: &Error) -> bool {
    error.kind() == ErrorKind::Transient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_close_is_said_once_with_one_that_would_do() {
        let seconds = Duration::from_secs;
        let deadline =
            |known: Option<u64>| AckDeadline { known: known.map(seconds), ..AckDeadline::default() };
        assert_eq!(deadline(None).wants(seconds(100)), None);
        assert_eq!(deadline(Some(10)).wants(seconds(5)), None);
        for (known, took, raise) in
            [(10, 6, Some(30)), (10, 12, Some(60)), (300, 200, Some(600)), (600, 400, None)]
        {
            let mut deadline = deadline(Some(known));
            let wanted = Wanted { known: seconds(known), raise };
            assert_eq!(deadline.wants(seconds(took)), Some(wanted));
            assert_eq!(deadline.wants(seconds(took)), None);
        }
    }
}
