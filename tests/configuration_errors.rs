//! A wrong configuration is refused before anything happens, with everything that is wrong in it and the exit codes
//! that scripts rely on; and the token is shown nowhere.

use std::net::TcpListener;
use std::process::Output;

use crate::common::{Config, Forwarder, Home, Launch, Service, TOKEN, eventually};

fn run(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Launch::new(home).to_its_end(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A configuration with seven faults, and the line and column of each.
const WRONG: &str = r#"state_dir = "state"
[log]
level = "verbos"
colour = true
[connections.egi]
endpoint = "msg.example.org"
project = "E G I"
token = "TOKEN"
[subscriptions.metrics]
conection = "egi"
max_messages = 0
[subscriptions.metrics.sinks.archive]
type = "fiel"
path = "out.jsonl"
"#;

const FAULTS: [(&str, &str); 7] = [
    (":3:", "log.level"),
    (":4:", "colour"),
    (":6:", "connections.egi.endpoint"),
    (":7:", "connections.egi.project"),
    (":10:", "conection"),
    (":11:", "max_messages"),
    (":13:", "type"),
];

#[test]
fn all_faults_are_reported_at_once_with_file_line_and_column_by_check_and_by_run() {
    let home = Home::new();
    home.write("wrong.toml", &WRONG.replace("TOKEN", TOKEN));
    for command in ["check", "run"] {
        let (code, stdout, stderr) = run(&home, &[command, "--config", "wrong.toml"]);
        assert_eq!((code, stdout.as_str()), (Some(78), ""), "{stderr}");
        for (line, key) in FAULTS {
            let place = format!("wrong.toml{line}");
            let said = stderr.lines().find(|said| said.starts_with(&place) && said.contains(key));
            let said = said.unwrap_or_else(|| panic!("nothing of {key} at {place} in:\n{stderr}"));
            let column = said[place.len()..].split(':').next().unwrap();
            assert!(column.parse::<u32>().is_ok_and(|column| column > 0), "{said}");
        }
        assert!(stderr.contains("did you mean \"file\"?"), "{stderr}");
    }
    assert!(!home.path("state").exists(), "nothing was begun");
}

#[test]
fn a_file_that_cannot_be_read_and_one_that_is_no_toml_are_wrong_configurations() {
    let home = Home::new();
    let (code, _, stderr) = run(&home, &["check", "--config", "nowhere.toml"]);
    assert_eq!(code, Some(78));
    assert!(stderr.contains("nowhere.toml") && stderr.contains("No such file"), "{stderr}");
    // The fault is on the line of the secret.
    home.write("torn.toml", &format!("[connections.egi]\ntoken = \"{TOKEN}\n"));
    let (code, _, stderr) = run(&home, &["run", "--config", "torn.toml"]);
    assert_eq!(code, Some(78));
    assert!(stderr.starts_with("torn.toml:2:"), "{stderr}");
}

#[test]
fn wrong_usage_ends_with_2_and_a_right_configuration_with_0() {
    let home = Home::new();
    home.write("right.toml", &Config::new(&home, "https://msg.example.org").file("a").text());
    for wrong in
        [&["--confg", "x"][..], &[], &["forward"], &["run", "--config"], &["run", "--log-level", "verbos"]]
    {
        let (code, _, stderr) = run(&home, wrong);
        assert!(code == Some(2) && !stderr.is_empty(), "{wrong:?}: {code:?} {stderr}");
    }
    let (code, stdout, stderr) = run(&home, &["check", "--config", "right.toml"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("right.toml: ok"), "{stdout}");
    let (code, stdout, _) = run(&home, &["--version"]);
    assert_eq!((code, stdout), (Some(0), format!("ams-forwarder {}\n", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_by_another_ends_with_1_and_is_named() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = Config::new(&home, &service.endpoint()).file("a");
    home.write("taken.toml", &config.text().replace("127.0.0.1:0", &address));
    let (code, _, stderr) = run(&home, &["run", "--config", "taken.toml"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("admin.listen") && stderr.contains(&address), "{stderr}");

    let forwarder = Forwarder::start(&home, &config);
    forwarder.is_up().await;
    home.write("second.toml", &config.text());
    let (code, _, stderr) = run(&home, &["run", "--config", "second.toml"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("state_dir") && stderr.contains("in use"), "{stderr}");
    assert_eq!(service.offsets("a").await.current, 0);
    forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_shown_nowhere_even_when_everything_is_logged() {
    let service = Service::with(&["good", "bad"]).await;
    for format in ["json", "text"] {
        let home = Home::new();
        // Right at the service, in a header that a trace of requests would show; and a wrong one that is refused.
        let wrong = home.write("wrong-token", "an0ther-secret-of-somebody");
        let config = Config::new(&home, &service.endpoint())
            .set(&format!("log = {{ level = \"trace\", format = {format:?} }}"))
            .connection("wrong", &service.endpoint(), &wrong)
            .file("good")
            .file_with("bad", "connection = \"wrong\"");
        let inline = config.text().replacen(
            &format!("token_file = {:?}", home.path("token")),
            &format!("token = {TOKEN:?}"),
            1,
        );
        home.write("inline.toml", &inline);
        let forwarder = Launch::new(&home).start_file("inline.toml");
        service.publish("good", 0..10).await;
        let end = u64::try_from(service.offsets("good").await.max).unwrap();
        eventually("delivery", async || service.is_acknowledged_to("good", end).await).await;
        forwarder.is("bad", "parked").await;
        for path in ["/metrics", "/status", "/readyz", "/livez", "/"] {
            let answer = forwarder.get(path).await.unwrap().body;
            assert!(!answer.contains(TOKEN) && !answer.contains("an0ther-secret"), "{path}: {answer}");
        }
        let log = forwarder.stop().await;
        assert!(log.contains("TRACE") || log.contains("DEBUG"), "there was little to be seen in the log");
        assert!(!log.contains(TOKEN) && !log.contains("an0ther-secret"), "a token is in the log");
    }
}
