//! Every command of `docs/emulator.md` works as it stands there, from top to bottom, in one shell.

use std::path::Path;
use std::process::Command;

use crate::common::{PROJECT, Service, TOKEN, is_there};

/// The blocks of a page that are for a shell.
fn commands(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_emulators_page_works_in_turn() {
    if !is_there("curl") || !is_there("openssl") {
        return;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/emulator.md");
    let page = std::fs::read_to_string(page).unwrap();
    let commands = commands(&page);
    assert_eq!(commands.len(), 17);
    let service = Service::start().await;
    // What it starts ends with it, however it ends.
    let script = format!("set -e\ntrap 'kill $! 2>/dev/null || true' EXIT\n{}", commands.join("\n"));
    let folder = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_ams")).parent().unwrap().display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env_remove("http_proxy").env("AMS_ENDPOINT", service.endpoint());
    shell.current_dir(folder.path()).env("PATH", path).env("AMS_TOKEN", TOKEN).env("AMS_PROJECT", PROJECT);
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    for expected in [
        "<h1>Bad Gateway</h1>",
        "Too Many Requests",
        "Backend Error",
        "\"max\": 3",
        "\"code\": 403",
        "\"token\": ",
        "\"data\": \"aGVsbG8=\"",
    ] {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
    // No rule was refused: those that may stay are there.
    let left: Vec<_> = service.emulator.faults().iter().map(|fault| fault.hits).collect();
    assert_eq!(left, [1, 1, 1], "{said}");
    assert_eq!(said.matches("INVALID_ARGUMENT").count(), 0, "{said}");
}
