//! `ams subscription`: where a subscription stands, and moving it.

use std::io::{self, Write};
use std::time::SystemTime;

use clap::Subcommand;

use super::{Connection, Error};
use crate::client::{AmsClient, SubscriptionName};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows where a subscription stands in its topic's log
    Offsets {
        /// The subscription's name
        subscription: SubscriptionName,
    },
    /// Moves a subscription: what it stood before is not delivered, what it stands before is delivered (again)
    Seek {
        /// The subscription's name
        subscription: SubscriptionName,
        #[command(flatten)]
        place: Place,
    },
}

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

pub(crate) async fn run(connection: &Connection, command: Command) -> Result<(), Error> {
    let client = connection.client()?;
    let subscription = match command {
        Command::Offsets { subscription } => subscription,
        Command::Seek { subscription, place } => {
            let offset = place.offset(&client, &subscription).await?;
            client.modify_offset(&subscription, offset).await?;
            subscription
        }
    };
    show(&client, &subscription).await
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

async fn show(client: &AmsClient, subscription: &SubscriptionName) -> Result<(), Error> {
    let offsets = client.offsets(subscription).await?;
    let (min, max) = offsets.bounds().ok_or(Error::BrokerDown)?;
    let backlog = max.saturating_sub(u64::try_from(offsets.current).unwrap_or(0).max(min));
    let text = format!("min      {min}\nmax      {max}\ncurrent  {}\nbacklog  {backlog}\n", offsets.current);
    io::stdout().write_all(text.as_bytes()).map_err(Error::Output)
}
