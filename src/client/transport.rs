//! What every HTTP client of this crate has in common, whomever it speaks to: whom it trusts, who it is, how long it
//! waits, that it follows no redirect (credentials would travel along), and how a failure is put into words.

mod connector;

use super::{
    builder::BuildError,
    classify,
    error::{CONNECT, ErrorKind, TIMEOUT},
    tls::{self, Identity, Roots, Untrusted},
};
use reqwest::{Url, header::HeaderValue};
use rustls::AlertDescription;
use secrecy::{ExposeSecret, SecretString};
use std::{
    error::Error as StdError,
    io,
    time::{Duration, SystemTime},
};

pub(crate) use connector::Connector;

const USER_AGENT: &str = concat!("ams-forwarder/", env!("CARGO_PKG_VERSION"));
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Below what proxies usually grant, so that a request seldom meets a connection that is just being closed.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// How to reach a server. Shows no secret: there is no `Debug`.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) roots: Roots,
    pub(crate) proxy: Proxy,
    pub(crate) timeouts: Timeouts,
    pub(crate) user_agent: String,
}

/// Which way requests go.
#[derive(Clone)]
pub(crate) enum Proxy {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    Environment,
    Direct,
    Given(SecretString),
}

/// There always are limits: a server that froze lets requests hang for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For one request, its answer included.
    pub(crate) request: Duration,
    /// For making a connection, TLS included.
    pub(crate) connect: Duration,
}

impl Transport {
    /// With the system's roots, the environment's proxy, and this program's name.
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        Self { roots: Roots::System, proxy: Proxy::Environment, timeouts, user_agent: USER_AGENT.to_owned() }
    }

    /// Reads the certificates, and shows `identity` to servers that ask for one. Nothing is connected yet. Blocks.
    pub(crate) fn build(&self, identity: Option<&Identity>) -> Result<reqwest::Client, BuildError> {
        let Timeouts { request, connect } = self.timeouts;
        for (what, timeout) in [("timeout", request), ("connect timeout", connect)] {
            if timeout.is_zero() {
                return Err(BuildError::ZeroTimeout { what });
            }
        }
        let user_agent = HeaderValue::from_str(&self.user_agent)
            .map_err(|_| BuildError::UserAgent { value: self.user_agent.clone() })?;
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(&self.roots, identity)?)
            .user_agent(user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .timeout(request)
            .connect_timeout(connect)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE)
            .pool_idle_timeout(POOL_IDLE);
        http = match &self.proxy {
            Proxy::Environment => http,
            Proxy::Direct => http.no_proxy(),
            Proxy::Given(url) => http.proxy(proxy(url.expose_secret())?),
        };
        http.build().map_err(|error| BuildError::Http { reason: causes(&error) })
    }
}

fn proxy(text: &str) -> Result<reqwest::Proxy, BuildError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.and_then(|url| reqwest::Proxy::all(url).ok()).ok_or(BuildError::Proxy)
}

/// Why there is no whole answer.
pub(crate) struct NoAnswer {
    /// [`Transient`](ErrorKind::Transient) or [`Untrusted`](ErrorKind::Untrusted).
    pub(crate) kind: ErrorKind,
    /// The kind's word, or `connect` or `timeout`; see [`Error::class`](super::Error::class).
    pub(crate) class: &'static str,
    /// In words, without a URL.
    pub(crate) message: String,
}

impl NoAnswer {
    fn of(kind: ErrorKind, message: String) -> Self {
        Self { kind, class: kind.as_str(), message }
    }

    /// Whether the request certainly did not get to the server.
    pub(crate) fn is_unsent(&self) -> bool {
        self.class == CONNECT || self.kind == ErrorKind::Untrusted
    }
}

impl Timeouts {
    /// No answer came from the server at `authority`, which may be its host or host and port.
    pub(crate) fn no_answer(&self, authority: &str, error: &reqwest::Error) -> NoAnswer {
        if let Some(Untrusted(why)) = untrusted(error) {
            return NoAnswer::of(ErrorKind::Untrusted, format!("{authority} is not trusted: {why}"));
        }
        let kind = ErrorKind::Transient;
        let (class, message) = if error.is_connect() && error.is_timeout() {
            (CONNECT, format!("no connection to {authority} within {:?}", self.connect))
        } else if error.is_connect() {
            (CONNECT, format!("no connection to {authority}: {}", causes(error)))
        } else if error.is_timeout() {
            return self.timed_out(authority);
        } else {
            (kind.as_str(), format!("no answer from {authority}: {}", causes(error)))
        };
        NoAnswer { kind, class, message }
    }

    /// An answer began, and did not end.
    pub(crate) fn broken_off(&self, authority: &str, error: &reqwest::Error) -> NoAnswer {
        if error.is_timeout() {
            return self.timed_out(authority);
        }
        NoAnswer::of(ErrorKind::Transient, format!("the answer broke off: {}", causes(error)))
    }

    fn timed_out(&self, authority: &str) -> NoAnswer {
        let message = format!("no complete answer from {authority} within {:?}", self.request);
        NoAnswer { kind: ErrorKind::Transient, class: TIMEOUT, message }
    }
}

/// The causes of an error, from the outside in, without the URL and without the layers that say nothing.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = StdError::source(error);
    while let Some(cause) = next {
        let text = match tls_error(cause) {
            Some(rustls::Error::InvalidMessage(_)) => {
                "it does not speak TLS; http:// or another port is meant".to_owned()
            }
            Some(rustls::Error::AlertReceived(alert)) => format!("it ended the TLS handshake ({alert:?})"),
            _ => cause.to_string(),
        };
        if !text.starts_with("client error") && causes.last().is_none_or(|last| !last.ends_with(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    if causes.is_empty() { "the request failed".to_owned() } else { classify::excerpt(&causes.join(": ")) }
}

/// The alert by which the server ended the TLS handshake for the sake of this host's certificate, or for want of one.
pub(crate) fn refusal_of_certificate(error: &reqwest::Error) -> Option<AlertDescription> {
    let alert = |cause| match tls_error(cause)? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    };
    sources(error).find_map(alert).filter(|alert| is_about_certificates(*alert))
}

/// Others say that the server is at fault, or that it is another kind of server.
fn is_about_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::HandshakeFailure
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
            | AlertDescription::CertificateRequired
    )
}

fn untrusted(error: &reqwest::Error) -> Option<&Untrusted> {
    let untrusted = |cause| match tls_error(cause)? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    };
    sources(error).find_map(untrusted)
}

fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(StdError::source(error), |cause: &&(dyn StdError + 'static)| (*cause).source())
}

/// What rustls says, out of the wrappings that the layers above put around it, which do not name it as their source.
fn tls_error<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(error);
    }
    let inner: &'a (dyn StdError + Send + Sync + 'static) = cause.downcast_ref::<io::Error>()?.get_ref()?;
    tls_error(inner)
}

/// A moment, to the second, in UTC.
pub(super) fn date(time: SystemTime) -> String {
    let date = jiff::Timestamp::try_from(time).map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    date.unwrap_or_else(|_| "a day no calendar has".to_owned())
}
