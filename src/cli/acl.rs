//! `ams topic acl` and `ams subscription acl`: who may publish to a topic, and pull from a subscription.
//!
//! The service knows only the whole list. So `add` and `remove` read it, change it and write it, and two of them at
//! once can undo each other.

use clap::Subcommand;

use super::output::Record;
use super::{Error, Session};
use crate::client::{Result, SubscriptionName, TopicName, UserName};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows who is listed; admins need not be
    Show {
        /// The topic or subscription
        name: String,
    },
    /// Replaces the list; without users, only admins are left
    Set {
        /// The topic or subscription
        name: String,
        /// Members of the project
        users: Vec<UserName>,
    },
    /// Adds members of the project to the list
    Add {
        /// The topic or subscription
        name: String,
        /// Members of the project
        #[arg(required = true)]
        users: Vec<UserName>,
    },
    /// Takes users off the list
    Remove {
        /// The topic or subscription
        name: String,
        /// Who is listed
        #[arg(required = true)]
        users: Vec<UserName>,
    },
}

/// What a list is of.
enum Listed {
    Topic(TopicName),
    Subscription(SubscriptionName),
}

pub(crate) async fn of_topic(session: &Session, command: Command) -> std::result::Result<(), Error> {
    let topic = command.name().parse().map_err(|error| Error::Usage(format!("{error}")))?;
    run(session, &Listed::Topic(topic), command).await
}

pub(crate) async fn of_subscription(session: &Session, command: Command) -> std::result::Result<(), Error> {
    let subscription = command.name().parse().map_err(|error| Error::Usage(format!("{error}")))?;
    run(session, &Listed::Subscription(subscription), command).await
}

async fn run(session: &Session, listed: &Listed, command: Command) -> std::result::Result<(), Error> {
    let now = listed.users(session).await?;
    let wanted = match command {
        Command::Show { .. } => now.clone(),
        Command::Set { users, .. } => texts(users).collect(),
        Command::Add { users, .. } => {
            let new: Vec<_> = texts(users).filter(|user| !now.contains(user)).collect();
            [now.clone(), new].concat()
        }
        Command::Remove { users, .. } => {
            let gone: Vec<_> = texts(users).collect();
            if let Some(stranger) = gone.iter().find(|user| !now.contains(user)) {
                return Err(Error::NotListed(stranger.clone()));
            }
            now.iter().filter(|user| !gone.contains(user)).cloned().collect()
        }
    };
    if wanted != now {
        listed.set(session, &wanted).await?;
    }
    session.console.one(&Record::default().with("authorized_users", wanted))
}

fn texts(users: Vec<UserName>) -> impl Iterator<Item = String> {
    users.into_iter().map(String::from)
}

impl Command {
    fn name(&self) -> &str {
        match self {
            Self::Show { name }
            | Self::Set { name, .. }
            | Self::Add { name, .. }
            | Self::Remove { name, .. } => name,
        }
    }
}

impl Listed {
    /// Fails when there is no such topic or subscription, as changing the list does not.
    async fn users(&self, session: &Session) -> Result<Vec<String>> {
        match self {
            Self::Topic(topic) => session.client.topic_acl(topic).await,
            Self::Subscription(subscription) => session.client.subscription_acl(subscription).await,
        }
    }

    async fn set(&self, session: &Session, users: &[String]) -> Result<()> {
        match self {
            Self::Topic(topic) => session.client.modify_topic_acl(topic, users).await,
            Self::Subscription(subscription) => {
                session.client.modify_subscription_acl(subscription, users).await
            }
        }
    }
}
