//! Every command of `docs/cli.md` works as it stands there, from top to bottom, in one shell.

use crate::common::{PROJECT, Service, run_page};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_command_lines_page_works_in_turn() {
    let service = Service::start().await;
    // The page's project.
    assert_ne!(PROJECT, "DEMO");
    service.emulator.create_project("DEMO", "").unwrap();
    let (blocks, said) = run_page("docs/cli.md", &service).await;
    assert_eq!(blocks, 6);
    for expected in
        ["published         100000", "message reading: fits", "push functionality  disabled", "\"token\": "]
    {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
}
