//! A CA for a test, with certificates of servers and hosts.

use std::sync::Arc;

use ams_forwarder::emulator::Tls;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DnType, Error, IsCa, Issuer, KeyPair,
    PublicKeyData, SignatureAlgorithm, SigningKey, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The object identifier of a domain component, as it is encoded, is this and 25. rcgen takes each attribute of a subject
/// only once, and a host of the grid has several components: they are made with other numbers, from this one on, and
/// mended here, in the certificate and in what is signed.
const DOMAIN_COMPONENT: [u8; 9] = [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01];
const STAND_INS: u8 = 120;

/// A CA, whose certificate is in `pem`.
pub(crate) struct Authority {
    pub(crate) pem: String,
    pub(crate) key_pem: String,
    issuer: Issuer<'static, Mending>,
}

/// A host's certificate and key.
pub(crate) struct Host {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

struct Mending(KeyPair);

fn ca(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    (params, KeyPair::generate().unwrap())
}

fn mended(der: &[u8]) -> Vec<u8> {
    let mut der = der.to_vec();
    let is_stand_in = |window: &[u8]| window.starts_with(&DOMAIN_COMPONENT) && window[9] >= STAND_INS;
    while let Some(at) = der.windows(10).position(is_stand_in) {
        der[at + 9] = 25;
    }
    der
}

impl PublicKeyData for Mending {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for Mending {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.sign(&mended(message))
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let (params, key) = ca(name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, key_pem: key.serialize_pem(), issuer: Issuer::new(params, Mending(key)) }
    }

    /// Certificate and key of a server, both as PEM.
    pub(crate) fn server_pem(&self, names: &[&str]) -> (String, String) {
        self.server_with(names, |_| {})
    }

    /// The same, of another kind.
    pub(crate) fn server_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A CA whose certificate is of this one.
    pub(crate) fn below(&self, name: &str) -> Self {
        let (params, key) = ca(name);
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { pem, key_pem: key.serialize_pem(), issuer: Issuer::new(params, Mending(key)) }
    }

    pub(crate) fn server(&self, names: &[&str]) -> Tls {
        let (certificate, key) = self.server_pem(names);
        Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
    }

    /// A host whose subject is written as the service does, such as `CN=a,OU=hosts,DC=org+DC=example`.
    pub(crate) fn host(&self, subject: &str) -> Host {
        self.host_with(subject, |_| {})
    }

    pub(crate) fn expired_host(&self, subject: &str) -> Host {
        self.host_with(subject, |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        })
    }

    /// One whose certificate says where its CA's list of revoked ones is.
    pub(crate) fn host_with_revocation_list(&self, subject: &str) -> Host {
        self.host_with(subject, |params| {
            let uris = vec!["http://127.0.0.1:1/crl".to_owned()];
            params.crl_distribution_points = vec![CrlDistributionPoint { uris }];
        })
    }

    pub(crate) fn host_with(&self, subject: &str, change: impl FnOnce(&mut CertificateParams)) -> Host {
        let mut params = params_of(subject);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Host::new(&mended(certificate.der()), &key)
    }
}

impl Host {
    fn new(der: &[u8], key: &KeyPair) -> Self {
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Self { chain: vec![CertificateDer::from(der.to_vec())], key }
    }

    /// Certificate and key, both as PEM.
    pub(crate) fn pem(&self) -> (String, String) {
        let chain = self.chain.iter().map(|certificate| pem("CERTIFICATE", certificate)).collect();
        (chain, pem("PRIVATE KEY", self.key.secret_der()))
    }

    pub(crate) fn self_signed(subject: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params_of(subject).self_signed(&key).unwrap();
        Self::new(certificate.der(), &key)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn params_of(subject: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let parts: Vec<&str> = subject.split(',').collect();
    let (domains, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.starts_with("DC="));
    let domains: Vec<&str> = domains.iter().flat_map(|part| part.split('+')).collect();
    for (index, domain) in domains.iter().enumerate() {
        let stand_in = u64::from(STAND_INS) + u64::try_from(index).unwrap();
        let kind = DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, stand_in]);
        params.distinguished_name.push(kind, domain.strip_prefix("DC=").unwrap());
    }
    for part in others.iter().rev() {
        let (kind, value) = part.split_once('=').unwrap();
        let kind = match kind {
            "CN" => DnType::CommonName,
            "OU" => DnType::OrganizationalUnitName,
            "E" => DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]),
            other => panic!("{other} is not known here"),
        };
        params.distinguished_name.push(kind, value);
    }
    params
}

/// A TLS connection of a client that trusts this CA, and shows a certificate if it has one.
pub(crate) async fn connect(
    address: std::net::SocketAddr,
    ca: &str,
    host: Option<&Host>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = match host {
        None => config.with_no_client_auth(),
        Some(host) => config.with_client_auth_cert(host.chain.clone(), host.key.clone_key()).unwrap(),
    };
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// What comes back over a connection after a request on it, until it ends, and how it ends.
pub(crate) async fn exchange(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> (String, std::io::Result<()>) {
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\nconnection: close\r\n");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let mut bytes = Vec::new();
    let end = match stream.write_all(request.as_bytes()).await {
        Ok(()) => stream.read_to_end(&mut bytes).await.map(drop),
        Err(error) => Err(error),
    };
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}
