//! What no single table shows: entries that would be in each other's way.

use std::{collections::BTreeMap, net::SocketAddr};

use super::{
    AdminConfig, ConnectionConfig, EmulatorConfig, Endpoint, SinkKind, SubscriptionConfig,
    document::Table,
    error::{Place, Report},
    path_template::Shape,
};

/// The parts that were read without fault, to be held against each other.
pub(super) struct Parts<'a> {
    pub(super) root: &'a Table,
    pub(super) report: &'a Report,
    pub(super) admin: &'a AdminConfig,
    pub(super) emulator: Option<&'a EmulatorConfig>,
    pub(super) connections: &'a BTreeMap<String, ConnectionConfig>,
    pub(super) subscriptions: &'a [SubscriptionConfig],
}

impl Parts<'_> {
    /// Reports everything that collides.
    pub(super) fn check(&self) {
        self.listeners();
        self.subscriptions();
        self.files();
        self.feedback();
    }

    fn listeners(&self) {
        let Some(emulator) = self.emulator else { return };
        if collide(emulator.listen, self.admin.listen) {
            // Whichever is written; both may be defaults but then they differ.
            let path: &[&str] = if self.root.find(&["emulator", "listen"]).is_some() {
                &["emulator", "listen"]
            } else {
                &["admin", "listen"]
            };
            self.problem(
                path,
                &format!(
                    "admin ({}) and emulator ({}) listen on the same address",
                    self.admin.listen, emulator.listen
                ),
                "two different ports",
            );
        }
    }

    /// Two entries for one AMS subscription would acknowledge what the other has not delivered.
    fn subscriptions(&self) {
        let mut seen: BTreeMap<_, &str> = BTreeMap::new();
        for entry in
            self.in_order(self.subscriptions.iter().map(|entry| (vec!["subscriptions", &entry.key], entry)))
        {
            let Some(connection) = self.connections.get(&entry.connection) else {
                continue;
            };
            let identity =
                (self.authority(connection), connection.project.as_str(), entry.subscription.as_str());
            if let Some(first) = seen.get(&identity) {
                let what = format!(
                    "consumes the same AMS subscription as subscriptions.{first} ({})",
                    self.report.show(self.place(&["subscriptions", first]))
                );
                let hint = "one entry with the sinks of both, or a second subscription of the topic";
                self.problem(&["subscriptions", &entry.key], &what, hint);
            } else {
                seen.insert(identity, &entry.key);
            }
        }
    }

    /// Two sinks that write one file would wait for each other's lock for ever.
    fn files(&self) {
        let mut files = Vec::new();
        for entry in self.subscriptions {
            let Some(connection) = self.connections.get(&entry.connection) else {
                continue;
            };
            for sink in &entry.sinks {
                let SinkKind::File(file) = &sink.kind else { continue };
                let days = file.accept_days.as_ref();
                // In the path itself the attribute holds a date, or the message goes to the other one.
                let both = [("path", Some(&file.path), days.map(|days| days.attribute.as_str()))]
                    .into_iter()
                    .chain([("error_path", days.map(|days| &days.error_path), None)]);
                for (name, path, date_in) in both {
                    let Some(path) = path else { continue };
                    let key = vec!["subscriptions", entry.key.as_str(), "sinks", sink.name.as_str(), name];
                    let layout = path.layout(connection.project.as_str(), &entry.key, &sink.name);
                    if let Err(wrong) = layout.check() {
                        let what = format!("{:?} {}", path.as_str(), wrong.what);
                        self.problem(&key, &what, &wrong.hint);
                    }
                    files.push((key.clone(), (key, layout.shape_with_date_in(date_in))));
                }
            }
        }
        let files = self.in_order(files.into_iter());
        for (at, (key, shape)) in files.iter().enumerate() {
            let first: Option<&(Vec<&str>, Shape)> = files[..at].iter().find(|(_, other)| shape.meets(other));
            if let Some((first, _)) = first {
                let what = format!(
                    "can be the same file as {} ({})",
                    first.join("."),
                    self.report.show(self.place(first))
                );
                self.problem(
                    key,
                    &what,
                    "a file of its own for each sink, as with {subscription} in the path",
                );
            }
        }
    }

    /// A subscription that publishes to its own topic never comes to an end. Of one subscription the configuration
    /// itself says what its topic is.
    fn feedback(&self) {
        let Some(demo) = self.emulator.and_then(|emulator| emulator.demo.as_ref()) else { return };
        let is_demo = |connection: &str| {
            self.connections.get(connection).is_some_and(|connection| {
                connection.endpoint == Endpoint::Emulator && connection.project == demo.project
            })
        };
        for entry in self.subscriptions {
            let fed_by_demo = is_demo(&entry.connection) && entry.subscription == demo.subscription;
            for sink in entry.sinks.iter().filter(|_| fed_by_demo) {
                if let SinkKind::Topic { connection, topic, .. } = &sink.kind
                    && is_demo(connection)
                    && *topic == demo.topic
                {
                    self.problem(
                        &["subscriptions", &entry.key, "sinks", &sink.name, "topic"],
                        "is the topic of the subscription itself, which would be fed from itself without end",
                        "another topic",
                    );
                }
            }
        }
    }

    fn authority(&self, connection: &ConnectionConfig) -> String {
        let emulator = || self.emulator.map(|emulator| emulator.listen.to_string());
        connection.endpoint.authority().or_else(emulator).unwrap_or_default()
    }

    /// The later entry of a file is the one that is wrong.
    fn in_order<'a, T>(&self, items: impl Iterator<Item = (Vec<&'a str>, T)>) -> Vec<T> {
        let mut items: Vec<_> = items.map(|(path, item)| (self.place(&path), item)).collect();
        items.sort_by_key(|(place, _)| *place);
        items.into_iter().map(|(_, item)| item).collect()
    }

    fn place(&self, path: &[&str]) -> Place {
        self.root.find(path).map_or(Place::file(0), |entry| entry.place)
    }

    fn problem(&self, path: &[&str], what: &str, hint: &str) {
        self.report.problem(self.place(path), &path.join("."), what, hint);
    }
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let any = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (any || a.ip() == b.ip())
}
