//! The certificate and key with which an emulator speaks TLS.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use x509_parser::parse_x509_certificate;

use crate::client::names_of_certificate;

/// What a server shows to prove that it is itself.
#[derive(Clone)]
pub struct Tls {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.debug_struct("Tls").field("names", &self.names()).finish_non_exhaustive()
    }
}

/// Why a certificate or a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing or may not be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Nothing in the PEM text is a certificate.
    #[error(
        "there is no certificate in {0}; it is to be in PEM form, between BEGIN CERTIFICATE and END CERTIFICATE"
    )]
    NoCertificate(String),
    /// Nothing in the PEM text is a private key.
    #[error("there is no private key in {0}; it is to be in PEM form, unencrypted: PKCS#1, PKCS#8 or EC")]
    NoKey(String),
    /// They are damaged, do not belong together, or of a kind that is not supported.
    #[error("certificate and key cannot be used")]
    Unusable(#[source] rustls::Error),
    /// A CA whose certificate nothing can be checked against.
    #[error("{origin} holds no usable CA certificate: {reason}")]
    Ca {
        /// Where it came from.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Tls {
    /// From PEM text: the server's certificate, followed by those between it and its CA, and its private key (PKCS#1,
    /// PKCS#8 or EC, unencrypted).
    pub fn from_pem(certificate: &[u8], private_key: &[u8]) -> Result<Self, TlsError> {
        Self::read(certificate, "the certificate", private_key, "the private key")
    }

    /// The same from files.
    pub fn from_files(certificate: &Path, private_key: &Path) -> Result<Self, TlsError> {
        let (chain, key) = (read_file(certificate)?, read_file(private_key)?);
        let names = [certificate, private_key].map(|path| path.display().to_string());
        Self::read(&chain, &names[0], &key, &names[1])
    }

    fn read(chain: &[u8], chain_name: &str, key: &[u8], key_name: &str) -> Result<Self, TlsError> {
        let chain = certificates(chain).ok_or_else(|| TlsError::NoCertificate(chain_name.to_owned()))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey(key_name.to_owned()))?;
        let unauthenticated = Arc::new(rustls::server::NoClientAuth);
        let config = server_config(chain.clone(), &key, unauthenticated).map_err(TlsError::Unusable)?;
        Ok(Self { chain, key: Arc::new(key), config: Arc::new(config) })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// One that asks for a client certificate of these CAs. A client may come without; with one that does not hold, it
    /// gets no further than the handshake.
    pub(crate) fn mutual(&self, ca: &[u8], ca_name: &str) -> Result<TlsAcceptor, TlsError> {
        let refused = |reason: String| TlsError::Ca { origin: ca_name.to_owned(), reason };
        let found = certificates(ca).ok_or_else(|| refused("no certificate in PEM form".to_owned()))?;
        let mut roots = RootCertStore::empty();
        for certificate in found {
            roots.add(certificate).map_err(|error| refused(error.to_string()))?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), ring::default_provider().into());
        let verifier =
            verifier.allow_unauthenticated().build().map_err(|error| refused(error.to_string()))?;
        let config = server_config(self.chain.clone(), &self.key, verifier).map_err(TlsError::Unusable)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// The DNS names and addresses that the certificate is for, in its order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let parsed = self.chain.first().and_then(|first| parse_x509_certificate(first).ok());
        parsed.map(|(_, certificate)| names_of_certificate(&certificate)).unwrap_or_default()
    }

    /// Whether a client that trusts the file of these certificates needs no other: the last one signed itself.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        let parsed = self.chain.last().and_then(|last| parse_x509_certificate(last).ok());
        parsed.is_some_and(|(_, certificate)| certificate.subject() == certificate.issuer())
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
    clients: Arc<dyn rustls::server::danger::ClientCertVerifier>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key.clone_key())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates of a PEM text; `None` if there is none, or one is broken.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!found.is_empty()).then_some(found)
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
