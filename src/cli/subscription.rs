//! `ams subscription`. Moving it is in `seek`, having it pushed in `push`.

mod push;
mod seek;

use std::time::Duration;

use clap::Subcommand;

use super::output::{Confirmation, Record};
use super::{Error, Session, acl};
use crate::client::{LONGEST_ACK_DEADLINE, SubscriptionInfo, SubscriptionName, TopicName};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the subscriptions of the project, the newest first; a consumer sees those it may pull from
    List {
        /// Those of this topic only
        #[arg(long)]
        topic: Option<TopicName>,
    },
    /// Shows a subscription
    Show {
        /// Its name
        name: SubscriptionName,
    },
    /// Creates a subscription; it gets what is published from then on
    Create {
        /// Its name
        name: SubscriptionName,
        /// The topic whose messages it gets
        #[arg(long)]
        topic: TopicName,
        /// How long after a pull its messages can be acknowledged; the service takes 10
        #[arg(long, value_name = "SECONDS", value_parser = ack_deadline)]
        ack_deadline: Option<Duration>,
        #[command(flatten)]
        push: push::Options,
    },
    /// Deletes a subscription, and with it what it has not acknowledged
    Delete {
        /// Its name
        name: SubscriptionName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Shows where a subscription stands in its topic's log
    Offsets {
        /// Its name
        subscription: SubscriptionName,
    },
    /// Moves a subscription: what it stood before is not delivered, what it stands before is delivered (again)
    Seek {
        /// Its name
        subscription: SubscriptionName,
        #[command(flatten)]
        place: seek::Place,
    },
    /// Says who may pull from a subscription
    #[command(subcommand)]
    Acl(acl::Command),
    /// Changes how long after a pull its messages can be acknowledged
    AckDeadline {
        /// Its name
        name: SubscriptionName,
        /// 600 at the most
        #[arg(value_name = "SECONDS", value_parser = ack_deadline)]
        deadline: Duration,
    },
    /// Has the service push the messages to an endpoint, or no longer
    #[command(subcommand)]
    Push(push::Command),
}

pub(crate) async fn run(session: &Session, command: Command) -> Result<(), Error> {
    let Session { client, console } = session;
    match command {
        Command::List { topic } => {
            let all = client.all_subscriptions().collect().await?;
            let of_topic = |info: &&SubscriptionInfo| {
                topic.as_ref().is_none_or(|topic| info.topic == *topic && info.topic_project == info.project)
            };
            console.list(&all.iter().filter(of_topic).map(record).collect::<Vec<_>>())
        }
        Command::Show { name } => console.one(&detailed(&client.subscription(&name).await?)),
        Command::Create { name, topic, ack_deadline, push } => {
            let created = match push.config()? {
                None => client.create_subscription(&name, &topic, ack_deadline).await?,
                Some(push) => client.create_push_subscription(&name, &topic, ack_deadline, &push).await?,
            };
            console.one(&detailed(&created))
        }
        Command::Delete { name, confirmation } => {
            confirmation.ask(&format!("delete subscription {name}"))?;
            client.delete_subscription(&name).await?;
            console.done("deleted", "subscription", name.as_str())
        }
        Command::Offsets { subscription } => seek::show(session, &subscription).await,
        Command::Seek { subscription, place } => seek::run(session, &subscription, &place).await,
        Command::Acl(command) => acl::of_subscription(session, command).await,
        Command::AckDeadline { name, deadline } => {
            client.modify_ack_deadline(&name, deadline).await?;
            console.one(&detailed(&client.subscription(&name).await?))
        }
        Command::Push(command) => push::run(session, command).await,
    }
}

/// Whole seconds, as the service counts them.
fn ack_deadline(text: &str) -> Result<Duration, String> {
    let longest = LONGEST_ACK_DEADLINE.as_secs();
    let seconds: Option<u64> = text.strip_suffix('s').unwrap_or(text).parse().ok();
    match seconds {
        Some(seconds) if (1..=longest).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("a number of seconds from 1 to {longest} is expected")),
    }
}

fn record(subscription: &SubscriptionInfo) -> Record {
    Record::default()
        .with("name", &subscription.name)
        .with("project", &subscription.project)
        .with("topic", &subscription.topic)
        .with("topic_project", &subscription.topic_project)
        .with("ack_deadline_seconds", subscription.ack_deadline.as_secs())
        .with("push_endpoint", subscription.push.as_ref().map(|push| &push.endpoint))
        .with("created_on", &subscription.created_on)
}

/// With everything that is known of push.
fn detailed(subscription: &SubscriptionInfo) -> Record {
    match &subscription.push {
        None => record(subscription),
        Some(push) => push::add(record(subscription), push),
    }
}
