//! ams-consumer: a daemon that writes the messages of a subscription to Avro files by their `partition_date`.
//!
//! What its keys mean is taken from what it does: see docs/migrating-from-ams-consumer.md.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::SecretString;

use super::Migrated;
use super::draft::{Draft, string};
use super::ini::{Fault, Ini};
use super::reader::{Reader, Value};
use crate::config::{ConfigError, Problem};

/// Every section, with its keys.
const KNOWN: [(&str, &[&str]); 4] = [
    ("General", &["LogName", "ReportWritMsgEveryHours", "AvroSchema"]),
    (
        "AMS",
        &[
            "Host",
            "Project",
            "Token",
            "Subscriptions",
            "PullMsgs",
            "PullIntervalSec",
            "ConnectionTimeout",
            "PullRetry",
            "PullRetrySleep",
        ],
    ),
    ("MsgRetention", &["PastDaysOk", "FutureDaysOk"]),
    ("Output", &["Directory", "Filename", "ErrorFilename"]),
];

/// The longest key of a table of names.
const LONGEST_KEY: usize = 64;

/// The shortest pause that the daemon makes, and the one it makes first unless told otherwise.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// The attribute by which it tells days.
const DAY: &str = "{attribute.partition_date}";

/// What it stands for, in any place of the path.
const DATE: &str = "DATE";

/// Its file, understood.
struct Consumer {
    /// What we call the tenant.
    name: String,
    host: Value,
    project: Value,
    subscription: Value,
    schema: Value,
    report_hours: Option<Value<u32>>,
    pull_messages: Option<Value<u32>>,
    pull_seconds: Option<Value<f64>>,
    timeout: Option<Value<u32>>,
    retry_seconds: Option<Value<u32>>,
    past: Value<u32>,
    future: Value<u32>,
    path: Value,
    error_path: Value,
}

/// Makes a configuration of this file, which says that the token is in `token_file`.
pub(super) fn migrate(file: &Path, token_file: Option<&Path>) -> Result<Migrated, ConfigError> {
    let text = fs::read_to_string(file).map_err(|error| {
        let what = format!("cannot be read: {error}");
        ConfigError::new(vec![Problem {
            file: file.to_owned(),
            position: None,
            key: String::new(),
            what,
            hint: None,
        }])
    })?;
    from_text(&text, file, token_file, &TimeZone::system())
}

fn from_text(
    text: &str,
    file: &Path,
    token_file: Option<&Path>,
    time_zone: &TimeZone,
) -> Result<Migrated, ConfigError> {
    let ini = Ini::parse(text)
        .map_err(|faults| sorted(faults.into_iter().map(|fault| at(fault, file)).collect()))?;
    let mut reader = Reader::new(&ini, file);
    let token = token(&mut reader);
    let consumer = read(&mut reader, file);
    let warnings = reader.left_out(&KNOWN);
    let (Some(token), Some(consumer), true) = (token, consumer, reader.problems.is_empty()) else {
        return Err(sorted(reader.problems));
    };
    let token_file = token_file.map_or_else(|| default_token_file(&consumer.name), Path::to_owned);
    let text = consumer.write(file, &token_file, time_zone).finish(file).map_err(sorted)?;
    Ok(Migrated { text, token, warnings })
}

fn sorted(mut problems: Vec<Problem>) -> ConfigError {
    problems.sort_by_key(|problem| problem.position);
    ConfigError::new(problems)
}

fn at(fault: Fault, file: &Path) -> Problem {
    let position = Some((fault.place.line, fault.place.column));
    Problem { file: file.to_owned(), position, key: String::new(), what: fault.what, hint: Some(fault.hint) }
}

fn default_token_file(name: &str) -> PathBuf {
    format!("/etc/ams-forwarder/{name}.token").into()
}

/// No message quotes it.
fn token(reader: &mut Reader<'_>) -> Option<SecretString> {
    reader.must_have("AMS", "Token", "…");
    let Value { is: token, origin } = reader.any("AMS", "Token")?;
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        let what = "the value has white space or other characters no token has";
        reader.problem(&origin, what, "the token alone");
    }
    Some(token.into())
}

/// It is always asked over HTTPS.
fn host(reader: &mut Reader<'_>) -> Option<Value> {
    let host = reader.needed("AMS", "Host", "msg.example.org")?;
    if host.is.contains('/') {
        let what = format!("{:?} is more than a host", host.is);
        reader.problem(&host.origin, what, "the name of the host, and the port if it is not 443");
    }
    Some(host)
}

fn read(reader: &mut Reader<'_>, file: &Path) -> Option<Consumer> {
    const HOURS: &str = "a whole number of hours, 1 or more";
    const SECONDS: &str = "a whole number of seconds, 1 or more";
    const DAYS: &str = "a whole number of days";
    let report = reader.text("General", "ReportWritMsgEveryHours");
    let report_hours = reader.number(report, &1, HOURS);
    let schema = reader.needed("General", "AvroSchema", "/etc/argo-ams-consumer/metric_data.avsc");
    let host = host(reader);
    let project = reader.needed("AMS", "Project", "EGI");
    let subscription = reader.needed("AMS", "Subscriptions", "sub1");
    let pull = reader.text("AMS", "PullMsgs");
    let pull_messages = reader.number(pull, &1, "a whole number of messages, 1 or more");
    let pull = reader.text("AMS", "PullIntervalSec");
    let pull_seconds = reader.number(pull, &0.0, "a number of seconds");
    let timeout = reader.text("AMS", "ConnectionTimeout");
    let timeout = reader.number(timeout, &1, SECONDS);
    let retry = reader.text("AMS", "PullRetrySleep");
    let retry_seconds = reader.number(retry, &1, SECONDS);
    let past = reader.needed("MsgRetention", "PastDaysOk", "3");
    let past = reader.number(past, &1, "a whole number of days, 1 or more: 1 is today alone");
    let future = reader.needed("MsgRetention", "FutureDaysOk", "1");
    let future = reader.number(future, &0, DAYS);
    let directory = reader.needed("Output", "Directory", "/var/lib/argo-ams-consumer");
    let name = reader.needed("Output", "Filename", "argo-consumer_log_DATE.avro");
    let error_name = reader.needed("Output", "ErrorFilename", "argo-consumer_error_log_DATE.avro");
    let directory = directory?;
    let path = path_template(reader, &directory, name?);
    let error_path = path_template(reader, &directory, error_name?);
    if let (Some(one), Some(other)) = (&path, &error_path)
        && one.is == other.is
    {
        reader.problem(&other.origin, "is the same file as Filename", "a file of its own");
    }
    let project = project?;
    Some(Consumer {
        name: tenant(file, &project.is),
        host: host?,
        project,
        subscription: subscription?,
        schema: schema?,
        report_hours,
        pull_messages,
        pull_seconds,
        timeout,
        retry_seconds,
        past: past?,
        future: future?,
        path: path?,
        error_path: error_path?,
    })
}

/// The path with our placeholder in it. ams-consumer fills in the date wherever the word stands, in the directory too.
fn path_template(reader: &mut Reader<'_>, directory: &Value, name: Value) -> Option<Value> {
    let path = format!("{}/{}", directory.is.trim_end_matches('/'), name.is);
    if path.contains(['{', '}']) {
        reader.problem(
            &name.origin,
            format!("{path:?} has a brace in it"),
            "a path without { and }, which stand for placeholders",
        );
        return None;
    }
    Some(Value { is: path.replace(DATE, DAY), origin: name.origin })
}

/// What to call the tenant: what its unit is called, as in `ams-consumer@NAME.service`, or else as its project.
fn tenant(file: &Path, project: &str) -> String {
    let valid = |name: &str| {
        (1..=LONGEST_KEY).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    let instance = file.file_stem().and_then(|stem| stem.to_str()?.strip_prefix("ams-consumer-"));
    let candidates = [instance.map(str::to_owned), Some(project.to_lowercase())];
    candidates.into_iter().flatten().find(|name| valid(name)).unwrap_or_else(|| "ams".to_owned())
}

impl Consumer {
    fn write(&self, file: &Path, token_file: &Path, time_zone: &TimeZone) -> Draft {
        let mut draft = Draft::default();
        draft.comment(&format!(
            "Made of {} by ams-forwarder {}.\n\
             What is different and how to switch over: docs/migrating-from-ams-consumer.md.",
            file.display(),
            env!("CARGO_PKG_VERSION")
        ));
        draft.comment("\nWhat must be remembered between two starts. The unit ams-forwarder@ keeps it here.");
        draft.set("state_dir", string(&format!("/var/lib/ams-forwarder/{}", self.name)), None);
        self.write_log(&mut draft);
        draft.table("admin");
        draft.comment("Metrics, health and status. Each daemon of a machine needs a port of its own.");
        draft.set("listen", string("127.0.0.1:9464"), None);
        self.write_connection(&mut draft, token_file);
        self.write_subscription(&mut draft);
        self.write_sink(&mut draft, time_zone);
        draft
    }

    fn write_log(&self, draft: &mut Draft) {
        draft.table("log");
        draft.comment(
            "The log goes to the journal under systemd, else to standard error; LogName has no counterpart.\n\
             The report counts what was written, not what was pulled.",
        );
        if let Some(hours) = &self.report_hours {
            draft.set("report_every", string(&format!("{}h", hours.is)), Some(&hours.origin));
        }
    }

    fn write_connection(&self, draft: &mut Draft, token_file: &Path) {
        draft.table(&format!("connections.{}", self.name));
        draft.set("endpoint", string(&format!("https://{}", self.host.is)), Some(&self.host.origin));
        draft.set("project", string(&self.project.is), Some(&self.project.origin));
        draft.comment(
            "Not shown: the token belongs in this file, alone, for the user of the daemon to read and for nobody else\n\
             (--write-token FILE writes it). A new token is taken over without a restart.",
        );
        draft.set("token_file", string(&token_file.to_string_lossy()), None);
        if let Some(timeout) = &self.timeout {
            draft.set("timeout", string(&format!("{}s", timeout.is)), Some(&timeout.origin));
        }
    }

    fn write_subscription(&self, draft: &mut Draft) {
        let key = self.subscription_key();
        draft.table(&format!("subscriptions.{key}"));
        if key != self.subscription.is {
            draft.set("subscription", string(&self.subscription.is), Some(&self.subscription.origin));
        }
        if let Some(messages) = &self.pull_messages {
            draft.comment(
                "1000, the default, is faster: a pull takes the service about as long whatever it holds.",
            );
            draft.set("max_messages", messages.is, Some(&messages.origin));
        }
        if let Some(seconds) = &self.pull_seconds {
            draft
                .comment("The longest pause after an empty pull. After one with messages there is no pause.");
            let pause = Duration::try_from_secs_f64(seconds.is).unwrap_or(Duration::MAX).max(SHORTEST_PAUSE);
            let pause = string(&show(pause));
            if seconds.is < SHORTEST_POLL.as_secs_f64() {
                draft.set("poll_min", &pause, Some(&seconds.origin));
            }
            draft.set("poll_max", &pause, Some(&seconds.origin));
        }
        draft.comment("It is tried for ever: there is no PullRetry, after which the daemon would end.");
        if let Some(seconds) = &self.retry_seconds {
            let retry = format!("{{ initial = \"250ms\", max = \"{}s\" }}", seconds.is);
            draft.set("retry", retry, Some(&seconds.origin));
        }
    }

    fn write_sink(&self, draft: &mut Draft, time_zone: &TimeZone) {
        draft.table(&format!("subscriptions.{}.sinks.archive", self.subscription_key()));
        draft.set("type", string("file"), None);
        draft.set("path", string(&self.path.is), Some(&self.path.origin));
        draft.set("format", string("avro"), None);
        draft.set("schema_file", string(&self.schema.is), Some(&self.schema.origin));
        draft.comment(
            "`past` counts the days before today; PastDaysOk counted today too, so it is one less. Messages of other\n\
             days go to error_path, and also those without a date, at which ams-consumer ended.",
        );
        let (past, future) = (self.past.is - 1, self.future.is);
        let days = format!("{{ attribute = \"partition_date\", past = {past}, future = {future} }}");
        draft.set("accept_days", days, Some(&self.past.origin));
        match time_zone.iana_name() {
            // Days are counted in it anyhow.
            Some("UTC" | "Etc/UTC") => {}
            Some(zone) => {
                draft.comment("Of this machine: ams-consumer counts days in it.");
                draft.set("time_zone", string(zone), None);
            }
            None => draft.comment(
                "The time zone of this machine has no name: set time_zone, or days are those of UTC.",
            ),
        }
        draft.set("error_path", string(&self.error_path.is), Some(&self.error_path.origin));
    }

    /// What metrics and logs call it: its name in AMS, unless that is too long.
    fn subscription_key(&self) -> &str {
        if self.subscription.is.len() <= LONGEST_KEY { &self.subscription.is } else { "metrics" }
    }
}

fn show(pause: Duration) -> String {
    let milliseconds = pause.as_millis();
    if milliseconds.is_multiple_of(1000) {
        format!("{}s", milliseconds / 1000)
    } else {
        format!("{milliseconds}ms")
    }
}

#[cfg(test)]
mod tests;
