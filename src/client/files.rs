//! The files that clients are made of, looked at apart from any client.

use super::{
    builder::BuildError,
    credential::file::TokenFile,
    tls::{IdentityFiles, Roots},
};
use std::path::Path;

/// What is wrong with files now that clients are made of. Blocks.
pub(crate) fn unusable_files(
    roots: &Roots,
    token: Option<&Path>,
    identity: Option<&IdentityFiles>,
) -> Vec<BuildError> {
    let roots = roots.read().err();
    let token = token.and_then(|path| TokenFile::new(path.to_owned()).read_again().err());
    let identity = identity.and_then(|files| files.read().err());
    [roots, token, identity].into_iter().flatten().collect()
}
