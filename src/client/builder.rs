//! Making a client: what can be set, what is checked, what is assumed. `error` says what keeps it from being made.

use super::{
    AmsClient, Inner,
    credential::{Authn, Credential, HostLogin, Token},
    name::ProjectName,
    retry::{Caller, RetryPolicy},
    tls::{IdentityFiles, Roots},
    transport::{Connector, Proxy, Timeouts, Transport},
};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

mod error;

pub use error::BuildError;

/// Time for one request, its answer included, unless another is set.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
/// Time for making a connection, unless another is set.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What [`AmsClient::builder`] returns. Its `Debug` shows no secret.
#[must_use]
pub struct AmsClientBuilder {
    endpoint: String,
    project: ProjectName,
    source: Option<TokenSource>,
    authn_endpoint: Option<String>,
    transport: Transport,
    retry: RetryPolicy,
}

enum TokenSource {
    Given(SecretString),
    File(PathBuf),
    Certificate(IdentityFiles),
}

/// Where the authn service listens beside AMS.
const AUTHN_PORT: u16 = 8443;

impl AmsClientBuilder {
    pub(super) fn new(endpoint: &str, project: ProjectName) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            project,
            source: None,
            retry: RetryPolicy::none(),
            authn_endpoint: None,
            transport: Transport::new(Timeouts {
                request: DEFAULT_TIMEOUT,
                connect: DEFAULT_CONNECT_TIMEOUT,
            }),
        }
    }

    /// The token itself. Replaces a token file and a certificate.
    pub fn token(mut self, token: SecretString) -> Self {
        self.source = Some(TokenSource::Given(token));
        self
    }

    /// The file the token stands in, white space around it allowed. Replaces a token and a
    /// certificate.
    ///
    /// It is read with the first request and again when it changed, or when the service refuses the token; so
    /// it need not exist yet. While there is none, calls fail with
    /// [`Unauthorized`](super::ErrorKind::Unauthorized).
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Some(TokenSource::File(path.into()));
        self
    }

    /// The certificate of this host and its private key, in PEM form. With them the token is got from the authn service
    /// beside AMS. Replaces a token and a token file.
    ///
    /// The certificate is followed in its file by those between it and its CA; it may be a proxy certificate of the grid
    /// (RFC 3820). The key is PKCS#8, PKCS#1 or EC, not encrypted; the same file may hold both. One that
    /// every user of the machine can read is warned about.
    ///
    /// The token is got with the first request and kept. It is got again when the service refuses it (once for each
    /// refusal, however many requests are refused together), when the files changed, and before the certificate ends.
    /// What the authn service refuses fails the request with [`Unauthorized`](super::ErrorKind::Unauthorized); that it
    /// does not answer, with [`Transient`](super::ErrorKind::Transient). In both cases the request was not carried out.
    pub fn certificate(mut self, certificate: impl Into<PathBuf>, private_key: impl Into<PathBuf>) -> Self {
        let files = IdentityFiles { certificate: certificate.into(), private_key: private_key.into() };
        self.source = Some(TokenSource::Certificate(files));
        self
    }

    /// The authn service, where a certificate is exchanged for a token; without it, port 8443 of the endpoint's host.
    /// Such as `https://msg.example.org:8443`.
    pub fn authn_endpoint(mut self, url: &str) -> Self {
        self.authn_endpoint = Some(url.to_owned());
        self
    }

    /// Trusts the certificates of this PEM file alone. Replaces a CA directory.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.transport.roots = Roots::File(path.into());
        self
    }

    /// Trusts the certificates of this directory alone: `*.pem`, and `*.0` as `openssl rehash` names them.
    /// Broken files are warned about and left out. Replaces a CA file.
    pub fn ca_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.transport.roots = Roots::Directory(path.into());
        self
    }

    /// The proxy for all requests, `http://` or `https://`, credentials in it allowed. Without it, the
    /// environment decides (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    pub fn proxy(mut self, url: &str) -> Self {
        self.transport.proxy = Proxy::Given(url.into());
        self
    }

    /// No proxy, whatever the environment says: for a service in this process.
    pub fn no_proxy(mut self) -> Self {
        self.transport.proxy = Proxy::Direct;
        self
    }

    /// Time for one request, its answer included. There always is a limit: a frozen broker lets requests hang
    /// for minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.transport.timeouts.request = timeout;
        self
    }

    /// Time for making a connection, TLS included.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.transport.timeouts.connect = timeout;
        self
    }

    /// What to do about calls that fail: nothing unless set. [`AmsClient::with_retry`] changes it for single calls.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// What the client calls itself; `ams-forwarder/VERSION` unless set.
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.transport.user_agent);
        self
    }

    /// Checks everything that can be checked without the service, and reads the files of certificates and keys.
    pub fn build(self) -> Result<AmsClient, BuildError> {
        self.make(Connector::new, HostLogin::try_files)
    }

    /// The same, for programs that run long and must start: a file of certificates or a key that cannot be used yet is no
    /// error. It is read again with each request, which until then fails with
    /// [`Untrusted`](super::ErrorKind::Untrusted) or [`Unauthorized`](super::ErrorKind::Unauthorized).
    pub fn build_patient(self) -> Result<AmsClient, BuildError> {
        let whatever = |login: &HostLogin| match login.try_files() {
            Err(error) if error.path().is_some() => Ok(()),
            tried => tried,
        };
        self.make(Connector::patient, whatever)
    }

    fn make(
        self,
        connector: impl FnOnce(Transport) -> Result<Connector, BuildError>,
        try_files: impl FnOnce(&HostLogin) -> Result<(), BuildError>,
    ) -> Result<AmsClient, BuildError> {
        let endpoint = Endpoint::parse(&self.endpoint)?;
        let timeouts = self.transport.timeouts;
        let credential = match self.source {
            None => return Err(BuildError::NoToken),
            Some(TokenSource::File(path)) => Credential::file(path),
            Some(TokenSource::Given(text)) => {
                let token = Token::new(text.expose_secret()).ok_or(BuildError::Token)?;
                Credential::Fixed(Arc::new(token))
            }
            Some(TokenSource::Certificate(files)) => {
                let service = endpoint.authn(self.authn_endpoint.as_deref())?;
                let login =
                    HostLogin::new(Authn::new(&service, &endpoint.host, files, self.transport.clone())?);
                try_files(&login)?;
                Credential::Host(Arc::new(login))
            }
        };
        let inner = Inner {
            connector: connector(self.transport)?,
            endpoint: endpoint.url,
            authority: endpoint.authority,
            credential,
            timeouts,
        };
        Ok(AmsClient(Caller::new(inner, self.retry), self.project))
    }
}

impl fmt::Debug for AmsClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmsClientBuilder")
            .field("project", &self.project)
            .field("roots", &self.transport.roots)
            .field("timeouts", &self.transport.timeouts)
            .field("user_agent", &self.transport.user_agent)
            .finish_non_exhaustive()
    }
}

struct Endpoint {
    /// Without a slash at its end, so that paths can be appended.
    url: String,
    authority: String,
    host: String,
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, BuildError> {
        let refused = |reason| BuildError::Endpoint { reason };
        let url =
            Url::parse(text.trim()).map_err(|_| refused("it is no URL; https://msg.example.org is one"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("it begins neither with https:// nor with http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it has a user name or password; AMS knows only tokens"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("it has a query or fragment"));
        }
        let path = url.path().trim_end_matches('/');
        if path == "/v1" || path.ends_with("/v1") {
            return Err(refused("it ends with /v1, which is added to each request"));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(refused("it names no host"));
        };
        let (authority, host) = (format!("{host}:{port}"), host.to_owned());
        Ok(Self { url: url.as_str().trim_end_matches('/').to_owned(), authority, host })
    }

    /// The base URL of the authn service: the one given, or else where it usually is.
    fn authn(&self, given: Option<&str>) -> Result<Url, BuildError> {
        let usual = || format!("https://{}:{AUTHN_PORT}", self.host);
        let text = given.map_or_else(usual, str::to_owned);
        Url::parse(text.trim())
            .ok()
            .filter(|url| url.has_host() && url.query().is_none() && url.fragment().is_none())
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .ok_or(BuildError::AuthnEndpoint {
                reason: "it is no base URL; https://msg.example.org:8443 is one",
            })
    }
}

#[cfg(test)]
mod tests;
