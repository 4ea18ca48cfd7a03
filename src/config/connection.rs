//! `[connections.NAME]`: where an AMS is, and who asks.

use std::{fmt, path::PathBuf, time::Duration};

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::{
    InvalidValue,
    login::{self, Login},
    name, path,
    section::Section,
};
use crate::client::{DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT, ProjectName, Roots};

const ENDPOINT_HINT: &str = "scheme, host and port such as \"https://msg.example.org\", or \"emulator\"";
const PROXY_HINT: &str = "a URL such as \"http://proxy.example.org:3128\"";

/// One AMS project at one endpoint.
#[derive(Debug, Clone)]
pub struct ConnectionConfig {
    /// Its key in the configuration.
    pub name: String,
    /// The service.
    pub endpoint: Endpoint,
    /// The project of every subscription that uses this connection.
    pub project: ProjectName,
    /// What it authenticates with; with [`Endpoint::Emulator`] the emulator's own token, unless one is set.
    pub login: Login,
    /// The authorities to trust instead of the system's.
    pub ca: Option<CaSource>,
    /// The proxy to use instead of the environment's.
    pub proxy: Option<ProxyUrl>,
    /// The longest a whole request may take.
    pub timeout: Duration,
    /// The longest that connecting may take.
    pub connect_timeout: Duration,
}

/// Where the service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Scheme, host and port if it is not the scheme's, without a slash at the end.
    Url(String),
    /// The emulator inside this daemon.
    Emulator,
}

/// Where certificates of authorities are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaSource {
    /// A file of one or more certificates (PEM).
    File(PathBuf),
    /// A directory of such files, as `/etc/grid-security/certificates`.
    Dir(PathBuf),
}

impl CaSource {
    /// Whom to trust: these, or the system's.
    pub(crate) fn roots(ca: Option<&Self>) -> Roots {
        match ca {
            Some(Self::File(path)) => Roots::File(path.clone()),
            Some(Self::Dir(path)) => Roots::Directory(path.clone()),
            None => Roots::System,
        }
    }
}

/// The URL of a proxy; it may hold a user's name and password, so it prints as `***`.
#[derive(Clone)]
pub struct ProxyUrl(SecretString);

impl ProxyUrl {
    /// The URL with its credentials.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyUrl(***)")
    }
}

/// Reads one connection; `emulator` is the embedded emulator's token, if there is one.
pub(super) fn read(
    key: &str,
    mut section: Section<'_>,
    emulator: Option<&SecretString>,
) -> Option<ConnectionConfig> {
    let endpoint = section.url("endpoint", parse_endpoint);
    if !section.has("endpoint") {
        section.missing("endpoint", ENDPOINT_HINT);
    }
    let embedded = endpoint == Some(Endpoint::Emulator);
    if embedded && emulator.is_none() {
        section.unmet(
            "endpoint",
            "\"emulator\" needs the table [emulator], which is missing",
            "[emulator] with listen = \"127.0.0.1:8538\"",
        );
    }

    let project = section.parsed("project", name::<ProjectName>);
    if !section.has("project") {
        section.missing("project", "the project's name, as in project = \"EGI\"");
    }

    let service = match &endpoint {
        Some(Endpoint::Emulator) => login::Service::Emulator(emulator),
        None if section.has("endpoint") => login::Service::Unknown,
        Some(Endpoint::Url(_)) | None => login::Service::Real,
    };
    let login = login::read(&mut section, service);
    let ca = ca(&mut section);
    let proxy = section.secret("proxy", parse_proxy);
    let (timeout, connect_timeout) = timeouts(&mut section);

    if let Some(Endpoint::Url(url)) = &endpoint
        && in_clear(url)
    {
        section.warning(
            "endpoint",
            "sends the token over plain http to another host, where anyone on the way can read it",
            "https",
        );
    }
    section.finish();
    Some(ConnectionConfig {
        name: key.to_owned(),
        endpoint: endpoint?,
        project: project?,
        login: login?,
        ca,
        proxy,
        timeout,
        connect_timeout,
    })
}

/// `timeout` and `connect_timeout`.
pub(super) fn timeouts(section: &mut Section<'_>) -> (Duration, Duration) {
    let bounds = Duration::from_millis(100)..=Duration::from_hours(1);
    let timeout = section.duration("timeout", bounds.clone(), DEFAULT_TIMEOUT);
    (timeout, section.duration("connect_timeout", bounds, DEFAULT_CONNECT_TIMEOUT))
}

/// `ca_file` or `ca_dir`.
pub(super) fn ca(section: &mut Section<'_>) -> Option<CaSource> {
    let file = section.parsed("ca_file", path).map(CaSource::File);
    let dir = section.parsed("ca_dir", path).map(CaSource::Dir);
    if section.has("ca_file") && section.has("ca_dir") {
        section.problem("ca_dir", "stands beside ca_file", "one of the two");
    }
    file.or(dir)
}

fn parse_endpoint(text: &str) -> Result<Endpoint, InvalidValue> {
    if text == "emulator" {
        return Ok(Endpoint::Emulator);
    }
    let url = parse_url(text, ENDPOINT_HINT)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidValue::new("has a user or password in it", "token or token_file instead"));
    }
    if !matches!(url.path(), "" | "/") {
        return Err(InvalidValue::new("has a path", ENDPOINT_HINT));
    }
    Ok(Endpoint::Url(url.as_str().trim_end_matches('/').to_owned()))
}

fn parse_proxy(text: &str) -> Result<ProxyUrl, InvalidValue> {
    parse_url(text, PROXY_HINT).map(|_| ProxyUrl(text.into()))
}

pub(super) fn parse_url(text: &str, hint: &str) -> Result<Url, InvalidValue> {
    let url = http_url(text, hint)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(InvalidValue::new("has a query or fragment", hint));
    }
    Ok(url)
}

/// A URL of http or https.
pub(super) fn http_url(text: &str, hint: &str) -> Result<Url, InvalidValue> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        let bare =
            !text.contains("//") && Url::parse(&format!("https://{text}")).is_ok_and(|url| url.has_host());
        let hint = if bare { format!("{hint}; https:// or http:// is missing") } else { hint.to_owned() };
        InvalidValue::new("is not an http or https URL", hint)
    })
}

/// Whether a request to this endpoint can be read on its way.
pub(super) fn in_clear(endpoint: &str) -> bool {
    Url::parse(endpoint).is_ok_and(|url| url.scheme() == "http" && !is_loopback(url.host_str().unwrap_or("")))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

impl Endpoint {
    /// Host and port; `None` for the emulator.
    pub(crate) fn authority(&self) -> Option<String> {
        let Self::Url(url) = self else { return None };
        let url = Url::parse(url).ok()?;
        Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
    }
}
