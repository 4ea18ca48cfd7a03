//! The configuration of a daemon under test, in quick settings.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{Home, PROJECT, TOKEN};

/// Waits that keep a test short; a subscription may set its own instead.
const QUICK: &str = r#"poll_min = "10ms"
poll_max = "50ms"
retry = { initial = "20ms", max = "200ms" }
"#;

/// A configuration file being written.
#[derive(Clone)]
pub(crate) struct Config {
    root: String,
    tables: String,
    out: PathBuf,
}

impl Config {
    /// One connection, `main`, to the service at `endpoint`, with the right token in the file `token`.
    pub(crate) fn new(home: &Home, endpoint: &str) -> Self {
        let state = home.path("state");
        let root = format!("state_dir = \"{}\"\nadmin = {{ listen = \"127.0.0.1:0\" }}\n", state.display());
        let config = Self { root, tables: String::new(), out: home.path("out") };
        let token = home.write("token", TOKEN);
        config.connection("main", endpoint, &token)
    }

    pub(crate) fn connection(self, name: &str, endpoint: &str, token_file: &Path) -> Self {
        self.table(&format!(
            "[connections.{name}]\nendpoint = {endpoint:?}\nproject = {PROJECT:?}\ntoken_file = \"{}\"\n\
             timeout = \"20s\"\n",
            token_file.display()
        ))
    }

    /// The same, with a second for each request instead of many.
    pub(crate) fn impatient(mut self) -> Self {
        self.tables = self.tables.replace("timeout = \"20s\"", "timeout = \"1s\"\nconnect_timeout = \"1s\"");
        self
    }

    /// A line before the tables.
    pub(crate) fn set(mut self, line: &str) -> Self {
        writeln!(self.root, "{line}").unwrap();
        self
    }

    /// A subscription of the connection `main` to the file `out/KEY.jsonl`.
    pub(crate) fn file(self, key: &str) -> Self {
        self.file_with(key, "connection = \"main\"")
    }

    /// The same, with settings of its own.
    pub(crate) fn file_with(self, key: &str, settings: &str) -> Self {
        let path = self.out.join(format!("{key}.jsonl"));
        self.subscription(key, settings, &file_sink(key, &path))
    }

    /// A subscription with `settings` (`connection` and `max_messages`, say) and the tables of its sinks.
    pub(crate) fn subscription(self, key: &str, settings: &str, sinks: &str) -> Self {
        let quick = QUICK.lines().filter(|line| {
            let name = line.split(' ').next().unwrap();
            !settings.lines().any(|own| own.starts_with(&format!("{name} ")))
        });
        let quick = quick.collect::<Vec<_>>().join("\n");
        let connection = if settings.contains("connection") { "" } else { "connection = \"main\"\n" };
        self.table(&format!("[subscriptions.{key}]\n{connection}{settings}\n{quick}\n{sinks}"))
    }

    pub(crate) fn table(mut self, text: &str) -> Self {
        writeln!(self.tables, "{text}").unwrap();
        self
    }

    pub(crate) fn text(&self) -> String {
        format!("{}\n{}", self.root, self.tables)
    }
}

/// The table of a sink `archive` of the subscription `key`, to the file at `path`, which is tried again soon.
pub(crate) fn file_sink(key: &str, path: &Path) -> String {
    format!(
        "[subscriptions.{key}.sinks.archive]\ntype = \"file\"\npath = \"{}\"\n\
         retry = {{ initial = \"20ms\", max = \"200ms\" }}\n",
        path.display()
    )
}
