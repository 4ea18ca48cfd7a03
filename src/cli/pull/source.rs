//! Where the messages of `ams pull` come from: a stream that acknowledges, or a look that changes nothing.

use std::time::Duration;

use crate::cli::Error;
use crate::client::{
    Acknowledger, AmsClient, Batch, ConsumeError, Consumer, ErrorKind, PullLimits, SubscriptionName,
};

/// The most messages of one pull.
const LARGEST: u32 = 1000;
/// The largest answer to a look.
const MAX_BYTES: usize = 64 << 20;
/// How long to wait where nothing comes, before looking again whether there is anything.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Source<'a> {
    client: &'a AmsClient,
    subscription: &'a SubscriptionName,
    /// None where nothing is acknowledged.
    consumer: Option<Consumer>,
    /// The most new messages of the next look: fewer where answers are too large, or a record among them is destroyed.
    size: u32,
    /// How many messages a look brings that were seen already: all of them come again each time.
    seen: u32,
    has_pulled: bool,
}

/// Messages, some of which may have come before.
pub(super) struct Got {
    pub(super) batch: Batch,
    pub(super) acknowledger: Option<Acknowledger>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        client: &'a AmsClient,
        subscription: &'a SubscriptionName,
        acknowledges: bool,
        limit: Option<u64>,
    ) -> Self {
        let size = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(LARGEST).min(LARGEST);
        let consumer = acknowledges.then(|| client.consume(subscription).max_messages(size).start());
        Self { client, subscription, consumer, size, seen: 0, has_pulled: false }
    }

    /// The next messages. `written` is the last one that may come again. None at the end, unless that is to be waited
    /// at.
    pub(super) async fn next(&mut self, written: Option<u64>, follow: bool) -> Result<Option<Got>, Error> {
        loop {
            // What is not acknowledged comes again, so that a look would never say that there is no more.
            let looks = self.consumer.is_none();
            if (!follow || looks) && self.is_at_the_end(written).await? {
                if !self.has_pulled {
                    // Where it stands is shown to those as well who may not pull.
                    self.look().await?;
                }
                if !follow {
                    return Ok(None);
                }
                tokio::time::sleep(PATIENCE).await;
                continue;
            }
            let Some(consumer) = &mut self.consumer else {
                return self.look().await.map(Some);
            };
            // At the end it would wait for ever.
            let delivery = if follow {
                consumer.next().await
            } else {
                match tokio::time::timeout(PATIENCE, consumer.next()).await {
                    Ok(delivery) => delivery,
                    Err(_) => continue,
                }
            };
            return match delivery {
                Some(delivery) => {
                    let (batch, acknowledger) = delivery.map_err(|error| self.why(error))?.into_parts();
                    Ok(Some(Got { batch, acknowledger: Some(acknowledger) }))
                }
                None => Ok(None),
            };
        }
    }

    /// Pulls without acknowledging: what was seen comes first.
    async fn look(&mut self) -> Result<Got, Error> {
        self.has_pulled = true;
        loop {
            let max_messages = self.seen.saturating_add(self.size);
            let limits = PullLimits { max_messages, max_bytes: MAX_BYTES };
            match self.client.pull(self.subscription, limits).await {
                Ok(batch) => {
                    self.seen = u32::try_from(batch.len()).unwrap_or(u32::MAX);
                    return Ok(Got { batch, acknowledger: None });
                }
                Err(error)
                    if self.size > 1
                        && matches!(error.kind(), ErrorKind::PoisonedRecord | ErrorKind::TooLarge) =>
                {
                    self.size /= 2;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether nothing lies behind what is acknowledged or was written.
    async fn is_at_the_end(&self, written: Option<u64>) -> Result<bool, Error> {
        let offsets = self.client.offsets(self.subscription).await?;
        let (_, max) = offsets.bounds().ok_or(Error::BrokerDown)?;
        let next = written.map_or(u64::try_from(offsets.current).unwrap_or(0), |written| written + 1);
        Ok(next >= max)
    }

    fn why(&self, error: ConsumeError) -> Error {
        match error {
            ConsumeError::Service(error) => error.into(),
            source => Error::Stuck { subscription: self.subscription.clone(), source: Box::new(source) },
        }
    }
}
