//! The secrets that requests are signed with, after Standard Webhooks.

use std::{fmt, ops::RangeInclusive};

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretSlice};

use crate::config::InvalidValue;

const PREFIX: &str = "whsec_";
/// What Standard Webhooks says: 192 to 512 bits.
const BYTES: RangeInclusive<usize> = 24..=64;
const HINT: &str = "as `echo whsec_$(openssl rand -base64 32)` makes one";

/// A secret to sign with; it prints as `***`.
#[derive(Clone)]
pub struct SigningSecret(SecretSlice<u8>);

impl SigningSecret {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidValue> {
        let Some(base64) = text.strip_prefix(PREFIX) else {
            return Err(InvalidValue::new(format!("does not begin with {PREFIX}"), HINT));
        };
        let key = BASE64_STANDARD.decode(base64);
        let key = key.map_err(|_| InvalidValue::new(format!("has no base64 behind {PREFIX}"), HINT))?;
        if !BYTES.contains(&key.len()) {
            let what =
                format!("has {} bytes, and {} to {} are needed", key.len(), BYTES.start(), BYTES.end());
            return Err(InvalidValue::new(what, HINT));
        }
        Ok(Self(key.into()))
    }

    /// The bytes that signatures are made with.
    pub(crate) fn key(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for SigningSecret {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for SigningSecret {}
