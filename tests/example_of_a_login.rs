//! The commands at the head of `examples/x509.rs` work as they stand there.

use std::path::Path;
use std::process::Command;

use crate::common::is_there;

const RUN: &str = "cargo run --quiet --example x509";

#[test]
fn the_example_logs_in_with_the_commands_at_its_head() {
    if !is_there("curl") || !is_there("openssl") {
        return;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/x509.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let lines = source.lines().skip_while(|line| *line != "//! ```sh").skip(1);
    let lines =
        lines.take_while(|line| *line != "//! ```").map(|line| line.trim_start_matches("//!").trim_start());
    let commands = lines.collect::<Vec<_>>().join("\n");
    // What cargo would run was built with the tests.
    let programs = Path::new(env!("CARGO_BIN_EXE_ams")).parent().unwrap();
    let commands = commands.replace(RUN, &programs.join("examples/x509").display().to_string());
    assert!(!commands.contains("cargo"), "{commands}");

    let folder = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let script = format!("set -e\ntrap 'kill $! 2>/dev/null || true' EXIT\n{commands}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env_clear().env("PATH", path).env("TMPDIR", folder.path());
    let output = shell.current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("received 0: sent without a token in sight"), "{said}\n{complained}");
}
