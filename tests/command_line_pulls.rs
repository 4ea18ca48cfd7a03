//! `ams pull` acknowledges what it has written, and nothing else, however it ends.

use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::ams::{Running, ams, done, exit_code, run};
use crate::common::{Action, Gate, MORE_THAN_A_PIPE_HOLDS, PATIENCE, Pipe, Service, eventually};

fn pull(service: &Service, arguments: &str) -> Command {
    let mut command = ams(service);
    command.args(["pull", "a"]).args(arguments.split_whitespace()).stdin(Stdio::null());
    command
}

/// The ids of lines as `ams pull` prints them.
fn ids(lines: &str) -> Vec<u64> {
    let id = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        message["messageId"].as_str().unwrap().parse().unwrap()
    };
    lines.lines().map(id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_ack_the_same_messages_come_again_and_with_it_the_next() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..250).await;
    for _ in 0..2 {
        assert_eq!(ids(&done(&service, "pull a").await), (0..100).collect::<Vec<_>>());
    }
    assert_eq!(ids(&done(&service, "pull a --max 3").await), [0, 1, 2]);
    assert_eq!(ids(&done(&service, "pull a --max 200").await), (0..200).collect::<Vec<_>>());
    assert_eq!(service.offsets("a").await.current, 0);

    assert_eq!(ids(&done(&service, "pull a --ack --max 3").await), [0, 1, 2]);
    assert_eq!(ids(&done(&service, "pull a --ack").await), (3..103).collect::<Vec<_>>());
    assert_eq!(ids(&done(&service, "pull a --ack --max 1000").await), (103..250).collect::<Vec<_>>());
    assert_eq!(done(&service, "pull a --ack").await, "");
    assert!(service.is_acknowledged_to("a", 250).await);
}

/// A pull whose output is read line by line.
struct Followed {
    running: Running,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Followed {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { running: Running(child), lines }
    }

    /// Reads so many lines. Their ids.
    async fn read(self, count: usize) -> (Self, Vec<u64>) {
        let Self { running, mut lines } = self;
        let reading = tokio::task::spawn_blocking(move || {
            let read: Vec<_> = lines.by_ref().take(count).map(Result::unwrap).collect();
            (lines, read.join("\n"))
        });
        let (lines, read) = tokio::time::timeout(PATIENCE, reading).await.expect("no line").unwrap();
        (Self { running, lines }, ids(&read))
    }

    /// Sends a signal, or closes the pipe; it must end well and have nothing to complain of. What else it wrote.
    async fn end(self, signal: Option<Signal>) -> Vec<u64> {
        let Self { mut running, lines } = self;
        let lines = signal.map(|signal| {
            kill_process(Pid::from_child(&running.0), signal).unwrap();
            lines
        });
        assert_eq!(exit_code(&mut running).await, Some(0));
        let mut complaint = String::new();
        running.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!(complaint, "");
        let rest: Vec<_> = lines.into_iter().flatten().map(Result::unwrap).collect();
        ids(&rest.join("\n"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_goes_on_until_a_signal_or_a_closed_pipe_and_ends_well() {
    for (arguments, end, acknowledged) in [
        ("--follow --ack", Some(Signal::INT), 6),
        ("--follow --ack --max 999", Some(Signal::TERM), 6),
        ("--follow", Some(Signal::INT), 0),
        ("--follow --ack", None, 6),
        ("--follow", None, 0),
    ] {
        let service = Service::with(&["a"]).await;
        let followed = Followed::start(&mut pull(&service, arguments));
        service.publish("a", 0..3).await;
        let (followed, first) = followed.read(3).await;
        service.publish("a", 3..6).await;
        let (followed, then) = followed.read(3).await;
        assert_eq!([first, then].concat(), [0, 1, 2, 3, 4, 5], "{arguments}");
        eventually("all six", async || service.is_acknowledged_to("a", acknowledged).await).await;
        // Nothing comes any more, and a pipe is closed without anybody writing to it.
        assert_eq!(followed.end(end).await, Vec::<u64>::new(), "{arguments}");
        assert!(service.is_acknowledged_to("a", acknowledged).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_written_is_not_acknowledged() {
    let service = Service::with(&["a"]).await;
    service.publish_sized("a", 0..10, MORE_THAN_A_PIPE_HOLDS / 10).await;
    // Nobody reads: the pipe is full in the middle of the lines. Then it is closed, or a signal comes.
    for arguments in ["--ack", "--ack --follow"] {
        let (pipe, out) = Pipe::new();
        let mut running = Running(pull(&service, arguments).stdout(out).spawn().unwrap());
        drop(pipe.has_begun().await);
        assert_eq!(exit_code(&mut running).await, Some(0), "{arguments}");
        assert!(service.is_acknowledged_to("a", 0).await, "{arguments}");
    }
    let (pipe, out) = Pipe::new();
    let mut running = Running(pull(&service, "--ack --follow").stdout(out).spawn().unwrap());
    let pipe = pipe.has_begun().await;
    kill_process(Pid::from_child(&running.0), Signal::INT).unwrap();
    assert_eq!(exit_code(&mut running).await, Some(0));
    assert!(service.is_acknowledged_to("a", 0).await);
    drop(pipe);

    // Where there is room for it, all of it is.
    assert_eq!(ids(&done(&service, "pull a --ack").await), (0..10).collect::<Vec<_>>());
    assert!(service.is_acknowledged_to("a", 10).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_outlasts_trouble_and_writes_no_line_twice() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let mut command = pull(&service, "--follow --ack");
    let mut followed = Followed::start(command.env("AMS_ENDPOINT", gate.endpoint()));
    let mut all = Vec::new();
    for (round, (path, action)) in (0..).zip([
        (":acknowledge", Action::LoseAnswer),
        (":acknowledge", Action::Answer(503, "{}")),
        (
            ":acknowledge",
            Action::Answer(408, r#"{"error":{"code":408,"message":"ack timeout","status":"TIMEOUT"}}"#),
        ),
        (":pull", Action::Answer(502, "<h1>Bad Gateway</h1>")),
    ]) {
        let rule = gate.rule_for(1, path, action);
        service.publish("a", round * 3..round * 3 + 3).await;
        let (so_far, three) = followed.read(3).await;
        followed = so_far;
        all.extend(three);
        let end = round * 3 + 3;
        eventually("the acknowledgement", async || service.is_acknowledged_to("a", end).await).await;
        assert_eq!(rule.met(), 1);
    }
    assert_eq!(all, (0..12).collect::<Vec<_>>());
    kill_process(Pid::from_child(&followed.running.0), Signal::INT).unwrap();
    assert_eq!(exit_code(&mut followed.running).await, Some(0));
    assert_eq!(followed.lines.count(), 0);
    let mut complaint = String::new();
    followed.running.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(complaint.lines().all(|line| line.ends_with("; trying again")), "{complaint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_following_trouble_ends_it_and_what_is_not_acknowledged_is_said() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..3).await;
    let gate = Gate::before(service.address).await;
    gate.keep(":acknowledge", Action::Answer(503, "{}"));
    let mut command = pull(&service, "--ack");
    command.env("AMS_ENDPOINT", gate.endpoint());
    let output = run(command, "").await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ids(&String::from_utf8(output.stdout).unwrap()), [0, 1, 2]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("3 messages were written and are not acknowledged"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destroyed_message_is_named_with_the_command_that_gives_it_up() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..3).await;
    service.publish_poison("a").await;
    service.publish("a", 4..5).await;
    let output = run(pull(&service, "--ack"), "").await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ids(&String::from_utf8(output.stdout).unwrap()), [0, 1, 2]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("message 3 is destroyed"), "{complaint}");
    assert!(complaint.contains("`ams subscription seek a --offset 4`"), "{complaint}");
    assert!(service.is_acknowledged_to("a", 3).await);
    done(&service, "subscription seek a --offset 4").await;
    assert_eq!(ids(&done(&service, "pull a --ack").await), [4]);
}
