//! Standard output as a sink of the real program, with a real pipe and a real terminal: a reader that leaves ends the
//! daemon or the sink as it was told, and nothing that a message says is obeyed by a terminal.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use ams_forwarder::client::NewMessage;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::common::{Config, Delivered, Forwarder, Home, Launch, Service, eventually, file_sink};

fn console(subscription: &str, settings: &str) -> String {
    format!("[subscriptions.{subscription}.sinks.show]\ntype = \"stdout\"\n{settings}\n")
}

/// `head -1`, the end of a pipe to it, and what it prints.
fn head() -> (std::process::Child, Stdio) {
    let (reader, writer) = std::io::pipe().unwrap();
    let head = Command::new("head").arg("-1").stdin(reader).stdout(Stdio::piped()).spawn().unwrap();
    (head, writer.into())
}

async fn output_of(head: std::process::Child) -> String {
    let output = tokio::task::spawn_blocking(move || head.wait_with_output().unwrap()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_leaves_ends_the_daemon_well_and_the_other_subscriptions_acknowledge_what_they_have() {
    for settings in ["", "required = false\non_closed = \"end\""] {
        let (service, home) = (Service::with(&["a", "b"]).await, Home::new());
        let sinks = match settings {
            "" => console("a", settings),
            _ => console("a", settings) + &file_sink("a", &home.out("a")),
        };
        let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sinks).file("b");
        let (head, stdout) = head();
        let mut forwarder = Launch::new(&home).stdout(stdout).start(&config);
        service.publish("b", 0..20).await;
        service.publish("a", 0..1).await;
        let line = output_of(head).await;
        assert!(line.contains("\"messageId\":\"0\""), "{line}");
        eventually("the first", async || service.is_acknowledged_to("a", 1).await).await;
        service.publish("a", 1..5).await;
        assert_eq!(forwarder.wait(Duration::from_secs(20)).await, Some(0), "{settings}");
        let log = forwarder.log();
        assert_eq!(log.matches("whoever read standard output has closed it").count(), 1, "{log}");
        assert!(log.contains("stopped after"), "{log}");
        let delivered = Delivered::in_file(&home.out("b")).numbers.len() as u64;
        assert!(service.is_acknowledged_to("b", delivered).await, "{delivered}");
        if settings.is_empty() {
            assert!(service.is_acknowledged_to("a", 1).await, "what nobody read stays in the service");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_is_disabled_when_its_reader_leaves_says_so_once_and_counts_what_it_misses() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let sinks = file_sink("a", &home.out("a")) + &console("a", "required = false");
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sinks);
    let (head, stdout) = head();
    let forwarder = Launch::new(&home).stdout(stdout).start(&config);
    service.publish("a", 0..1).await;
    assert!(output_of(head).await.contains("\"messageId\":\"0\""));
    for end in [10, 20, 30] {
        service.publish("a", if end == 10 { 1 } else { end - 10 }..end).await;
        eventually("all", async || service.is_acknowledged_to("a", end).await).await;
    }
    forwarder.counted("a", "messages_dropped_total", 29).await;
    let status = forwarder.status("a").await.unwrap();
    assert_eq!(status["state"], "running");
    assert_eq!(status["sinks"]["show"]["state"], "stopped");
    let log = forwarder.stop().await;
    assert_eq!(log.matches("it is disabled").count(), 1, "{log}");
    assert!(!log.contains("29 messages dropped"), "said once: {log}");
    Delivered::in_file(&home.out("a")).assert_exactly(30);
}

/// All that the daemon writes to a terminal.
async fn on_a_terminal(settings: &str, environment: &[(&str, &str)]) -> String {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let config = Config::new(&home, &service.endpoint()).subscription(
        "a",
        "",
        &console("a", &format!("format = \"text\"\n{settings}")),
    );
    let evil = NewMessage::new("\u{1b}]0;owned\u{7}\u{1b}[2J\r{\"k\": 1}\nsecond line\n");
    let message = evil.attribute("host", "a.example.org").unwrap();
    service.client.publish(&"a".parse().unwrap(), &[message]).await.unwrap();
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut launch = Launch::new(&home).stdout(theirs.into());
    for (name, value) in environment {
        launch = launch.env(name, value);
    }
    let forwarder = launch.start(&config);
    eventually("all", async || service.is_acknowledged_to("a", 1).await).await;
    forwarder.stop().await;
    let reading = tokio::task::spawn_blocking(move || {
        let (mut terminal, mut all, mut some) = (File::from(ours), Vec::new(), [0; 4096]);
        // A terminal that nobody has open any more ends with an error.
        while let Ok(count @ 1..) = terminal.read(&mut some) {
            all.extend(&some[..count]);
        }
        String::from_utf8(all).unwrap()
    });
    reading.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_terminal_messages_have_colours_and_nothing_in_them_is_obeyed() {
    let term = ("TERM", "xterm");
    let colored = on_a_terminal("", &[term]).await;
    assert!(colored.contains("\u{1b}[36ma\u{1b}[0m"), "{colored:?}");
    for (settings, environment) in
        [("", &[term, ("NO_COLOR", "1")][..]), ("color = \"never\"", &[term]), ("", &[("TERM", "dumb")])]
    {
        let plain = on_a_terminal(settings, environment).await;
        assert!(!plain.contains('\u{1b}'), "{settings} {environment:?}: {plain:?}");
        let lines: Vec<&str> = plain.lines().collect();
        assert!(lines[0].ends_with("Z a 0 host=a.example.org"), "{lines:?}");
        assert_eq!(lines[1..], ["  \\u{1b}]0;owned\\u{7}\\u{1b}[2J\\r{\"k\": 1}", "  second line"]);
    }
    for obeyed in ["\u{1b}]0;", "\u{1b}[2J", "\u{7}"] {
        assert!(!colored.contains(obeyed), "{colored:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_pipe_there_are_no_colours_unless_they_are_wanted() {
    for (settings, colors) in [("", false), ("color = \"always\"", true)] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let console = console("a", &format!("format = \"text\"\n{settings}"));
        let config = Config::new(&home, &service.endpoint()).subscription("a", "", &console);
        let (pipe, stdout) = crate::common::Pipe::new();
        let forwarder: Forwarder = Launch::new(&home).stdout(stdout).start(&config);
        service.publish("a", 0..2).await;
        eventually("all", async || service.is_acknowledged_to("a", 2).await).await;
        forwarder.stop().await;
        let text = pipe.read_to_end().await;
        assert_eq!(text.contains('\u{1b}'), colors, "{text:?}");
        assert_eq!(text.lines().count(), 4, "{text:?}");
    }
}
