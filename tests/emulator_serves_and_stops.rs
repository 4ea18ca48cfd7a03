//! The emulator as a server: it takes whatever is sent at it, waits as the service waits, and stops promptly.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ams_forwarder::emulator::{Emulator, Options};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

/// An emulator with the project P, the topic t and its subscription s.
async fn start() -> Running {
    let emulator = Emulator::new(Options::default());
    emulator.create_project("P", "").unwrap();
    emulator.create_topic("P", "t").unwrap();
    emulator.create_subscription("P", "s", "t").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move { emulator.run(listener, async { drop(stopped.await) }).await });
    Running { address, stop, task }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a connection of its own and gives the status and the body.
    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut connection = self.connect().await;
        send(&mut connection, method, path, body).await;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    async fn stop(self) -> Duration {
        let asked = Instant::now();
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        assert!(TcpStream::connect(self.address).await.is_err(), "it still listens");
        asked.elapsed()
    }
}

async fn send(connection: &mut TcpStream, method: &str, path: &str, body: &[u8]) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nx-api-key: emulator\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
}

const PULL: &str = "/v1/projects/P/subscriptions/s:pull";
const PUBLISH: &str = "/v1/projects/P/topics/t:publish";
const WAITING: &[u8] = br#"{"maxMessages":"2","returnImmediately":"false"}"#;

#[tokio::test]
async fn it_stops_at_once_though_connections_are_idle() {
    let running = start().await;
    let mut idle = running.connect().await;
    idle.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 16];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK\r");
    assert!(running.stop().await < Duration::from_millis(900));
}

#[tokio::test]
async fn it_stops_soon_though_a_request_never_ends_and_another_waits() {
    let running = start().await;
    running.ask("POST", PUBLISH, br#"{"messages":[{}]}"#).await;
    let mut half_a_head = running.connect().await;
    half_a_head.write_all(b"GET /v1/sta").await.unwrap();
    let mut half_a_body = running.connect().await;
    half_a_body
        .write_all(b"POST /v1/projects/Q HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        .await
        .unwrap();
    let mut waiting = running.connect().await;
    send(&mut waiting, "POST", PULL, WAITING).await;
    assert_eq!(running.ask("GET", "/v1/status", b"").await.0, 200);
    assert!(running.stop().await < Duration::from_secs(5));
    let mut rest = Vec::new();
    assert!(half_a_head.read_to_end(&mut rest).await.is_err() || rest.is_empty());
}

#[tokio::test]
async fn a_waiting_pull_holds_its_topic_after_its_client_left_and_publishing_goes_on() {
    let running = start().await;
    assert_eq!(running.ask("POST", PUBLISH, br#"{"messages":[{"data":"YQ=="}]}"#).await.0, 200);
    let mut left = running.connect().await;
    send(&mut left, "POST", PULL, WAITING).await;
    let blocked = async || {
        let pull = running.ask("POST", PULL, br#"{"returnImmediately":"true"}"#);
        tokio::time::timeout(Duration::from_millis(300), pull).await.is_err()
    };
    // The first of these may be quicker than the pull that waits.
    while !blocked().await {}
    drop(left);
    assert!(blocked().await, "the pull of a client that left is over");
    assert_eq!(running.ask("POST", PUBLISH, br#"{"messages":[{"data":"Yg=="}]}"#).await.0, 200);
    let pull = running.ask("POST", PULL, br#"{"maxMessages":"9","returnImmediately":"true"}"#);
    let (_, answer) = tokio::time::timeout(Duration::from_secs(10), pull).await.unwrap();
    assert!(answer.contains("YQ==") && answer.contains("Yg=="), "{answer}");
}

#[tokio::test]
async fn arbitrary_bytes_are_refused_and_the_next_request_is_served() {
    let running = start().await;
    for garbage in
        [&b"\0\xff\x16\x03\x01"[..], b"GET", b"GET / HTTP/9\r\n\r\n", b"\r\n\r\n\r\n", &b"x".repeat(100_000)]
    {
        let mut connection = running.connect().await;
        // It may be closed before everything is sent.
        let _ = connection.write_all(garbage).await;
        let _ = connection.shutdown().await;
        let _ = connection.read_to_end(&mut Vec::new()).await;
    }
    for path in [
        PULL,
        PUBLISH,
        "/v1/projects/P/subscriptions/s:acknowledge",
        "/v1/projects/P/subscriptions/s:modifyOffset",
    ] {
        for body in [
            &b"\xff\xfe"[..],
            b"\"",
            b"{\"\\ud800\":1",
            b"[[[[",
            b"1e999",
            b"{\"messages\":[{\"data\":\"\\x\"}]}",
        ] {
            assert_eq!(running.ask("POST", path, body).await.0, 400, "{path} {body:?}");
        }
    }
    let nested = [b"[".repeat(200_000), b"]".repeat(200_000)].concat();
    assert_eq!(running.ask("POST", PUBLISH, &nested).await.0, 400);
    assert_eq!(running.ask("GET", "/v1/projects/%ff%00%/topics/%2e", b"").await.0, 400);
    assert_eq!(running.ask("GET", "/v1/status", b"").await.0, 200);
}

#[tokio::test]
async fn strings_that_are_no_unicode_are_mended_as_go_mends_them() {
    let running = start().await;
    let body = [br#"{"messages":[{"data":""#, &b"a\xffb\\ud800"[..], br#""}]}"#].concat();
    assert_eq!(running.ask("POST", PUBLISH, &body).await.0, 200);
    let (status, answer) = running.ask("POST", PULL, b"{}").await;
    assert_eq!(status, 200);
    assert!(answer.contains("\"data\": \"a\u{fffd}b\u{fffd}\""), "{answer}");
}

#[tokio::test]
async fn the_order_of_checks_is_the_services() {
    let running = &start().await;
    let without_token = |path: &'static str| async move {
        let mut connection = running.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer[9..12].to_owned()
    };
    assert_eq!(without_token("/v1/projects/a.b").await, "400");
    assert_eq!(without_token("/v1/projects/NOSUCH").await, "401");
    assert_eq!(without_token("/v1/projects/NOSUCH?key=wrong").await, "404");
    assert_eq!(without_token("/v1/projects/P?key=wrong").await, "401");
    assert_eq!(without_token("/v1/projects/P?key=emulator").await, "200");
    assert_eq!(without_token("/v1/nosuch").await, "404");
}

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ams_emulator(arguments: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ams"));
    command.arg("emulator").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    Program(command.spawn().unwrap())
}

#[test]
fn the_program_says_where_it_listens_and_ends_well_on_either_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = ams_emulator(&[
            "--listen",
            "127.0.0.1:0",
            "--token",
            "a secret",
            "--project",
            "P",
            "--project",
            "Q",
        ]);
        let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        let endpoint = first.strip_prefix("listening on ").unwrap().to_owned();
        std::net::TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).unwrap();
        assert_eq!(lines.next().unwrap(), format!("export AMS_ENDPOINT={endpoint}"));
        assert_eq!(lines.next().unwrap(), "export AMS_TOKEN='a secret'");
        assert_eq!(lines.next().unwrap(), "export AMS_PROJECT=P");
        kill_process(Pid::from_child(&program.0), signal).unwrap();
        assert_eq!(program.0.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_port_in_use_is_a_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut program = ams_emulator(&["--listen", &address]);
    let mut error = String::new();
    program.0.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!(program.0.wait().unwrap().code(), Some(1));
    assert!(error.starts_with(&format!("ams: cannot listen on {address}: ")), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}
