//! The arguments of `ams emulator`, and what they mean.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::NonEmptyStringValueParser;

use crate::cli::Error;
use crate::emulator::{Authn, Options, Retention, Tls, parse_age};

/// Arguments of `ams emulator`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8538")]
    pub(super) listen: SocketAddr,

    /// The token that may do everything
    #[arg(long, default_value = "emulator", value_parser = NonEmptyStringValueParser::new())]
    pub(super) token: String,

    /// A project to create at the start; may be repeated
    #[arg(long = "project", value_name = "NAME")]
    pub(super) projects: Vec<String>,

    /// Where to keep everything over restarts; made if it is missing. Otherwise all is gone at the end
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,

    /// Speak TLS with this certificate, followed by those between it and its CA
    #[arg(long, value_name = "PEM", requires = "tls_private_key")]
    pub(super) tls_certificate: Option<PathBuf>,

    /// The key of the certificate: PKCS#1, PKCS#8 or EC, unencrypted
    #[arg(long, value_name = "PEM", requires = "tls_certificate")]
    tls_private_key: Option<PathBuf>,

    /// Where to give tokens for host certificates; needs --tls-certificate
    #[arg(long, value_name = "HOST:PORT", requires_all = ["authn_ca", "tls_certificate"])]
    authn_listen: Option<SocketAddr>,

    /// The CAs whose host certificates are accepted
    #[arg(long, value_name = "PEM", requires = "authn_listen")]
    authn_ca: Option<PathBuf>,

    /// A certificate's subject and the user whose token it gets, such as
    /// "CN=host.example.org,OU=hosts,DC=org+DC=example=consumer"; may be repeated
    #[arg(long = "authn-binding", value_name = "SUBJECT=USER", requires = "authn_listen", value_parser = binding)]
    authn_bindings: Vec<(String, String)>,

    /// A name of the AMS host that tokens are given for, besides localhost and the names in the certificate; may be
    /// repeated
    #[arg(long = "authn-host", value_name = "NAME", requires = "authn_listen")]
    authn_hosts: Vec<String>,

    /// Refuse host certificates that name no revocation list
    #[arg(long, requires = "authn_listen")]
    authn_wants_revocation_lists: bool,

    /// Take as long as the real service: 0.1 s for a pull, 0.6 s at the end of the log
    #[arg(long)]
    realistic_latency: bool,

    /// How many messages each topic keeps
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    retention_messages: Option<u64>,

    /// How old messages become, such as 90m or 7d
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    retention_age: Option<Duration>,

    /// How many bytes each topic keeps, as they are in memory: 1.4 times the payload and 200 a message
    #[arg(long, value_name = "SIZE", default_value = "512MiB")]
    retention_bytes: ByteSize,

    /// How much all topics and requests may take; what is beyond it is refused
    #[arg(long, value_name = "SIZE", default_value = "2GiB")]
    memory_limit: ByteSize,

    /// How many connections there may be at once
    #[arg(long, value_name = "NUMBER", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
}

/// Without the token.
impl fmt::Debug for Arguments {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.debug_struct("Arguments")
            .field("listen", &self.listen)
            .field("projects", &self.projects)
            .finish_non_exhaustive()
    }
}

impl Arguments {
    pub(super) fn options(&self) -> Options {
        let size = |size: ByteSize| usize::try_from(size.as_u64()).ok();
        Options {
            token: self.token.clone(),
            retention: Retention {
                messages: self.retention_messages,
                age: self.retention_age,
                bytes: size(self.retention_bytes),
            },
            realistic_latency: self.realistic_latency,
            memory_limit: size(self.memory_limit),
            max_connections: usize::try_from(self.max_connections).unwrap_or(usize::MAX),
            ..Options::default()
        }
    }

    pub(super) fn tls(&self) -> Result<Option<Tls>, Error> {
        match (&self.tls_certificate, &self.tls_private_key) {
            (Some(certificate), Some(key)) => Ok(Some(Tls::from_files(certificate, key)?)),
            _ => Ok(None),
        }
    }

    /// Where and how tokens are given for host certificates.
    pub(super) fn authn(&self, tls: &Tls) -> Result<Option<(SocketAddr, Authn)>, Error> {
        let (Some(address), Some(ca)) = (self.authn_listen, &self.authn_ca) else {
            return Ok(None);
        };
        let mut authn = Authn::with_ca_file(tls, ca)?;
        for (subject, user) in &self.authn_bindings {
            authn = authn.bind(subject, user);
        }
        for host in &self.authn_hosts {
            authn = authn.host(host);
        }
        if self.authn_wants_revocation_lists {
            authn = authn.wanting_revocation_lists();
        }
        Ok(Some((address, authn)))
    }
}

/// The name of a user has no `=`, a subject has some.
fn binding(text: &str) -> Result<(String, String), &'static str> {
    let (subject, user) = text.rsplit_once('=').unwrap_or_default();
    if !subject.contains('=') || user.is_empty() {
        return Err("it is a subject, an equals sign and the name of a user: CN=host.example.org=consumer");
    }
    Ok((subject.to_owned(), user.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(arguments: &[&str]) -> Result<Arguments, String> {
        let line = Line::try_parse_from([&["emulator"], arguments].concat());
        line.map(|line| line.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_kept_is_said_in_units() {
        let options = parse(&[]).unwrap().options();
        assert_eq!(options.retention, Retention::default());
        assert_eq!(options.memory_limit, Options::default().memory_limit);
        assert_eq!(options.max_connections, Options::default().max_connections);
        let said =
            ["--retention-messages=5", "--retention-age=7d", "--retention-bytes=1MB", "--memory-limit=64MiB"];
        let options = parse(&said).unwrap().options();
        let age = Some(Duration::from_hours(168));
        assert_eq!(options.retention, Retention { messages: Some(5), age, bytes: Some(1_000_000) });
        assert_eq!(options.memory_limit, Some(64 << 20));
        for wrong in ["--retention-messages=0", "--retention-age=soon", "--retention-bytes=many"] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_binding_is_a_subject_and_a_user() {
        let subject = "CN=client.example.org,OU=hosts,DC=org+DC=example";
        assert_eq!(binding(&format!("{subject}=con")).unwrap(), (subject.to_owned(), "con".to_owned()));
        for wrong in ["", "con", "CN=con", "CN=a="] {
            assert!(binding(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_makes_no_sense_alone_is_refused() {
        for wrong in [
            &["--tls-certificate=a"][..],
            &["--tls-private-key=a"],
            &["--authn-listen=127.0.0.1:0", "--authn-ca=a"],
            &["--tls-certificate=a", "--tls-private-key=b", "--authn-listen=127.0.0.1:0"],
            &["--authn-binding=CN=a=b"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
