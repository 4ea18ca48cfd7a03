//! The token: given, or kept in a file that may change while the program runs.
//!
//! A token file is looked at before each request (one `stat`) and read again when its time or size changed;
//! after a 401 it is read again whatever they say. A file that cannot be read, or is empty because somebody
//! is just writing it, does not take away the token read before. No token is ever shown.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// Longer than any token; a token file that goes on behind it was named by mistake.
const LONGEST_FILE: u64 = 64 * 1024;

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

pub(crate) enum Credential {
    Fixed(Arc<Token>),
    File(Arc<TokenFile>),
}

impl Credential {
    /// The token in the file at `path`, as it is when it is needed.
    pub(crate) fn file(path: PathBuf) -> Self {
        Self::File(Arc::new(TokenFile::new(path)))
    }

    /// The token to use now, or why there is none.
    pub(crate) async fn current(&self) -> Result<Arc<Token>, String> {
        match self {
            Self::Fixed(token) => Ok(Arc::clone(token)),
            Self::File(file) => aside(file, TokenFile::current).await,
        }
    }

    /// Another token than the one that was just refused, if there is one by now.
    pub(crate) async fn instead_of(&self, refused: &Token) -> Option<Arc<Token>> {
        match self {
            Self::Fixed(_) => None,
            Self::File(file) => {
                aside(file, TokenFile::read_again).await.ok().filter(|token| !token.is(refused))
            }
        }
    }
}

/// Looks at the file on a thread that may block: a network file system that hangs must not take the runtime with it.
async fn aside(
    file: &Arc<TokenFile>,
    look: impl FnOnce(&TokenFile) -> Result<Arc<Token>, String> + Send + 'static,
) -> Result<Arc<Token>, String> {
    let file = Arc::clone(file);
    let looked = tokio::task::spawn_blocking(move || look(&file)).await;
    looked.unwrap_or_else(|_| Err("the token file was not looked at: the runtime ends".to_owned()))
}

pub(crate) struct TokenFile {
    path: PathBuf,
    last: Mutex<Option<(Stamp, Arc<Token>)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
}

impl TokenFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, last: Mutex::new(None) }
    }

    fn current(&self) -> Result<Arc<Token>, String> {
        let known = self.known();
        if let Some((stamp, token)) = &known
            && stamp_of(&self.path).ok() == Some(*stamp)
        {
            return Ok(Arc::clone(token));
        }
        match (self.read_again(), known) {
            (Err(_), Some((_, token))) => Ok(token),
            (outcome, _) => outcome,
        }
    }

    fn read_again(&self) -> Result<Arc<Token>, String> {
        let (stamp, token) =
            read(&self.path).map_err(|why| format!("token file {}: {why}", self.path.display()))?;
        let token = Arc::new(token);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((stamp, Arc::clone(&token)));
        Ok(token)
    }

    fn known(&self) -> Option<(Stamp, Arc<Token>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn stamp_of(path: &Path) -> std::io::Result<Stamp> {
    std::fs::metadata(path).map(|metadata| stamp(&metadata))
}

fn stamp(metadata: &std::fs::Metadata) -> Stamp {
    Stamp { modified: metadata.modified().ok(), len: metadata.len() }
}

/// The stamp is taken before the content: a change in between shows at the next look.
fn read(path: &Path) -> Result<(Stamp, Token), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let stamp = file.metadata().map(|metadata| stamp(&metadata)).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(LONGEST_FILE).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let text = SecretString::from(text);
    let token = Token::new(text.expose_secret())
        .ok_or("it holds no token: one line of printable ASCII is expected")?;
    Ok((stamp, token))
}

#[cfg(test)]
mod tests;
