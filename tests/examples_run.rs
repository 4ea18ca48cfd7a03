//! Every example runs with the commands at its head, as they stand there, against an `ams emulator`. Its port is the one
//! thing that is another: these tests share their machine.

use std::path::Path;
use std::process::Command;

use crate::common::is_there;

/// How an example starts its emulator, unless it needs more than that; and the same on a port that is free.
const EMULATOR: &str = "ams emulator --project DEMO &\n";
const ON_A_FREE_PORT: &str = "\
    ams emulator --listen 127.0.0.1:0 --project DEMO >\"$TMPDIR/emulator.out\" &
    until grep -q '^export AMS_PROJECT' \"$TMPDIR/emulator.out\"; do sleep 0.1; done
    eval \"$(grep '^export' \"$TMPDIR/emulator.out\")\"
";

/// What the output has to show, in this order.
fn shows(example: &str) -> &'static [&'static str] {
    match example {
        "publish" => &["published [0]", "published [1, 2]", "published 1000 through a publisher"],
        "consume_pull" => &[
            "0 messages are left",
            "published 1000",
            "received 0: foo1 [(\"bar1\", \"baz1\")]",
            "received 3: result 0",
            "acknowledged 500",
            "acknowledged 500",
            "0 messages are left",
        ],
        "retry" => &[
            "attempt 1 of ",
            "attempt 3 of ",
            "again in ",
            "published [0]",
            "published [1]",
            "published [2]",
            "acknowledged 3",
        ],
        "x509" => &["published [0]", "received 0: sent without a token in sight"],
        other => panic!("what does {other} show?"),
    }
}

/// The shell commands in the comment that an example begins with.
fn commands(source: &str) -> String {
    let lines = source.lines().skip_while(|line| *line != "//! ```sh").skip(1);
    let lines = lines.take_while(|line| *line != "//! ```");
    lines.map(|line| line.trim_start_matches("//!").trim_start().to_owned() + "\n").collect()
}

#[test]
fn every_example_runs_with_the_commands_at_its_head() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut examples = 0;
    for entry in std::fs::read_dir(package.join("examples")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let commands = commands(&std::fs::read_to_string(&file).unwrap());
        assert!(commands.contains(&format!("cargo run --quiet --example {name}\n")), "{name}: {commands}");
        examples += 1;
        if ["curl", "openssl"].into_iter().any(|tool| commands.contains(tool) && !is_there(tool)) {
            continue;
        }
        let said = run(package, &commands.replace(EMULATOR, ON_A_FREE_PORT), name);
        let mut rest = said.as_str();
        for expected in shows(name) {
            let (_, after) =
                rest.split_once(expected).unwrap_or_else(|| panic!("{name}: no {expected:?} in:\n{said}"));
            rest = after;
        }
    }
    assert!(examples >= 4, "there are {examples} examples");
}

fn run(package: &Path, commands: &str, name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_ams")).parent().unwrap().display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    // Of the settings none, of the proxies none, and nothing of this test's own package: build scripts would run again.
    let is_strange = |name: &str| {
        ["AMS_", "CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
            || name.to_ascii_lowercase().ends_with("_proxy")
    };
    for (variable, _) in std::env::vars().filter(|(name, _)| is_strange(name)) {
        shell.env_remove(variable);
    }
    // What it starts ends with it, however it ends.
    let script = format!("set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{commands}");
    shell.args(["-c", &script]).current_dir(package).env("PATH", path).env("TMPDIR", folder.path());
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{said}\n{complained}", output.status);
    said
}
