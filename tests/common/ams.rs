//! The program `ams` as a process of its own, on a service.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use super::{PROJECT, Service, TOKEN};

/// `ams` with the options of `service` in its environment, and nothing else there that could change what it does.
pub(crate) fn ams(service: &Service) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ams"));
    command.env_clear().env("AMS_ENDPOINT", service.endpoint());
    command.env("AMS_TOKEN", TOKEN).env("AMS_PROJECT", PROJECT);
    command
}

/// Runs it to its end with this on standard input, without keeping the service in this process from answering.
pub(crate) async fn run(mut command: Command, input: impl Into<Vec<u8>>) -> Output {
    let input = input.into();
    let running = tokio::task::spawn_blocking(move || {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may end before it has read everything.
        let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        output
    });
    running.await.unwrap()
}

/// Runs it with arguments, separated by white space. What it printed; it must succeed.
pub(crate) async fn done(service: &Service, arguments: &str) -> String {
    done_with(service, arguments, "").await
}

/// The same, with this on standard input.
pub(crate) async fn done_with(service: &Service, arguments: &str, input: impl Into<Vec<u8>>) -> String {
    let mut command = ams(service);
    command.args(arguments.split_whitespace());
    let output = run(command, input).await;
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "ams {arguments}: {}\n{complaint}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A process that is killed when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for the end of a process, with a deadline. Its exit code; none if a signal ended it.
pub(crate) async fn exit_code(running: &mut Running) -> Option<i32> {
    super::until("the end of ams", async || running.0.try_wait().unwrap()).await.code()
}
