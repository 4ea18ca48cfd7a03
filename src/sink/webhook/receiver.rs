//! The way to the server of a webhook, and what its answers mean.
//!
//! No redirect is followed, for the credential and the messages would go along. Of an answer the status alone is
//! reported: its body may repeat messages. No URL is shown beyond scheme and host.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, write::GzEncoder};
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Body, Method, Response, StatusCode};

use super::encoding::Request;
use super::flights::Flights;
use super::signature::sign;
use crate::client::{
    BuildError, Connector, Credential, ErrorKind, NoAnswer, NoToken, Timeouts, Token, Transport,
    refusal_of_certificate, retry_after,
};
use crate::config::{
    CaSource, HostCertificate, SecretUrl, SigningSecret, TokenSource, WebhookConfig, WebhookCredential,
    WebhookFormat,
};
use crate::sink::{LONGEST_RETRY_AFTER, SinkError};

/// More than this is not read of an answer.
const LARGEST_ANSWER: usize = 64 * 1024;

/// Where requests go, and how.
pub(crate) struct Receiver {
    connector: Connector,
    url: SecretUrl,
    origin: String,
    format: WebhookFormat,
    headers: HeaderMap,
    bearer: Option<Credential>,
    /// Whether there is a certificate to show.
    certified: bool,
    signing_secrets: Vec<SigningSecret>,
    gzip: bool,
    timeouts: Timeouts,
    flights: Mutex<Flights>,
}

/// What an answer, or its absence, means for the messages of a request.
#[derive(Debug)]
pub(super) enum Answer {
    Taken,
    /// These messages will never be taken, or not in one request.
    Refused(String),
    /// 409: these messages are refused, or the receiver is still at work on an earlier request with this key.
    Conflict(String),
    NotNow {
        after: Option<Duration>,
        error: SinkError,
    },
    /// There was no whole answer: they may have been taken.
    Unheard(SinkError),
    /// No messages would be taken: somebody has to mend the receiver or the configuration.
    NotSo(SinkError),
}

impl Receiver {
    /// Reads the certificates, if they can be read already. Nothing is connected yet.
    pub(crate) fn new(config: &WebhookConfig) -> Result<Self, BuildError> {
        let timeouts = Timeouts { request: config.timeout, connect: config.connect_timeout };
        let mut transport = Transport::new(timeouts);
        transport.roots = CaSource::roots(config.ca.as_ref());
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            // Checked when the configuration was read.
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value.expose()))
            {
                headers.insert(name, secret(value));
            }
        }
        let bearer = match &config.credential {
            None => None,
            Some(WebhookCredential::Bearer(TokenSource::File(path))) => Some(Credential::file(path.clone())),
            Some(WebhookCredential::Bearer(TokenSource::Inline(token))) => {
                let token = Token::new(secrecy::ExposeSecret::expose_secret(token));
                Some(Credential::Fixed(Arc::new(token.ok_or(BuildError::Token)?)))
            }
            Some(WebhookCredential::Basic { username, password }) => {
                let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
                let value = HeaderValue::from_str(&format!("Basic {pair}")).map_err(|_| BuildError::Token)?;
                headers.insert(AUTHORIZATION, secret(value));
                None
            }
        };
        Ok(Self {
            connector: Connector::patient_with(
                transport,
                config.certificate.as_ref().map(HostCertificate::files),
            )?,
            certified: config.certificate.is_some(),
            signing_secrets: config.signing_secrets.clone(),
            gzip: config.gzip,
            url: config.url.clone(),
            origin: config.url.origin(),
            format: config.format.clone(),
            headers,
            bearer,
            timeouts,
            flights: Mutex::new(Flights::new(config.batch as usize, config.concurrency as usize)),
        })
    }

    /// What its requests hold.
    pub(super) fn format(&self) -> &WebhookFormat {
        &self.format
    }

    pub(super) fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, once; and once more if its token was refused and the file has another by now.
    pub(super) async fn post(&self, request: &Request) -> Answer {
        let http = match self.http(request).await {
            Ok(http) => http,
            Err(error) => {
                let error = SinkError::new("io", format!("compressing failed: {error}"));
                return Answer::NotNow { after: None, error };
            }
        };
        let client = match self.connector.http().await {
            Ok(client) => client,
            Err(why) => return not_now(why),
        };
        let sent = match &self.bearer {
            None => client.execute(http).await,
            Some(credential) => match self.authenticated(&client, http, credential).await {
                Ok(sent) => sent,
                Err(why) => return Answer::NotSo(SinkError::new(why.class, why.message)),
            },
        };
        match sent {
            Ok(response) => self.judge(response).await,
            Err(error) => {
                if let Some(alert) = refusal_of_certificate(&error) {
                    let what = if self.certified {
                        "it does not take the certificate"
                    } else {
                        "it may ask for a certificate, and no `certificate` is set"
                    };
                    let said = format!("{} ended the TLS handshake ({alert:?}): {what}", self.origin);
                    return Answer::NotSo(SinkError::new("unauthorized", said));
                }
                let why = self.timeouts.no_answer(&self.origin, &error);
                self.connector.learn_from(&why);
                not_now(why)
            }
        }
    }

    /// The request as it goes out, signed now.
    async fn http(&self, request: &Request) -> io::Result<reqwest::Request> {
        let Request { body, headers, idempotency_key, .. } = request;
        let (mut body, mut headers) = (body.clone(), headers.clone());
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        if let Ok(key) = HeaderValue::from_str(idempotency_key) {
            headers.insert("idempotency-key", key);
        }
        if self.gzip {
            body = tokio::task::spawn_blocking(move || gzip(&body)).await??.into();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        sign(&self.signing_secrets, idempotency_key, &body, SystemTime::now(), &mut headers);
        let mut http = reqwest::Request::new(Method::POST, self.url.expose().clone());
        *http.headers_mut() = headers;
        *http.body_mut() = Some(Body::from(body));
        Ok(http)
    }

    async fn authenticated(
        &self,
        client: &reqwest::Client,
        mut http: reqwest::Request,
        credential: &Credential,
    ) -> Result<reqwest::Result<Response>, NoToken> {
        let token = credential.current().await?;
        // Cheap: the body is shared, not copied.
        let again = http.try_clone();
        http.headers_mut().insert(AUTHORIZATION, bearer(&token));
        let sent = client.execute(http).await;
        if sent.as_ref().is_ok_and(|response| response.status() == StatusCode::UNAUTHORIZED)
            && let (Some(other), Some(mut http)) = (credential.instead_of(&token).await?, again)
        {
            http.headers_mut().insert(AUTHORIZATION, bearer(&other));
            return Ok(client.execute(http).await);
        }
        Ok(sent)
    }

    async fn judge(&self, response: Response) -> Answer {
        let status = response.status();
        let said = format!("{} answered {status}", self.origin);
        let lasting = |class| Answer::NotSo(SinkError::new(class, said.clone()));
        match status.as_u16() {
            200..=299 => match read(response).await {
                Ok(()) => Answer::Taken,
                Err(error) => not_now(self.timeouts.broken_off(&self.origin, &error)),
            },
            300..=399 => Answer::NotSo(SinkError::new("invalid", format!("{said}{}", redirect(&response)))),
            401 | 407 => lasting("unauthorized"),
            403 => lasting("forbidden"),
            404 => lasting("not_found"),
            408 | 425 | 429 | 500.. | ..200 => {
                let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let after = header.and_then(|value| retry_after(value, SystemTime::now()));
                let after = after.map(|after| after.min(LONGEST_RETRY_AFTER));
                Answer::NotNow { after, error: SinkError::new("transient", said) }
            }
            409 => Answer::Conflict(said),
            400..=499 => Answer::Refused(said),
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Reads an answer to its end, or as much of it as may be: one that breaks off may be from somebody in between.
async fn read(mut response: Response) -> reqwest::Result<()> {
    let mut bytes = 0;
    while bytes < LARGEST_ANSWER
        && let Some(chunk) = response.chunk().await?
    {
        bytes += chunk.len();
    }
    Ok(())
}

/// Where a redirect points, as far as it may be shown.
fn redirect(response: &Response) -> String {
    let target = response.headers().get(LOCATION).and_then(|to| response.url().join(to.to_str().ok()?).ok());
    let target = target.filter(reqwest::Url::has_host).map(|target| target.origin().ascii_serialization());
    let target = target.map(|origin| format!(" to {origin}")).unwrap_or_default();
    format!(": a redirect{target}, which is not followed; url must be the final address")
}

/// The same for the same body. Blocks.
fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

fn not_now(NoAnswer { kind, class, message }: NoAnswer) -> Answer {
    let error = SinkError::new(class, message);
    if kind == ErrorKind::Untrusted { Answer::NotSo(error) } else { Answer::Unheard(error) }
}

fn bearer(token: &Token) -> HeaderValue {
    let value = [b"Bearer ", token.header().as_bytes()].concat();
    // A token is visible ASCII.
    secret(HeaderValue::from_bytes(&value).unwrap_or_else(|_| HeaderValue::from_static("Bearer")))
}

fn secret(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
