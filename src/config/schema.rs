//! Every key there is, by table: what tells an unknown key from one in the wrong table.

/// The keys of one kind of table.
#[derive(Debug)]
pub(super) struct TableKeys {
    /// The table's name, with NAME for a name of one's own; empty for the top of the file.
    pub(super) at: &'static str,
    pub(super) keys: &'static [&'static str],
}

const fn table(at: &'static str, keys: &'static [&'static str]) -> TableKeys {
    TableKeys { at, keys }
}

pub(super) static ROOT: TableKeys = table(
    "",
    &["state_dir", "log", "admin", "shutdown", "limits", "connections", "subscriptions", "emulator"],
);
pub(super) static LOG: TableKeys = table("log", &["level", "format", "report_every"]);
pub(super) static ADMIN: TableKeys = table("admin", &["listen"]);
pub(super) static SHUTDOWN: TableKeys = table("shutdown", &["grace"]);
pub(super) static LIMITS: TableKeys = table("limits", &["in_flight_bytes", "dead_letter_bytes"]);
pub(super) static CONNECTION: TableKeys = table(
    "connections.NAME",
    &[
        "endpoint",
        "project",
        "token",
        "token_file",
        "certificate",
        "private_key",
        "authn_endpoint",
        "ca_file",
        "ca_dir",
        "proxy",
        "timeout",
        "connect_timeout",
    ],
);
pub(super) static SUBSCRIPTION: TableKeys = table(
    "subscriptions.NAME",
    &[
        "connection",
        "subscription",
        "max_messages",
        "max_batch_bytes",
        "on_log_reset",
        "poll_min",
        "poll_max",
        "on_poison",
        "ack_deadline",
        "retry",
        "sinks",
    ],
);
pub(super) static SUBSCRIPTION_RETRY: TableKeys = table("subscriptions.NAME.retry", &["initial", "max"]);
pub(super) static SINK: TableKeys = table(
    "subscriptions.NAME.sinks.NAME",
    &[
        "type",
        "path",
        "time_zone",
        "max_open_files",
        "accept_days",
        "error_path",
        "rotate",
        "compress",
        "keep",
        "sync",
        "sync_interval",
        "mode",
        "directory_mode",
        "owner",
        "group",
        "format",
        "schema_file",
        "codec",
        "content_type",
        "template",
        "template_file",
        "url",
        "headers",
        "bearer_token",
        "bearer_token_file",
        "basic",
        "certificate",
        "private_key",
        "signing_secrets",
        "ca_file",
        "ca_dir",
        "timeout",
        "connect_timeout",
        "connection",
        "topic",
        "batch",
        "concurrency",
        "origin_attributes",
        "color",
        "on_closed",
        "required",
        "retry",
        "on_reject",
    ],
);
pub(super) static SINK_BASIC: TableKeys =
    table("subscriptions.NAME.sinks.NAME.basic", &["username", "password"]);
pub(super) static SINK_ROTATE: TableKeys =
    table("subscriptions.NAME.sinks.NAME.rotate", &["size", "age", "at"]);
pub(super) static SINK_KEEP: TableKeys =
    table("subscriptions.NAME.sinks.NAME.keep", &["files", "age", "size"]);
pub(super) static ACCEPT_DAYS: TableKeys =
    table("subscriptions.NAME.sinks.NAME.accept_days", &["attribute", "past", "future"]);
pub(super) static SINK_RETRY: TableKeys =
    table("subscriptions.NAME.sinks.NAME.retry", &["initial", "max", "attempts"]);
pub(super) static EMULATOR: TableKeys = table("emulator", &["listen", "token", "demo"]);
pub(super) static DEMO: TableKeys = table("emulator.demo", &["project", "topic", "subscription", "rate"]);

/// Every kind of table.
pub(super) static ALL: [&TableKeys; 16] = [
    &ROOT,
    &LOG,
    &ADMIN,
    &SHUTDOWN,
    &LIMITS,
    &CONNECTION,
    &SUBSCRIPTION,
    &SUBSCRIPTION_RETRY,
    &SINK,
    &SINK_BASIC,
    &SINK_ROTATE,
    &SINK_KEEP,
    &ACCEPT_DAYS,
    &SINK_RETRY,
    &EMULATOR,
    &DEMO,
];

impl TableKeys {
    /// What is wrong with a key that nobody took, and what may have been meant.
    pub(super) fn explain(&self, key: &str) -> (String, String) {
        let elsewhere: Vec<_> = ALL
            .iter()
            .filter(|table| table.keys.contains(&key))
            .map(|table| {
                if table.at.is_empty() { "the top of the file".to_owned() } else { format!("[{}]", table.at) }
            })
            .collect();
        let hint = match (elsewhere.is_empty(), self.nearest(key)) {
            (false, _) => format!("`{key}` belongs in {}", elsewhere.join(" or ")),
            (true, Some(nearest)) => format!("did you mean `{nearest}`?"),
            (true, None) => self.list(),
        };
        ("is not a known key".to_owned(), hint)
    }

    fn nearest(&self, key: &str) -> Option<&'static str> {
        nearest(key, self.keys)
    }

    fn list(&self) -> String {
        let table =
            if self.at.is_empty() { "the top of the file".to_owned() } else { format!("[{}]", self.at) };
        format!("{table} has {}", self.keys.join(", "))
    }
}

/// The candidate that a mistyped word most likely means, if one is near.
pub(super) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}
