//! The service beside AMS that gives tokens for host certificates.
//!
//! A host shows its certificate in the TLS handshake and asks for the token of the user that its subject is bound to.
//! Who is expired, or of an unknown CA, gets no further than the handshake; everybody else gets the service's answers.

use std::collections::HashMap;
use std::path::Path;

use axum::body::Body;
use axum::http::StatusCode;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde::Serialize;
use tokio_rustls::TlsAcceptor;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::parse_x509_certificate;

use super::answer::Answer;
use super::routes::Call;
use super::server::{Front, Peer, read_body};
use super::tls::{Tls, TlsError, read_file};
use super::{Emulator, faults, json};
use crate::client::written_subject;

/// This service indents by one space.
const INDENT: &str = " ";
const SERVICE_TYPE: &str = "ams";

/// How an emulator gives tokens for host certificates; see [`Emulator::run_authn`](super::Emulator::run_authn).
#[derive(Clone, Debug)]
pub struct Authn {
    acceptor: Acceptor,
    hosts: Vec<String>,
    users: HashMap<String, String>,
    wants_revocation_lists: bool,
}

#[derive(Clone)]
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        form.write_str("Acceptor")
    }
}

impl Authn {
    /// One that shows `tls` and knows the clients whose certificates these CAs (in PEM form) have signed. It gives tokens
    /// for the AMS hosts that the certificate of `tls` is for, and for `localhost`.
    pub fn new(tls: &Tls, client_ca: &[u8]) -> Result<Self, TlsError> {
        Self::with_ca(tls, client_ca, "the client CA")
    }

    /// The same with the CAs in a file.
    pub fn with_ca_file(tls: &Tls, client_ca: &Path) -> Result<Self, TlsError> {
        Self::with_ca(tls, &read_file(client_ca)?, &client_ca.display().to_string())
    }

    fn with_ca(tls: &Tls, ca: &[u8], ca_name: &str) -> Result<Self, TlsError> {
        let acceptor = Acceptor(tls.mutual(ca, ca_name)?);
        let mut hosts = tls.names();
        hosts.push("localhost".to_owned());
        Ok(Self { acceptor, hosts, users: HashMap::new(), wants_revocation_lists: false })
    }

    /// Gives tokens for an AMS host of this name too.
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        self.hosts.push(name.to_owned());
        self
    }

    /// Binds a subject to a user of the emulator. The subject is written as the service does, most specific first, all
    /// DCs joined in the certificate's order, an e-mail address in front:
    /// `E=ops@example.org,CN=client.example.org,OU=hosts,DC=org+DC=example`.
    #[must_use]
    pub fn bind(mut self, subject: &str, user: &str) -> Self {
        self.users.insert(subject.to_owned(), user.to_owned());
        self
    }

    /// Refuses certificates that name no revocation list, as the service does where it is set up to verify them. The
    /// lists themselves are not fetched.
    #[must_use]
    pub fn wanting_revocation_lists(mut self) -> Self {
        self.wants_revocation_lists = true;
        self
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.0.clone()
    }

    /// The token for who shows `certificate`, or the refusal; in the service's order of checks.
    fn token(
        &self,
        emulator: &Emulator,
        asked: Asked<'_>,
        certificate: Option<&[u8]>,
    ) -> Result<String, Refusal> {
        let parsed = certificate.and_then(|der| parse_x509_certificate(der).ok());
        let Some((_, certificate)) = parsed else {
            return Err(Refusal::bad_request("No certificate provided"));
        };
        if self.wants_revocation_lists && !names_a_revocation_list(&certificate) {
            let why = "Your certificate is invalid. No CRLDistributionPoints found on the certificate";
            return Err(Refusal::forbidden(why));
        }
        if asked.service_type != SERVICE_TYPE {
            return Err(Refusal::not_found("Service-type was not found"));
        }
        if !self.hosts.iter().any(|host| host == asked.host) {
            return Err(Refusal::not_found("Host was not found"));
        }
        let subject = written_subject(certificate.subject());
        let token = self.users.get(&subject).and_then(|user| {
            let token = emulator.users().by_name(user).map(|user| user.token.expose().to_owned());
            if token.is_none() {
                tracing::warn!(subject, user, "a host certificate is bound to a user that does not exist");
            }
            token
        });
        if token.is_none() {
            tracing::info!(subject, "a host certificate is bound to nobody");
        }
        token.ok_or_else(|| Refusal::not_found("Binding was not found"))
    }
}

fn names_a_revocation_list(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| {
        matches!(extension.parsed_extension(), ParsedExtension::CRLDistributionPoints(points) if !points.points.is_empty())
    })
}

/// What a path of this service asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked<'a> {
    service_type: &'a str,
    host: &'a str,
}

impl<'a> Asked<'a> {
    fn parse(method: &str, path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/v1/service-types/")?.strip_suffix(":authx509")?;
        let (service_type, host) = rest.split_once("/hosts/")?;
        let is_one = |segment: &str| !segment.is_empty() && !segment.contains('/');
        (method == "GET" && is_one(service_type) && is_one(host)).then_some(Self { service_type, host })
    }
}

#[derive(Debug)]
struct Refusal {
    code: StatusCode,
    status: &'static str,
    message: &'static str,
}

impl Refusal {
    fn bad_request(message: &'static str) -> Self {
        Self { code: StatusCode::BAD_REQUEST, status: "BAD REQUEST", message }
    }

    fn forbidden(message: &'static str) -> Self {
        Self { code: StatusCode::FORBIDDEN, status: "ACCESS_FORBIDDEN", message }
    }

    fn not_found(message: &'static str) -> Self {
        Self { code: StatusCode::NOT_FOUND, status: "NOT FOUND", message }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        #[derive(Serialize)]
        struct Root {
            error: Error,
        }
        #[derive(Serialize)]
        struct Error {
            message: &'static str,
            code: u16,
            status: &'static str,
        }
        let Refusal { code, status, message } = refusal;
        let root = Root { error: Error { message, code: code.as_u16(), status } };
        Self::of_status(code, json::indented(&root, INDENT))
    }
}

/// What the listener serves.
pub(crate) struct Desk {
    emulator: Emulator,
    authn: Authn,
}

impl Desk {
    pub(crate) fn new(emulator: Emulator, authn: Authn) -> Self {
        Self { emulator, authn }
    }

    fn serve(&self, call: &Call, certificate: Option<&[u8]>) -> Answer {
        #[derive(Serialize)]
        struct Given {
            token: String,
        }
        let Some(asked) = Asked::parse(call.method(), call.path()) else {
            return Answer::unknown_route();
        };
        match self.authn.token(&self.emulator, asked, certificate) {
            Ok(token) => Answer::text(json::indented(&Given { token }, INDENT)),
            Err(refusal) => refusal.into(),
        }
    }
}

impl Front for Desk {
    async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let emulator = &self.emulator;
        let (head, body) = request.into_parts();
        let body = match read_body(body, emulator.memory(), emulator.options().client_timeout).await {
            Ok(body) => body,
            Err(refusal) => return Answer::from(refusal).into_response(),
        };
        let call = Call::new(emulator, (head.method, &head.uri), None, body, peer.stopping);
        let certificate = peer.certificate.as_deref();
        let serve = async |call: Call| self.serve(&call, certificate);
        faults::answer(emulator, call, &peer.line, serve).await
    }
}
