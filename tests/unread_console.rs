//! A terminal that was halted, or a pipe that nobody reads: neither the messages on it nor the log beside them may keep
//! the daemon from forwarding, answering and stopping.

use std::time::Duration;

use rustix::process::Signal;

use crate::common::{
    Config, Delivered, Home, Launch, MORE_THAN_A_PIPE_HOLDS, Pipe, Service, eventually, file_sink,
};

const MESSAGES: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_nobody_reads_stops_neither_the_file_nor_the_end() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let out = home.out("a");
    let best_effort = "[subscriptions.a.sinks.show]\ntype = \"stdout\"\nrequired = false\n";
    let sinks = format!("{}{best_effort}", file_sink("a", &out));
    let config = Config::new(&home, &service.endpoint())
        .set("log = { level = \"trace\" }")
        .subscription("a", "", &sinks);
    let (pipe, stdout, stderr) = Pipe::with_two_writers();
    let mut forwarder = Launch::new(&home).stdout(stdout).stderr(stderr).start(&config);

    let size = MORE_THAN_A_PIPE_HOLDS / usize::try_from(MESSAGES).unwrap();
    service.publish_sized("a", 0..MESSAGES, size).await;
    eventually("the first", async || service.is_acknowledged_to("a", MESSAGES).await).await;
    service.publish_sized("a", MESSAGES..2 * MESSAGES, size).await;
    eventually("the rest", async || service.is_acknowledged_to("a", 2 * MESSAGES).await).await;

    forwarder.signal(Signal::TERM).await;
    assert_eq!(forwarder.wait(Duration::from_secs(20)).await, Some(0));
    Delivered::in_file(&out).assert_exactly(2 * MESSAGES);
    drop(pipe);
}
