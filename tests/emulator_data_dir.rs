//! What an emulator with a data directory keeps over restarts, and what it says of a directory that it cannot use.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{EmulatorProcess, PROJECT, Reply, TOKEN, Wire};

fn ask(wire: &mut Wire, method: &str, path: &str, body: &str) -> String {
    ask_as(wire, TOKEN, method, path, body)
}

fn ask_as(wire: &mut Wire, token: &str, method: &str, path: &str, body: &str) -> String {
    let Reply { status, text, .. } = wire.try_ask(method, path, token, body).unwrap();
    assert_eq!(status, 200, "{method} {path}: {text}");
    text
}

fn field(json: &str, name: &str) -> String {
    serde_json::from_str::<Value>(json).unwrap()[name].as_str().unwrap().to_owned()
}

fn publish(wire: &mut Wire, texts: &[&str]) {
    let messages: Vec<_> = texts.iter().map(|text| format!("{{\"data\":\"{text}\"}}")).collect();
    let body = format!("{{\"messages\":[{}]}}", messages.join(","));
    ask(wire, "POST", "/v1/projects/TEST/topics/t:publish", &body);
}

/// An emulator with the topic `t` and its subscription `s`.
fn start(data_dir: &Path) -> (EmulatorProcess, Wire) {
    let emulator = EmulatorProcess::start(data_dir);
    let mut wire = emulator.wire();
    for (path, body) in [
        ("/v1/projects/TEST/topics/t", ""),
        ("/v1/projects/TEST/subscriptions/s", r#"{"topic":"projects/TEST/topics/t"}"#),
    ] {
        let status = wire.try_ask("PUT", path, TOKEN, body).unwrap().status;
        assert!([200, 409].contains(&status), "{status}");
    }
    (emulator, wire)
}

const PULL: &str = r#"{"maxMessages":"100","returnImmediately":"true"}"#;

fn pulled(wire: &mut Wire) -> Vec<(String, String)> {
    let answer = ask(wire, "POST", "/v1/projects/TEST/subscriptions/s:pull", PULL);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let received = answer["receivedMessages"].as_array().unwrap().iter();
    let text = |received: &Value, name: &str| received["message"][name].as_str().unwrap().to_owned();
    received.map(|received| (text(received, "messageId"), text(received, "data"))).collect()
}

/// The one file of the log of the one topic.
fn log_file(data_dir: &Path) -> PathBuf {
    let mut logs = fs::read_dir(data_dir.join("topics")).unwrap().map(|entry| entry.unwrap().path());
    let log = logs.next().unwrap();
    fs::read_dir(log).unwrap().next().unwrap().unwrap().path()
}

/// What is shown of everything, without the times at which it is shown.
fn everything(wire: &mut Wire) -> Vec<String> {
    let paths = [
        "/v1/projects",
        "/v1/users?details=true",
        "/v1/registrations",
        "/v1/projects/TEST",
        "/v1/projects/TEST:metrics",
        "/v1/projects/TEST/members?details=true",
        "/v1/projects/TEST/topics?pageSize=1",
        "/v1/projects/TEST/topics",
        "/v1/projects/TEST/topics/t",
        "/v1/projects/TEST/topics/t:acl",
        "/v1/projects/TEST/topics/t:metrics",
        "/v1/projects/TEST/subscriptions",
        "/v1/projects/TEST/subscriptions/s",
        "/v1/projects/TEST/subscriptions/s:acl",
        "/v1/projects/TEST/subscriptions/s:offsets",
        "/v1/projects/TEST/subscriptions/s:metrics",
        "/v1/projects/TEST/subscriptions/stays:offsets",
        "/v1/projects/TEST/schemas",
        "/emulator/projects/TEST/topics/t",
    ];
    let shown = paths.map(|path| (path, ask(wire, "GET", path, "")));
    let timeless =
        |text: &str| text.lines().filter(|line| !line.contains("\"timestamp\"")).collect::<String>();
    shown.iter().map(|(path, text)| format!("{path} {}", timeless(text))).collect()
}

#[test]
fn everything_is_as_it_was_after_a_restart_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("made/when/missing");
    let (emulator, mut wire) = start(&data_dir);
    let schema = r#"{"type":"json","schema":{"required":["value"]}}"#;
    let publisher = r#"{"projects":[{"project":"TEST","roles":["publisher"]}]}"#;
    let author = ask(&mut wire, "POST", "/v1/projects/TEST/members/author", publisher);
    let author = field(&author, "token");
    let admin = ask(&mut wire, "POST", "/v1/users/admin", r#"{"service_roles":["service_admin"]}"#);
    let admin = field(&admin, "token");
    let registered = ask(&mut wire, "POST", "/v1/registrations", r#"{"name":"ada","email":"a@b"}"#);
    let declined = ask(&mut wire, "POST", "/v1/registrations", r#"{"name":"bob","email":"b@b"}"#);
    let declined = format!("/v1/registrations/{}:decline", field(&declined, "uuid"));
    for (method, path, body) in [
        ("PUT", "/v1/projects/TEST", r#"{"description":"described"}"#),
        ("POST", &declined, r#"{"comment":"not now"}"#),
        ("POST", "/v1/projects/TEST/schemas/reading", schema),
        ("PUT", "/v1/projects/TEST/topics/passing", ""),
        ("PUT", "/v1/projects/TEST/subscriptions/stays", r#"{"topic":"projects/TEST/topics/passing"}"#),
        ("POST", "/v1/projects/TEST/topics/passing:publish", r#"{"messages":[{},{}]}"#),
        ("DELETE", "/v1/projects/TEST/topics/passing", ""),
        ("POST", "/v1/projects/TEST/topics/t:modifyAcl", r#"{"authorized_users":["author"]}"#),
        ("POST", "/v1/projects/TEST/subscriptions/s:modifyAckDeadline", r#"{"ackDeadlineSeconds":77}"#),
        ("PUT", "/emulator/projects/TEST/topics/t", r#"{"retention":{"messages":6,"age":"36h"}}"#),
    ] {
        ask(&mut wire, method, path, body);
    }
    publish(&mut wire, &["a", "b", "c", "d", "e"]);
    let with_attributes = r#"{"messages":[{"data":"Zg==","attributes":{"k":"v"}}]}"#;
    ask_as(&mut wire, &author, "POST", "/v1/projects/TEST/topics/t:publish", with_attributes);
    let attach = r#"{"schema":"projects/TEST/schemas/reading"}"#;
    ask(&mut wire, "POST", "/v1/projects/TEST/topics/t:attachSchema", attach);
    ask(&mut wire, "POST", "/emulator/projects/TEST/topics/t:cut", r#"{"below":1}"#);
    assert_eq!(pulled(&mut wire).len(), 5);
    let through = r#"{"ackIds":["projects/TEST/subscriptions/s:2"]}"#;
    ask(&mut wire, "POST", "/v1/projects/TEST/subscriptions/s:acknowledge", through);
    let messages = ask(&mut wire, "POST", "/v1/projects/TEST/subscriptions/s:pull", PULL);
    let before = everything(&mut wire);
    assert_eq!(emulator.stop(), "");

    let (emulator, mut wire) = start(&data_dir);
    let after = everything(&mut wire);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(ask(&mut wire, "POST", "/v1/projects/TEST/subscriptions/s:pull", PULL), messages);
    assert_eq!(field(&ask_as(&mut wire, &admin, "GET", "/v1/users/profile", ""), "name"), "admin");
    // The schema is in force, and so is what the topic keeps.
    let publish_path = "/v1/projects/TEST/topics/t:publish";
    let unfit = wire.try_ask("POST", publish_path, &author, r#"{"messages":[{"data":"e30="}]}"#).unwrap();
    assert_eq!(unfit.status, 400, "{}", unfit.text);
    let fit = r#"{"messages":[{"data":"eyJ2YWx1ZSI6IDF9"},{"data":"eyJ2YWx1ZSI6IDF9"}]}"#;
    let ids = ask_as(&mut wire, &author, "POST", publish_path, fit);
    assert!(ids.contains("\"6\"") && ids.contains("\"7\""), "{ids}");
    let kept = ask(&mut wire, "GET", "/emulator/projects/TEST/topics/t", "");
    assert!(kept.contains("\"min\": 2,"), "{kept}");
    let accept = format!("/v1/registrations/{}:accept", field(&registered, "uuid"));
    assert_eq!(field(&ask(&mut wire, "POST", &accept, ""), "name"), "ada");
    emulator.stop();
}

#[test]
fn what_was_deleted_or_changed_is_not_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let (emulator, mut wire) = start(directory.path());
    let consumer = r#"{"projects":[{"project":"TEST","roles":["consumer"]}]}"#;
    let old = field(&ask(&mut wire, "POST", "/v1/projects/TEST/members/reader", consumer), "token");
    publish(&mut wire, &["a", "b", "c"]);
    let new = field(&ask(&mut wire, "POST", "/v1/users/reader:refreshToken", ""), "token");
    ask(&mut wire, "POST", "/v1/projects/TEST/subscriptions/s:modifyOffset", r#"{"offset":2}"#);
    // A topic that is made anew begins at 0; its subscription stays where it was.
    ask(&mut wire, "DELETE", "/v1/projects/TEST/topics/t", "");
    ask(&mut wire, "PUT", "/v1/projects/TEST/topics/t", "");
    publish(&mut wire, &["x"]);
    ask(&mut wire, "PUT", "/v1/projects/TEST", r#"{"name":"RENAMED"}"#);
    ask(&mut wire, "POST", "/v1/projects/GONE", "{}");
    ask(&mut wire, "PUT", "/v1/projects/GONE/topics/u", "");
    ask(&mut wire, "POST", "/v1/projects/GONE/topics/u:publish", r#"{"messages":[{}]}"#);
    ask(&mut wire, "DELETE", "/v1/projects/GONE", "");
    emulator.kill();

    let emulator = EmulatorProcess::start(directory.path());
    let mut wire = emulator.wire();
    let offsets = ask(&mut wire, "GET", "/v1/projects/RENAMED/subscriptions/s:offsets", "");
    let offsets: Value = serde_json::from_str(&offsets).unwrap();
    assert_eq!(offsets, serde_json::json!({"max": 1, "min": 0, "current": 2}));
    let path = "/v1/projects/RENAMED/subscriptions/s";
    assert_eq!(wire.try_ask("GET", path, &old, "").unwrap().status, 401);
    assert_eq!(wire.try_ask("GET", path, &new, "").unwrap().status, 200);
    assert_eq!(wire.try_ask("GET", "/v1/projects/GONE", TOKEN, "").unwrap().status, 404);
    let logs = fs::read_dir(directory.path().join("topics")).unwrap().count();
    assert_eq!(logs, 1, "the logs of deleted topics are removed");
    // The one that the command line asks for is made beside it.
    assert_eq!(wire.try_ask("GET", &format!("/v1/projects/{PROJECT}"), TOKEN, "").unwrap().status, 200);
    emulator.stop();
}

#[test]
fn a_write_that_was_not_finished_is_cut_off_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let (emulator, mut wire) = start(directory.path());
    publish(&mut wire, &["a", "b"]);
    publish(&mut wire, &["lost"]);
    emulator.kill();
    let log = log_file(directory.path());
    let length = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 1).unwrap();

    let (emulator, mut wire) = start(directory.path());
    publish(&mut wire, &["c"]);
    let all = [("0", "a"), ("1", "b"), ("2", "c")].map(|(id, data)| (id.to_owned(), data.to_owned()));
    assert_eq!(pulled(&mut wire), all);
    let said = emulator.stop();
    let expected = format!("{}: the last", log.display());
    assert!(said.contains(&expected) && said.contains("are cut off"), "{said}");
    let (emulator, mut wire) = start(directory.path());
    assert_eq!(pulled(&mut wire), all);
    assert_eq!(emulator.stop(), "");
}

#[test]
fn a_damaged_file_and_one_of_a_newer_format_are_refused_by_name_and_left_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let (emulator, mut wire) = start(directory.path());
    publish(&mut wire, &["a", "b"]);
    let first_end = fs::metadata(log_file(directory.path())).unwrap().len();
    publish(&mut wire, &["c"]);
    publish(&mut wire, &["d"]);
    emulator.kill();
    let log = log_file(directory.path());
    for (path, at, expected) in [
        (log.clone(), first_end + 40, format!("{} is damaged at offset {first_end}: ", log.display())),
        (directory.path().join("journal"), 20, "journal is damaged at offset 16: ".to_owned()),
        (log.clone(), 12, format!("{} has the format ", log.display())),
        (directory.path().join("journal"), 13, "journal has the format ".to_owned()),
    ] {
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[usize::try_from(at).unwrap()] ^= 0x40;
        fs::write(&path, &bad).unwrap();
        let said = EmulatorProcess::fail(directory.path());
        assert!(said.contains(&expected), "{said}");
        assert_eq!(fs::read(&path).unwrap(), bad, "{}", path.display());
        fs::write(&path, &good).unwrap();
    }
    let (emulator, mut wire) = start(directory.path());
    assert_eq!(pulled(&mut wire).len(), 4);
    emulator.stop();
}

#[test]
fn a_second_emulator_on_one_directory_is_refused_until_the_first_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (emulator, _) = start(directory.path());
    let said = EmulatorProcess::fail(directory.path());
    let holder = format!("in use by another emulator (process {})", emulator.id());
    assert!(said.contains(&holder) && said.contains(&directory.path().display().to_string()), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    emulator.kill();
    EmulatorProcess::start(directory.path()).stop();
}
