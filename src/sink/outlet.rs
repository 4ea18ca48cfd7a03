//! From the configuration to sinks. What must be there at the start (certificates to read, clients of connections) is
//! got once; a pipeline that panicked gets a new sink of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::FileSink;
use super::notebook::Notebook;
use super::stdout::StdoutSink;
use super::topic::{Target, TopicSink};
use super::webhook::{Receiver, WebhookSink};
use super::{Sink, Source};
use crate::client::{AmsClient, BuildError};
use crate::config::{FileConfig, SinkConfig, SinkKind, StdoutConfig};

/// A sink of one subscription, ready to be opened.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    pub(crate) config: SinkConfig,
    plan: Plan,
}

#[derive(Debug, Clone)]
enum Plan {
    File { config: Box<FileConfig>, own: AmsClient },
    Stdout(StdoutConfig),
    Webhook { receiver: Arc<Receiver>, endpoint: String },
    Topic(Arc<Target>),
}

/// Why a sink cannot be made. Shows no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutletError {
    /// There is something that no client can be made of.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// It names a connection that there is no client of.
    #[error("connections.{0} is not configured")]
    NoConnection(String),
}

impl Outlet {
    /// `own` is the client of the subscription, `clients` are those of all connections. Connects nothing yet.
    pub(crate) fn new(
        config: &SinkConfig,
        own: &AmsClient,
        clients: &BTreeMap<String, AmsClient>,
    ) -> Result<Self, OutletError> {
        let plan = match &config.kind {
            SinkKind::File(file) => Plan::File { config: file.clone(), own: own.clone() },
            SinkKind::Stdout(stdout) => Plan::Stdout(*stdout),
            SinkKind::Webhook(webhook) => Plan::Webhook {
                receiver: Arc::new(Receiver::new(webhook)?),
                endpoint: own.endpoint().to_owned(),
            },
            SinkKind::Topic { connection, topic, batch, origin_attributes } => {
                let client =
                    clients.get(connection).ok_or_else(|| OutletError::NoConnection(connection.clone()))?;
                let target = Target::new(client.clone(), topic.clone(), *batch, own.clone());
                Plan::Topic(Arc::new(target.with_origin_attributes(*origin_attributes)))
            }
        };
        Ok(Self { config: config.clone(), plan })
    }

    /// The sink, for the messages of `source`, with what is remembered for it. Opens and connects nothing yet.
    pub(crate) fn open(&self, source: &Source, notebook: Arc<dyn Notebook>) -> Box<dyn Sink> {
        match &self.plan {
            Plan::File { config, own } => {
                Box::new(FileSink::new(&self.config.name, config, source, own, notebook))
            }
            Plan::Stdout(config) => Box::new(StdoutSink::new(*config, source)),
            Plan::Webhook { receiver, endpoint } => {
                Box::new(WebhookSink::new(Arc::clone(receiver), source, endpoint, notebook))
            }
            Plan::Topic(target) => Box::new(TopicSink::new(Arc::clone(target), source, notebook)),
        }
    }
}
