//! What commands print: a table for people, JSON for scripts. A reader that has seen enough is no failure.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

use super::Error;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Aligned columns, for people
    #[default]
    Table,
    /// JSON, for scripts
    Json,
}

/// One row by the names of its columns, in their order.
pub(super) type Row = Vec<(&'static str, Value)>;

impl Output {
    /// Prints rows of the same columns.
    pub(super) fn list(self, rows: &[Row]) -> Result<(), Error> {
        match self {
            Self::Json => {
                let objects: Vec<_> = rows.iter().map(object).collect();
                print_json(&objects)
            }
            Self::Table if rows.is_empty() => {
                eprintln!("there are none");
                Ok(())
            }
            Self::Table => print(table(rows).as_bytes()),
        }
    }

    /// Says what was done: in words, or as an object.
    pub(super) fn done(self, words: &str, row: &Row) -> Result<(), Error> {
        match self {
            Self::Json => print_json(&object(row)),
            Self::Table => print(format!("{words}\n").as_bytes()),
        }
    }
}

fn object(row: &Row) -> serde_json::Map<String, Value> {
    row.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(first) = rows.first() {
        table.set_header(first.iter().map(|(name, _)| name.to_uppercase()));
    }
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    table.add_rows(rows.iter().map(|row| row.iter().map(|(_, value)| text(value)).collect::<Vec<_>>()));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    print(text.as_bytes())
}

pub(super) fn print(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}
