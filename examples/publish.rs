//! Publishes messages: one, several with one request, and many through a publisher that gathers them.
//!
//! ```sh
//! ams emulator --project DEMO &
//! cargo run --quiet --example publish
//! ```
//!
//! Another service than the emulator: `AMS_ENDPOINT`, `AMS_TOKEN`, `AMS_PROJECT`, `AMS_TOPIC`.

use std::error::Error;

use ams_forwarder::client::{AmsClient, NewMessage, TopicName};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = AmsClient::builder(
        &setting("AMS_ENDPOINT", "http://127.0.0.1:8538"),
        setting("AMS_PROJECT", "DEMO").parse()?,
    )
    .token(setting("AMS_TOKEN", "emulator").into())
    .build()?;
    let topic: TopicName = setting("AMS_TOPIC", "examples").parse()?;
    if !client.topic_exists(&topic).await? {
        client.create_topic(&topic).await?;
    }

    // One message. Attributes are texts beside the payload; those that would destroy the record are refused here.
    let message = NewMessage::new("foo1").attribute("bar1", "baz1")?;
    println!("published {:?}", client.publish(&topic, &[message]).await?);

    // Several with one request, which costs about as much as one message.
    let messages = [
        NewMessage::new("foo2").attribute("bar2", "baz2")?,
        NewMessage::new("foo3").attribute("bar3", "baz3")?,
    ];
    println!("published {:?}", client.publish(&topic, &messages).await?);

    // Many, one by one: the publisher makes batches of them. `publish` waits for room, the receipt for the service.
    let publisher = client.publisher(&topic).start();
    let mut receipts = Vec::new();
    for number in 0..1000 {
        receipts.push(publisher.publish(NewMessage::new(format!("result {number}"))).await?);
    }
    publisher.close().await;
    let mut count = 0;
    for receipt in receipts {
        match receipt.await {
            Ok(_id) => count += 1,
            Err(error) if error.may_have_happened() => println!("published or not: {error}"),
            Err(error) => println!("not published: {error}"),
        }
    }
    println!("published {count} through a publisher");
    Ok(())
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
