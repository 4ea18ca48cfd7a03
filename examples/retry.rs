//! Calls that are tried again, in all the ways there are, at an emulator that has no time for the first three.
//!
//! ```sh
//! ams emulator --project DEMO &
//! curl -sS --retry 9 --retry-connrefused --retry-delay 1 -H "x-api-key: emulator" \
//!     "${AMS_ENDPOINT:-http://127.0.0.1:8538}/emulator/faults" \
//!     -d '{"effect": "status", "status": 429, "times": 3}'
//! cargo run --quiet --example retry
//! ```
//!
//! Another service than the emulator: `AMS_ENDPOINT`, `AMS_TOKEN`, `AMS_PROJECT`, `AMS_TOPIC`, `AMS_SUBSCRIPTION`.

use std::{error::Error, time::Duration};

use ams_forwarder::{
    backoff::BackoffPolicy,
    client::{AmsClient, NewMessage, PullLimits, RetryPolicy, SubscriptionName, TopicName},
};

const SOON: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // For all calls of this client: waits that grow, with full jitter, and an end to everything after a minute.
    // Whatever is retried is told, and traced as a warning.
    let backoff = BackoffPolicy::new(SOON, Duration::from_millis(500))?;
    let policy =
        RetryPolicy::jittered(u32::MAX, backoff).deadline(Duration::from_mins(1)).on_retry(|retry| {
            println!(
                "attempt {} of {} {}: {}; again in {:?}",
                retry.attempt,
                retry.method,
                retry.path,
                retry.error.message(),
                retry.wait
            );
        });
    let client = AmsClient::builder(
        &setting("AMS_ENDPOINT", "http://127.0.0.1:8538"),
        setting("AMS_PROJECT", "DEMO").parse()?,
    )
    .token(setting("AMS_TOKEN", "emulator").into())
    .retry(policy.clone())
    .build()?;
    let topic: TopicName = setting("AMS_TOPIC", "examples").parse()?;
    let subscription: SubscriptionName = setting("AMS_SUBSCRIPTION", "examples").parse()?;
    if !client.topic_exists(&topic).await? {
        client.create_topic(&topic).await?;
    }
    if !client.subscription_exists(&subscription).await? {
        client.create_subscription(&subscription, &topic, None).await?;
    }

    // For one call: the same wait before each retry, or waits that double.
    let message = [NewMessage::new("foo1").attribute("bar1", "baz1")?];
    for policy in [RetryPolicy::fixed(3, SOON), RetryPolicy::doubling(3, SOON)] {
        let ids = client.with_retry(policy).publish(&topic, &message).await?;
        println!("published {ids:?}");
    }

    // A publish is tried again only if it cannot have happened, unless a second copy is no harm.
    let ids = client.with_retry(policy.allow_duplicates()).publish(&topic, &message).await?;
    println!("published {ids:?}");

    // Pulling and acknowledging again is harmless, whatever became of the attempt before.
    let batch = client.pull(&subscription, PullLimits { max_messages: 100, max_bytes: 1 << 20 }).await?;
    if let Some(last) = batch.last_id() {
        client.acknowledge(&subscription, last).await?;
    }
    println!("acknowledged {}", batch.len());

    // Without retries an error comes at once, and says what follows from it.
    match client.with_retry(RetryPolicy::none()).publish(&topic, &message).await {
        Ok(ids) => println!("published {ids:?} at the first attempt"),
        Err(error) => println!("{error}; published all the same, perhaps: {}", error.may_have_happened()),
    }
    Ok(())
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
