//! Whom to trust: a CA file or a CA directory as grid sites have it, else the system's store, else the roots bundled with
//! the program (an image without any files has no store).

use crate::client::builder::BuildError;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
};
use x509_parser::parse_x509_certificate;

/// Where the roots come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Roots {
    /// The system's store, or the bundled roots where there is none.
    #[default]
    System,
    /// Only the certificates of this PEM file.
    File(PathBuf),
    /// Only the certificates of this directory.
    Directory(PathBuf),
}

impl Roots {
    /// Reads them. Blocks.
    pub(in crate::client) fn read(&self) -> Result<RootCertStore, BuildError> {
        match self {
            Self::System => Ok(system()),
            Self::File(path) => file(path),
            Self::Directory(path) => directory(path),
        }
    }
}

impl fmt::Display for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("the system's CAs"),
            Self::File(path) => write!(f, "the CA file {}", path.display()),
            Self::Directory(path) => write!(f, "the CA directory {}", path.display()),
        }
    }
}

fn system() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        tracing::info!("the system has no CA certificates; using those bundled with this program");
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    store
}

fn file(path: &Path) -> Result<RootCertStore, BuildError> {
    let refused = |reason: String| BuildError::CaFile { path: path.to_owned(), reason };
    let mut store = RootCertStore::empty();
    let (usable, ignored) = store.add_parsable_certificates(read(path).map_err(refused)?);
    if usable == 0 {
        return Err(refused("no certificate in it is usable".to_owned()));
    }
    if ignored > 0 {
        tracing::warn!(file = %path.display(), usable, ignored, "left out certificates of the CA file");
    }
    Ok(store)
}

/// Takes `*.pem` and the hash names of OpenSSL (`12ab34cd.0`). A file that is broken is warned about and left
/// out: one of a hundred CAs must not stop the start.
fn directory(path: &Path) -> Result<RootCertStore, BuildError> {
    let refused = |reason: String| BuildError::CaDir { path: path.to_owned(), reason };
    let entries = std::fs::read_dir(path).map_err(|error| refused(error.to_string()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| names_a_certificate(path))
        .collect();
    files.sort();

    let mut store = RootCertStore::empty();
    let mut seen = HashSet::new();
    let mut broken = Vec::new();
    for file in files {
        match read(&file) {
            Err(reason) => broken.push((file, reason)),
            Ok(certificates) => {
                // The hash names are links to the `.pem` files: each certificate comes twice.
                let new = certificates.into_iter().filter(|certificate| seen.insert(certificate.clone()));
                let (_, ignored) = store.add_parsable_certificates(new);
                if ignored > 0 {
                    broken.push((file, "no usable CA certificate".to_owned()));
                }
            }
        }
    }
    if let Some((first, reason)) = broken.first() {
        tracing::warn!(
            directory = %path.display(),
            usable = store.len(),
            broken = broken.len(),
            first = %first.display(),
            reason,
            "left out files of the CA directory that hold no usable certificate"
        );
    }
    if store.is_empty() {
        return Err(refused("it holds no usable certificate (*.pem, *.0)".to_owned()));
    }
    Ok(store)
}

fn names_a_certificate(path: &Path) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| {
        extension == "pem" || (extension.len() == 1 && extension.as_bytes()[0].is_ascii_digit())
    })
}

/// PEM, or a single certificate in DER: some CAs give out both under the same kind of name.
fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if parse_x509_certificate(&bytes).is_ok_and(|(rest, _)| rest.is_empty()) {
        return Ok(vec![bytes.into()]);
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in it".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
