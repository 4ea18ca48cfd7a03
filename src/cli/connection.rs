//! Which service to talk to, and as whom: the options that every command on the service shares.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use secrecy::SecretString;

use super::Error;
use crate::client::{AmsClient, ProjectName};

/// The service, the project and the token. Each option has an environment variable, so that a shell sets them once.
#[derive(clap::Args)]
pub(crate) struct Connection {
    #[arg(
        long,
        value_name = "URL",
        env = "AMS_ENDPOINT",
        help = "The service's address, such as https://msg.example.org"
    )]
    endpoint: Option<String>,

    /// The project
    #[arg(long, value_name = "NAME", env = "AMS_PROJECT")]
    project: Option<ProjectName>,

    /// The token; other users of this machine can see it in the list of processes, so prefer the variable or a file
    #[arg(long, env = "AMS_TOKEN", hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    token: Option<String>,

    /// A file with the token
    #[arg(long, value_name = "FILE", env = "AMS_TOKEN_FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,

    /// A PEM file of authorities to trust instead of the system's
    #[arg(long, value_name = "FILE", env = "AMS_CA_FILE")]
    ca_file: Option<PathBuf>,

    /// A directory of authorities to trust instead of the system's, such as /etc/grid-security/certificates
    #[arg(long, value_name = "DIRECTORY", env = "AMS_CA_DIR", conflicts_with = "ca_file")]
    ca_dir: Option<PathBuf>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        form.debug_struct("Connection")
            .field("endpoint", &self.endpoint)
            .field("project", &self.project)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// The client that these options describe.
    pub(crate) fn client(&self) -> Result<AmsClient, Error> {
        let endpoint = self.endpoint.as_deref().ok_or(Error::Missing("--endpoint URL or AMS_ENDPOINT"))?;
        let project = self.project.clone().ok_or(Error::Missing("--project NAME or AMS_PROJECT"))?;
        let mut builder = AmsClient::builder(endpoint, project);
        builder = match (&self.token, &self.token_file) {
            (Some(token), _) => builder.token(SecretString::from(token.clone())),
            (None, Some(file)) => builder.token_file(file),
            (None, None) => return Err(Error::Missing("--token-file FILE, AMS_TOKEN_FILE or AMS_TOKEN")),
        };
        if let Some(file) = &self.ca_file {
            builder = builder.ca_file(file);
        }
        if let Some(directory) = &self.ca_dir {
            builder = builder.ca_dir(directory);
        }
        Ok(builder.build()?)
    }
}
