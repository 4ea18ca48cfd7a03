//! A client library for the ARGO Messaging Service (AMS).
//!
//! Usable alone: `default-features = false, features = ["client"]` brings no daemon, command line or server
//! with it.
//!
//! ```no_run
//! use ams_forwarder::client::{AmsClient, ProjectName, PullLimits, SubscriptionName};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let project: ProjectName = "EGI".parse()?;
//! let client = AmsClient::builder("https://msg.example.org", project).token_file("/etc/egi.token").build()?;
//! let subscription: SubscriptionName = "metrics".parse()?;
//! let limits = PullLimits { max_messages: 1000, max_bytes: 64 << 20 };
//! let batch = client.pull(&subscription, limits).await?;
//! for message in &batch {
//!     let mut payload = Vec::new();
//!     message.decode_data(&mut payload)?;
//!     println!("{} {}", message.id(), String::from_utf8_lossy(&payload));
//! }
//! if let Some(last) = batch.last_id() {
//!     client.acknowledge(&subscription, last).await?; // cumulative: everything up to here
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What it promises: every request has a timeout, every answer a limit; the token travels in one header, to
//! the endpoint alone, and is shown nowhere; errors say what follows from them ([`ErrorKind`]); nothing is
//! retried behind the caller's back, but that another token is tried at once when one is refused; a [`RetryPolicy`] says
//! so where it is wanted. Calls are futures of
//! tokio, can be dropped at any time, and say what that means.
//!
//! It imports nothing of this crate but `backoff`. One file per resource (`projects`, `topics`,
//! `subscriptions`, …; `consume` and `seek` for what consumers do), all of them over `retry` and, below it, `http`. What
//! stands on these calls: `publisher` gathers messages into batches, `consumer` is a stream of deliveries, `pages` are
//! streams of lists. What is not particular to AMS,
//! in `transport` and `credential`, serves the webhook sink as well.

mod acl;
mod batch;
mod builder;
mod classify;
mod consume;
mod consumer;
mod credential;
mod data;
mod error;
#[cfg(feature = "daemon")]
mod files;
mod http;
mod jsonl;
mod members;
mod metrics;
mod model;
mod name;
mod pages;
mod projects;
mod publish;
mod publisher;
mod push;
mod registrations;
mod report;
mod retry;
mod role;
mod schemas;
mod seek;
mod service;
mod subject;
mod subscriptions;
mod tls;
mod topics;
mod transport;
mod users;
mod word;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

#[cfg(feature = "daemon")]
pub(crate) use {
    classify::{excerpt, retry_after},
    consumer::pace::PollInterval,
    credential::{Credential, NoToken, Token},
    error::CONNECT,
    files::unusable_files,
    jsonl::{attributes, quote},
    tls::{IdentityFiles, Roots},
    transport::{Connector, NoAnswer, Timeouts, Transport, refusal_of_certificate},
};

pub use batch::{Attributes, Batch, Message, Messages, NotABatch};
pub use builder::{AmsClientBuilder, BuildError, DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT};
pub use consumer::{Acknowledger, ConsumeError, Consumer, ConsumerBuilder, Delivery};
pub use data::NotBase64;
pub use error::{Error, ErrorKind, Result};
pub use jsonl::{JsonLines, NotALine};
pub use metrics::{Metric, MetricValue};
pub use model::{Offsets, Page, PageRequest, ProjectInfo, PullLimits, SubscriptionInfo, TopicInfo};
#[cfg(feature = "emulator")]
pub(crate) use name::is_valid_name;
pub use name::{InvalidName, ProjectName, SchemaName, SubscriptionName, TopicName, UserName};
pub use pages::Pages;
pub use projects::ProjectChange;
#[cfg(feature = "emulator")]
pub(crate) use publish::LARGEST_RECORD;
pub use publish::{InvalidAttribute, NewMessage, RawMessage, Unpublishable};
pub use publisher::{PublishError, Publisher, PublisherBuilder, Receipt};
pub use push::{PushConfig, PushInfo, PushRetry};
pub use registrations::{NewRegistration, RegistrationFilter, RegistrationInfo, RegistrationStatus};
pub use report::{Day, InvalidDay, ProjectUsage, ProjectsUsage, ReportQuery, UsageReport, VaMetrics};
pub use retry::{Retry, RetryPolicy};
pub use role::{Membership, ProjectRoles, Role};
pub use schemas::{SchemaChange, SchemaInfo, SchemaKind};
pub use secrecy::{ExposeSecret, SecretString};
pub use service::{PushServer, ServiceStatus, ServiceVersion};
pub use subscriptions::LONGEST_ACK_DEADLINE;
pub use users::{NewUser, UserChange, UserInfo};
#[cfg(feature = "emulator")]
pub(crate) use {subject::written as written_subject, tls::names_of as names_of_certificate};

use std::{fmt, time::SystemTime};

/// A client of one project, with one token.
///
/// Cheap to clone; clones share connections and token. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct AmsClient(retry::Caller, ProjectName);

struct Inner {
    connector: transport::Connector,
    endpoint: String,
    authority: String,
    credential: credential::Credential,
    timeouts: transport::Timeouts,
}

impl AmsClient {
    /// Begins a client for a project of the service at `endpoint`, such as `https://msg.example.org`.
    pub fn builder(endpoint: &str, project: ProjectName) -> AmsClientBuilder {
        AmsClientBuilder::new(endpoint, project)
    }

    /// The project its calls are about. Users, registrations and the service as a whole are of no project.
    #[must_use]
    pub fn project(&self) -> &ProjectName {
        &self.1
    }

    /// A client of another project of the same service. Shares connections and token with this one.
    #[must_use]
    pub fn in_project(&self, project: ProjectName) -> Self {
        Self(self.0.clone(), project)
    }

    /// A client that does something else about calls that fail. Shares connections and token with this one; for a
    /// single call:
    ///
    /// ```no_run
    /// # use ams_forwarder::client::{AmsClient, RetryPolicy, NewMessage, Result, TopicName};
    /// # use std::time::Duration;
    /// # async fn example(client: AmsClient, topic: TopicName, message: NewMessage) -> Result<()> {
    /// let patient = RetryPolicy::fixed(3, Duration::from_secs(5));
    /// let ids = client.with_retry(patient).publish(&topic, &[message]).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_retry(&self, policy: RetryPolicy) -> Self {
        Self(self.0.with_policy(policy), self.1.clone())
    }

    /// The service's base URL, without a slash at its end. There is no secret in it.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.0.inner.endpoint
    }

    /// The service's host and port, `msg.example.org:443`.
    #[must_use]
    pub fn authority(&self) -> String {
        self.0.inner.authority.clone()
    }

    /// When the certificate ends that it logs in with, as it was last read from its file. None with a token, and before
    /// the certificate could be read.
    #[must_use]
    pub fn certificate_expiry(&self) -> Option<SystemTime> {
        self.0.inner.credential.ends()
    }
}

impl fmt::Debug for AmsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmsClient")
            .field("endpoint", &self.endpoint())
            .field("project", &self.1)
            .finish_non_exhaustive()
    }
}
