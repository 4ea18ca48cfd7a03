//! Consumes what is in a subscription: one pull by hand, then a stream until nothing comes for a second.
//!
//! A subscription begins where it is made, so it is made first, and then there is something to consume:
//!
//! ```sh
//! ams emulator --project DEMO &
//! cargo run --quiet --example consume_pull
//! cargo run --quiet --example publish
//! cargo run --quiet --example consume_pull
//! ```
//!
//! Another service than the emulator: `AMS_ENDPOINT`, `AMS_TOKEN`, `AMS_PROJECT`, `AMS_TOPIC`, `AMS_SUBSCRIPTION`.

use std::{error::Error, time::Duration};

use ams_forwarder::client::{AmsClient, Message, PullLimits, SubscriptionName, TopicName};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = AmsClient::builder(
        &setting("AMS_ENDPOINT", "http://127.0.0.1:8538"),
        setting("AMS_PROJECT", "DEMO").parse()?,
    )
    .token(setting("AMS_TOKEN", "emulator").into())
    .build()?;
    let topic: TopicName = setting("AMS_TOPIC", "examples").parse()?;
    let subscription: SubscriptionName = setting("AMS_SUBSCRIPTION", "examples").parse()?;
    if !client.topic_exists(&topic).await? {
        client.create_topic(&topic).await?;
    }
    if !client.subscription_exists(&subscription).await? {
        client.create_subscription(&subscription, &topic, None).await?;
    }

    // By hand: pull, work, acknowledge. What is not acknowledged comes again.
    let batch = client.pull(&subscription, PullLimits { max_messages: 3, max_bytes: 1 << 20 }).await?;
    for message in &batch {
        show(message)?;
    }
    if let Some(last) = batch.last_id() {
        client.acknowledge(&subscription, last).await?; // and everything before it
    }

    // As a stream, which gets over lost answers, late acknowledgements and answers that are too large.
    let mut deliveries = client.consume(&subscription).max_messages(500).start();
    while let Ok(Some(delivery)) = tokio::time::timeout(Duration::from_secs(1), deliveries.next()).await {
        let delivery = delivery?;
        for message in delivery.iter().take(1) {
            show(message)?;
        }
        let count = delivery.batch().len();
        // Takes the delivery: it cannot be acknowledged twice, and one that is dropped comes again.
        delivery.acknowledge().await?;
        println!("acknowledged {count}");
    }
    let offsets = client.offsets(&subscription).await?;
    println!("{} messages are left", offsets.max - offsets.current);
    Ok(())
}

fn show(message: Message<'_>) -> Result<(), Box<dyn Error>> {
    let mut payload = Vec::new();
    message.decode_data(&mut payload)?;
    let attributes: Vec<_> = message.attributes().collect();
    println!("received {}: {} {attributes:?}", message.id(), String::from_utf8_lossy(&payload));
    Ok(())
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
