//! `ams subscription push`: the service itself sends the messages on.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use super::detailed;
use crate::cli::output::{Confirmation, Record};
use crate::cli::{Error, Session};
use crate::client::{ExposeSecret, PushConfig, PushInfo, PushRetry, SubscriptionName};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Has the messages pushed from now on, or elsewhere
    Set {
        /// The subscription's name
        name: SubscriptionName,
        #[command(flatten)]
        options: Options,
    },
    /// Has nothing pushed any more: the messages are to be pulled
    Stop {
        /// The subscription's name
        name: SubscriptionName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Has the service look whether the endpoint is its owner's; nothing is pushed before
    Verify {
        /// The subscription's name
        name: SubscriptionName,
    },
    /// Shows the authorization header that each push has, for the endpoint to compare
    ShowAuthorization {
        /// The subscription's name
        name: SubscriptionName,
    },
}

/// Where to push to, and how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Push")]
pub(crate) struct Options {
    /// The URL that the service posts messages to
    #[arg(long, value_name = "URL", conflicts_with = "mattermost_webhook")]
    push_endpoint: Option<String>,

    /// A webhook of Mattermost, instead
    #[arg(long, value_name = "URL", requires_all = ["mattermost_username", "mattermost_channel"])]
    mattermost_webhook: Option<String>,

    /// Whom the messages in Mattermost come from
    #[arg(long, value_name = "NAME", requires = "mattermost_webhook")]
    mattermost_username: Option<String>,

    /// The channel in Mattermost
    #[arg(long, value_name = "NAME", requires = "mattermost_webhook")]
    mattermost_channel: Option<String>,

    /// The most messages of one push
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    push_max: Option<u32>,

    /// How to wait between pushes: always as long, or longer after failures
    #[arg(long, value_enum, value_name = "POLICY")]
    push_retry: Option<Retry>,

    /// How long, with the policy linear
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 3000)]
    push_period: u64,

    /// Send no authorization header
    #[arg(long)]
    push_without_authorization: bool,

    /// Decode the data before it is sent
    #[arg(long)]
    push_decoded: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Retry {
    Linear,
    Slowstart,
}

impl Options {
    /// None when nothing is to be pushed.
    pub(super) fn config(self) -> Result<Option<PushConfig>, Error> {
        let mattermost = (self.mattermost_webhook, self.mattermost_username, self.mattermost_channel);
        let config = match (self.push_endpoint, mattermost) {
            (Some(endpoint), _) => PushConfig::http(endpoint),
            (None, (Some(webhook), Some(username), Some(channel))) => {
                PushConfig::mattermost(webhook, username, channel)
            }
            _ if self.push_max.is_some() || self.push_retry.is_some() => {
                return Err(Error::Usage("to push needs --push-endpoint or --mattermost-webhook".to_owned()));
            }
            _ => return Ok(None),
        };
        let config = match self.push_retry {
            Some(Retry::Slowstart) => config.retry(PushRetry::SlowStart),
            _ => config.retry(PushRetry::Linear(Duration::from_millis(self.push_period))),
        };
        let config = config.max_messages(self.push_max.unwrap_or(1));
        let config = if self.push_without_authorization { config.without_authorization() } else { config };
        Ok(Some(if self.push_decoded { config.base64_decode() } else { config }))
    }
}

pub(super) async fn run(session: &Session, command: Command) -> Result<(), Error> {
    let Session { client, console } = session;
    match command {
        Command::Set { name, options } => {
            let missing =
                || Error::Usage("push set needs --push-endpoint or --mattermost-webhook".to_owned());
            client.modify_push_config(&name, &options.config()?.ok_or_else(missing)?).await?;
            console.one(&detailed(&client.subscription(&name).await?))
        }
        Command::Stop { name, confirmation } => {
            confirmation.ask(&format!("stop pushing the messages of subscription {name}"))?;
            client.stop_push(&name).await?;
            console.done("stopped", "push", name.as_str())
        }
        Command::Verify { name } => {
            client.verify_push_endpoint(&name).await?;
            console.done("verified", "push", name.as_str())
        }
        Command::ShowAuthorization { name } => {
            let shown = client.subscription(&name).await?;
            let authorization = shown.push.as_ref().and_then(|push| push.authorization.as_ref());
            let text = authorization.map(ExposeSecret::expose_secret);
            console.one(&Record::default().with("authorization", text))
        }
    }
}

/// What is known of push, without the secrets in it.
pub(super) fn add(record: Record, push: &PushInfo) -> Record {
    let retry = match push.retry {
        Some(PushRetry::Linear(period)) => format!("linear, {} ms", period.as_millis()),
        Some(PushRetry::SlowStart) => "slowstart".to_owned(),
        _ => String::new(),
    };
    record
        .with("push_type", &push.kind)
        .with("push_max_messages", push.max_messages)
        .with_text("push_retry", push.retry, retry)
        .with("push_verification_hash", &push.verification_hash)
        .with("push_verified", push.verified)
        .with("push_decoded", push.base64_decode)
}
