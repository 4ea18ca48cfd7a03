mod files;
mod messages;
mod together;

use std::fmt::Write;

use super::*;

/// A sound configuration that cases change.
const BASE: [(&str, &str); 4] = [
    ("", "state_dir = \"state\""),
    ("connections.c", "endpoint = \"https://ams.example.org\"\nproject = \"P\"\ntoken = \"t0p-secret\""),
    ("subscriptions.s", "max_messages = 10"),
    ("subscriptions.s.sinks.out", "type = \"file\"\npath = \"out/a\""),
];

/// The base with these lines in that table, instead of what it says of the same keys.
fn changed(table: &str, lines: &str) -> String {
    let mut text = String::new();
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let set: Vec<_> = lines.lines().filter_map(key).collect();
    for (at, base) in BASE {
        if !at.is_empty() {
            writeln!(text, "[{at}]").unwrap();
        }
        for line in base.lines().filter(|line| at != table || !set.contains(&key(line).unwrap())) {
            writeln!(text, "{line}").unwrap();
        }
        if at == table {
            writeln!(text, "{lines}").unwrap();
        }
    }
    if BASE.iter().all(|(at, _)| *at != table) {
        writeln!(text, "[{table}]\n{lines}").unwrap();
    }
    text
}

fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| Source { path: path.into(), text: Ok((*text).to_owned()) }).collect()
}

fn read_text(text: &str) -> Result<Config, ConfigError> {
    parse(&sources(&[("a.toml", text)]), &|_| None)
}

/// Each problem as `key: what | hint`.
fn problems(text: &str) -> String {
    let Err(error) = read_text(text) else {
        return "none".to_owned();
    };
    let show = |problem: &Problem| {
        format!("{}: {} | {}", problem.key, problem.what, problem.hint.as_deref().unwrap_or("-"))
    };
    error.problems().iter().map(show).collect::<Vec<_>>().join("\n")
}
