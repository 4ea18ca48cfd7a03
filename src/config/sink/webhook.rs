//! The keys of a webhook sink.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};

use super::super::{
    CaSource, HostCertificate, InvalidValue, Secret, SecretUrl, TokenSource,
    connection::{ca, http_url, in_clear, timeouts},
    login::{host_certificate, parse_token},
    path, schema,
    section::{Section, Words},
};

mod format;
mod signing;
mod template;

pub use format::{CloudEventsMode, WebhookFormat};
pub(crate) use format::{is_json, is_media_type};
pub use signing::SigningSecret;
pub use template::Template;

const URL_HINT: &str = "a URL such as \"https://alerts.example.org/hook\"";
static COMPRESS: Words<bool> = Words { now: &[("none", false), ("gzip", true)], later: &[] };
const LARGEST_BATCH: u32 = 10_000;
const MOST_AT_ONCE: u32 = 64;

/// A receiver of messages over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Where requests go.
    pub url: SecretUrl,
    /// What they hold.
    pub format: WebhookFormat,
    /// The most messages of one request.
    pub batch: u32,
    /// The most requests at once; only with one do messages arrive in order.
    pub concurrency: u32,
    /// Headers of every request; their values may be secret.
    pub headers: BTreeMap<String, Secret>,
    /// What it authenticates with.
    pub credential: Option<WebhookCredential>,
    /// The certificate to show to a receiver that asks for one.
    pub certificate: Option<HostCertificate>,
    /// The secrets to sign requests with, all of them; without any, requests are not signed.
    pub signing_secrets: Vec<SigningSecret>,
    /// Whether bodies are compressed, with gzip.
    pub gzip: bool,
    /// The authorities to trust instead of the system's.
    pub ca: Option<CaSource>,
    /// The longest a whole request may take.
    pub timeout: Duration,
    /// The longest that connecting may take.
    pub connect_timeout: Duration,
}

/// What stands in the header `Authorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookCredential {
    /// `Bearer`, and a token.
    Bearer(TokenSource),
    /// `Basic`.
    Basic {
        /// The user's name, without a colon.
        username: String,
        /// The password.
        password: Secret,
    },
}

pub(super) fn read(section: &mut Section<'_>) -> Option<WebhookConfig> {
    let url = section.secret("url", parse_url);
    if !section.has("url") {
        section.missing("url", URL_HINT);
    }
    let batch = section.integer("batch", 1..=LARGEST_BATCH).unwrap_or(1);
    let concurrency = section.integer("concurrency", 1..=MOST_AT_ONCE).unwrap_or(1);
    let format = format::read(section, batch);
    let headers = headers(section);
    let credential = credential(section);
    if credential.is_some() && headers.contains_key(AUTHORIZATION.as_str()) {
        section.problem("headers", "has an authorization beside another credential", "one of the two");
    }
    let certificate = host_certificate(section);
    let signing_secrets = section.secrets("signing_secrets", SigningSecret::parse);
    let gzip = section.word("compress", &COMPRESS).unwrap_or(false);
    let ca = ca(section);
    let (timeout, connect_timeout) = timeouts(section);
    if let Some(url) = &url {
        warn_of_plain_http(section, url, credential.is_some() || !headers.is_empty(), &signing_secrets);
    }
    Some(WebhookConfig {
        url: url?,
        format: format?,
        batch,
        concurrency,
        headers,
        credential,
        certificate,
        signing_secrets,
        gzip,
        ca,
        timeout,
        connect_timeout,
    })
}

fn warn_of_plain_http(section: &Section<'_>, url: &SecretUrl, secret: bool, signed: &[SigningSecret]) {
    if section.has("certificate") && url.expose().scheme() == "http" {
        section.problem("certificate", "is never shown over plain http", "a url with https");
    } else if in_clear(url.expose().as_str()) && secret {
        section.warning(
            "url",
            "sends the credential over plain http to another host, where anyone on the way can read it",
            "https",
        );
    } else if in_clear(url.expose().as_str()) && !signed.is_empty() {
        section.warning(
            "url",
            "sends messages over plain http to another host: signed, but anyone on the way can read them",
            "https",
        );
    }
}

fn headers(section: &mut Section<'_>) -> BTreeMap<String, Secret> {
    let mut headers = BTreeMap::new();
    let mut as_written = BTreeMap::new();
    for Header { name, written, value } in section.strings("headers", parse_header) {
        if let Some(other) = as_written.insert(name.clone(), written.clone()) {
            let what = format!("has {other} and {written}, which are one header");
            section.problem("headers", what, "one of the two");
        }
        headers.insert(name, value);
    }
    headers
}

fn credential(section: &mut Section<'_>) -> Option<WebhookCredential> {
    let token = section.secret("bearer_token", parse_token).map(TokenSource::Inline);
    let file = section.parsed("bearer_token_file", path).map(TokenSource::File);
    let basic = section.optional_table("basic", &schema::SINK_BASIC).and_then(basic);
    let given: Vec<_> =
        ["bearer_token", "bearer_token_file", "basic"].into_iter().filter(|key| section.has(key)).collect();
    if let [first, .., last] = given.as_slice() {
        section.problem(last, format!("stands beside {first}"), "one of the two");
    }
    token.or(file).map(WebhookCredential::Bearer).or(basic)
}

fn basic(mut section: Section<'_>) -> Option<WebhookCredential> {
    let username = section.parsed("username", |text| match text {
        "" => Err(InvalidValue::new("is empty", "the user's name")),
        _ if text.contains(':') => Err(InvalidValue::new("has a colon", "a name without one")),
        _ => Ok(text.to_owned()),
    });
    let password = section.secret("password", |text| Ok(Secret::new(text)));
    for key in ["username", "password"] {
        if !section.has(key) {
            section
                .missing(key, "as in basic = { username = \"forwarder\", password = \"${HOOK_PASSWORD}\" }");
        }
    }
    section.finish();
    Some(WebhookCredential::Basic { username: username?, password: password? })
}

fn parse_url(text: &str) -> Result<SecretUrl, InvalidValue> {
    let url: Url = http_url(text, URL_HINT)?;
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "basic = { username = \"…\", password = \"…\" } instead";
        return Err(InvalidValue::new("has a user or password in it", hint));
    }
    if url.fragment().is_some() {
        return Err(InvalidValue::new("has a fragment", URL_HINT));
    }
    Ok(SecretUrl::new(url))
}

/// The headers that the sink itself is in charge of.
fn is_taken(name: &HeaderName) -> bool {
    let taken = [
        CONNECTION,
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        HOST,
        PROXY_AUTHORIZATION,
        TRANSFER_ENCODING,
    ];
    taken.contains(name) || name == "idempotency-key" || name.as_str().starts_with("webhook-")
}

struct Header {
    /// In small letters: no server tells names by their case.
    name: String,
    written: String,
    value: Secret,
}

fn parse_header(written: &str, value: &str) -> Result<Header, InvalidValue> {
    let hint = "as in headers = { x-source = \"ams\" }";
    let name: HeaderName =
        written.parse().map_err(|_| InvalidValue::new("is not under the name of a header", hint))?;
    if is_taken(&name) {
        return Err(InvalidValue::new("is for a header that the sink itself sets", "other headers"));
    }
    HeaderValue::from_str(value).map_err(|_| InvalidValue::new("has characters that no header has", hint))?;
    Ok(Header { name: name.as_str().to_owned(), written: written.to_owned(), value: Secret::new(value) })
}
