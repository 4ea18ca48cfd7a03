//! What it costs to forward to Avro files: 1,000,000 `metric_data` messages of the EGI's monitoring, of three days, in an
//! emulator that is a process of its own; the daemon puts them into a file for each day. Prints messages a second and the
//! daemon's CPU per message, user and system, for small and big batches and each codec.
//!
//! `ams-consumer`, which does the same with the service, takes 100 µs of CPU per message. This fails if the daemon takes
//! more than a thirtieth of that with codec `null`, or if the files do not hold every message once and in order.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ams_forwarder::client::{AmsClient, NewMessage, Offsets};
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Reader, Schema};
use tempfile::TempDir;

const SCHEMA: &str = include_str!("../tests/metric_data.avsc");
const MESSAGES: u64 = 1_000_000;
const DAYS: [&str; 3] = ["2026-11-22", "2026-11-23", "2026-11-24"];
const RUNS: [(&str, u32); 5] =
    [("null", 1000), ("null", 5000), ("deflate", 5000), ("snappy", 5000), ("zstandard", 5000)];
const AT_MOST: f64 = 100.0 / 30.0;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    // `cargo test --all-targets` runs benches too, unoptimized.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let home = TempDir::new()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (_emulator, address) = emulator()?;
    let client = AmsClient::builder(&format!("http://{address}"), "P".parse()?)
        .token("emulator".into())
        .no_proxy()
        .build()?;
    let bytes = runtime.block_on(publish(&client))?;
    println!("{MESSAGES} messages, {} bytes of payload each\n", bytes / MESSAGES);
    println!("| codec | max_messages | messages/s | CPU per message | files |");
    println!("|---|---|---|---|---|");
    let mut too_much = Vec::new();
    for (number, (codec, batch)) in RUNS.into_iter().enumerate() {
        let directory = home.path().join(number.to_string());
        std::fs::create_dir(&directory)?;
        std::fs::write(directory.join("forwarder.toml"), config(&directory, address, number, codec, batch))?;
        let (elapsed, cpu) = runtime.block_on(forward(&client, number, &directory))?;
        let size = account(&directory)?;
        let rate = MESSAGES as f64 / elapsed.as_secs_f64();
        let each = cpu.as_secs_f64() * 1e6 / MESSAGES as f64;
        println!("| {codec} | {batch} | {rate:.0} | {each:.2} µs | {:.0} MB |", size as f64 / 1e6);
        if codec == "null" && each > AT_MOST {
            too_much.push(format!("{each:.2} µs per message with batches of {batch}"));
        }
    }
    if too_much.is_empty() {
        return Ok(());
    }
    Err(format!("more than {AT_MOST:.1} µs of CPU: {}", too_much.join(", ")).into())
}

/// A child process that ends with this one.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn emulator() -> Outcome<(Running, SocketAddr)> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ams"))
        .args(["emulator", "--listen", "127.0.0.1:0", "--project", "P", "--retention-bytes", "1500MiB"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut first = String::new();
    let said = child.stdout.take().ok_or("no standard output")?;
    let running = Running(child);
    BufReader::new(said).read_line(&mut first)?;
    let address = first.trim().strip_prefix("listening on http://").ok_or("the emulator does not start")?;
    Ok((running, address.parse()?))
}

/// Publishes all messages to a topic with a subscription for each run. How many bytes their payloads have.
async fn publish(client: &AmsClient) -> Outcome<u64> {
    let topic = "metrics".parse()?;
    client.create_topic(&topic).await?;
    for number in 0..RUNS.len() {
        client.create_subscription(&format!("s{number}").parse()?, &topic, None).await?;
    }
    let schema = Schema::parse_str(SCHEMA)?;
    let writer = GenericDatumWriter::builder(&schema).build()?;
    let mut random = fastrand::Rng::with_seed(1);
    let (mut bytes, mut messages) = (0, Vec::with_capacity(5000));
    for number in 0..MESSAGES {
        let payload = writer.write_value_to_vec(metric(number, &mut random))?;
        bytes += payload.len() as u64;
        let day = DAYS[random.usize(..DAYS.len())];
        messages.push(NewMessage::new(payload).attribute("partition_date", day)?);
        if messages.len() == 5000 {
            client.publish(&topic, &messages).await?;
            messages.clear();
        }
    }
    Ok(bytes)
}

/// A result of a probe as the monitoring writes it; its number is the end of its summary.
fn metric(number: u64, random: &mut fastrand::Rng) -> Value {
    let text = |text: String| Value::String(text);
    let some = |text: String| Value::Union(1, Box::new(Value::String(text)));
    let host = format!("ce{:02}.grid-{}.example.org", random.u8(..40), random.u8(..200));
    let status = ["OK", "OK", "OK", "OK", "WARNING", "CRITICAL"][random.usize(..6)];
    let summary = format!("{status} - job-submit took {:.2} s, {number}", random.f64() * 10.0);
    let tags = [("endpoint_group", format!("SITE-{}", random.u8(..200))), ("roc", "NGI_EXAMPLE".to_owned())];
    let tags = tags.map(|(key, value)| (key.to_owned(), some(value))).into();
    Value::Record(vec![
        ("timestamp".into(), text("2026-11-23T07:05:18Z".into())),
        ("service".into(), text("org.opensciencegrid.htcondorce".into())),
        ("hostname".into(), text(host.clone())),
        ("metric".into(), text("ch.cern.HTCondorCE-JobSubmit".into())),
        ("status".into(), text(status.into())),
        ("monitoring_host".into(), some("argo-mon.example.org".into())),
        ("actual_data".into(), Value::Union(0, Box::new(Value::Null))),
        ("summary".into(), some(summary)),
        (
            "message".into(),
            some(format!("{host}: {}", "the job ran to its end. ".repeat(random.usize(1..4)))),
        ),
        ("tags".into(), Value::Union(1, Box::new(Value::Map(tags)))),
    ])
}

fn config(directory: &Path, address: SocketAddr, number: usize, codec: &str, batch: u32) -> String {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metric_data.avsc");
    let (directory, schema) = (directory.display(), schema.display());
    format!(
        r#"
state_dir = "{directory}/state"
admin = {{ listen = "127.0.0.1:0" }}
[connections.c]
endpoint = "http://{address}"
project = "P"
token = "emulator"
[subscriptions.s{number}]
max_messages = {batch}
[subscriptions.s{number}.sinks.archive]
type = "file"
path = "{directory}/out/{{attribute.partition_date}}.avro"
format = "avro"
schema_file = "{schema}"
codec = "{codec}"
"#
    )
}

/// Runs a daemon until all is forwarded. How long that takes, and how much CPU.
async fn forward(client: &AmsClient, number: usize, directory: &Path) -> Outcome<(Duration, Duration)> {
    let log = File::create(directory.join("log"))?;
    let started = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_ams-forwarder"))
        .args(["run", "--config"])
        .arg(directory.join("forwarder.toml"))
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let mut daemon = Running(child);
    let subscription = format!("s{number}").parse()?;
    loop {
        let Offsets { current, .. } = client.offsets(&subscription).await?;
        if u64::try_from(current)? == MESSAGES {
            return Ok((started.elapsed(), cpu_of(daemon.0.id())?));
        }
        if daemon.0.try_wait()?.is_some() {
            return Err(std::fs::read_to_string(directory.join("log"))?.into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// User and system time, in ticks of 10 ms.
fn cpu_of(process: u32) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no such /proc/PID/stat")?;
    let ticks: Vec<u64> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 10))
}

/// Reads all files with the library of others. How many bytes they are.
fn account(directory: &Path) -> Outcome<u64> {
    let (mut size, mut seen) = (0, vec![false; usize::try_from(MESSAGES)?]);
    for day in DAYS {
        let file = File::open(directory.join("out").join(day).with_extension("avro"))?;
        size += file.metadata()?.len();
        let mut last = None;
        for value in Reader::new(BufReader::new(file))? {
            let number = number_of(&value?).ok_or("a value that is no metric")?;
            if last.is_some_and(|last| last >= number) || std::mem::replace(&mut seen[number], true) {
                return Err(format!("{day}: {number} is there again, or out of order").into());
            }
            last = Some(number);
        }
    }
    let missing = seen.iter().filter(|seen| !**seen).count();
    if missing == 0 { Ok(size) } else { Err(format!("{missing} messages are missing").into()) }
}

fn number_of(value: &Value) -> Option<usize> {
    let Value::Record(fields) = value else { return None };
    let (_, Value::Union(1, summary)) = fields.iter().find(|(name, _)| name == "summary")? else {
        return None;
    };
    let Value::String(summary) = &**summary else { return None };
    summary.rsplit(' ').next()?.parse().ok()
}
