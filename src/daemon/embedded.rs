//! The emulator inside the daemon, for trying out. On the network it is any other AMS: pipelines and publisher reach
//! it through sockets.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::attendant::Attendant;
use super::{connections, demo};
use crate::client::BuildError;
use crate::config::{DemoConfig, EmulatorConfig};
use crate::emulator::{Emulator, EmulatorError, Options, Retention};

/// What each topic may take of the memory; the oldest messages go first.
const RETENTION_BYTES: usize = 64 << 20;

/// Why there is no emulator.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The address cannot be listened on.
    #[error("emulator.listen: cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The demo's project, topic or subscription cannot be made.
    #[error("emulator.demo cannot be set up")]
    Demo(#[from] EmulatorError),
    /// The demo's publisher cannot be made.
    #[error("emulator.demo cannot be published to")]
    Publisher(#[from] BuildError),
}

/// A running emulator.
pub(crate) struct Embedded {
    address: SocketAddr,
    server: Attendant,
}

impl Embedded {
    /// Listens, with the demo's project, topic and subscription made.
    pub(crate) async fn start(config: &EmulatorConfig) -> Result<Self, EmbeddedError> {
        let refused = |source| EmbeddedError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let address = reachable(listener.local_addr().map_err(refused)?);
        let emulator = Emulator::new(Options {
            token: config.token.expose_secret().to_owned(),
            retention: Retention { bytes: Some(RETENTION_BYTES), ..Retention::UNLIMITED },
            ..Options::default()
        });
        if let Some(DemoConfig { project, topic, subscription, .. }) = &config.demo {
            emulator.create_project(project.as_str(), "Made-up monitoring results")?;
            emulator.create_topic(project.as_str(), topic.as_str())?;
            emulator.create_subscription(project.as_str(), subscription.as_str(), topic.as_str())?;
        }
        let server = Attendant::start("emulator", |stop| async move {
            if let Err(error) = emulator.run(listener, stop.cancelled_owned()).await {
                tracing::error!("the emulator has failed: {error}");
            }
        });
        tracing::info!(
            "the emulator listens on http://{address}; what it holds is gone when the daemon ends"
        );
        Ok(Self { address, server })
    }

    /// Where it can be reached from here.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the publisher that feeds the demo, if there is one.
    pub(crate) fn feed(&self, config: &EmulatorConfig) -> Result<Option<Attendant>, EmbeddedError> {
        let Some(demo) = config.demo.clone() else {
            return Ok(None);
        };
        let client = connections::to_emulator(self.address, &demo.project, &config.token)?;
        Ok(Some(Attendant::start("demo publisher", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = demo::publish(&client, &demo.topic, demo.rate) => {}
            }
        })))
    }

    /// Ends it. To be called when nobody needs it any more.
    pub(crate) async fn end(self) {
        self.server.end().await;
    }
}

/// An address that listens everywhere is reached on the loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_that_listens_everywhere_is_reached_on_the_loopback() {
        for (listen, reached) in [
            ("0.0.0.0:8538", "127.0.0.1:8538"),
            ("[::]:8538", "[::1]:8538"),
            ("192.0.2.1:8538", "192.0.2.1:8538"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), reached);
        }
    }
}
