//! From the configuration to sinks. What must be there at the start (certificates to read, clients of connections) is
//! got once; a pipeline that panicked gets a new sink of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::FileSink;
use super::notebook::Notebook;
use super::stdout::StdoutSink;
use super::topic::{Target, TopicSink};
use super::webhook::{Receiver, WebhookSink};
use super::{Encoder, Sink, Source};
use crate::client::{AmsClient, BuildError};
use crate::config::{FileConfig, Format, SinkConfig, SinkKind};

/// A sink of one subscription, ready to be opened.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    pub(crate) config: SinkConfig,
    plan: Plan,
}

#[derive(Debug, Clone)]
enum Plan {
    File { config: FileConfig, own: AmsClient },
    Stdout { format: Format },
    Webhook(Arc<Receiver>),
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
            SinkKind::File(file) => Plan::File { config: file.as_ref().clone(), own: own.clone() },
            SinkKind::Stdout { format } => Plan::Stdout { format: *format },
            SinkKind::Webhook(webhook) => Plan::Webhook(Arc::new(Receiver::new(webhook)?)),
            SinkKind::Topic { connection, topic, batch } => {
                let client =
                    clients.get(connection).ok_or_else(|| OutletError::NoConnection(connection.clone()))?;
                Plan::Topic(Arc::new(Target::new(client.clone(), topic.clone(), *batch, own.clone())))
            }
        };
        Ok(Self { config: config.clone(), plan })
    }

    /// The sink, for the messages of `source`, with what is remembered for it. Opens and connects nothing yet.
    pub(crate) fn open(&self, source: &Source, notebook: Arc<dyn Notebook>) -> Box<dyn Sink> {
        let name = source.subscription.qualified(&source.project);
        match &self.plan {
            Plan::File { config, own } => {
                Box::new(FileSink::new(&self.config.name, config, source, own, notebook))
            }
            Plan::Stdout { format } => Box::new(StdoutSink::new(Encoder::new(*format, &name))),
            Plan::Webhook(receiver) => Box::new(WebhookSink::new(Arc::clone(receiver), source, notebook)),
            Plan::Topic(target) => Box::new(TopicSink::new(Arc::clone(target), source, notebook)),
        }
    }
}
