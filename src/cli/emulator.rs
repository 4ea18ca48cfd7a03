//! `ams emulator`.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::builder::NonEmptyStringValueParser;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Error;
use crate::emulator::{Emulator, Options};

/// Arguments of `ams emulator`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8538")]
    listen: SocketAddr,

    /// The token that may do everything
    #[arg(long, default_value = "emulator", value_parser = NonEmptyStringValueParser::new())]
    token: String,

    /// A project to create at the start; may be repeated
    #[arg(long = "project", value_name = "NAME")]
    projects: Vec<String>,
}

impl std::fmt::Debug for Arguments {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        form.debug_struct("Arguments")
            .field("listen", &self.listen)
            .field("token", &"***")
            .field("projects", &self.projects)
            .finish()
    }
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let emulator = Emulator::new(Options { token: arguments.token.clone(), ..Options::default() });
    for project in &arguments.projects {
        emulator.create_project(project, "")?;
    }
    let terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let failed = |source| Error::Listen { address: arguments.listen, source };
    let listener = TcpListener::bind(arguments.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    announce(&arguments, address).map_err(Error::Output)?;
    emulator.run(listener, either(terminate, interrupt)).await.map_err(Error::Serve)
}

async fn either(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// The first line is for scripts to wait for, the others are to be copied into a shell.
fn announce(arguments: &Arguments, address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    writeln!(out, "export AMS_ENDPOINT=http://{address}")?;
    writeln!(out, "export AMS_TOKEN={}", shell_word(&arguments.token))?;
    if let Some(project) = arguments.projects.first() {
        writeln!(out, "export AMS_PROJECT={project}")?;
    }
    out.flush()
}

/// `text` as one word for a shell.
fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_shell() {
        assert_eq!(shell_word("emulator"), "emulator");
        assert_eq!(shell_word("a b$c"), "'a b$c'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
