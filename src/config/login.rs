//! What a connection authenticates with: a token, or the certificate of this host.

use std::{fmt, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{InvalidValue, connection::parse_url, path, section::Section};
use crate::client::IdentityFiles;

const AUTHN_HINT: &str = "a URL such as \"https://msg.example.org:8443\"";
const BOTH_FILES: &str = "certificate = \"FILE\" and private_key = \"FILE\"";
const CERTIFICATE_KEYS: [&str; 3] = ["certificate", "private_key", "authn_endpoint"];

/// What a connection authenticates with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A token.
    Token(TokenSource),
    /// The certificate of this host, for which the authn service beside AMS gives the token.
    Certificate {
        /// The certificate, followed by those between it and its CA (PEM).
        certificate: PathBuf,
        /// Its key (PEM); it may be the same file.
        private_key: PathBuf,
        /// Where the authn service is, if not on port 8443 of the endpoint's host.
        authn_endpoint: Option<String>,
    },
}

/// The files of this host's certificate (PEM, followed by those between it and its CA) and of its key (PEM); it may be
/// one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCertificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub private_key: PathBuf,
}

impl HostCertificate {
    pub(crate) fn files(&self) -> IdentityFiles {
        IdentityFiles { certificate: self.certificate.clone(), private_key: self.private_key.clone() }
    }
}

/// Where a token comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// It stands in the configuration, or in an environment variable that the configuration names.
    Inline(SecretString),
    /// It is what this file holds.
    File(PathBuf),
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline(***)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl PartialEq for TokenSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(one), Self::Inline(other)) => one.expose_secret() == other.expose_secret(),
            (Self::File(one), Self::File(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for TokenSource {}

/// The service that a connection leads to, as far as it matters to the login.
#[derive(Clone, Copy)]
pub(super) enum Service<'a> {
    Real,
    /// The one inside this daemon, with its token unless the table `[emulator]` is missing.
    Emulator(Option<&'a SecretString>),
    /// What is said of it is wrong.
    Unknown,
}

/// Reads the keys of the login. One of the ways is needed, unless the service is inside this daemon.
pub(super) fn read(section: &mut Section<'_>, service: Service<'_>) -> Option<Login> {
    let token = token(section);
    let certificate = certificate(section);
    let by_token = ["token", "token_file"].into_iter().find(|key| section.has(key));
    let by_certificate = CERTIFICATE_KEYS.into_iter().find(|key| section.has(key));
    match (by_token, by_certificate, service) {
        (Some(token), Some(certificate), _) => {
            section.problem(certificate, format!("stands beside {token}"), "one of the two");
            None
        }
        (None, Some(key), Service::Emulator(_)) => {
            section.problem(
                key,
                "is of no use with the emulator, which knows tokens alone",
                "token, or nothing",
            );
            None
        }
        (None, None, Service::Emulator(token)) => Some(Login::Token(TokenSource::Inline(token?.clone()))),
        (None, None, Service::Real) => {
            let hint = "token_file = \"FILE\", or token = \"${NAME}\", or certificate and private_key";
            section.missing("token", hint);
            None
        }
        (None, None, Service::Unknown) => None,
        (Some(_), None, _) => token.map(Login::Token),
        (None, Some(_), _) => certificate,
    }
}

fn token(section: &mut Section<'_>) -> Option<TokenSource> {
    let inline = section.secret("token", parse_token).map(TokenSource::Inline);
    let file = section.parsed("token_file", path).map(TokenSource::File);
    if section.has("token") && section.has("token_file") {
        section.problem("token_file", "stands beside token", "one of the two");
        return None;
    }
    inline.or(file)
}

fn certificate(section: &mut Section<'_>) -> Option<Login> {
    let files = host_certificate(section);
    let authn_endpoint = section.url("authn_endpoint", parse_authn_endpoint);
    let [certificate_key, private_key_key, endpoint_key] = CERTIFICATE_KEYS.map(|key| section.has(key));
    if endpoint_key && !certificate_key && !private_key_key {
        section.unmet("authn_endpoint", "stands without certificate", BOTH_FILES);
    }
    if endpoint_key && authn_endpoint.is_none() {
        return None;
    }
    let HostCertificate { certificate, private_key } = files?;
    Some(Login::Certificate { certificate, private_key, authn_endpoint })
}

/// `certificate` and `private_key`, which stand together.
pub(super) fn host_certificate(section: &mut Section<'_>) -> Option<HostCertificate> {
    let certificate = section.parsed("certificate", path);
    let private_key = section.parsed("private_key", path);
    match (section.has("certificate"), section.has("private_key")) {
        (true, false) => {
            let hint = "private_key = \"FILE\"; the same file may hold both";
            section.unmet("certificate", "stands without private_key", hint);
        }
        (false, true) => section.unmet("private_key", "stands without certificate", BOTH_FILES),
        _ => {}
    }
    Some(HostCertificate { certificate: certificate?, private_key: private_key? })
}

fn parse_authn_endpoint(text: &str) -> Result<String, InvalidValue> {
    let url = parse_url(text, AUTHN_HINT)?;
    if url.scheme() != "https" {
        return Err(InvalidValue::new(
            "is not an https URL, and a certificate is shown over TLS alone",
            AUTHN_HINT,
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidValue::new("has a user or password in it", AUTHN_HINT));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// A token goes into a header, and so is visible ASCII; a variable may come with a line's end.
pub(super) fn parse_token(text: &str) -> Result<SecretString, InvalidValue> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidValue::new("is empty", "the token"));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(InvalidValue::new("has white space or other characters no token has", "the token alone"));
    }
    Ok(text.into())
}
