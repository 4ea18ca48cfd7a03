//! `ams emulator`.

mod announce;
mod arguments;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::emulator::{Emulator, Options};
use announce::Announcement;
pub(crate) use arguments::Arguments;

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    say_warnings();
    let tls = arguments.tls()?;
    let options = Options { tls: tls.clone(), ..arguments.options() };
    let emulator = match &arguments.data_dir {
        Some(directory) => Emulator::open(options, directory)?,
        None => Emulator::new(options),
    };
    for project in &arguments.projects {
        emulator.create_project(project, "")?;
    }
    let authn = tls.as_ref().and_then(|tls| arguments.authn(tls).transpose()).transpose()?;
    let terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let (listener, address) = listen(arguments.listen).await?;
    let authn = match authn {
        None => None,
        Some((at, authn)) => Some((listen(at).await?, authn)),
    };
    let announcement = Announcement {
        address,
        tls: tls.as_ref(),
        certificate: arguments.tls_certificate.as_deref(),
        token: &arguments.token,
        project: arguments.projects.first().map(String::as_str),
        authn: authn.as_ref().map(|((_, address), _)| *address),
    };
    announcement.print().map_err(Error::Output)?;
    let stopping = CancellationToken::new();
    let stopped = async {
        either(terminate, interrupt).await;
        stopping.cancel();
    };
    let giving_tokens = async {
        if let Some(((listener, _), authn)) = authn {
            emulator.run_authn(listener, authn, stopping.cancelled()).await;
        }
    };
    let (served, ()) = tokio::join!(emulator.run(listener, stopped), giving_tokens);
    served.map_err(Error::Serve)
}

/// What a person should know goes to standard error. It fails where somebody else does so already.
fn say_warnings() {
    let to_standard_error = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false);
    let _ = to_standard_error.with_max_level(tracing::Level::WARN).with_target(false).try_init();
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    if !address.ip().is_loopback() {
        tracing::warn!(
            "{address} can be reached from outside of this machine: whoever has the token may do everything"
        );
    }
    Ok((listener, address))
}

async fn either(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
