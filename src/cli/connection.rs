//! Which service to talk to, and as whom: the options that every command on the service shares.
//!
//! Each has an environment variable, so that a shell sets them once; what is on the command line wins. That is why the
//! variables are read here: a credential on the command line replaces all of those in the environment, of whatever
//! kind, and clap would call it a conflict.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use secrecy::SecretString;

use super::Error;
use super::output::Format;
use crate::client::{AmsClient, AmsClientBuilder, ProjectName};

/// What stands on the command line.
#[derive(Clone, Default, clap::Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct Options {
    #[arg(
        long,
        value_name = "URL",
        help = "The service's address, such as https://msg.example.org [env: AMS_ENDPOINT]"
    )]
    endpoint: Option<String>,

    #[arg(long, value_name = "NAME", help = "The project [env: AMS_PROJECT]")]
    project: Option<ProjectName>,

    #[arg(long, value_parser = NonEmptyStringValueParser::new(), help = "The token [env: AMS_TOKEN]; other users of this machine can see it in the list of processes, so prefer the variable or a file")]
    token: Option<String>,

    #[arg(long, value_name = "FILE", help = "A file with the token [env: AMS_TOKEN_FILE]")]
    token_file: Option<PathBuf>,

    #[arg(
        long,
        value_name = "FILE",
        help = "A host certificate (PEM), for which the service's authn gives a token [env: AMS_CERTIFICATE]"
    )]
    certificate: Option<PathBuf>,

    #[arg(long, value_name = "FILE", help = "The key of the certificate [env: AMS_PRIVATE_KEY]")]
    private_key: Option<PathBuf>,

    #[arg(
        long,
        value_name = "URL",
        help = "Where tokens are given for certificates, if not on port 8443 of the service's host [env: AMS_AUTHN_ENDPOINT]"
    )]
    authn_endpoint: Option<String>,

    #[arg(
        long,
        value_name = "FILE",
        help = "A PEM file of authorities to trust instead of the system's [env: AMS_CA_FILE]"
    )]
    ca_file: Option<PathBuf>,

    #[arg(
        long,
        value_name = "DIRECTORY",
        help = "A directory of authorities to trust instead of the system's, such as /etc/grid-security/certificates [env: AMS_CA_DIR]"
    )]
    ca_dir: Option<PathBuf>,

    /// How to print results: as tables for people, or as JSON for scripts
    #[arg(long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Without the token.
impl fmt::Debug for Options {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.debug_struct("Options")
            .field("endpoint", &self.endpoint)
            .field("project", &self.project)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .finish_non_exhaustive()
    }
}

/// Which service to talk to, and as whom.
#[derive(Debug)]
pub(crate) struct Connection {
    endpoint: Option<String>,
    project: Option<ProjectName>,
    credential: Option<Credential>,
    authn_endpoint: Option<String>,
    authorities: Option<Authorities>,
}

/// What the service knows us by, and where that was given.
#[derive(Clone, Debug)]
struct Credential {
    secret: Secret,
    given_by: &'static str,
}

#[derive(Clone, Debug)]
enum Secret {
    Token(SecretString),
    TokenFile(PathBuf),
    Certificate { certificate: PathBuf, private_key: PathBuf },
}

#[derive(Debug)]
enum Authorities {
    File(PathBuf),
    Directory(PathBuf),
}

impl Options {
    /// Options before the command and those behind it, which win.
    pub(crate) fn or(self, before: Self) -> Self {
        Self {
            endpoint: self.endpoint.or(before.endpoint),
            project: self.project.or(before.project),
            token: self.token.or(before.token),
            token_file: self.token_file.or(before.token_file),
            certificate: self.certificate.or(before.certificate),
            private_key: self.private_key.or(before.private_key),
            authn_endpoint: self.authn_endpoint.or(before.authn_endpoint),
            ca_file: self.ca_file.or(before.ca_file),
            ca_dir: self.ca_dir.or(before.ca_dir),
            output: self.output.or(before.output),
        }
    }

    /// How results are to be printed.
    pub(crate) fn format(&self) -> Format {
        self.output.unwrap_or_default()
    }

    /// What the options mean, completed from the environment.
    pub(crate) fn resolve(self, environment: impl Fn(&str) -> Option<OsString>) -> Result<Connection, Error> {
        // A variable that is set to nothing is not set.
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let text = |name: &str| {
            let text = variable(name).map(OsString::into_string).transpose();
            text.map_err(|_| Error::Usage(format!("{name} is no UTF-8")))
        };
        let path = |name: &str| variable(name).map(PathBuf::from);

        let given = credential(
            ["--token", "--token-file", "--certificate"],
            self.token,
            self.token_file,
            (self.certificate, self.private_key),
        )?;
        if let [one, other, ..] = &*given {
            let (one, other) = (one.given_by, other.given_by);
            return Err(Error::Usage(format!("{one} and {other} cannot be used together")));
        }
        let credential = match given.into_iter().next() {
            Some(given) => Some(given),
            None => credential(
                ["AMS_TOKEN", "AMS_TOKEN_FILE", "AMS_CERTIFICATE"],
                text("AMS_TOKEN")?,
                path("AMS_TOKEN_FILE"),
                (path("AMS_CERTIFICATE"), path("AMS_PRIVATE_KEY")),
            )?
            .into_iter()
            .next(),
        };
        let authorities = match (self.ca_file, self.ca_dir) {
            (Some(_), Some(_)) => {
                return Err(Error::Usage("--ca-file and --ca-dir cannot be used together".to_owned()));
            }
            (None, None) => path("AMS_CA_FILE")
                .map(Authorities::File)
                .or_else(|| path("AMS_CA_DIR").map(Authorities::Directory)),
            (file, directory) => file.map(Authorities::File).or(directory.map(Authorities::Directory)),
        };
        let project = match (self.project, text("AMS_PROJECT")?) {
            (None, Some(name)) => {
                let name = name.parse();
                Some(name.map_err(|error| Error::Usage(format!("AMS_PROJECT: {error}")))?)
            }
            (given, _) => given,
        };
        Ok(Connection {
            endpoint: self.endpoint.or(text("AMS_ENDPOINT")?),
            project,
            credential,
            authn_endpoint: self.authn_endpoint.or(text("AMS_AUTHN_ENDPOINT")?),
            authorities,
        })
    }
}

/// The credentials that are given, in order of precedence. `names` say by what.
fn credential(
    names: [&'static str; 3],
    token: Option<String>,
    token_file: Option<PathBuf>,
    certificate: (Option<PathBuf>, Option<PathBuf>),
) -> Result<Vec<Credential>, Error> {
    let certificate = match certificate {
        (Some(certificate), Some(private_key)) => Some(Secret::Certificate { certificate, private_key }),
        (None, None) => None,
        _ => {
            let needs = "a certificate needs its key, and a key its certificate: --certificate FILE --private-key FILE";
            return Err(Error::Usage(needs.to_owned()));
        }
    };
    let secrets = [
        token.map(|token| Secret::Token(SecretString::from(token))),
        token_file.map(Secret::TokenFile),
        certificate,
    ];
    let given = secrets.into_iter().zip(names);
    Ok(given.filter_map(|(secret, given_by)| Some(Credential { secret: secret?, given_by })).collect())
}

impl Connection {
    /// A client for the project that was named.
    pub(crate) fn client(&self) -> Result<AmsClient, Error> {
        let missing = || Error::Usage("the command needs --project NAME or AMS_PROJECT".to_owned());
        self.client_of(self.project.clone().ok_or_else(missing)?)
    }

    /// A client for what belongs to no project.
    pub(crate) fn client_of_the_service(&self) -> Result<AmsClient, Error> {
        let project = self.project.clone().map_or_else(|| "none".parse(), Ok);
        self.client_of(project.map_err(|error| Error::Usage(error.to_string()))?)
    }

    /// A client for a project.
    pub(crate) fn client_of(&self, project: ProjectName) -> Result<AmsClient, Error> {
        let missing = |what: &str| Error::Usage(format!("the command needs {what}"));
        let endpoint = self.endpoint.as_deref().ok_or_else(|| missing("--endpoint URL or AMS_ENDPOINT"))?;
        let credential = self.credential.as_ref();
        let credential = credential.ok_or_else(|| {
            missing("a token: AMS_TOKEN, --token-file FILE or AMS_TOKEN_FILE; or a host certificate: --certificate FILE --private-key FILE")
        })?;
        let builder = credential.apply(AmsClient::builder(endpoint, project));
        let builder = match &self.authorities {
            Some(Authorities::File(file)) => builder.ca_file(file),
            Some(Authorities::Directory(directory)) => builder.ca_dir(directory),
            None => builder,
        };
        let builder = match &self.authn_endpoint {
            Some(url) => builder.authn_endpoint(url),
            None => builder,
        };
        Ok(builder.build()?)
    }

    /// By which option or variable the credential was given.
    pub(crate) fn credential_given_by(&self) -> Option<&'static str> {
        self.credential.as_ref().map(|credential| credential.given_by)
    }
}

impl Credential {
    fn apply(&self, builder: AmsClientBuilder) -> AmsClientBuilder {
        match &self.secret {
            Secret::Token(token) => builder.token(token.clone()),
            Secret::TokenFile(file) => builder.token_file(file),
            Secret::Certificate { certificate, private_key } => builder.certificate(certificate, private_key),
        }
    }
}

#[cfg(test)]
mod tests;
