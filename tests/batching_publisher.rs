//! The batching publisher: every message accepted gets its own outcome, in the order it was accepted, what waits is
//! bounded, and what fails is said to be in the topic or not as it is.

use std::time::Duration;

use ams_forwarder::client::{AmsClient, NewMessage, PublishError, Publisher, Receipt, TopicName};
use ams_forwarder::emulator::Fault;
use futures_util::FutureExt;

use crate::common::{Action, Gate, PATIENCE, PROJECT, Service, TOKEN, client_of, eventually, numbered, seed};

const LONG: Duration = Duration::from_hours(1);

fn topic() -> TopicName {
    "a".parse().unwrap()
}

fn message(number: u64) -> NewMessage {
    NewMessage::new(numbered(number, 0))
}

async fn accepted(publisher: &Publisher, numbers: std::ops::Range<u64>) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for number in numbers {
        receipts.push(publisher.publish(message(number)).await.unwrap());
    }
    receipts
}

async fn published(receipts: Vec<Receipt>) -> Vec<u64> {
    let mut ids = Vec::new();
    for receipt in receipts {
        ids.push(receipt.await.unwrap());
    }
    ids
}

/// A publisher whose requests pass a gate that counts them.
async fn through_a_gate(service: &Service) -> (Gate, AmsClient) {
    let gate = Gate::before(service.address).await;
    let client = client_of(&gate.endpoint());
    (gate, client)
}

#[tokio::test]
async fn many_tasks_publish_through_one_publisher_and_each_message_stands_once_with_the_id_it_was_told() {
    let service = Service::with(&["a"]).await;
    let (gate, client) = through_a_gate(&service).await;
    let publisher = client.publisher(&topic()).max_messages(100).start();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let publisher = publisher.clone();
        tasks.spawn(async move { published(accepted(&publisher, task * 500..(task + 1) * 500).await).await });
    }
    for ids in tasks.join_all().await {
        assert!(ids.is_sorted(), "one task's messages are out of their order");
    }
    publisher.close().await;
    let mut taken = service.take_all("a").await.numbers;
    for task in 0..8 {
        let of_it: Vec<_> = taken.iter().filter(|number| *number / 500 == task).collect();
        assert!(of_it.is_sorted(), "one task's messages are out of their order in the topic");
    }
    taken.sort_unstable();
    assert_eq!(taken, (0..4000).collect::<Vec<_>>());
    let requests = gate.requests(":publish").len();
    assert!((40..400).contains(&requests), "{requests} requests");
}

#[tokio::test]
async fn limits_beyond_every_bound_are_none() {
    let service = Service::with(&["a"]).await;
    let publisher = service.client.publisher(&topic()).max_messages(usize::MAX).max_bytes(usize::MAX);
    let publisher = publisher.max_delay(Duration::MAX).max_waiting(usize::MAX, usize::MAX).start();
    let receipts = accepted(&publisher, 0..3).await;
    publisher.flush().await;
    assert_eq!(published(receipts).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_batch_goes_when_it_is_full_by_count_or_bytes_when_its_time_is_over_or_when_it_is_flushed() {
    let service = Service::with(&["a"]).await;
    let by_count = service.client.publisher(&topic()).max_messages(3).max_delay(LONG).start();
    assert_eq!(published(accepted(&by_count, 0..3).await).await, [0, 1, 2]);

    let bytes = message(0).record_bytes() * 2;
    let by_bytes = service.client.publisher(&topic()).max_bytes(bytes).max_delay(LONG).start();
    let mut receipts = accepted(&by_bytes, 3..6).await;
    let third = receipts.pop().unwrap();
    assert_eq!(published(receipts).await, [3, 4]);
    assert_eq!(service.offsets("a").await.max, 5, "the third waits for company");
    by_bytes.flush().await;
    assert_eq!(third.await.unwrap(), 5);

    let by_time = service.client.publisher(&topic()).max_delay(Duration::from_millis(20)).start();
    assert_eq!(published(accepted(&by_time, 6..8).await).await, [6, 7]);
}

#[tokio::test]
async fn close_waits_for_what_was_accepted_and_nothing_is_accepted_after_it() {
    let service = Service::with(&["a"]).await;
    let publisher = service.client.publisher(&topic()).max_delay(LONG).start();
    let clone = publisher.clone();
    let receipts = accepted(&publisher, 0..7).await;
    publisher.close().await;
    assert_eq!(service.offsets("a").await.max, 7);
    assert_eq!(published(receipts).await, (0..7).collect::<Vec<_>>());
    let refused = clone.publish(message(7)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Closed) && !refused.may_have_happened());
    clone.flush().await;
    clone.close().await;
}

#[tokio::test]
async fn what_was_accepted_is_sent_when_the_last_publisher_is_dropped() {
    let service = Service::with(&["a"]).await;
    let publisher = service.client.publisher(&topic()).max_delay(LONG).start();
    let receipts = accepted(&publisher, 0..7).await;
    drop(publisher);
    assert_eq!(published(receipts).await, (0..7).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_publishes_more_than_there_is_room_for_waits_and_a_call_dropped_while_it_waits_publishes_nothing()
{
    let service = Service::with(&["a"]).await;
    let (gate, client) = through_a_gate(&service).await;
    let held = gate.rule(":publish", Action::Hold);
    let publisher =
        client.publisher(&topic()).max_messages(2).max_delay(Duration::ZERO).max_waiting(4, 0).start();
    let receipts = accepted(&publisher, 0..4).await;
    {
        let mut waits = Box::pin(publisher.publish(message(99)));
        assert!((&mut waits).now_or_never().is_none(), "there is no room");
        eventually("a publish to be held", async || held.met() > 0).await;
        assert!((&mut waits).now_or_never().is_none(), "there is no room");
    }
    drop(held);
    assert_eq!(published(receipts).await, [0, 1, 2, 3]);
    publisher.close().await;
    assert_eq!(service.take_all("a").await.numbers, [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_before_it_is_sent_and_the_largest_is_taken() {
    let service = Service::with(&["a"]).await;
    let publisher = service.client.publisher(&topic()).max_waiting(1, 1).max_bytes(1).start();
    let refused = publisher.publish(NewMessage::new(vec![0; 1_200_000])).await.unwrap_err();
    assert!(matches!(refused, PublishError::TooLarge { bytes: 1_600_000.. }), "{refused}");
    assert!(!refused.may_have_happened());
    let frame = NewMessage::new("").record_bytes();
    let largest = NewMessage::new(vec![0; (1_499_964 - frame) / 4 * 3]);
    assert_eq!(publisher.publish(largest).await.unwrap().await.unwrap(), 0);
}

#[tokio::test]
async fn a_batch_that_fails_midway_tells_each_message_that_it_may_have_happened() {
    let service = Service::with(&["a"]).await;
    let publisher = service.client.publisher(&topic()).max_messages(5).max_delay(LONG).start();
    service.emulator.inject(Fault::publish_fails_midway(3).times(1)).unwrap();
    for receipt in accepted(&publisher, 0..5).await {
        let error = receipt.await.unwrap_err();
        assert!(matches!(error, PublishError::Service(_)) && error.may_have_happened(), "{error}");
    }
    // Nothing of it is sent again, and what comes after it goes on.
    assert_eq!(published(accepted(&publisher, 5..10).await).await, [2, 3, 4, 5, 6]);
    assert_eq!(service.take_all("a").await.numbers, [0, 1, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_may_have_happened_and_one_that_met_nobody_has_not() {
    let service = Service::with(&["a"]).await;
    let (gate, client) = through_a_gate(&service).await;
    let publisher = client.publisher(&topic()).max_messages(2).max_delay(LONG).start();
    let lost = gate.rule_for(1, ":publish", Action::LoseAnswer);
    for receipt in accepted(&publisher, 0..2).await {
        assert!(receipt.await.unwrap_err().may_have_happened());
    }
    drop((lost, gate));
    for receipt in accepted(&publisher, 2..4).await {
        assert!(!receipt.await.unwrap_err().may_have_happened());
    }
}

#[tokio::test]
async fn of_a_batch_that_is_refused_for_some_of_its_messages_the_others_are_published_once_and_in_order() {
    let service = Service::with(&["a"]).await;
    let schema = r#"{"type": "json", "schema": {"maximum": 99}}"#;
    assert_eq!(service.post("schemas/small", schema).await, 200);
    let attach = format!("{{\"schema\": \"projects/{PROJECT}/schemas/small\"}}");
    assert_eq!(service.post("topics/a:attachSchema", &attach).await, 200);
    let publisher = service.client.publisher(&topic()).max_messages(100).max_delay(LONG).start();
    let mut receipts = Vec::new();
    for number in 0..100 {
        let number = if number % 40 == 7 { number + 100 } else { number };
        receipts.push((number, publisher.publish(NewMessage::new(number.to_string())).await.unwrap()));
    }
    let mut expected = Vec::new();
    for (number, receipt) in receipts {
        match receipt.await {
            Ok(id) => {
                assert!(number < 100);
                assert_eq!(usize::try_from(id), Ok(expected.len()));
                expected.push(number);
            }
            Err(error) => {
                assert!(number > 99 && !error.may_have_happened(), "{number}: {error}");
                assert!(!error.to_string().contains(TOKEN));
            }
        }
    }
    assert_eq!(expected.len(), 97);
    assert_eq!(service.take_all("a").await.numbers, expected);
}

#[tokio::test]
async fn whatever_fails_and_whoever_leaves_the_receipts_tell_the_truth() {
    let service = Service::with(&["a"]).await;
    let seed = seed::seed("receipts_tell_the_truth");
    let mut random = fastrand::Rng::with_seed(seed);
    for fault in [
        Fault::lost_answer().with_probability(0.1),
        Fault::reset().with_probability(0.1),
        Fault::publish_fails_midway(3).with_probability(0.1),
        Fault::status(503).with_probability(0.1),
    ] {
        service.emulator.inject(fault.on("*:publish")).unwrap();
    }
    let publisher = service.client.publisher(&topic()).max_messages(10).max_delay(Duration::ZERO).start();
    let mut told = Vec::new();
    for number in 0..2000 {
        if random.u8(..20) == 0 {
            // A call may be dropped while it waits, and the message is then not published, or after it.
            let call = publisher.publish(message(number));
            match tokio::time::timeout(Duration::ZERO, call).await {
                Ok(receipt) => drop(receipt.unwrap()),
                Err(_) => told.push((number, None)),
            }
            continue;
        }
        told.push((number, Some(publisher.publish(message(number)).await.unwrap())));
    }
    tokio::time::timeout(PATIENCE, publisher.close()).await.unwrap();
    service.emulator.clear_faults();
    let in_topic = service.take_all("a").await.numbers;
    assert!(in_topic.is_sorted_by(|a, b| a < b), "out of order, or twice (seed {seed})");
    let (mut successes, mut doubts) = (0, 0);
    for (number, receipt) in told {
        let is_there = in_topic.binary_search(&number).is_ok();
        match receipt {
            None => assert!(!is_there, "{number} was dropped before it was accepted (seed {seed})"),
            Some(receipt) => match receipt.await {
                Ok(_) => {
                    successes += 1;
                    assert!(is_there, "{number} was lost (seed {seed})");
                }
                Err(error) if error.may_have_happened() => doubts += 1,
                Err(error) => assert!(!is_there, "{number}: {error}, and it is there (seed {seed})"),
            },
        }
    }
    assert!(successes > 500 && doubts > 10, "{successes} successes, {doubts} doubts");
}
