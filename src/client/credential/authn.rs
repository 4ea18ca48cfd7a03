//! The authn service beside AMS, which gives the token of the user that a host's certificate is bound to.

use super::{NoToken, Token};
use crate::client::{
    builder::BuildError,
    classify,
    error::ErrorKind,
    http::{Unread, read_body, read_start},
    tls::{Described, Identity, IdentityFiles},
    transport::{NoAnswer, Timeouts, Transport, date, refusal_of_certificate},
};
use reqwest::{Response, StatusCode, Url, header::RETRY_AFTER};
use rustls::AlertDescription;
use serde::Deserialize;
use std::time::SystemTime;

/// More than any answer of this service has.
const ANSWER_BYTES: usize = 64 * 1024;

/// Where to log in, with what, and for which AMS.
pub(in crate::client) struct Authn {
    url: Url,
    authority: String,
    ams_host: String,
    files: IdentityFiles,
    transport: Transport,
    timeouts: Timeouts,
}

#[derive(Deserialize)]
struct Body {
    token: String,
}

/// A token, and what it was given for.
pub(super) struct Given {
    pub(super) token: Token,
    pub(super) certificate: Described,
}

impl Authn {
    /// `service` is the base URL of the authn service, `ams_host` the host of the AMS without its port.
    pub(in crate::client) fn new(
        service: &Url,
        ams_host: &str,
        files: IdentityFiles,
        transport: Transport,
    ) -> Result<Self, BuildError> {
        let refused = |reason| BuildError::AuthnEndpoint { reason };
        if service.scheme() != "https" {
            return Err(refused("it does not begin with https://; a certificate is shown over TLS alone"));
        }
        let path = format!("/v1/service-types/ams/hosts/{ams_host}:authx509");
        let mut url = service.clone();
        url.set_path(&format!("{}{path}", service.path().trim_end_matches('/')));
        let host = url.host_str().ok_or_else(|| refused("it names no host"))?;
        let authority = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        let timeouts = transport.timeouts;
        Ok(Self { authority, ams_host: ams_host.to_owned(), url, files, transport, timeouts })
    }

    pub(super) fn files(&self) -> &IdentityFiles {
        &self.files
    }

    /// Reads all files anew. Blocks.
    pub(super) fn prepare(&self) -> Result<(Identity, reqwest::Client), BuildError> {
        let identity = self.files.read()?;
        let http = self.transport.build(Some(&identity))?;
        Ok((identity, http))
    }

    /// Asks for the token, once.
    pub(super) async fn ask(&self, identity: Identity, http: reqwest::Client) -> Result<Given, NoToken> {
        let certificate = identity.certificate;
        let response = match http.get(self.url.clone()).send().await {
            Ok(response) => response,
            Err(error) => return Err(self.unreachable(&certificate, &error)),
        };
        if response.status() != StatusCode::OK {
            return Err(self.refusal(&certificate, response).await);
        }
        let body = match read_body(response, ANSWER_BYTES).await {
            Ok(body) => body,
            Err(Unread::Broken(error)) => return Err(self.unreachable(&certificate, &error)),
            Err(Unread::TooLarge) => return Err(self.not_authn(&certificate)),
        };
        let token = serde_json::from_slice::<Body>(&body).ok().and_then(|body| Token::new(&body.token));
        match token {
            Some(token) => Ok(Given { token, certificate }),
            None => Err(self.not_authn(&certificate)),
        }
    }

    /// Why there is no token, told by what the operator knows: which certificate, whose, and where.
    fn says(&self, certificate: &Described, what: &str) -> String {
        let file = self.files.certificate.display();
        format!("login at {} with the certificate {file} ({}): {what}", self.authority, certificate.subject)
    }

    fn unreachable(&self, certificate: &Described, error: &reqwest::Error) -> NoToken {
        if let Some(alert) = refusal_of_certificate(error) {
            return NoToken::lasting(self.says(certificate, &turned_away(certificate, alert)));
        }
        let NoAnswer { kind, class, message } = self.timeouts.no_answer(&self.authority, error);
        // Who is turned away may see no more of it than the end of the connection.
        match out_of_time(certificate, SystemTime::now()) {
            Some(why) if kind == ErrorKind::Transient && !error.is_connect() && !error.is_timeout() => {
                NoToken::lasting(self.says(certificate, &format!("{message}; the certificate {why}")))
            }
            _ => NoToken { kind, class, message: self.says(certificate, &message), retry_after: None },
        }
    }

    async fn refusal(&self, certificate: &Described, response: Response) -> NoToken {
        let status = response.status();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|value| classify::retry_after(value, SystemTime::now()));
        let body = read_start(response, ANSWER_BYTES).await;
        let text = String::from_utf8_lossy(&body);
        let said = classify::service_message(&text).unwrap_or_else(|| text.into_owned());
        let said = classify::excerpt(&said);
        let hint = self.hint(certificate, status.as_u16(), &said);
        let message = self.says(certificate, &format!("{} {said}{hint}", status.as_u16()));
        let passes = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        let kind = if passes { ErrorKind::Transient } else { ErrorKind::Unauthorized };
        NoToken { kind, class: kind.as_str(), message, retry_after }
    }

    /// What somebody can do about it.
    fn hint(&self, certificate: &Described, status: u16, said: &str) -> String {
        let Described { subject, .. } = certificate;
        let (authority, host) = (&self.authority, &self.ams_host);
        match (status, said) {
            (404, "Binding was not found") => {
                format!("; let the service's administrators bind {subject} to a user")
            }
            (404, "Host was not found") => format!(
                "; it gives no tokens for {host}: the endpoint must have the name by which the AMS is registered there, \
                 or authn_endpoint must be another"
            ),
            (404, "Service-type was not found") => {
                format!("; the authn service at {authority} knows of no AMS: authn_endpoint must be another")
            }
            (404, _) => format!("; is there an authn service at {authority}? authn_endpoint says where it is"),
            (400, _) => "; the certificate did not get there: something on the way ends TLS, and authn_endpoint must lead \
                         past it"
                .to_owned(),
            (403, _) => "; a certificate is needed that is not revoked and names the revocation list of its CA (a CRL \
                         distribution point)"
                .to_owned(),
            (300..=399, _) => "; redirects are not followed: authn_endpoint must be the final address".to_owned(),
            _ => String::new(),
        }
    }

    /// Nothing of the answer is shown: it may hold a token.
    fn not_authn(&self, certificate: &Described) -> NoToken {
        let kind = ErrorKind::Transient;
        let message = self.says(certificate, "200, but what came is no answer of an authn service");
        NoToken { kind, class: kind.as_str(), message, retry_after: None }
    }
}

/// What the alert means by which a server ends a handshake.
fn turned_away(certificate: &Described, alert: AlertDescription) -> String {
    let Described { issuer, ends, signed_itself, .. } = certificate;
    let out_of_time = out_of_time(certificate, SystemTime::now());
    match (alert, out_of_time) {
        (_, Some(why)) => format!("the server does not take the certificate: it {why}"),
        (AlertDescription::CertificateExpired, None) => format!(
            "the server says that the certificate has expired, and it ends on {}: the server's clock is wrong, or a \
             certificate between it and its CA has expired",
            date(*ends)
        ),
        (AlertDescription::CertificateRevoked, None) => {
            format!("the certificate was revoked; a new one of {issuer} is needed")
        }
        (_, None) if *signed_itself => {
            format!(
                "the server does not take the certificate ({alert:?}): it signed itself; one of a CA is needed"
            )
        }
        (AlertDescription::UnknownCA, None) => format!(
            "the server does not know the CA {issuer}: a certificate of a CA that it trusts is needed, followed in the \
             file by those between it and that CA"
        ),
        (alert, None) => format!(
            "the server ended the TLS handshake ({alert:?}): it does not take the certificate, which is of {issuer} and \
             ends on {}",
            date(*ends)
        ),
    }
}

fn out_of_time(certificate: &Described, now: SystemTime) -> Option<String> {
    let Described { begins, ends, .. } = *certificate;
    if now > ends {
        Some(format!("expired on {}; replace it, the new one is used at the next try", date(ends)))
    } else if now < begins {
        Some(format!("is valid only from {} on, and here it is {}", date(begins), date(now)))
    } else {
        None
    }
}
