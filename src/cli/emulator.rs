//! `ams emulator`.

mod announce;
mod arguments;

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Error;
use super::signals::Signals;
use crate::emulator::{Emulator, Options};
use announce::Announcement;
pub(crate) use arguments::Arguments;

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
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
    let mut signals = Signals::listen()?;
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
        signals.next().await;
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
