//! How quick the emulator is: publishes, then pulls and acknowledges, over one connection on the loopback, in batches of
//! 1, 100 and 5,000 messages of 256 bytes and 4 KB. Prints a table. A MB is a million bytes of payload, which is base64
//! on the wire; answers are read, not parsed.
//!
//! `cargo bench --bench emulator_speed -- --data-dir DIR` measures one that keeps all of it in an empty directory.
//!
//! It fails if a pull of 5,000 messages of 256 bytes takes more than 4 ms.

use std::path::Path;
use std::time::{Duration, Instant};

use ams_forwarder::emulator::{Emulator, Options};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PAYLOADS: [usize; 2] = [256, 4096];
const BATCHES: [usize; 3] = [1, 100, 5000];

/// Each number of the table is measured for so long, or until so much is in the log.
const LONG_ENOUGH: Duration = Duration::from_secs(2);
const MUCH_ENOUGH: usize = 150_000_000;

const PULLS: usize = 200;
const LONGEST_PULL: Duration = Duration::from_millis(4);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    // `cargo test --all-targets` runs benches too, unoptimized.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    // As in a real use, the client has a runtime of its own.
    let server = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let data_dir = std::env::args().skip_while(|argument| argument != "--data-dir").nth(1);
    let emulator = match data_dir {
        Some(directory) => Emulator::open(Options::default(), Path::new(&directory))?,
        None => Emulator::new(Options::default()),
    };
    emulator.create_project("P", "")?;
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    server.spawn(async move { emulator.run(listener, std::future::pending()).await });
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = client.block_on(TcpStream::connect(address))?;
    client.block_on(measure(Client { stream, answer: Vec::new() }))
}

async fn measure(mut client: Client) -> Outcome<()> {
    println!("| payload | batch | publish, messages/s | MB/s | pull and acknowledge, messages/s | MB/s |");
    println!("|---|---|---|---|---|---|");
    for payload in PAYLOADS {
        for batch in BATCHES {
            client.make().await?;
            let publish = publish_of(payload, batch);
            let started = Instant::now();
            let mut published = 0;
            while started.elapsed() < LONG_ENOUGH && published * payload < MUCH_ENOUGH {
                client.ask("POST", "topics/t:publish", &publish).await?;
                published += batch;
            }
            let publishing = rates(published, payload, started.elapsed());

            let pull = pull_of(batch);
            let started = Instant::now();
            let mut pulled = 0;
            while started.elapsed() < LONG_ENOUGH && pulled < published {
                client.ask("POST", "subscriptions/s:pull", &pull).await?;
                pulled += batch;
                let last = format!("{{\"ackIds\":[\"projects/P/subscriptions/s:{}\"]}}", pulled - 1);
                client.ask("POST", "subscriptions/s:acknowledge", last.as_bytes()).await?;
            }
            let pulling = rates(pulled, payload, started.elapsed());
            println!("| {payload} B | {batch} | {publishing} | {pulling} |");
            client.unmake().await?;
        }
    }
    guard(&mut client).await
}

/// The promise to users of big batches.
async fn guard(client: &mut Client) -> Outcome<()> {
    client.make().await?;
    for _ in 0..40 {
        client.ask("POST", "topics/t:publish", &publish_of(256, 5000)).await?;
    }
    let mut times = Vec::with_capacity(PULLS);
    let mut bytes = 0;
    for _ in 0..PULLS {
        let started = Instant::now();
        bytes = client.ask("POST", "subscriptions/s:pull", &pull_of(5000)).await?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let [median, p99] = [times[PULLS / 2], times[PULLS * 99 / 100]];
    println!("\npull of 5000 messages of 256 B, {bytes} bytes: median {median:.2?}, p99 {p99:.2?}");
    if median > LONGEST_PULL {
        return Err(format!("a pull takes more than {LONGEST_PULL:?}").into());
    }
    Ok(())
}

fn publish_of(payload: usize, batch: usize) -> Vec<u8> {
    let data = STANDARD.encode(vec![b'x'; payload]);
    let message = format!("{{\"attributes\":{{\"host\":\"a.example.org\"}},\"data\":\"{data}\"}}");
    format!("{{\"messages\":[{}]}}", vec![message; batch].join(",")).into_bytes()
}

fn pull_of(batch: usize) -> Vec<u8> {
    format!("{{\"maxMessages\":\"{batch}\",\"returnImmediately\":\"true\"}}").into_bytes()
}

/// Messages and MB a second, as two cells.
fn rates(messages: usize, payload: usize, elapsed: Duration) -> String {
    let rate = messages as f64 / elapsed.as_secs_f64();
    format!("{rate:.0} | {:.1}", rate * payload as f64 / 1e6)
}

/// As little of an HTTP client as will do, on one connection.
struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    /// A topic with a subscription, both empty.
    async fn make(&mut self) -> Outcome<()> {
        self.ask("PUT", "topics/t", b"").await?;
        self.ask("PUT", "subscriptions/s", br#"{"topic":"projects/P/topics/t"}"#).await?;
        Ok(())
    }

    async fn unmake(&mut self) -> Outcome<()> {
        self.ask("DELETE", "subscriptions/s", b"").await?;
        self.ask("DELETE", "topics/t", b"").await?;
        Ok(())
    }

    /// Gives the length of the answer's body.
    async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Outcome<usize> {
        let length = body.len();
        let head = format!(
            "{method} /v1/projects/P/{path} HTTP/1.1\r\nhost: x\r\nx-api-key: emulator\r\ncontent-length: {length}\r\n\r\n",
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
                return Err(String::from_utf8_lossy(&self.answer).into());
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
