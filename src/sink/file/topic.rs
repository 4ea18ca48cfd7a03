//! The topic of the subscription, which the service alone knows.

use super::super::{LONGEST_RETRY_AFTER, SinkError, Source, Trouble};
use crate::client::{AmsClient, ErrorKind};

/// Who is asked for it.
pub(super) struct TopicOf {
    client: AmsClient,
    source: Source,
    known: Option<String>,
}

impl TopicOf {
    /// `client` is that of the subscription.
    pub(super) fn new(client: AmsClient, source: Source) -> Self {
        Self { client, source, known: None }
    }

    /// The name of the topic, asked for once. Where the service does not let this user look, somebody has to change
    /// something, and messages wait for that: no file is made up for them.
    pub(super) async fn ask(&mut self) -> Result<String, Trouble> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let Source { project, subscription, .. } = &self.source;
        let error = match self.client.subscription(subscription).await {
            Ok(found) => return Ok(self.known.insert(found.topic.to_string()).clone()),
            Err(error) => error,
        };
        let name = subscription.qualified(project);
        let what =
            format!("{{topic}} is in its path, and the service does not say which one {name} is of: {error}");
        if error.kind() == ErrorKind::Transient {
            let after = error.retry_after().map(|after| after.min(LONGEST_RETRY_AFTER));
            return Err(Trouble::Retry { after, error: SinkError::new(error.class(), what) });
        }
        let what = format!("{what}; let this user see the subscription, or write the topic into the path");
        Err(Trouble::Fatal(SinkError::new(error.class(), what)))
    }
}
