//! A client for each `[connections.NAME]`, shared by the subscriptions that use it. Nothing is sent here: a wrong token,
//! a certificate that is not there or a service that is down is the pipelines' matter, and no reason not to start.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::client::{AmsClient, AmsClientBuilder, BuildError, ProjectName, SecretString};
use crate::config::{CaSource, ConnectionConfig, Endpoint, Login, TokenSource};

/// The clients by the name of their connection. `emulator` is where the embedded one listens.
///
/// The error is that of the connection it names.
pub(crate) fn build(
    connections: &BTreeMap<String, ConnectionConfig>,
    emulator: Option<SocketAddr>,
) -> Result<BTreeMap<String, AmsClient>, (String, BuildError)> {
    connections
        .iter()
        .map(|(name, connection)| match client(connection, emulator) {
            Ok(client) => Ok((name.clone(), client)),
            Err(error) => Err((name.clone(), error)),
        })
        .collect()
}

/// A client of the emulator in this process, as its administrator.
pub(crate) fn to_emulator(
    address: SocketAddr,
    project: &ProjectName,
    token: &SecretString,
) -> Result<AmsClient, BuildError> {
    embedded(address, project).token(token.clone()).build()
}

fn client(config: &ConnectionConfig, emulator: Option<SocketAddr>) -> Result<AmsClient, BuildError> {
    let mut builder = match (&config.endpoint, emulator) {
        (Endpoint::Url(url), _) => AmsClient::builder(url, config.project.clone()),
        (Endpoint::Emulator, Some(address)) => embedded(address, &config.project),
        (Endpoint::Emulator, None) => AmsClient::builder("", config.project.clone()),
    };
    builder = match &config.login {
        Login::Token(TokenSource::Inline(token)) => builder.token(token.clone()),
        Login::Token(TokenSource::File(path)) => builder.token_file(path),
        Login::Certificate { certificate, private_key, authn_endpoint } => {
            let builder = builder.certificate(certificate, private_key);
            authn_endpoint.iter().fold(builder, |builder, url| builder.authn_endpoint(url))
        }
    };
    builder = match &config.ca {
        Some(CaSource::File(path)) => builder.ca_file(path),
        Some(CaSource::Dir(path)) => builder.ca_dir(path),
        None => builder,
    };
    if let Some(proxy) = &config.proxy {
        builder = builder.proxy(proxy.expose());
    }
    builder.timeout(config.timeout).connect_timeout(config.connect_timeout).build_patient()
}

/// Past any proxy: it could not reach this process.
fn embedded(address: SocketAddr, project: &ProjectName) -> AmsClientBuilder {
    AmsClient::builder(&format!("http://{address}"), project.clone()).no_proxy()
}
