//! The stream of a subscription: one batch at a time, nothing acknowledged but by the caller's word, nothing that was
//! acknowledged a second time, and no surprise of the service that it does not get over or tell.

use std::time::Duration;

use ams_forwarder::client::{AmsClient, ConsumeError, Consumer, ConsumerBuilder, Delivery, ErrorKind};
use ams_forwarder::emulator::Fault;
use futures_util::FutureExt;
use tokio::sync::oneshot;

use crate::common::{Action, Gate, PATIENCE, PROJECT, Service, client_of, eventually};

const SOON: Duration = Duration::from_millis(1);

fn consume(client: &AmsClient) -> ConsumerBuilder {
    client.consume(&"a".parse().unwrap()).poll_interval(SOON, 10 * SOON)
}

async fn next(consumer: &mut Consumer) -> Result<Delivery, ConsumeError> {
    tokio::time::timeout(PATIENCE, consumer.next()).await.expect("a delivery or an error").expect("no end")
}

fn ids(delivery: &Delivery) -> Vec<u64> {
    delivery.iter().map(|message| message.id()).collect()
}

#[tokio::test]
async fn what_is_acknowledged_does_not_come_again_and_what_is_not_does() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..10).await;
    let mut consumer = consume(&service.client).max_messages(4).start();
    let whole = next(&mut consumer).await.unwrap();
    assert_eq!(ids(&whole), [0, 1, 2, 3]);
    whole.acknowledge().await.unwrap();

    let dropped = next(&mut consumer).await.unwrap();
    assert_eq!(ids(&dropped), [4, 5, 6, 7]);
    drop(dropped);
    assert!(service.is_acknowledged_to("a", 4).await);

    let part = next(&mut consumer).await.unwrap();
    assert_eq!((ids(&part), part.missing()), (vec![4, 5, 6, 7], 0));
    part.acknowledge_through(5).await.unwrap();
    assert!(service.is_acknowledged_to("a", 6).await);

    let rest = next(&mut consumer).await.unwrap();
    assert_eq!((ids(&rest), rest.missing()), (vec![6, 7, 8, 9], 0));
    let (batch, acknowledger) = rest.into_parts();
    assert_eq!(batch.len(), 4);
    acknowledger.all().await.unwrap();
    assert!(service.is_acknowledged_to("a", 10).await);
}

#[tokio::test]
async fn the_next_batch_waits_for_the_one_before_which_may_be_in_another_task() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..2).await;
    let gate = Gate::before(service.address).await;
    let mut consumer = consume(&client_of(&gate.endpoint())).max_messages(1).start();
    let first = next(&mut consumer).await.unwrap();
    let (go, told) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        told.await.unwrap();
        first.acknowledge().await.unwrap();
    });
    for _ in 0..100 {
        assert!(consumer.next().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(gate.requests(":pull").len(), 1, "a pull would have taken away what can be acknowledged");
    go.send(()).unwrap();
    assert_eq!(ids(&next(&mut consumer).await.unwrap()), [1]);
    task.await.unwrap();
}

#[tokio::test]
async fn an_id_of_another_delivery_is_refused_and_not_sent() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..4).await;
    let gate = Gate::before(service.address).await;
    let mut consumer = consume(&client_of(&gate.endpoint())).max_messages(2).start();
    next(&mut consumer).await.unwrap().acknowledge().await.unwrap();
    for strange in [1, 4] {
        let delivery = next(&mut consumer).await.unwrap();
        let error = delivery.acknowledge_through(strange).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Invalid, false));
        assert!(error.message().ends_with("is not of this delivery, which has 2 to 3"), "{error}");
    }
    assert_eq!(gate.requests(":acknowledge").len(), 1);
}

#[tokio::test]
async fn an_acknowledgement_whose_answer_is_lost_is_found_to_be_accepted() {
    for action in [Action::LoseAnswer, Action::CutAnswer] {
        let service = Service::with(&["a"]).await;
        service.publish("a", 0..4).await;
        let gate = Gate::before(service.address).await;
        let mut consumer = consume(&client_of(&gate.endpoint())).max_messages(2).start();
        let delivery = next(&mut consumer).await.unwrap();
        let _rule = gate.rule_for(1, ":acknowledge", action);
        delivery.acknowledge().await.unwrap();
        assert_eq!(gate.requests(":acknowledge").len(), 1);
        assert_eq!(ids(&next(&mut consumer).await.unwrap()), [2, 3]);
    }
}

#[tokio::test]
async fn an_acknowledgement_that_comes_too_late_or_finds_its_window_gone_is_made_good_unseen() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..6).await;
    let mut consumer = consume(&service.client).max_messages(2).start();

    let late = next(&mut consumer).await.unwrap();
    service.emulator.inject(Fault::ack_deadline_passed().times(1)).unwrap();
    late.acknowledge().await.unwrap();

    let delivery = next(&mut consumer).await.unwrap();
    assert_eq!(ids(&delivery), [2, 3]);
    // A rival's smaller pull: our ack is a wrong one now.
    let rival = ams_forwarder::client::PullLimits { max_messages: 1, max_bytes: 1 << 20 };
    service.client.pull(&"a".parse().unwrap(), rival).await.unwrap();
    delivery.acknowledge().await.unwrap();
    assert!(service.is_acknowledged_to("a", 4).await);
    assert_eq!(ids(&next(&mut consumer).await.unwrap()), [4, 5]);
}

#[tokio::test]
async fn what_somebody_moved_back_is_not_acknowledged_and_comes_again() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..6).await;
    let mut consumer = consume(&service.client).max_messages(3).start();
    next(&mut consumer).await.unwrap().acknowledge().await.unwrap();
    let delivery = next(&mut consumer).await.unwrap();
    service.seek("a", 1).await;
    assert_eq!(delivery.acknowledge().await.unwrap_err().kind(), ErrorKind::AckWindowGone);
    assert!(service.is_acknowledged_to("a", 1).await);
    assert_eq!(ids(&next(&mut consumer).await.unwrap()), [1, 2, 3]);
}

#[tokio::test]
async fn what_retention_took_is_counted_as_missing() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..4).await;
    let mut consumer = consume(&service.client).max_messages(2).start();
    next(&mut consumer).await.unwrap().acknowledge().await.unwrap();
    service.publish("a", 4..8).await;
    service.emulator.remove_records_below(PROJECT, "a", 5).unwrap();
    let delivery = next(&mut consumer).await.unwrap();
    assert_eq!((ids(&delivery), delivery.missing()), (vec![5, 6], 3));
}

#[tokio::test]
async fn a_destroyed_record_is_named_when_all_before_it_is_through_and_the_way_past_it_works() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..5).await;
    service.publish_poison("a").await;
    service.publish("a", 6..9).await;
    let mut consumer = consume(&service.client).start();
    let mut got = Vec::new();
    let poisoned = loop {
        match next(&mut consumer).await {
            Ok(delivery) => {
                got.extend(ids(&delivery));
                delivery.acknowledge().await.unwrap();
            }
            Err(error) => break error,
        }
    };
    assert_eq!(got, [0, 1, 2, 3, 4]);
    assert!(matches!(poisoned, ConsumeError::Poisoned { id: 5, .. }), "{poisoned}");
    assert_eq!(
        poisoned.to_string(),
        "message 5 is destroyed and blocks the subscription; moving its offset to 6 skips it"
    );
    service.client.modify_offset(&"a".parse().unwrap(), 6).await.unwrap();
    while got.len() < 8 {
        let delivery = next(&mut consumer).await.unwrap();
        got.extend(ids(&delivery));
        delivery.acknowledge().await.unwrap();
    }
    assert_eq!(got, [0, 1, 2, 3, 4, 6, 7, 8]);
}

#[tokio::test]
async fn answers_that_are_too_large_become_smaller_and_a_message_that_is_too_large_alone_is_named() {
    let service = Service::with(&["a"]).await;
    service.publish_sized("a", 0..40, 1000).await;
    service.publish_sized("a", 40..41, 50_000).await;
    let mut consumer = consume(&service.client).max_bytes(16_000).start();
    let mut got = Vec::new();
    let too_large = loop {
        match next(&mut consumer).await {
            Ok(delivery) => {
                assert!(delivery.batch().wire_bytes() <= 16_000);
                got.extend(ids(&delivery));
                delivery.acknowledge().await.unwrap();
            }
            Err(error) => break error,
        }
    };
    assert_eq!(got, (0..40).collect::<Vec<_>>());
    assert!(matches!(too_large, ConsumeError::TooLarge { id: 40, limit: 16_000, .. }), "{too_large}");
}

#[tokio::test]
async fn failures_come_up_and_the_stream_goes_on_after_them() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..2).await;
    service.emulator.inject(Fault::status(503).on("*:pull").times(1)).unwrap();
    let mut consumer = consume(&service.client).start();
    let ConsumeError::Service(error) = next(&mut consumer).await.unwrap_err() else {
        panic!("another error")
    };
    assert_eq!((error.kind(), error.status()), (ErrorKind::Transient, Some(503)));
    assert_eq!(ids(&next(&mut consumer).await.unwrap()), [0, 1]);
}

#[tokio::test]
async fn a_subscription_that_no_message_will_reach_is_told() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..2).await;
    assert_eq!(service.try_to_seek("a", 50).await, 400);
    let mut consumer = consume(&service.client).start();
    let beyond = next(&mut consumer).await.unwrap_err();
    assert_eq!(beyond.to_string(), "the subscription stands at 50, beyond the end of the log (2)");
}

#[tokio::test]
async fn the_stream_ends_when_told_and_what_is_out_can_still_be_acknowledged() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..2).await;
    for hangs in [false, true] {
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async { stopped.await.unwrap() };
        let mut consumer = consume(&service.client).max_messages(1).until(until).start();
        let delivery = next(&mut consumer).await.unwrap();
        if hangs {
            delivery.acknowledge().await.unwrap();
            let hang = service.emulator.inject(Fault::hang().on("*:pull")).unwrap();
            assert!(consumer.next().now_or_never().is_none());
            let hits = async || {
                // Each look drives the stream.
                assert!(consumer.next().now_or_never().is_none());
                service.emulator.fault_hits(hang) == Some(1)
            };
            eventually("a pull that hangs", hits).await;
            stop.send(()).unwrap();
            assert!(consumer.next().await.is_none());
        } else {
            // It waits for the delivery, and is told to end.
            assert!(consumer.next().now_or_never().is_none());
            stop.send(()).unwrap();
            assert!(consumer.next().await.is_none());
            delivery.acknowledge().await.unwrap();
        }
        assert!(consumer.next().await.is_none(), "it has ended");
    }
    assert!(service.is_acknowledged_to("a", 2).await);
}
