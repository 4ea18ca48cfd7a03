//! The files that the configuration names: what is wrong with them now.
//!
//! Only what needs such a file waits for it. So this is told at the start and by `check`, and no reason not to start.

use crate::client::{BuildError, IdentityFiles, unusable_files};
use crate::config::{
    CaSource, Config, ConnectionConfig, HostCertificate, Login, SinkKind, TokenSource, WebhookCredential,
};

/// Each token file, certificate, key and CA of the configuration that cannot be used, with the entry that names it and
/// the reason.
#[must_use]
pub fn unusable(config: &Config) -> Vec<String> {
    let of_connections =
        config.connections.iter().map(|(name, connection)| (format!("connections.{name}"), of(connection)));
    let sinks =
        config.subscriptions.iter().flat_map(|entry| entry.sinks.iter().map(|sink| (&entry.key, sink)));
    let of_sinks = sinks.filter_map(|(key, sink)| match &sink.kind {
        SinkKind::Webhook(webhook) => {
            let token = match &webhook.credential {
                Some(WebhookCredential::Bearer(TokenSource::File(path))) => Some(path.as_path()),
                _ => None,
            };
            let identity = webhook.certificate.as_ref().map(HostCertificate::files);
            let found = unusable_files(&CaSource::roots(webhook.ca.as_ref()), token, identity.as_ref());
            Some((format!("subscriptions.{key}.sinks.{}", sink.name), found))
        }
        _ => None,
    });
    let said = |(entry, found): (String, Vec<BuildError>)| {
        found
            .into_iter()
            .map(move |error| format!("{entry}: {error}; what needs it is parked until it can be used"))
    };
    of_connections.chain(of_sinks).flat_map(said).collect()
}

fn of(connection: &ConnectionConfig) -> Vec<BuildError> {
    let (token, identity) = match &connection.login {
        Login::Token(TokenSource::Inline(_)) => (None, None),
        Login::Token(TokenSource::File(path)) => (Some(path.as_path()), None),
        Login::Certificate { certificate, private_key, .. } => {
            let files = IdentityFiles { certificate: certificate.clone(), private_key: private_key.clone() };
            (None, Some(files))
        }
    };
    unusable_files(&CaSource::roots(connection.ca.as_ref()), token, identity.as_ref())
}
