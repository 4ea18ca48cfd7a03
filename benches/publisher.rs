//! What the batching publisher brings: messages of 256 bytes published one by one, and through a publisher, by one task
//! over the loopback. Prints both figures, and fails if the publisher is not 20 times as quick.

use std::time::{Duration, Instant};

use ams_forwarder::client::{AmsClient, NewMessage, PublishError, Receipt, TopicName};
use ams_forwarder::emulator::{Emulator, Options};
use tokio::net::TcpListener;

const PAYLOAD: usize = 256;
const LONG_ENOUGH: Duration = Duration::from_secs(3);
const AT_LEAST: f64 = 20.0;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    // `cargo test --all-targets` runs benches too, unoptimized.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    // As in a real use, the service has a runtime of its own.
    let server = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let emulator = Emulator::new(Options::default());
    emulator.create_project("P", "")?;
    emulator.create_topic("P", "t")?;
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    server.spawn(async move { emulator.run(listener, std::future::pending()).await });
    let client = AmsClient::builder(&endpoint, "P".parse()?)
        .token(Options::default().token.into())
        .no_proxy()
        .build()?;
    let topic = "t".parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let one_by_one = runtime.block_on(one_by_one(&client, &topic))?;
    let batched = runtime.block_on(batched(&client, &topic))?;
    let times = batched / one_by_one;
    println!("one by one          {one_by_one:>9.0} messages/s");
    println!("through a publisher {batched:>9.0} messages/s, {times:.0} times as many");
    if times < AT_LEAST { Err(format!("that is less than {AT_LEAST} times").into()) } else { Ok(()) }
}

fn message() -> NewMessage {
    NewMessage::new(vec![b'x'; PAYLOAD])
}

async fn one_by_one(client: &AmsClient, topic: &TopicName) -> Outcome<f64> {
    let (started, mut published) = (Instant::now(), 0);
    while started.elapsed() < LONG_ENOUGH {
        client.publish(topic, &[message()]).await?;
        published += 1;
    }
    Ok(f64::from(published) / started.elapsed().as_secs_f64())
}

/// Counts messages whose ids came back.
async fn batched(client: &AmsClient, topic: &TopicName) -> Outcome<f64> {
    let publisher = client.publisher(topic).start();
    let (receipts, mut received) = tokio::sync::mpsc::unbounded_channel::<Receipt>();
    let counting = tokio::spawn(async move {
        let mut count = 0;
        while let Some(receipt) = received.recv().await {
            receipt.await?;
            count += 1;
        }
        Ok::<_, PublishError>(count)
    });
    let started = Instant::now();
    while started.elapsed() < LONG_ENOUGH {
        receipts.send(publisher.publish(message()).await?)?;
    }
    publisher.close().await;
    drop(receipts);
    let count: u32 = counting.await??;
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}
