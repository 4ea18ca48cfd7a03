//! Values that nothing shows: not an error, not a log, not `Debug`.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// A text that prints as `***`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

/// The URL of a receiver. Its path and query are often all that keeps others from posting there, so it prints as its
/// scheme and host.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    pub(super) fn new(url: Url) -> Self {
        Self(url)
    }

    /// The whole URL.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// Scheme, host, and the port if it is not the scheme's.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}
