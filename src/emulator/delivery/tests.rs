use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::*;
use crate::emulator::Retention;
use crate::emulator::cursor::Cursor;
use crate::emulator::log::{Limits, Log};
use crate::emulator::memory::Memory;
use crate::emulator::message;

/// Polls once: the future is at its first wait then.
async fn begin<F: Future>(mut future: std::pin::Pin<&mut F>) {
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending(), "it does not wait");
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_pull_that_waited_for_its_turn_does_not_undo_an_acknowledgement_though_retention_passed_it() {
    let topic = Topic::new(
        "t",
        Log::new(Limits { retention: Retention::UNLIMITED, memory: Memory::new(None) }, None),
    );
    let subscription = Subscription::new("s", "t", Cursor::new(0, 10));
    let messages = message::parse_publish(r#"{"messages":[{},{},{},{},{}]}"#).unwrap();
    let prepared: Vec<_> = messages.iter().map(message::NewMessage::prepare).collect();
    topic.log.append(&prepared).unwrap();
    let options = PullOptions { limit: 9, wait: false };
    take(&subscription, &topic, &options, "", Latency::None).await.unwrap();

    let turn = topic.log.pulling.lock().await;
    let mut late = pin!(take(&subscription, &topic, &options, "", Latency::None));
    begin(late.as_mut()).await;
    subscription.cursor().acknowledge(3, clock::now().as_second()).unwrap();
    topic.log.remove_below(2);
    drop(turn);
    late.await.unwrap();
    assert_eq!(subscription.cursor().current(), 4);
}
