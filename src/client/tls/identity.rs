//! Who this host is: a certificate and its private key.

use super::{Described, provider};
use crate::client::{
    builder::BuildError,
    credential::{Stamp, warn_if_exposed},
};
use rustls::{
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::{CertifiedKey, SigningKey},
};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};
use x509_parser::parse_x509_certificate;

/// Longer than any chain of certificates or key; a file that goes on behind it was named by mistake.
const LONGEST_FILE: u64 = 1 << 20;

/// Where a certificate and its key are; the same file may hold both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdentityFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
}

/// What was read from the files.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    pub(crate) certificate: Described,
}

impl IdentityFiles {
    /// How both look, to tell whether they changed. Blocks.
    pub(in crate::client) fn look(&self) -> [Option<Stamp>; 2] {
        [&self.certificate, &self.private_key].map(|path| Stamp::of(path).ok())
    }

    /// Reads both and holds them against each other. Blocks.
    pub(crate) fn read(&self) -> Result<Identity, BuildError> {
        let wrong_certificate =
            |reason: String| BuildError::Certificate { path: self.certificate.clone(), reason };
        let wrong_key = |reason: String| BuildError::PrivateKey { path: self.private_key.clone(), reason };

        let chain = chain(&read(&self.certificate).map_err(wrong_certificate)?).map_err(wrong_certificate)?;
        warn_if_exposed(&self.private_key, "private key");
        let key = key(&read(&self.private_key).map_err(wrong_key)?).map_err(wrong_key)?;
        let parsed = chain.first().and_then(|first| parse_x509_certificate(first).ok());
        let (_, first) =
            parsed.ok_or_else(|| wrong_certificate("the first certificate in it is damaged".to_owned()))?;
        let certificate = Described::of(&first);
        if key.public_key().is_some_and(|public| *public != *first.tbs_certificate.subject_pki.raw) {
            return Err(wrong_key(format!(
                "it does not belong to the first certificate in {}, that of {}",
                self.certificate.display(),
                certificate.subject
            )));
        }
        drop(first);
        // Not `from_der`: rustls does not understand the proxy certificates of the grid (RFC 3820), and need not.
        Ok(Identity { key: Arc::new(CertifiedKey::new(chain, key)), certificate })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) if text.first() == Some(&0x30) => {
            Err("it is binary (DER or PKCS#12); PEM is expected, as `openssl x509 -inform DER` and `openssl pkcs12 -nodes` \
                 write it"
                .to_owned())
        }
        Ok(_) => Err("no certificate in it; PEM is expected, with BEGIN CERTIFICATE".to_owned()),
        Err(error) => Err(format!("a certificate in it is damaged: {error}")),
    }
}

fn key(text: &[u8]) -> Result<Arc<dyn SigningKey>, String> {
    if is_encrypted(text) {
        return Err("it is encrypted, and there is nobody to ask for the password; \
                    `openssl pkey -in FILE -out NEW` writes it without, and only its owner should be able to read that"
            .to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            "no private key in it; PEM is expected: PKCS#8 (BEGIN PRIVATE KEY), PKCS#1 (BEGIN RSA PRIVATE KEY) or EC \
             (BEGIN EC PRIVATE KEY)"
                .to_owned()
        }
        // Not what is in it: that may be a part of the key.
        _ => "the private key in it is damaged".to_owned(),
    })?;
    provider().key_provider.load_private_key(key).map_err(|_| {
        "the private key in it is damaged or of a kind that is not supported: RSA of 2048 to 8192 bits, EC on P-256 or \
         P-384, and Ed25519 are"
            .to_owned()
    })
}

/// `openssl pkcs8` writes the first, what is older the second.
fn is_encrypted(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.lines().any(|line| {
        line.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY") || line.starts_with("Proc-Type: 4,ENCRYPTED")
    })
}
