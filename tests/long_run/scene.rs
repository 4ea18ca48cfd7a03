//! Who takes part: a service, a receiver of webhooks, networks that can be made bad between them and the daemon, two
//! small disks, and twenty subscriptions with all kinds of sinks.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use ams_forwarder::emulator::Role;

use super::disk::Disks;
use crate::common::{Config, FaultProxy, Home, PROJECT, Receiver, Service, file_sink};

/// The user that the daemon is to the service: what it asks can go wrong while the test's own requests go well.
pub(crate) const USER: &str = "forwarder";

const SUBSCRIPTIONS: usize = 20;
/// The sinks of the first ten; those of the others are the same.
const SINKS: [&[&str]; 10] = [
    &["archive"],
    &["hook"],
    &["copy"],
    &["show"],
    &["archive", "hook", "copy"],
    &["archive", "show"],
    &["archive", "second"],
    &["single"],
    &["hook", "copy"],
    &["archive", "second", "hook", "single", "copy", "show"],
];
/// Messages of one request to a receiver or a topic.
const BATCH: u64 = 10;

/// A sink of a subscription.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    /// How many messages may come a second time after a crash or a lost answer: those of the request in flight.
    pub(crate) in_flight: u64,
}

/// Where a sink puts messages.
#[derive(Debug)]
pub(crate) enum Place {
    File(PathBuf),
    /// A path of the receiver.
    Webhook(String),
    /// A topic, and its subscription.
    Topic(String),
    Stdout,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    /// In the configuration; topic and subscription are called so too.
    pub(crate) key: String,
    pub(crate) max_messages: u64,
    /// Records that cannot be handed out are skipped by the daemon, not by an operator.
    pub(crate) skips_poison: bool,
    pub(crate) channels: Vec<Channel>,
}

pub(crate) struct Scene {
    pub(crate) service: Service,
    pub(crate) receiver: Receiver,
    /// Two before the service, one before the receiver.
    pub(crate) networks: [FaultProxy; 3],
    pub(crate) disks: Option<Disks>,
    pub(crate) home: Home,
    pub(crate) config: Config,
    pub(crate) subscriptions: Vec<Subscription>,
}

impl Scene {
    pub(crate) async fn set_up() -> Self {
        let (service, receiver, home) = (Service::start().await, Receiver::start().await, Home::new());
        let networks = [
            FaultProxy::before(service.address).await,
            FaultProxy::before(service.address).await,
            FaultProxy::before(receiver.address()).await,
        ];
        std::fs::create_dir(home.path("state")).unwrap();
        let disks = Disks::on([&home.path("state"), &home.path("out")]);
        let mut config = Config::new(&home, &networks[0].endpoint())
            .connection("other", &networks[1].endpoint(), &home.path("token"))
            .connection("direct", &service.endpoint(), &home.path("token"))
            .impatient();
        let token = service.emulator.create_member(PROJECT, USER, &[Role::ProjectAdmin]).unwrap();
        home.write("token", &token);

        let mut subscriptions = Vec::new();
        for number in 0..SUBSCRIPTIONS {
            let subscription = Subscription::new(number, &home);
            for name in subscription.topics() {
                service.emulator.create_topic(PROJECT, name).unwrap();
                service.emulator.create_subscription(PROJECT, name, name).unwrap();
            }
            let connection = ["main", "other", "direct"][number % 3];
            let on_poison = if subscription.skips_poison { "skip" } else { "halt" };
            let settings = format!(
                "connection = \"{connection}\"\nmax_messages = {}\non_poison = \"{on_poison}\"",
                subscription.max_messages
            );
            let sinks = subscription.sinks(&networks[2].endpoint());
            config = config.subscription(&subscription.key, &settings, &sinks);
            subscriptions.push(subscription);
        }
        Self { service, receiver, networks, disks, home, config, subscriptions }
    }

    /// A path as the daemon sees it.
    pub(crate) fn seen(&self, path: &Path) -> PathBuf {
        self.disks.as_ref().map_or_else(|| path.to_owned(), |disks| disks.seen(path))
    }
}

impl Subscription {
    fn new(number: usize, home: &Home) -> Self {
        let key = format!("s{number:02}");
        let max_messages = [50, 20, 100][number % 3];
        let channel = |name: &&'static str| {
            let (place, in_flight) = match *name {
                "hook" => (Place::Webhook(format!("{key}-hook")), BATCH),
                "single" => (Place::Webhook(format!("{key}-single")), 1),
                // One that fails alone sends others of the batch ahead.
                "copy" => (Place::Topic(format!("{key}-copy")), max_messages),
                "show" => (Place::Stdout, max_messages),
                _ => (Place::File(home.path("out").join(format!("{key}-{name}.jsonl"))), 0),
            };
            Channel { name, place, in_flight }
        };
        let channels = SINKS[number % SINKS.len()].iter().map(channel).collect();
        Self { key, max_messages, skips_poison: number.is_multiple_of(2), channels }
    }

    /// Its own topic, and those that it is copied to.
    fn topics(&self) -> impl Iterator<Item = &str> {
        let copies = self.channels.iter().filter_map(|channel| match &channel.place {
            Place::Topic(topic) => Some(topic.as_str()),
            _ => None,
        });
        std::iter::once(self.key.as_str()).chain(copies)
    }

    /// The paths of the receiver that it sends to.
    pub(crate) fn webhooks(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().filter_map(|channel| match &channel.place {
            Place::Webhook(path) => Some(path.as_str()),
            _ => None,
        })
    }

    /// The tables of its sinks.
    fn sinks(&self, receiver: &str) -> String {
        let mut tables = String::new();
        let quick = "retry = { initial = \"20ms\", max = \"200ms\" }";
        for Channel { name, place, in_flight } in &self.channels {
            let table = format!("[subscriptions.{}.sinks.{name}]", self.key);
            match place {
                Place::File(path) => {
                    tables.push_str(&file_sink(&self.key, path).replace(".archive]", &format!(".{name}]")));
                }
                Place::Webhook(path) => write!(
                    tables,
                    "{table}\ntype = \"webhook\"\nurl = \"{receiver}/{path}\"\nbatch = {in_flight}\n\
                     timeout = \"1s\"\n{quick}\n"
                )
                .unwrap(),
                Place::Topic(topic) => {
                    write!(
                        tables,
                        "{table}\ntype = \"topic\"\ntopic = \"{topic}\"\nbatch = {BATCH}\n{quick}\n"
                    )
                    .unwrap();
                }
                Place::Stdout => write!(tables, "{table}\ntype = \"stdout\"\n{quick}\n").unwrap(),
            }
        }
        tables
    }
}
