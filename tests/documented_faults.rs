//! Every command of `docs/emulator.md` works as it stands there, from top to bottom, in one shell.

use crate::common::{Service, is_there, run_page};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_emulators_page_works_in_turn() {
    if !is_there("curl") || !is_there("openssl") {
        return;
    }
    let service = Service::start().await;
    let (blocks, said) = run_page("docs/emulator.md", &service).await;
    assert_eq!(blocks, 17);
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
