//! The configuration: read, checked, and then never doubted again.
//!
//! [`load`] reads the TOML file and those of the folder `conf.d` beside it, and gives a [`Config`] of which every value
//! is in its bounds, or a [`ConfigError`] that lists everything wrong at once. Of what it names it reads what says how
//! messages look alone, schemas of Avro and templates: whether other files (tokens, certificates) can be used may change
//! at any time, and is no fault of its.
//!
//! The way through: `document` parses the files into one tree with places, `section` reads tables of it, one file
//! for each kind of table gives them their meaning, `check` holds the parts against each other, `error` says where.
//! Relative paths are relative to the working directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use crate::client::InvalidName;

mod avro_schema;
mod check;
mod connection;
mod document;
mod emulator;
mod env;
mod error;
mod login;
mod path_template;
mod process;
mod retry;
mod schema;
mod secret;
mod section;
mod show;
mod sink;
mod subscription;
mod units;

pub(crate) use self::sink::{is_json, is_media_type};
pub use self::{
    avro_schema::{AvroSchema, AvroType},
    connection::{CaSource, ConnectionConfig, Endpoint, ProxyUrl},
    emulator::{DemoConfig, EmulatorConfig},
    error::{ConfigError, InvalidValue, Problem},
    login::{HostCertificate, Login, TokenSource},
    path_template::{PathLayout, PathTemplate, PathValues},
    process::{AdminConfig, LogConfig, LogFormat, parse_level},
    secret::{Secret, SecretUrl},
    sink::{
        AcceptDays, AvroConfig, CloudEventsMode, Codec, Color, Compression, FileAccess, FileConfig,
        FileFormat, Format, KeepConfig, OnClosed, OnReject, RotationConfig, SigningSecret, SinkConfig,
        SinkKind, StdoutConfig, StdoutFormat, SyncMode, Template, WebhookConfig, WebhookCredential,
        WebhookFormat,
    },
    subscription::{OnLogReset, OnPoison, SubscriptionConfig},
};
use self::{
    document::Source, env::Environment, error::Place, error::Report, section::Reader, section::Section,
};

/// What the daemon was told. It holds secrets; its `Debug` form does not show them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the daemon keeps what it must remember.
    pub state_dir: PathBuf,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Metrics, health and status over HTTP.
    pub admin: AdminConfig,
    /// The longest a shutdown may take.
    pub shutdown_grace: Duration,
    /// The most bytes of unacknowledged messages held at once, of all subscriptions together.
    pub in_flight_bytes: usize,
    /// The most bytes of dead letters kept for each subscription; one that has as many parks before the next.
    pub dead_letter_bytes: usize,
    /// The connections, by name.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// The subscriptions, in order of key; at least one.
    pub subscriptions: Vec<SubscriptionConfig>,
    /// The emulator to run inside the daemon.
    pub emulator: Option<EmulatorConfig>,
    /// What can be used and should be looked at, in order of file and line.
    pub warnings: Vec<Problem>,
}

/// Reads the configuration of this file and of `conf.d/*.toml` beside it, in order of name.
///
/// Variables in strings are those of the process. The error holds all problems of all files.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    load_with(path, &|name| std::env::var(name).ok())
}

/// Whether this text alone is a configuration; problems are of a file without a name.
pub(crate) fn check_text(text: &str) -> Result<(), ConfigError> {
    let source = Source { path: PathBuf::new(), text: Ok(text.to_owned()) };
    parse(&[source], &|name| std::env::var(name).ok()).map(|_| ())
}

fn load_with(path: &Path, environment: Environment<'_>) -> Result<Config, ConfigError> {
    parse(&document::gather(path), environment)
}

fn parse(sources: &[Source], environment: Environment<'_>) -> Result<Config, ConfigError> {
    let report = Report::new(sources.iter().map(|source| source.path.clone()).collect());
    let root = document::merge(sources, &report);
    let reader = Reader { report: &report, environment };
    let config = read(Section::root(reader, &root, &schema::ROOT), &root);
    let (problems, warnings) = report.into_parts();
    if problems.is_empty() { Ok(Config { warnings, ..config }) } else { Err(ConfigError::new(problems)) }
}

/// The sink of these keys, for tests of sinks. There is a connection `c`.
#[cfg(test)]
pub(crate) fn sink_for_test(keys: &str) -> SinkConfig {
    let text = format!(
        "[connections.c]\nendpoint = \"https://a\"\nproject = \"P\"\ntoken = \"t\"\n[subscriptions.s.sinks.x]\n{keys}"
    );
    let sources = [Source { path: "test.toml".into(), text: Ok(text) }];
    let config = parse(&sources, &|_| None).unwrap_or_else(|error| panic!("{error}"));
    config.subscriptions[0].sinks[0].clone()
}

/// Reads everything; with problems in the report, what comes back is incomplete and must not be used.
fn read(mut root: Section<'_>, tree: &document::Table) -> Config {
    let report = root.reader.report;
    let state_dir = root.parsed("state_dir", path).unwrap_or_else(|| "/var/lib/ams-forwarder".into());
    let log = process::log(root.table("log", &schema::LOG));
    let admin = process::admin(root.table("admin", &schema::ADMIN));
    let shutdown_grace = process::grace(root.table("shutdown", &schema::SHUTDOWN));
    let (in_flight_bytes, dead_letter_bytes) = process::limits(root.table("limits", &schema::LIMITS));
    let emulator = root.optional_table("emulator", &schema::EMULATOR).map(emulator::read);

    let sections = root.named_tables("connections", &schema::CONNECTION);
    let names: BTreeSet<_> = sections.iter().map(|(name, _)| name.clone()).collect();
    let token = emulator.as_ref().map(|emulator| &emulator.token);
    let connections: BTreeMap<_, _> = sections
        .into_iter()
        .filter_map(|(name, section)| Some((name.clone(), connection::read(&name, section, token)?)))
        .collect();

    let around = subscription::Surroundings { connections: &names, in_flight_bytes };
    let subscriptions: Vec<_> = root
        .named_tables("subscriptions", &schema::SUBSCRIPTION)
        .into_iter()
        .filter_map(|(key, section)| subscription::read(&key, section, &around))
        .collect();
    for (table, example) in
        [("connections", "[connections.egi]"), ("subscriptions", "[subscriptions.metrics]")]
    {
        if root.is_empty(table) {
            report.missing(
                Place::file(0),
                table,
                "at least one is needed",
                format!("a table such as {example}"),
            );
        }
    }
    root.finish();

    let emulator_config = emulator.as_ref();
    check::Parts {
        root: tree,
        report,
        admin: &admin,
        emulator: emulator_config,
        connections: &connections,
        subscriptions: &subscriptions,
    }
    .check();
    Config {
        state_dir,
        log,
        admin,
        shutdown_grace,
        in_flight_bytes,
        dead_letter_bytes,
        connections,
        subscriptions,
        emulator,
        warnings: Vec::new(),
    }
}

/// A path; not empty, and without NUL.
fn path(text: &str) -> Result<PathBuf, InvalidValue> {
    if text.is_empty() || text.contains('\0') {
        return Err(InvalidValue::new("is not a path", "a path, absolute or from the working directory"));
    }
    Ok(text.into())
}

/// A name that the service takes.
fn name<T: FromStr<Err = InvalidName>>(text: &str) -> Result<T, InvalidValue> {
    text.parse().map_err(|_| InvalidValue::new("is not a name of the service", "A-Z, a-z, 0-9, _ and -"))
}

/// An address to listen on.
fn address(text: &str) -> Result<SocketAddr, InvalidValue> {
    text.parse().map_err(|_| {
        InvalidValue::new(
            "is not an address to listen on",
            "IP and port such as \"127.0.0.1:9464\" or \"[::1]:9464\"",
        )
    })
}

#[cfg(test)]
mod tests;
