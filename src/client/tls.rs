//! TLS: whom to trust (`roots`), who this host is (`identity`), and what is wrong with a server's certificate, in plain
//! words (`verifier`).
//!
//! The crypto provider is named here, so that no program has to install one for the whole process.

mod described;
mod identity;
mod roots;
mod verifier;

use super::builder::BuildError;
use rustls::{
    ClientConfig,
    client::WebPkiServerVerifier,
    crypto::{CryptoProvider, ring},
    sign::SingleCertAndKey,
};
use std::sync::Arc;

pub(crate) use described::{Described, names_of};
pub(crate) use identity::{Identity, IdentityFiles};
pub(crate) use roots::Roots;
pub(crate) use verifier::Untrusted;
use verifier::Verifier;

/// Reads the roots. Blocks.
pub(super) fn config(roots: &Roots, identity: Option<&Identity>) -> Result<ClientConfig, BuildError> {
    let refused = |reason: String| BuildError::Http { reason };
    let provider = Arc::new(provider());
    let store = Arc::new(roots.read()?);
    let webpki = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(&provider))
        .build()
        .map_err(|error| refused(error.to_string()))?;
    // "Dangerous" is what rustls calls any verifier but its own; this one lets it decide, and says it in other words.
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(webpki, roots.to_string())));
    Ok(match identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&identity.key))))
        }
    })
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}
