//! Why a server is not trusted, in plain words: which certificate, what is wrong with it, what to do.
//!
//! What decides is rustls's own verifier.

use super::{Described, names_of};
use crate::client::transport::date;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use x509_parser::parse_x509_certificate;

/// What is wrong with a server's certificate; where it stands among the causes of a failed request, the server could not
/// prove who it is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Untrusted(pub(crate) String);

#[derive(Debug)]
pub(super) struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    /// Where the trusted CAs come from.
    roots: String,
}

impl Verifier {
    pub(super) fn new(webpki: Arc<WebPkiServerVerifier>, roots: String) -> Self {
        Self { webpki, roots }
    }

    fn words(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        error: &CertificateError,
    ) -> String {
        let Ok((_, parsed)) = parse_x509_certificate(certificate) else {
            return "the server's certificate is damaged".to_owned();
        };
        let of = Described::of(&parsed);
        let whose = format!("the server's certificate ({})", of.subject);
        match error {
            CertificateError::UnknownIssuer if of.signed_itself => format!(
                "{whose} signed itself and is not among {}; to trust it, give it as the CA file",
                self.roots
            ),
            CertificateError::UnknownIssuer => format!(
                "{whose} is of the CA {}, which is not among {}; to trust it, give it as the CA file or put it into the \
                 CA directory",
                of.issuer, self.roots
            ),
            CertificateError::ExpiredContext { time, not_after } if at(*not_after) == of.ends => format!(
                "{whose} expired on {}, and now it is {}: the service needs a new one",
                date(of.ends),
                date(at(*time))
            ),
            CertificateError::ExpiredContext { not_after, .. } => format!(
                "a certificate between the server's ({}) and its CA expired on {}: the service needs a new one",
                of.subject,
                date(at(*not_after))
            ),
            CertificateError::NotValidYetContext { time, not_before } => format!(
                "{whose} is valid only from {} on, and here it is {}: is the clock right?",
                date(at(*not_before)),
                date(at(*time))
            ),
            CertificateError::NotValidForNameContext { .. } => match names_of(&parsed) {
                names if names.is_empty() => {
                    format!(
                        "{whose} is not for {}: it has no names that count (subjectAltName)",
                        name.to_str()
                    )
                }
                names => format!("{whose} is not for {}, but for {}", name.to_str(), names.join(", ")),
            },
            CertificateError::Other(OtherError(other)) if other.to_string() == "CaUsedAsEndEntity" => {
                format!(
                    "{whose} is one of a CA, which no server may show; it needs one with basicConstraints CA:FALSE"
                )
            }
            other => format!("{whose} of the CA {} does not hold: {other}", of.issuer),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| match error {
            Error::InvalidCertificate(error) => {
                let untrusted = Untrusted(self.words(end_entity, server_name, &error));
                CertificateError::Other(OtherError(Arc::new(untrusted))).into()
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

fn at(time: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs())
}
