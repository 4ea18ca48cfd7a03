//! `ams subscription offsets` and `seek`: where a subscription stands in its topic's log, and moving it.

use std::time::SystemTime;

use crate::cli::output::Record;
use crate::cli::{Error, Session};
use crate::client::{AmsClient, SubscriptionName};

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Place {
    /// The id of the message that comes next
    #[arg(long, value_name = "N")]
    offset: Option<u64>,

    /// The first message published at this time or later, such as 2026-11-23T07:00:00Z
    #[arg(long, value_name = "TIME")]
    time: Option<jiff::Timestamp>,

    /// The oldest message that the service still has
    #[arg(long)]
    start: bool,

    /// Behind the newest message: nothing that is there now is delivered
    #[arg(long)]
    end: bool,
}

impl Place {
    async fn offset(&self, client: &AmsClient, subscription: &SubscriptionName) -> Result<u64, Error> {
        if let Some(offset) = self.offset {
            return Ok(offset);
        }
        if let Some(time) = self.time {
            return Ok(client.time_to_offset(subscription, SystemTime::from(time)).await?);
        }
        let (min, max) = client.offsets(subscription).await?.bounds().ok_or(Error::BrokerDown)?;
        Ok(if self.end { max } else { min })
    }
}

pub(super) async fn run(
    session: &Session,
    subscription: &SubscriptionName,
    place: &Place,
) -> Result<(), Error> {
    let offset = place.offset(&session.client, subscription).await?;
    session.client.modify_offset(subscription, offset).await?;
    show(session, subscription).await
}

pub(super) async fn show(session: &Session, subscription: &SubscriptionName) -> Result<(), Error> {
    let offsets = session.client.offsets(subscription).await?;
    let (min, max) = offsets.bounds().ok_or(Error::BrokerDown)?;
    let backlog = max.saturating_sub(u64::try_from(offsets.current).unwrap_or(0).max(min));
    let record = Record::default()
        .with("min", min)
        .with("max", max)
        .with("current", offsets.current)
        .with("backlog", backlog);
    session.console.one(&record)
}
