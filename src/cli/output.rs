//! What commands print: tables for people, JSON for scripts.
//!
//! Both are made of the same [`Record`]s, so that neither knows what the other does not. Field names and their types are
//! what scripts rely on; `docs/cli.md` lists them.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Error;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for people
    #[default]
    Table,
    /// JSON, for scripts
    Json,
}

/// Something a command tells: fields in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Vec<Field>);

#[derive(Clone, Debug)]
struct Field {
    name: &'static str,
    value: Value,
    /// Instead of the value, in tables.
    text: Option<String>,
    in_lists: bool,
}

impl Record {
    /// Adds a field.
    pub(crate) fn with(self, name: &'static str, value: impl Serialize) -> Self {
        self.push(name, value, None, true)
    }

    /// Adds a field that people read in another form.
    pub(crate) fn with_text(self, name: &'static str, value: impl Serialize, text: String) -> Self {
        self.push(name, value, Some(text), true)
    }

    /// Adds a field that a table of several records leaves out.
    pub(crate) fn with_detail(self, name: &'static str, value: impl Serialize) -> Self {
        self.push(name, value, None, false)
    }

    /// Both of these.
    pub(crate) fn with_detail_text(self, name: &'static str, value: impl Serialize, text: String) -> Self {
        self.push(name, value, Some(text), false)
    }

    fn push(
        mut self,
        name: &'static str,
        value: impl Serialize,
        text: Option<String>,
        in_lists: bool,
    ) -> Self {
        // What a command shows are numbers, strings, lists and objects of them: all of it is JSON.
        let value = serde_json::to_value(value).unwrap_or_default();
        self.0.push(Field { name, value, text, in_lists });
        self
    }

    fn lines(&self) -> String {
        let width = self.0.iter().map(|field| field.name.len()).max().unwrap_or_default() + 2;
        let line = |field: &Field| {
            let text = field.text().replace('\n', &format!("\n{:width$}", ""));
            format!("{:width$}{text}\n", field.name.replace('_', " "))
        };
        self.0.iter().map(line).collect()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|field| (field.name, &field.value)))
    }
}

impl Field {
    /// For a table; what is absent is a dash.
    fn text(&self) -> String {
        let text = self.text.clone().unwrap_or_else(|| text(&self.value));
        if text.is_empty() { "-".to_owned() } else { harmless(&text) }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Texts are other people's: what steers a terminal is not passed on.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Standard output, and how to print on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    pub(crate) format: Format,
}

impl Console {
    /// Prints one thing: a field a line, or an object.
    pub(crate) fn one(self, record: &Record) -> Result<(), Error> {
        match self.format {
            Format::Table => print(&record.lines()),
            Format::Json => print(&pretty(record)),
        }
    }

    /// Prints several things of a kind: a table, or an array of objects.
    pub(crate) fn list(self, records: &[Record]) -> Result<(), Error> {
        match self.format {
            Format::Json => print(&pretty(&records)),
            Format::Table if records.is_empty() => {
                // It is said for people alone.
                let _ = writeln!(io::stderr(), "there are none");
                Ok(())
            }
            Format::Table => print(&table(records)),
        }
    }

    /// Says that something was done to the thing of that kind and name.
    pub(crate) fn done(self, action: &'static str, kind: &'static str, name: &str) -> Result<(), Error> {
        match self.format {
            Format::Table => print(&format!("{kind} {name}: {action}\n")),
            Format::Json => {
                let record = Record::default().with("action", action).with("kind", kind).with("name", name);
                print(&pretty(&record))
            }
        }
    }
}

/// Asks before something is destroyed, where a person can answer; scripts are not asked.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Confirmation {
    /// Do not ask (without a terminal, nobody is asked)
    #[arg(long, short)]
    yes: bool,
}

impl Confirmation {
    /// `what` is asked as a question, and anything but yes is a no.
    pub(crate) fn ask(self, what: &str) -> Result<(), Error> {
        if self.yes || !io::stdin().is_terminal() {
            return Ok(());
        }
        // Who cannot be asked has not said yes.
        write!(io::stderr(), "{what}? [y/N] ").map_err(|_| Error::Declined)?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(Error::Input)?;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            Ok(())
        } else {
            Err(Error::Declined)
        }
    }
}

pub(crate) fn table(records: &[Record]) -> String {
    let shown = |record: &Record| record.0.iter().filter(|field| field.in_lists).cloned().collect::<Vec<_>>();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(first) = records.first() {
        table.set_header(shown(first).iter().map(|field| field.name.replace('_', " ").to_uppercase()));
    }
    table.add_rows(
        records.iter().map(|record| {
            shown(record).iter().map(|field| field.text().replace('\n', " ")).collect::<Vec<_>>()
        }),
    );
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

fn pretty(value: &impl Serialize) -> String {
    // As above: all of it is JSON.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(name: &str, schema: Option<&str>) -> Record {
        Record::default()
            .with("name", name)
            .with("schema", schema)
            .with_text("projects", json!([{"project": "P"}]), "P: consumer".to_owned())
            .with_detail("created_on", "2026-11-23T07:05:17Z")
    }

    #[test]
    fn a_table_is_aligned_and_what_is_absent_is_a_dash() {
        let records = [record("a", None), record("longer", Some("projects/P/schemas/s"))];
        insta::assert_snapshot!(table(&records), @r"
        NAME    SCHEMA                PROJECTS
        a       -                     P: consumer
        longer  projects/P/schemas/s  P: consumer
        ");
        insta::assert_snapshot!(records[0].lines(), @r"
        name        a
        schema      -
        projects    P: consumer
        created on  2026-11-23T07:05:17Z
        ");
    }

    #[test]
    fn json_has_every_field_in_its_order() {
        insta::assert_snapshot!(serde_json::to_string(&record("a", None)).unwrap(),
            @r#"{"name":"a","schema":null,"projects":[{"project":"P"}],"created_on":"2026-11-23T07:05:17Z"}"#);
    }

    #[test]
    fn what_others_wrote_does_not_steer_the_terminal() {
        let record = Record::default().with("description", "a\u{1b}[31m\nb").with("flag", true);
        assert_eq!(record.lines(), "description  a\u{fffd}[31m\n             b\nflag         yes\n");
        assert_eq!(table(&[record]).lines().count(), 2);
    }
}
