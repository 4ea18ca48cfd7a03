//! What every HTTP client of this crate has in common, whomever it speaks to: whom it trusts, how long it waits, that
//! it follows no redirect (credentials would travel along), and how a failure is put into words.

use super::{
    builder::BuildError,
    classify,
    error::{CONNECT, ErrorKind, TIMEOUT},
    tls::{self, Roots},
};
use reqwest::{Url, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

const USER_AGENT: &str = concat!("ams-forwarder/", env!("CARGO_PKG_VERSION"));
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Below what proxies usually grant, so that a request seldom meets a connection that is just being closed.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// How to reach a server. Shows no secret: there is no `Debug`.
pub(crate) struct Transport {
    pub(crate) roots: Roots,
    pub(crate) proxy: Proxy,
    pub(crate) timeouts: Timeouts,
    pub(crate) user_agent: String,
}

/// Which way requests go.
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

    /// Reads the certificates. Nothing is connected yet.
    pub(crate) fn build(self) -> Result<reqwest::Client, BuildError> {
        let Timeouts { request, connect } = self.timeouts;
        for (what, timeout) in [("timeout", request), ("connect timeout", connect)] {
            if timeout.is_zero() {
                return Err(BuildError::ZeroTimeout { what });
            }
        }
        let user_agent = HeaderValue::from_str(&self.user_agent)
            .map_err(|_| BuildError::UserAgent { value: self.user_agent })?;
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(&self.roots)?)
            .user_agent(user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .timeout(request)
            .connect_timeout(connect)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE)
            .pool_idle_timeout(POOL_IDLE);
        http = match self.proxy {
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
    /// `connect`, `timeout` or `transient`; see [`Error::class`](super::Error::class).
    pub(crate) class: &'static str,
    /// In words, without a URL.
    pub(crate) message: String,
}

impl Timeouts {
    /// No answer came from the server at `authority`, which may be its host or host and port.
    pub(crate) fn no_answer(&self, authority: &str, error: &reqwest::Error) -> NoAnswer {
        let (class, message) = if error.is_connect() && error.is_timeout() {
            (CONNECT, format!("no connection to {authority} within {:?}", self.connect))
        } else if error.is_connect() {
            (CONNECT, format!("no connection to {authority}: {}", causes(error)))
        } else if error.is_timeout() {
            return self.timed_out(authority);
        } else {
            (ErrorKind::Transient.as_str(), format!("no answer from {authority}: {}", causes(error)))
        };
        NoAnswer { class, message }
    }

    /// An answer began, and did not end.
    pub(crate) fn broken_off(&self, authority: &str, error: &reqwest::Error) -> NoAnswer {
        if error.is_timeout() {
            return self.timed_out(authority);
        }
        let message = format!("the answer broke off: {}", causes(error));
        NoAnswer { class: ErrorKind::Transient.as_str(), message }
    }

    fn timed_out(&self, authority: &str) -> NoAnswer {
        let message = format!("no complete answer from {authority} within {:?}", self.request);
        NoAnswer { class: TIMEOUT, message }
    }
}

/// The causes of an error, from the outside in, without the URL and without the layers that say nothing.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if !text.starts_with("client error") && causes.last().is_none_or(|last| !last.ends_with(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    if causes.is_empty() { "the request failed".to_owned() } else { classify::excerpt(&causes.join(": ")) }
}
