//! `ams topic`.

use clap::Subcommand;

use super::output::{Confirmation, Record};
use super::{Error, Session, acl};
use crate::client::{TopicInfo, TopicName};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the topics of the project, the newest first; a publisher sees those it may publish to
    List,
    /// Shows a topic
    Show {
        /// Its name
        name: TopicName,
    },
    /// Creates a topic
    Create {
        /// Its name
        name: TopicName,
    },
    /// Deletes a topic with its messages; its subscriptions stay, and get nothing any more
    Delete {
        /// Its name
        name: TopicName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Lists the subscriptions of a topic
    Subscriptions {
        /// Its name
        name: TopicName,
    },
    /// Says who may publish to a topic
    #[command(subcommand)]
    Acl(acl::Command),
}

pub(crate) async fn run(session: &Session, command: Command) -> Result<(), Error> {
    let Session { client, console } = session;
    match command {
        Command::List => {
            let topics = client.all_topics().collect().await?;
            console.list(&topics.iter().map(record).collect::<Vec<_>>())
        }
        Command::Show { name } => console.one(&record(&client.topic(&name).await?)),
        Command::Create { name } => console.one(&record(&client.create_topic(&name).await?)),
        Command::Delete { name, confirmation } => {
            confirmation.ask(&format!("delete topic {name} with its messages"))?;
            client.delete_topic(&name).await?;
            console.done("deleted", "topic", name.as_str())
        }
        Command::Subscriptions { name } => {
            let names = client.topic_subscriptions(&name).await?;
            console.list(&names.iter().map(|name| Record::default().with("name", name)).collect::<Vec<_>>())
        }
        Command::Acl(command) => acl::of_topic(session, command).await,
    }
}

fn record(topic: &TopicInfo) -> Record {
    Record::default()
        .with("name", &topic.name)
        .with("project", &topic.project)
        .with("schema", &topic.schema)
        .with("created_on", &topic.created_on)
}
