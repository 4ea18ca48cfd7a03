//! `[emulator]`: an AMS inside the daemon, for trying out.

use std::{fmt, net::SocketAddr};

use secrecy::SecretString;

use super::{address, login, name, schema, section::Section};
use crate::client::{ProjectName, SubscriptionName, TopicName};

const DEFAULT_TOKEN: &str = "emulator";

/// The embedded emulator.
#[derive(Clone)]
pub struct EmulatorConfig {
    /// Where it listens; port 0 picks one.
    pub listen: SocketAddr,
    /// The service-wide admin token.
    pub token: SecretString,
    /// What is made and fed at start.
    pub demo: Option<DemoConfig>,
}

impl fmt::Debug for EmulatorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorConfig")
            .field("listen", &self.listen)
            .field("token", &format_args!("***"))
            .field("demo", &self.demo)
            .finish()
    }
}

/// A project with one topic and one subscription, fed by a small publisher.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoConfig {
    /// The project to make.
    pub project: ProjectName,
    /// The topic to publish to.
    pub topic: TopicName,
    /// The subscription of that topic to make.
    pub subscription: SubscriptionName,
    /// Messages a second: above 0, at most 10,000.
    pub rate: f64,
}

pub(super) fn read(mut section: Section<'_>) -> EmulatorConfig {
    let listen = section.parsed("listen", address).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8538)));
    let token = section.secret("token", login::parse_token);
    if !listen.ip().is_loopback() && !section.has("token") {
        section.warning(
            "listen",
            "is not a loopback address, and the token is the well-known default",
            "a token of your own, or 127.0.0.1",
        );
    }
    let demo = section.optional_table("demo", &schema::DEMO).and_then(read_demo);
    section.finish();
    EmulatorConfig { listen, token: token.unwrap_or_else(|| DEFAULT_TOKEN.into()), demo }
}

fn read_demo(mut section: Section<'_>) -> Option<DemoConfig> {
    let project = section.parsed("project", name::<ProjectName>);
    let topic = section.parsed("topic", name::<TopicName>);
    let subscription = section.parsed("subscription", name::<SubscriptionName>);
    for (key, hint) in [("project", "DEMO"), ("topic", "metrics"), ("subscription", "metrics")] {
        if !section.has(key) {
            section.missing(key, format!("a name to make, as in {key} = \"{hint}\""));
        }
    }
    let rate = section.rate("rate", 10_000).unwrap_or(5.0);
    section.finish();
    Some(DemoConfig { project: project?, topic: topic?, subscription: subscription?, rate })
}
