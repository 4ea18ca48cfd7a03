//! Every command of `docs/cli.md` works as it stands there, from top to bottom, in one shell.

use crate::common::avro::METRIC_DATA;
use crate::common::{PROJECT, Service, run_page, run_page_with};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_page_for_users_of_ams_consumer_works_in_turn() {
    let service = Service::with(&["metrics"]).await;
    let page = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/migrating-from-ams-consumer.md"),
    )
    .unwrap();
    let (_, ini) = page.split_once("```ini\n").unwrap();
    let ini = ini.split("```").next().unwrap();
    let files = [("ams-consumer-egi.conf", ini), ("metric_data.avsc", METRIC_DATA)];
    let (blocks, said) = run_page_with("docs/migrating-from-ams-consumer.md", &service, &files).await;
    assert_eq!(blocks, 4);
    assert_eq!(said.matches("egi.toml: ok: 1 subscriptions, 1 sinks").count(), 2, "{said}");
}
