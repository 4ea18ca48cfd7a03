//! A token in a file that may change while the program runs.
//!
//! It is looked at before each request (one `stat`) and read again when it changed; after a 401 it is read again
//! whatever the look says. A file that cannot be read, or is empty because somebody is just writing it, does not take
//! away the token read before.

use super::{
    Token,
    look::{Stamp, warn_if_exposed},
};
use crate::client::builder::BuildError;
use secrecy::{ExposeSecret, SecretString};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Longer than any token; a token file that goes on behind it was named by mistake.
const LONGEST_FILE: u64 = 64 * 1024;

/// See the module.
pub(crate) struct TokenFile {
    path: PathBuf,
    last: Mutex<Option<(Stamp, Arc<Token>)>>,
}

impl TokenFile {
    pub(in crate::client) fn new(path: PathBuf) -> Self {
        Self { path, last: Mutex::new(None) }
    }

    pub(super) fn current(&self) -> Result<Arc<Token>, BuildError> {
        let known = self.known();
        if let Some((stamp, token)) = &known
            && Stamp::of(&self.path).ok() == Some(*stamp)
        {
            return Ok(Arc::clone(token));
        }
        match (self.read_again(), known) {
            (Err(_), Some((_, token))) => Ok(token),
            (outcome, _) => outcome,
        }
    }

    pub(in crate::client) fn read_again(&self) -> Result<Arc<Token>, BuildError> {
        let (stamp, token) =
            read(&self.path).map_err(|reason| BuildError::TokenFile { path: self.path.clone(), reason })?;
        warn_if_exposed(&self.path, "token file");
        let token = Arc::new(token);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((stamp, Arc::clone(&token)));
        Ok(token)
    }

    fn known(&self) -> Option<(Stamp, Arc<Token>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The stamp is taken before the content: a change in between shows at the next look.
fn read(path: &Path) -> Result<(Stamp, Token), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let stamp = file.metadata().map(|metadata| Stamp::from(&metadata)).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(LONGEST_FILE).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let text = SecretString::from(text);
    let token = Token::new(text.expose_secret())
        .ok_or("it holds no token: one line of printable ASCII is expected")?;
    Ok((stamp, token))
}
