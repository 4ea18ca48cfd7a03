//! `[subscriptions.NAME.sinks.NAME]`: where the messages go.

use std::collections::BTreeSet;

use super::{
    name,
    retry::{self, ATTEMPTS},
    schema,
    section::{Section, Words},
    subscription::named_connection,
};
use crate::{backoff::BackoffPolicy, client::TopicName};

mod accept_days;
mod file;
mod file_format;
mod rotation;
mod stdout;
mod webhook;

pub use accept_days::AcceptDays;
pub use file::{FileAccess, FileConfig, SyncMode};
pub use file_format::{AvroConfig, Codec, FileFormat};
pub use rotation::{Compression, KeepConfig, RotationConfig};
pub use stdout::{Color, OnClosed, StdoutConfig, StdoutFormat};
pub use webhook::{
    CloudEventsMode, SigningSecret, Template, WebhookConfig, WebhookCredential, WebhookFormat,
};
pub(crate) use webhook::{is_json, is_media_type};

/// One sink of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkConfig {
    /// Its key in the configuration, and its label in the metrics.
    pub name: String,
    /// Whether a message must be delivered here before it is acknowledged.
    pub required: bool,
    /// The pauses between attempts.
    pub retry: BackoffPolicy,
    /// How often it is tried in vain: the messages then go on without a best-effort sink, which always has a number
    /// here, and for a required one `on_reject` says what becomes of the message it stands before. `None`: for ever.
    pub attempts: Option<u32>,
    /// What becomes of a message that it will never take.
    pub on_reject: OnReject,
    /// What it is.
    pub kind: SinkKind,
}

/// What becomes of a message that a sink will never take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnReject {
    /// It is kept among the dead letters, and those behind it go on.
    DeadLetter,
    /// The sink waits until somebody decides.
    Halt,
    /// It is counted and left out.
    Drop,
}

/// What a sink is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkKind {
    /// Appends to files.
    File(Box<FileConfig>),
    /// Writes to standard output, which is not durable.
    Stdout(StdoutConfig),
    /// Posts to an HTTP server.
    Webhook(Box<WebhookConfig>),
    /// Publishes to a topic of AMS.
    Topic {
        /// The key of the topic's connection.
        connection: String,
        /// Its name in AMS.
        topic: TopicName,
        /// The most messages of one publish.
        batch: u32,
        /// Whether messages get attributes that say where they came from: `ams_origin_project`,
        /// `ams_origin_subscription`, `ams_origin_message_id` and `ams_origin_publish_time`. One that has any of them
        /// already is left as it is.
        origin_attributes: bool,
    },
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// The payload and a newline.
    Raw,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    Stdout,
    Webhook,
    Topic,
}

static TYPES: Words<Kind> = Words {
    now: &[
        ("file", Kind::File),
        ("stdout", Kind::Stdout),
        ("webhook", Kind::Webhook),
        ("topic", Kind::Topic),
    ],
    later: &[],
};
static ON_REJECT: Words<OnReject> = Words {
    now: &[("dead_letter", OnReject::DeadLetter), ("halt", OnReject::Halt), ("drop", OnReject::Drop)],
    later: &[],
};

const TOPIC_BATCH: u32 = 100;
const LARGEST_TOPIC_BATCH: u32 = 10_000;

/// The keys that some kinds of sinks have and others do not.
static KEYS: &[(&str, &[Kind])] = &[
    ("path", &[Kind::File]),
    ("schema_file", &[Kind::File]),
    ("codec", &[Kind::File]),
    ("time_zone", &[Kind::File]),
    ("max_open_files", &[Kind::File]),
    ("rotate", &[Kind::File]),
    ("compress", &[Kind::File, Kind::Webhook]),
    ("keep", &[Kind::File]),
    ("accept_days", &[Kind::File]),
    ("error_path", &[Kind::File]),
    ("sync", &[Kind::File]),
    ("sync_interval", &[Kind::File]),
    ("mode", &[Kind::File, Kind::Webhook]),
    ("directory_mode", &[Kind::File]),
    ("owner", &[Kind::File]),
    ("group", &[Kind::File]),
    ("format", &[Kind::File, Kind::Stdout, Kind::Webhook]),
    ("content_type", &[Kind::Webhook]),
    ("template", &[Kind::Webhook]),
    ("template_file", &[Kind::Webhook]),
    ("url", &[Kind::Webhook]),
    ("headers", &[Kind::Webhook]),
    ("bearer_token", &[Kind::Webhook]),
    ("bearer_token_file", &[Kind::Webhook]),
    ("basic", &[Kind::Webhook]),
    ("certificate", &[Kind::Webhook]),
    ("private_key", &[Kind::Webhook]),
    ("signing_secrets", &[Kind::Webhook]),
    ("ca_file", &[Kind::Webhook]),
    ("ca_dir", &[Kind::Webhook]),
    ("timeout", &[Kind::Webhook]),
    ("connect_timeout", &[Kind::Webhook]),
    ("connection", &[Kind::Topic]),
    ("topic", &[Kind::Topic]),
    ("batch", &[Kind::Webhook, Kind::Topic]),
    ("concurrency", &[Kind::Webhook]),
    ("origin_attributes", &[Kind::Topic]),
    ("color", &[Kind::Stdout]),
    ("on_closed", &[Kind::Stdout]),
];

/// What a sink is read against.
pub(super) struct Surroundings<'a> {
    /// The keys of all connections, valid or not.
    pub(super) connections: &'a BTreeSet<String>,
    /// The connection of the subscription itself.
    pub(super) own: Option<&'a str>,
}

/// Reads one sink; the flag tells whether it is required, even where the rest is wrong.
pub(super) fn read(
    name: &str,
    mut section: Section<'_>,
    around: &Surroundings<'_>,
) -> (bool, Option<SinkConfig>) {
    if matches!(name, "pull" | "acknowledge") {
        section.fault(
            "is a name that a sink cannot have",
            "any other name: the metrics use this one for an operation",
        );
    }
    let required = section.boolean("required").unwrap_or(true);
    let Some(kind) = section.word("type", &TYPES) else {
        if !section.has("type") {
            section.missing("type", "type = \"file\", \"stdout\", \"webhook\" or \"topic\"");
        }
        section.finish_unknown();
        return (required, None);
    };

    refuse_keys_of_others(kind, &mut section);
    let on_reject = on_reject(&mut section, required);
    let kind = match kind {
        Kind::File => file::read(&mut section).map(|file| SinkKind::File(Box::new(file))),
        Kind::Stdout => Some(SinkKind::Stdout(stdout::read(&mut section, required))),
        Kind::Webhook => webhook::read(&mut section).map(|webhook| SinkKind::Webhook(Box::new(webhook))),
        Kind::Topic => read_topic(&mut section, around),
    };
    let (retry, attempts) = read_retry(&mut section, required);
    section.finish();
    let sink = kind.zip(retry).map(|(kind, retry)| SinkConfig {
        name: name.to_owned(),
        required,
        retry,
        attempts,
        on_reject,
        kind,
    });
    (required, sink)
}

fn refuse_keys_of_others(kind: Kind, section: &mut Section<'_>) {
    let type_of = |kind: &Kind| TYPES.now.iter().find(|(_, of)| of == kind).map_or("", |(word, _)| *word);
    for (key, kinds) in KEYS.iter().filter(|(_, kinds)| !kinds.contains(&kind)) {
        if section.has(key) {
            let owners: Vec<_> = kinds.iter().map(type_of).collect();
            let types: Vec<_> = owners.iter().map(|owner| format!("type = \"{owner}\"")).collect();
            let what = format!("belongs to a {} sink", owners.join(" or "));
            section.problem(key, what, format!("{}, or no {key}", types.join(" or ")));
            section.pass_over(key);
        }
    }
}

fn on_reject(section: &mut Section<'_>, required: bool) -> OnReject {
    let on_reject = section.word("on_reject", &ON_REJECT).unwrap_or(OnReject::DeadLetter);
    if on_reject == OnReject::Halt && !required {
        let what = "\"halt\" is for a required sink; a best-effort one holds nothing up";
        section.problem("on_reject", what, "\"dead_letter\" or \"drop\", or required = true");
    }
    on_reject
}

fn read_topic(section: &mut Section<'_>, around: &Surroundings<'_>) -> Option<SinkKind> {
    let connection = if section.has("connection") {
        named_connection(section, around.connections)
    } else {
        around.own.map(str::to_owned)
    };
    let topic = section.parsed("topic", name::<TopicName>);
    if !section.has("topic") {
        section.missing("topic", "the topic's name, as in topic = \"metrics-copy\"");
    }
    let batch = section.integer("batch", 1..=LARGEST_TOPIC_BATCH).unwrap_or(TOPIC_BATCH);
    let origin_attributes = section.boolean("origin_attributes").unwrap_or(false);
    Some(SinkKind::Topic { connection: connection?, topic: topic?, batch, origin_attributes })
}

fn read_retry(section: &mut Section<'_>, required: bool) -> (Option<BackoffPolicy>, Option<u32>) {
    let mut section = section.table("retry", &schema::SINK_RETRY);
    let policy = retry::read(&mut section);
    let attempts = section.integer("attempts", 1..=10_000);
    section.finish();
    (policy, attempts.or((!required).then_some(ATTEMPTS)))
}
