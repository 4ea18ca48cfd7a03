//! What keeps a client from being made.

use std::path::{Path, PathBuf};

/// Why no client was made. Shows no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The endpoint is no base URL of a service.
    #[error("the endpoint is not usable: {reason}")]
    Endpoint {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Neither a token nor a token file nor a certificate was given.
    #[error("neither a token nor a token file nor a certificate was given")]
    NoToken,
    /// The token is empty or cannot travel in a header.
    #[error("the token is empty, or has characters that no token has (only printable ASCII is allowed)")]
    Token,
    /// The token file cannot be used. No client is refused for that: the file is read when it is needed.
    #[error("token file {}: {reason}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; nothing of what is in it.
        reason: String,
    },
    /// The CA file cannot be used.
    #[error("CA file {}: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The CA directory cannot be read, or no file in it is usable.
    #[error("CA directory {}: {reason}", path.display())]
    CaDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate to log in with cannot be used.
    #[error("certificate {}: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The private key of the certificate cannot be used, or does not belong to it.
    #[error("private key {}: {reason}", path.display())]
    PrivateKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; nothing of what is in it.
        reason: String,
    },
    /// The authn endpoint is no base URL of a service.
    #[error("the authn endpoint is not usable: {reason}")]
    AuthnEndpoint {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The proxy is no URL of one.
    #[error("the proxy is not usable: an http:// or https:// URL is expected")]
    Proxy,
    /// The user agent cannot travel in a header.
    #[error("the user agent {value:?} has characters that a header cannot have")]
    UserAgent {
        /// What was given.
        value: String,
    },
    /// A timeout of nothing: no request could succeed.
    #[error("the {what} is zero")]
    ZeroTimeout {
        /// Which one.
        what: &'static str,
    },
    /// The HTTP or TLS machinery could not be set up.
    #[error("HTTP client: {reason}")]
    Http {
        /// What it said.
        reason: String,
    },
}

impl BuildError {
    /// The file or directory that is at fault, if one is.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::CaFile { path, .. }
            | Self::CaDir { path, .. }
            | Self::TokenFile { path, .. }
            | Self::Certificate { path, .. }
            | Self::PrivateKey { path, .. } => Some(path),
            _ => None,
        }
    }
}
