//! `ams schema`: what topics ask of their messages.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::Value;

use super::input;
use super::output::{Confirmation, Record};
use super::{Error, Session};
use crate::client::{SchemaChange, SchemaInfo, SchemaKind, SchemaName, TopicName};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the schemas of the project
    List,
    /// Shows a schema
    Show {
        /// Its name
        name: SchemaName,
    },
    /// Creates a schema
    Create {
        /// Its name
        name: SchemaName,
        /// The language it is written in
        #[arg(long = "type", value_enum, value_name = "LANGUAGE", default_value = "json")]
        kind: Kind,
        /// Where it stands; - is standard input
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Changes a schema, for the topics that have it as well; what is not given stays as it is
    Update {
        /// Its name
        name: SchemaName,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<SchemaName>,
        /// The language it is written in from now on
        #[arg(long = "type", value_enum, value_name = "LANGUAGE")]
        kind: Option<Kind>,
        /// Where it stands; - is standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Deletes a schema; its topics have none from then on
    Delete {
        /// Its name
        name: SchemaName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Says whether a message would fit, without publishing it
    Validate {
        /// The schema's name
        name: SchemaName,
        /// The message: JSON, or one record in Avro's binary encoding; - is standard input
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Has the messages of a topic checked against a schema, from now on
    Attach {
        /// The schema's name
        name: SchemaName,
        /// The topic's name
        topic: TopicName,
    },
    /// Has the messages of a topic checked no longer
    Detach {
        /// The topic's name
        topic: TopicName,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// JSON Schema
    Json,
    /// Avro
    Avro,
}

impl From<Kind> for SchemaKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Json => Self::Json,
            Kind::Avro => Self::Avro,
        }
    }
}

pub(crate) async fn run(session: &Session, command: Command) -> Result<(), Error> {
    let Session { client, console } = session;
    match command {
        Command::List => console.list(&client.schemas().await?.iter().map(record).collect::<Vec<_>>()),
        Command::Show { name } => console.one(&record(&client.schema(&name).await?)),
        Command::Create { name, kind, file } => {
            let schema = json(&input::read(&file)?, &file)?;
            console.one(&record(&client.create_schema(&name, &kind.into(), &schema).await?))
        }
        Command::Update { name, rename, kind, file } => {
            let schema = file.map(|file| json(&input::read(&file)?, &file)).transpose()?;
            let change = SchemaChange { name: rename, kind: kind.map(SchemaKind::from), schema };
            console.one(&record(&client.update_schema(&name, &change).await?))
        }
        Command::Delete { name, confirmation } => {
            confirmation.ask(&format!("delete schema {name}"))?;
            client.delete_schema(&name).await?;
            console.done("deleted", "schema", name.as_str())
        }
        Command::Validate { name, file } => {
            let message = input::read(&file)?;
            if client.schema(&name).await?.kind == SchemaKind::Avro {
                client.validate_avro(&name, &message).await?;
            } else {
                client.validate_json(&name, &json(&message, &file)?).await?;
            }
            console.done("fits", "message", name.as_str())
        }
        Command::Attach { name, topic } => {
            client.attach_schema(&topic, &name).await?;
            console.done("attached", "schema", name.as_str())
        }
        Command::Detach { topic } => {
            client.detach_schema(&topic).await?;
            console.done("detached", "schema", topic.as_str())
        }
    }
}

fn json(text: &[u8], file: &Path) -> Result<Value, Error> {
    serde_json::from_slice(text).map_err(|source| Error::Json { file: input::name(file), source })
}

fn record(schema: &SchemaInfo) -> Record {
    // A value has a text.
    let text = serde_json::to_string_pretty(&schema.schema).unwrap_or_default();
    Record::default()
        .with("name", &schema.name)
        .with("project", &schema.project)
        .with("type", &schema.kind)
        .with("uuid", &schema.uuid)
        .with_detail_text("schema", &schema.schema, text)
}
