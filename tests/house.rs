//! Who may know whom: the rules of the house, held against the source. The parts stay apart because this fails when one
//! of them reaches where it should not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PARTS: [&str; 12] = [
    "backoff",
    "cli",
    "client",
    "config",
    "daemon",
    "emulator",
    "fail_point",
    "maintenance",
    "metrics",
    "migrate",
    "pipeline",
    "sink",
];

/// What each part may know of the others.
const MAY_KNOW: [(&str, &[&str]); 12] = [
    ("backoff", &[]),
    ("cli", &["client", "emulator"]),
    ("client", &["backoff"]),
    ("config", &["backoff", "client"]),
    ("daemon", &["backoff", "client", "config", "emulator", "metrics", "pipeline"]),
    ("emulator", &["client"]),
    ("fail_point", &[]),
    ("maintenance", &["config", "daemon", "pipeline"]),
    ("metrics", &["client"]),
    ("migrate", &["config"]),
    ("pipeline", &["backoff", "client", "config", "fail_point", "metrics", "sink"]),
    ("sink", &["client", "config", "fail_point"]),
];

/// Words that do not occur in a part, because it knows nothing of the matter.
const UNKNOWN: [(&str, &[&str]); 5] = [
    ("sink", &["acknowledge", "AckToken", "Ledger"]),
    ("daemon", &["Message", "Batch", "Receipt", "AckToken", "pull", "acknowledge"]),
    ("config", &["AmsClient", "Message", "Batch"]),
    ("maintenance", &["AmsClient", "Message", "Batch", "Receipt", "AckToken"]),
    ("metrics", &["Message", "Batch", "AckToken"]),
];

const LONGEST_FILE: usize = 400;
const LONGEST_PROGRAM: usize = 80;

/// A source file: where it is below `src`, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.to_owned() }
    }

    /// The part of the house it belongs to; `None` for the root and the programs.
    fn part(&self) -> Option<&'static str> {
        let first = self.path.components().next()?.as_os_str().to_str()?;
        let first = first.strip_suffix(".rs").unwrap_or(first);
        PARTS.into_iter().find(|part| *part == first)
    }

    /// Whether it is a test part in a file of its own.
    fn is_test(&self) -> bool {
        self.path.iter().any(|name| name == "tests" || name == "tests.rs")
    }

    /// Its code without comments and without the texts in it, with the number of each line.
    fn code(&self) -> impl Iterator<Item = (usize, String)> {
        let plain = |line: &str| {
            let code = line.split("//").next().unwrap_or_default().replace("\\\"", "");
            code.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
        };
        (1..).zip(self.text.lines().map(plain).collect::<Vec<_>>())
    }

    /// The parts that its paths lead to, with the line: through `crate::`, or through `super::` as far as the root.
    fn known(&self) -> Vec<(usize, &'static str)> {
        let mut modules: Vec<_> =
            self.path.components().map(|name| name.as_os_str().to_str().unwrap()).collect();
        if modules.last() == Some(&"mod.rs") {
            modules.pop();
        }
        let to_the_root = "super::".repeat(modules.len());
        let code = self.code().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        let mut known = Vec::new();
        for root in ["crate::", to_the_root.as_str()] {
            for (at, _) in code.match_indices(root) {
                let before = &code[..at];
                // `super::super::x` does not begin in its middle.
                if before.ends_with("::") || before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                    continue;
                }
                let line = 1 + before.matches('\n').count();
                let parts = PARTS.into_iter().filter(|part| names(&code[at + root.len()..]).contains(part));
                known.extend(parts.map(|part| (line, part)));
            }
        }
        known
    }
}

/// The first names of what follows a `crate::`: one, or those in braces.
fn names(rest: &str) -> BTreeSet<&str> {
    let name = |text| str::split(text, |c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let Some(group) = rest.strip_prefix('{') else { return BTreeSet::from([name(rest)]) };
    let (mut depth, mut start, mut found) = (0, 0, BTreeSet::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                found.insert(name(group[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// Every breach of the rules in these files, one line each.
fn breaches(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let path = source.path.display();
        let length = source.text.lines().count();
        let longest = if source.path.starts_with("bin") { LONGEST_PROGRAM } else { LONGEST_FILE };
        if length > longest {
            breaches.push(format!("{path}: {length} lines, and {longest} are the most"));
        }
        if source.path.ends_with("mod.rs") {
            breaches.push(format!("{path}: NAME.rs stands beside NAME/"));
        }
        let Some(part) = source.part() else { continue };
        let may_know = MAY_KNOW.iter().find(|(name, _)| *name == part).map_or(&[][..], |(_, known)| known);
        for (line, known) in source.known() {
            let to_test_against = known == "emulator" && source.is_test();
            if known != part && !may_know.contains(&known) && !to_test_against {
                breaches.push(format!("{path}:{line}: {part} may not know {known}"));
            }
        }
        let unknown = UNKNOWN.iter().find(|(name, _)| *name == part).map_or(&[][..], |(_, words)| words);
        for (line, code) in source.code() {
            let words = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect::<BTreeSet<_>>();
            for word in unknown.iter().filter(|word| words.contains(**word)) {
                breaches.push(format!("{path}:{line}: {part} knows nothing of {word}"));
            }
        }
    }
    breaches
}

fn read(directory: &Path, root: &Path, into: &mut Vec<Source>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, root, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            into.push(Source { path: path.strip_prefix(root).unwrap().to_owned(), text });
        }
    }
}

#[test]
fn the_parts_know_only_whom_they_may_and_no_file_is_too_long() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    read(&package.join("src"), &package.join("src"), &mut sources);
    let parts: BTreeSet<_> = sources.iter().filter_map(Source::part).collect();
    assert_eq!(parts, PARTS.into(), "the rules are of another house");
    let mut breaches = breaches(&sources);

    let mut tests = Vec::new();
    read(&package.join("tests"), package, &mut tests);
    for test in tests.iter().filter(|test| test.text.lines().count() > LONGEST_FILE) {
        breaches.push(format!("{}: more than {LONGEST_FILE} lines", test.path.display()));
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn what_is_forbidden_is_found_however_it_is_written() {
    for (path, text, found) in [
        ("client/http.rs", "use crate::config::Config;", "client may not know config"),
        ("client/http.rs", "fn f() -> crate::metrics::Metrics {", "client may not know metrics"),
        ("client.rs", "use super::sink::Sink;", "client may not know sink"),
        ("client/http/body.rs", "use super::super::super::daemon;", "client may not know daemon"),
        (
            "emulator/log.rs",
            "use crate::{\n    client::{Offsets, Page},\n    config,\n};",
            "may not know config",
        ),
        ("emulator.rs", "use crate::{backoff::{Backoff}};", "emulator may not know backoff"),
        ("sink/file.rs", "use crate::pipeline::Status;", "sink may not know pipeline"),
        ("sink/file.rs", "fn acknowledge() {}", "sink knows nothing of acknowledge"),
        ("daemon/demo.rs", "use crate::client::Message;", "daemon knows nothing of Message"),
        ("daemon.rs", "use crate::sink::FileSink;", "daemon may not know sink"),
        (
            "config/sink.rs",
            "use crate::client::{AmsClient, ProjectName};",
            "config knows nothing of AmsClient",
        ),
        ("client/mod.rs", "", "stands beside"),
        ("bin/ams.rs", &"\n".repeat(81), "81 lines"),
        ("client/long.rs", &"\n".repeat(401), "401 lines"),
    ] {
        let breaches = breaches(&[Source::new(path, text)]);
        assert!(breaches.len() == 1 && breaches[0].contains(found), "{path}: {text}: {breaches:?}");
    }
    for (path, text) in [
        ("client/http.rs", "use crate::backoff::Backoff; // not crate::config"),
        ("client/http.rs", "/// See [`crate::config::SinkKind`].\nuse super::super::client::Error;"),
        ("client/http/body.rs", "use super::super::batch::sink;\nuse super::config;"),
        ("emulator/log.rs", "use crate::{client::{config, sink}, emulator::{Emulator, daemon}};"),
        ("sink/file.rs", "let text = \"acknowledge \\\" crate::pipeline\"; let acknowledged = 1;"),
        ("daemon/demo.rs", "use crate::client::NewMessage;"),
        ("pipeline/tests.rs", "use crate::emulator::Emulator;"),
        ("lib.rs", "pub use crate::sink::X;"),
    ] {
        assert_eq!(breaches(&[Source::new(path, text)]), Vec::<String>::new(), "{path}: {text}");
    }
}
