//! The ledger between two runs: shown and forgotten on request, never a reason not to start when it is damaged, lost or
//! old, and never a reason to cut a file of which it knows too little.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::Output;

use crate::common::{Config, Delivered, Forwarder, Home, Launch, Service, eventually};

/// A subscription `a` to a file, whose daemon has delivered the first 20 messages and was stopped.
struct Stage {
    service: Service,
    home: Home,
    config: Config,
}

impl Stage {
    async fn after_a_run() -> Self {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let config = Config::new(&home, &service.endpoint()).file("a");
        let stage = Self { service, home, config };
        stage.service.publish("a", 0..20).await;
        stage.run_to(20).await;
        stage
    }

    /// Runs a daemon until everything below `end` is acknowledged. What it logs.
    async fn run_to(&self, end: u64) -> String {
        let forwarder = Forwarder::start(&self.home, &self.config);
        let all = async || self.service.is_acknowledged_to("a", end).await;
        eventually(&format!("everything below {end} to be acknowledged"), all).await;
        forwarder.stop().await
    }

    fn journal(&self) -> PathBuf {
        self.home.path("state/ledger").join(format!("{}+TEST+a.journal", self.service.address))
    }

    fn ledger(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["ledger"];
        all.extend_from_slice(arguments);
        all.extend(["--config", "forwarder.toml"]);
        Launch::new(&self.home).to_its_end(&all)
    }

    fn delivered(&self) -> Delivered {
        Delivered::in_file(&self.home.out("a"))
    }
}

fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_shown_to_people_and_programs_also_while_the_daemon_runs() {
    let stage = Stage::after_a_run().await;
    let forwarder = Forwarder::start(&stage.home, &stage.config);
    forwarder.is("a", "running").await;
    let shown = stage.ledger(&["show"]);
    assert_eq!(shown.status.code(), Some(0), "{}", said(&shown.stderr));
    let table = said(&shown.stdout);
    let row = table.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row[..5], ["a", "0", "20", "archive", "20"], "{table}");
    let shown = stage.ledger(&["show", "a", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((json[0]["key"].as_str(), json[0]["ledger"]["acknowledged"].as_u64()), (Some("a"), Some(20)));
    assert_eq!(json[0]["ledger"]["sinks"]["archive"]["next"], 20);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_forgotten_on_request_but_not_under_a_running_daemon() {
    let stage = Stage::after_a_run().await;
    let forwarder = Forwarder::start(&stage.home, &stage.config);
    forwarder.is("a", "running").await;
    let refused = stage.ledger(&["forget", "a"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused.stderr).contains("in use by another ams-forwarder"), "{}", said(&refused.stderr));
    forwarder.stop().await;
    for (subscription, code, says) in
        [("a", 0, "is forgotten"), ("a", 0, "nothing to forget"), ("b", 2, "there are: a")]
    {
        let forgotten = stage.ledger(&["forget", subscription]);
        let text = said(&forgotten.stdout) + &said(&forgotten.stderr);
        assert_eq!(forgotten.status.code(), Some(code), "{text}");
        assert!(text.contains(says), "{text}");
    }
    let shown = said(&stage.ledger(&["show"]).stdout);
    assert_eq!(shown.lines().nth(1).unwrap().split_whitespace().nth(2), Some("-"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_of_a_newer_version_is_no_way_to_start_and_stays_as_it_is() {
    let stage = Stage::after_a_run().await;
    let newer = "ams-forwarder ledger, version 99\nwho knows\n";
    std::fs::write(stage.journal(), newer).unwrap();
    let mut forwarder = Forwarder::start(&stage.home, &stage.config);
    assert_eq!(forwarder.wait(crate::common::PATIENCE).await, Some(1));
    assert!(forwarder.log().contains("is of version 99"), "{}", forwarder.log());
    assert_eq!(std::fs::read_to_string(stage.journal()).unwrap(), newer);
    assert_eq!(stage.ledger(&["show"]).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_ledger_that_is_damaged_or_lost_every_message_comes_at_least_once_and_that_is_said() {
    let stage = Stage::after_a_run().await;
    let mut end = 20;
    for (content, says) in [
        (Some(&b"rubbish"[..]), "is damaged and counts as lost"),
        (Some(&[0; 10_000]), "is damaged and counts as lost"),
        (Some(b""), "is damaged and counts as lost"),
        (None, "there is no ledger"),
    ] {
        match content {
            Some(content) => std::fs::write(stage.journal(), content).unwrap(),
            None => std::fs::remove_file(stage.journal()).unwrap(),
        }
        stage.service.publish("a", end..end + 10).await;
        end += 10;
        let log = stage.run_to(end).await;
        assert!(log.contains(says), "{log}");
        stage.delivered().assert_exactly(end);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_whose_end_a_crash_tore_is_read_up_to_there_and_that_is_said() {
    let stage = Stage::after_a_run().await;
    let mut text = std::fs::read(stage.journal()).unwrap();
    text.extend_from_slice(b"0badc0de {\"epoch\":");
    std::fs::write(stage.journal(), text).unwrap();
    stage.service.publish("a", 20..30).await;
    let log = stage.run_to(30).await;
    assert!(log.contains("torn by a crash"), "{log}");
    stage.delivered().assert_exactly(30);
}

/// From a backup, say. Its idea of the file's length is an old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_ledger_never_cuts_from_a_file_what_was_acknowledged() {
    let stage = Stage::after_a_run().await;
    let old = std::fs::read(stage.journal()).unwrap();
    stage.service.publish("a", 20..40).await;
    stage.run_to(40).await;
    std::fs::write(stage.journal(), old).unwrap();
    stage.service.publish("a", 40..60).await;
    let log = stage.run_to(60).await;
    assert!(log.contains("the ledger is an old one"), "{log}");
    stage.delivered().assert_exactly(60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_is_pointed_to_another_subscription_starts_fresh() {
    let stage = Stage::after_a_run().await;
    stage.service.emulator.create_topic("TEST", "b").unwrap();
    stage.service.emulator.create_subscription("TEST", "b", "b").unwrap();
    stage.service.publish("b", 0..5).await;
    let config = Config::new(&stage.home, &stage.service.endpoint()).file_with("a", "subscription = \"b\"");
    let forwarder = Forwarder::start(&stage.home, &config);
    eventually("all of it", async || stage.service.is_acknowledged_to("b", 5).await).await;
    let log = forwarder.stop().await;
    assert!(!log.contains("moved") && !log.contains("made anew"), "{log}");
    assert_eq!(stage.delivered().numbers, (0..20).chain(0..5).collect::<Vec<_>>());
    stage.service.publish("a", 20..25).await;
    stage.run_to(25).await;
    assert_eq!(stage.delivered().numbers, (0..20).chain(0..5).chain(20..25).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_appends_to_a_file_while_the_daemon_is_stopped_stays() {
    let stage = Stage::after_a_run().await;
    let mut file = OpenOptions::new().append(true).open(stage.home.out("a")).unwrap();
    file.write_all(b"# a marker\n").unwrap();
    stage.service.publish("a", 20..30).await;
    stage.run_to(30).await;
    assert_eq!(
        (stage.delivered().torn, stage.delivered().numbers.len()),
        (vec!["# a marker\n".to_owned()], 30)
    );
}
