//! The service as a whole: whether it is well, and what it is.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Request},
};
use serde::{Deserialize, Serialize};

/// How the service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// `ok`, or `warning` when a push server is not well. It says `ok` while its broker is down as well.
    pub status: String,
    /// `enabled` or `disabled`.
    #[serde(default)]
    pub push_functionality: String,
    /// The push servers, in the [details](AmsClient::status_details) of a service that has some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub push_servers: Vec<PushServer>,
}

/// A server that pushes the messages of subscriptions to their endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PushServer {
    /// Where it is.
    #[serde(default)]
    pub endpoint: String,
    /// How it is.
    #[serde(default)]
    pub status: String,
}

/// What the service is and runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ServiceVersion {
    /// Its release; shown to service admins and viewers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// When it was built.
    pub build_time: String,
    /// The version of Go that it was built with.
    pub golang: String,
    /// The compiler.
    pub compiler: String,
    /// The operating system.
    pub os: String,
    /// The processor.
    pub architecture: String,
    /// The distribution of the operating system.
    pub distro: String,
    /// The host.
    pub hostname: String,
}

/// The service.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// assert_eq!(client.status().await?.status, "ok");
/// println!("the service runs on {}", client.version().await?.os);
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// How the service is; everybody may ask. Changes nothing, so dropping it loses nothing.
    pub async fn status(&self) -> Result<ServiceStatus> {
        self.0.send(status_request()).await?.json()
    }

    /// How the service and its push servers are; for users who are service admins or viewers. The service's own admin
    /// token is no user's, so it may not ask: [`Forbidden`](super::ErrorKind::Forbidden). Changes nothing, so dropping
    /// it loses nothing.
    pub async fn status_details(&self) -> Result<ServiceStatus> {
        self.0.send(status_request().query("details", "true")).await?.json()
    }

    /// What the service is and runs on; everybody may ask. Changes nothing, so dropping it loses nothing.
    pub async fn version(&self) -> Result<ServiceVersion> {
        self.0.send(Request::new(Method::Get, "/v1/version".to_owned())).await?.json()
    }
}

fn status_request() -> Request {
    Request::new(Method::Get, "/v1/status".to_owned())
}
