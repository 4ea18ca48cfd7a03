//! Who asks: a token that is given, is kept in a file, or is got for a host certificate. No token is ever shown.

mod authn;
pub(super) mod file;
mod host;
mod look;

use super::{builder::BuildError, error::ErrorKind};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub(super) use authn::Authn;
use file::TokenFile;
pub(super) use host::HostLogin;
pub(super) use look::{Stamp, warn_if_exposed};

/// A token that can travel in a header.
pub(crate) struct Token {
    secret: SecretString,
    header: HeaderValue,
}

impl Token {
    /// None when the text, without white space around it, is empty or cannot be a header's value.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut header = HeaderValue::from_str(text).ok()?;
        header.set_sensitive(true);
        Some(Self { secret: text.into(), header })
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// Takes the token out of a text that somebody else wrote: an error page may repeat the request's
    /// headers.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(self.secret.expose_secret(), "***")
    }

    fn is(&self, other: &Self) -> bool {
        self.secret.expose_secret() == other.secret.expose_secret()
    }
}

/// Why there is no token, and what follows from it for the request that needs one.
#[derive(Clone, Debug)]
pub(crate) struct NoToken {
    pub(crate) kind: ErrorKind,
    /// See [`Error::class`](super::Error::class).
    pub(crate) class: &'static str,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

impl NoToken {
    /// It lasts until somebody mends it.
    fn lasting(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Unauthorized,
            class: ErrorKind::Unauthorized.as_str(),
            message: message.into(),
            retry_after: None,
        }
    }
}

/// A file is in the way, until somebody mends it.
impl From<BuildError> for NoToken {
    fn from(error: BuildError) -> Self {
        Self::lasting(error.to_string())
    }
}

pub(crate) enum Credential {
    Fixed(Arc<Token>),
    File(Arc<TokenFile>),
    Host(Arc<HostLogin>),
}

impl Credential {
    /// The token in the file at `path`, as it is when it is needed.
    pub(crate) fn file(path: PathBuf) -> Self {
        Self::File(Arc::new(TokenFile::new(path)))
    }

    /// The token to use now, or why there is none.
    pub(crate) async fn current(&self) -> Result<Arc<Token>, NoToken> {
        match self {
            Self::Fixed(token) => Ok(Arc::clone(token)),
            Self::File(file) => look::aside(file, |file| Ok(file.current()?)).await,
            Self::Host(login) => login.current().await,
        }
    }

    /// Another token than the one that was just refused, if there is one by now. An error says why it could not be
    /// asked for.
    pub(crate) async fn instead_of(&self, refused: &Arc<Token>) -> Result<Option<Arc<Token>>, NoToken> {
        match self {
            Self::Fixed(_) => Ok(None),
            Self::File(file) => {
                let again = look::aside(file, |file| Ok(file.read_again()?)).await;
                Ok(again.ok().filter(|token| !token.is(refused)))
            }
            Self::Host(login) => login.instead_of(refused).await,
        }
    }

    /// When the certificate it comes from ends, as far as it was read.
    pub(crate) fn ends(&self) -> Option<SystemTime> {
        match self {
            Self::Fixed(_) | Self::File(_) => None,
            Self::Host(login) => login.ends(),
        }
    }
}

#[cfg(test)]
mod tests;
