//! How quick the emulator is: publishes 600,000 messages of 256 bytes in batches of 5,000, then pulls 5,000 again and
//! again. Over HTTP on the loopback; bodies are read, not parsed. A pull is to be answered within 4 ms.

use std::time::{Duration, Instant};

use ams_forwarder::emulator::{Emulator, Options};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BATCH: usize = 5_000;
const MESSAGES: usize = 600_000;
const PULLS: usize = 200;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    // `cargo test --all-targets` runs benches too, unoptimized.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    // As in a real use, the client has a runtime of its own.
    let server = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let emulator = Emulator::new(Options::default());
    emulator.create_project("P", "")?;
    emulator.create_topic("P", "t")?;
    emulator.create_subscription("P", "s", "t")?;
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    server.spawn(async move { emulator.run(listener, std::future::pending()).await });
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = client.block_on(TcpStream::connect(address))?;
    client.block_on(measure(Client { stream, answer: Vec::new() }))
}

async fn measure(mut client: Client) -> Outcome<()> {
    let data = STANDARD.encode([b'x'; 256]);
    let messages =
        vec![format!("{{\"attributes\":{{\"host\":\"a.example.org\"}},\"data\":\"{data}\"}}"); BATCH];
    let publish = format!("{{\"messages\":[{}]}}", messages.join(","));
    let started = Instant::now();
    for _ in 0..MESSAGES / BATCH {
        client.post("topics/t:publish", publish.as_bytes()).await?;
    }
    let elapsed = started.elapsed();
    println!(
        "publish: {MESSAGES} messages in {elapsed:.2?}, {:.0} a second",
        MESSAGES as f64 / elapsed.as_secs_f64()
    );

    let pull = format!("{{\"maxMessages\":\"{BATCH}\",\"returnImmediately\":\"true\"}}");
    let mut times = Vec::with_capacity(PULLS);
    let mut bytes = 0;
    for _ in 0..PULLS {
        let started = Instant::now();
        bytes = client.post("subscriptions/s:pull", pull.as_bytes()).await?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let [median, p99] = [times[PULLS / 2], times[PULLS * 99 / 100]];
    println!("pull of {BATCH} messages, {bytes} bytes: median {median:.2?}, p99 {p99:.2?}");
    if median > Duration::from_millis(4) {
        return Err("a pull takes more than 4 ms".into());
    }
    Ok(())
}

/// As little of an HTTP client as will do, on one connection.
struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    /// Gives the length of the answer's body.
    async fn post(&mut self, path: &str, body: &[u8]) -> Outcome<usize> {
        let head = format!(
            "POST /v1/projects/P/{path} HTTP/1.1\r\nhost: x\r\nx-api-key: emulator\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body].concat()).await?;
        self.answer.clear();
        loop {
            self.stream.read_buf(&mut self.answer).await?;
            let window = &self.answer[..self.answer.len().min(400)];
            let Some(end) = window.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&window[..end])?.to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(head.into());
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.ok_or("no content length")?.parse()?;
            self.answer.reserve(length);
            while self.answer.len() < end + 4 + length {
                self.stream.read_buf(&mut self.answer).await?;
            }
            return Ok(length);
        }
    }
}
