//! Pages of the documentation, whose commands are run as they stand there.

use std::path::Path;
use std::process::Command;

use super::{PROJECT, Service, TOKEN};

/// Runs the blocks of a page that are for a shell, from top to bottom and in one shell, on `service`; none may fail. How
/// many blocks there are, and what they printed.
pub(crate) async fn run_page(page: &str, service: &Service) -> (usize, String) {
    run_page_with(page, service, &[]).await
}

/// The same with these files in the folder where the commands run.
pub(crate) async fn run_page_with(page: &str, service: &Service, files: &[(&str, &str)]) -> (usize, String) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```sh\n").skip(1);
    let blocks: Vec<_> = blocks.map(|block| block.split("```").next().unwrap()).collect();
    // What it starts ends with it, however it ends.
    let script = format!("set -e\ntrap 'kill $! 2>/dev/null || true' EXIT\n{}", blocks.join("\n"));
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_ams")).parent().unwrap().display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env_remove("http_proxy").env("AMS_ENDPOINT", service.endpoint());
    shell.current_dir(folder.path()).env("PATH", path).env("AMS_TOKEN", TOKEN).env("AMS_PROJECT", PROJECT);
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    (blocks.len(), said.into_owned())
}
