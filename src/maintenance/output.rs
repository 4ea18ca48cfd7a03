//! What commands print: a table for people, JSON for scripts. A reader that has seen enough is no failure.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

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

impl Output {
    /// Prints several things of a kind, which have these rows in a table.
    pub(super) fn list<const COLUMNS: usize>(
        self,
        things: &[impl Serialize],
        columns: [&str; COLUMNS],
        rows: Vec<[String; COLUMNS]>,
    ) -> Result<(), Error> {
        match self {
            Self::Json => print_json(&things),
            Self::Table if rows.is_empty() => {
                eprintln!("there are none");
                Ok(())
            }
            Self::Table => print(table(columns, rows).as_bytes()),
        }
    }

    /// Says what was done: in words, or as an object.
    pub(super) fn done(self, words: &str, object: &impl Serialize) -> Result<(), Error> {
        match self {
            Self::Json => print_json(object),
            Self::Table => print(format!("{words}\n").as_bytes()),
        }
    }
}

/// For a table; what is absent is a dash.
pub(super) fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn table<const COLUMNS: usize>(columns: [&str; COLUMNS], rows: Vec<[String; COLUMNS]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

fn print_json(value: &impl Serialize) -> Result<(), Error> {
    // What is shown are numbers, strings, lists and objects of them: all of it is JSON.
    print((serde_json::to_string_pretty(value).unwrap_or_default() + "\n").as_bytes())
}

pub(super) fn print(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}
