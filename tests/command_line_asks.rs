//! Before `ams` destroys something it asks a person, and never a script; and it shows a person how far it is. Where it
//! can say nothing, its exit code still does.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::common::ams::{Running, ams, exit_code, run};
use crate::common::{PATIENCE, Service};

/// Both ends of a terminal: a person's, and a program's.
fn terminal() -> (File, Stdio) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let program = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (person.into(), program.into())
}

/// Whether the topic was deleted when a person answered so.
async fn is_deleted_after(answer: &str) -> bool {
    let service = Service::with(&["a"]).await;
    let (mut person, program) = terminal();
    let mut command = ams(&service);
    command.args(["topic", "delete", "a"]).stdin(program).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    person.write_all(answer.as_bytes()).unwrap();
    let code = exit_code(&mut running).await;
    let asked = std::io::read_to_string(running.0.stderr.take().unwrap()).unwrap();
    assert!(asked.starts_with("delete topic a with its messages? [y/N] "), "{asked}");
    let is_gone = !service.client.topic_exists(&"a".parse().unwrap()).await.unwrap();
    assert_eq!(code, Some(i32::from(!is_gone)), "{asked}");
    assert_eq!(asked.contains("not done"), !is_gone, "{asked}");
    is_gone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_asked_and_only_a_yes_is_one() {
    assert!(is_deleted_after("y\n").await);
    assert!(is_deleted_after("Yes\n").await);
    assert!(!is_deleted_after("\n").await);
    assert!(!is_deleted_after("no\n").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_with_yes_or_without_a_terminal() {
    let service = Service::with(&["a", "b"]).await;
    let mut command = ams(&service);
    command.args(["topic", "delete", "a"]);
    let output = run(command, "").await;
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");

    let (_person, program) = terminal();
    let mut command = ams(&service);
    command
        .args(["topic", "delete", "b", "--yes"])
        .stdin(program)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    assert_eq!(exit_code(&mut running).await, Some(0));
    assert_eq!(std::io::read_to_string(running.0.stderr.take().unwrap()).unwrap(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_how_far_it_is() {
    let service = Service::with(&["a"]).await;
    let (mut person, program) = terminal();
    let mut command = ams(&service);
    // Without a name for the terminal nothing is drawn on it.
    command.args(["publish", "a", "--lines"]).env("TERM", "xterm").stderr(program);
    let mut running = Running(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    let mut input = running.0.stdin.take().unwrap();
    input.write_all(b"one\ntwo\n").unwrap();
    let seen = tokio::task::spawn_blocking(move || {
        let (mut seen, mut some) = (String::new(), [0; 1024]);
        while !seen.contains("2 messages") {
            let read = person.read(&mut some).unwrap();
            seen += &String::from_utf8_lossy(&some[..read]);
        }
        person
    });
    let _person = tokio::time::timeout(PATIENCE, seen).await.expect("nothing is shown").unwrap();
    drop(input);
    assert_eq!(exit_code(&mut running).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_is_the_same_where_standard_error_cannot_be_written() {
    let service = Service::with(&["a"]).await;
    service.client.delete_subscription(&"a".parse().unwrap()).await.unwrap();
    let unwritable = || File::options().write(true).open("/dev/full").unwrap();
    for (arguments, code) in
        [(&["subscription", "list"][..], 0), (&["subscription", "show", "nosuch"], 1), (&["publish", "a"], 2)]
    {
        let mut command = ams(&service);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(unwritable());
        let mut running = Running(command.spawn().unwrap());
        assert_eq!(exit_code(&mut running).await, Some(code), "{arguments:?}");
    }

    let (mut person, program) = terminal();
    let mut command = ams(&service);
    command.args(["topic", "delete", "a"]).stdin(program).stdout(Stdio::null()).stderr(unwritable());
    let mut running = Running(command.spawn().unwrap());
    person.write_all(b"y\n").unwrap();
    assert_eq!(exit_code(&mut running).await, Some(1));
    assert!(
        service.client.topic_exists(&"a".parse().unwrap()).await.unwrap(),
        "it was no answer to a question"
    );
}
