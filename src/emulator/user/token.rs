//! Tokens: secrets that are never printed.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A user's token: 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Token(String);

impl Token {
    /// One that nobody can guess.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()))
    }

    /// To be sent to somebody who may know it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or_default()
}

impl fmt::Debug for Token {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.write_str("***")
    }
}

impl Borrow<str> for Token {
    fn borrow(&self) -> &str {
        &self.0
    }
}
