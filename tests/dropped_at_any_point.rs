//! Calls that wait can be dropped at any point: the stream of a subscription then loses and doubles nothing, and every
//! other call has done what it was to do or has not, as it says, and leaves the client as good as it was.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use ams_forwarder::client::{AmsClient, NewMessage, PullLimits, RetryPolicy, SubscriptionName, TopicName};
use ams_forwarder::emulator::{Fault, Role};
use fastrand::Rng;

use crate::common::{Action, Gate, PATIENCE, PROJECT, Service, client_of, eventually, seed};

const SOON: Duration = Duration::from_millis(1);
const SCENES: u64 = 20;
const MESSAGES: u64 = 150;

/// Drops a call after it was polled so often.
async fn give_up_after<T>(polls: u32, call: impl Future<Output = T>) -> Option<T> {
    let (mut call, mut polled) = (pin!(call), 0);
    poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        call.as_mut().poll(context).map(Some)
    })
    .await
}

/// What is known of the subscription from outside.
struct Account {
    /// One past what the stream said to be acknowledged.
    acknowledged: u64,
    /// One past what it was told to acknowledge, but for what it said not to have happened.
    told: u64,
    seen: BTreeSet<u64>,
}

#[tokio::test]
async fn a_stream_that_is_dropped_at_any_point_loses_nothing_and_doubles_nothing_that_was_acknowledged() {
    let seed = seed::seed("dropped_streams");
    for scene in 0..SCENES {
        let run = tokio::time::timeout(4 * PATIENCE, one_scene(Rng::with_seed(seed ^ scene)));
        run.await.unwrap_or_else(|_| panic!("scene {scene} of seed {seed} has no end"));
    }
}

async fn one_scene(mut random: Rng) {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..MESSAGES).await;
    let token = service.emulator.create_member(PROJECT, "consumer", &[Role::Consumer]).unwrap();
    service.emulator.set_subscription_acl(PROJECT, "a", &["consumer"]).unwrap();
    let faults = [
        Fault::lost_answer(),
        Fault::reset(),
        Fault::truncate(),
        Fault::status(503),
        Fault::broker_down(),
        Fault::ack_deadline_passed(),
    ];
    for fault in faults {
        service.emulator.inject(fault.by_user("consumer").with_probability(0.06)).unwrap();
    }
    let client = AmsClient::builder(&service.endpoint(), PROJECT.parse().unwrap())
        .token(token.into())
        .no_proxy()
        .retry(RetryPolicy::fixed(random.u32(0..3), SOON))
        .build()
        .unwrap();
    let mut account = Account { acknowledged: 0, told: 0, seen: BTreeSet::new() };
    while !service.is_acknowledged_to("a", MESSAGES).await {
        follow_a_stream(&client, &mut account, &mut random).await;
        let at = u64::try_from(service.offsets("a").await.current).unwrap();
        assert!(account.acknowledged <= at, "{at}: what was acknowledged is not");
        assert!(at <= account.told, "{at}: nobody said so, but {}", account.told);
    }
    assert!(account.seen.into_iter().eq(0..MESSAGES), "messages were acknowledged that nobody saw");
}

/// One stream, as long as it lasts.
async fn follow_a_stream(client: &AmsClient, account: &mut Account, random: &mut Rng) {
    let builder = client.consume(&"a".parse().unwrap()).poll_interval(SOON, 2 * SOON);
    let mut consumer = builder.max_messages(random.u32(1..30)).start();
    for _ in 0..random.u32(1..8) {
        // A call that is dropped is no loss: the next one goes on with it.
        let mut next = None;
        while next.is_none() && random.u8(..8) > 0 {
            next = give_up_after(random.u32(0..30), consumer.next()).await;
        }
        let Some(Some(Ok(delivery))) = next else { return };
        let ids: Vec<u64> = delivery.iter().map(|message| message.id()).collect();
        assert!(ids[0] >= account.acknowledged, "{} came again, and was acknowledged", ids[0]);
        assert!(ids[0] <= account.told, "{} came, and not what is before it", ids[0]);
        assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{ids:?}");
        account.seen.extend(&ids);
        let through = ids[random.usize(..ids.len())];
        let (_, acknowledger) = delivery.into_parts();
        if random.u8(..6) == 0 {
            drop(acknowledger);
            continue;
        }
        let is_last = random.u8(..6) == 0;
        if is_last {
            drop(std::mem::replace(&mut consumer, client.consume(&"a".parse().unwrap()).start()));
        }
        match give_up_after(random.u32(0..40), acknowledger.through(through)).await {
            Some(Ok(())) => {
                account.acknowledged = account.acknowledged.max(through + 1);
                account.told = account.told.max(through + 1);
            }
            Some(Err(error)) if !error.may_have_happened() => {}
            Some(Err(_)) | None => account.told = account.told.max(through + 1),
        }
        if is_last {
            return;
        }
    }
}

const ONE: PullLimits = PullLimits { max_messages: 1, max_bytes: 1 << 20 };

fn topic() -> TopicName {
    "a".parse().unwrap()
}

fn sub() -> SubscriptionName {
    "a".parse().unwrap()
}

/// Drops a call after every number of polls, until it goes through; asks each time whether all is as it may be.
async fn drop_everywhere<T>(
    what: &str,
    client: &AmsClient,
    call: impl AsyncFn(&AmsClient) -> T,
    is_as_it_may_be: impl AsyncFn() -> bool,
) {
    for polls in 0..200 {
        // A connection of its own each time, so that making it is part of the call.
        let went_through = give_up_after(polls, call(client)).await.is_some();
        // The service may still be at it.
        eventually(&format!("{what}, dropped after {polls} polls, to be done or not done"), &is_as_it_may_be)
            .await;
        client.offsets(&sub()).await.unwrap();
        if went_through {
            assert!(polls > 1, "{what} did not wait");
            return;
        }
    }
    panic!("{what} does not go through");
}

#[tokio::test]
async fn a_call_that_is_dropped_has_done_its_work_or_not_and_the_client_goes_on() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..5).await;
    let client = &service.client;
    let current = async || u64::try_from(service.offsets("a").await.current).unwrap();
    let published = async || u64::try_from(service.offsets("a").await.max).unwrap();
    let as_ever = async || current().await == 0;

    drop_everywhere("pull", client, async |c| c.pull(&sub(), ONE).await.unwrap(), as_ever).await;
    drop_everywhere("offsets", client, async |c| c.offsets(&sub()).await.unwrap(), as_ever).await;
    drop_everywhere("all_topics", client, async |c| c.all_topics().collect().await.unwrap(), as_ever).await;
    client.pull(&sub(), ONE).await.unwrap();
    // The second time it is refused: it was accepted the first time.
    drop_everywhere(
        "acknowledge",
        client,
        async |c| c.acknowledge(&sub(), 0).await.ok(),
        async || current().await <= 1,
    )
    .await;
    eventually("the acknowledgement", async || current().await == 1).await;
    drop_everywhere(
        "modify_offset",
        client,
        async |c| c.modify_offset(&sub(), 3).await.unwrap(),
        async || [1, 3].contains(&current().await),
    )
    .await;
    let made: TopicName = "made".parse().unwrap();
    drop_everywhere("create_topic", client, async |c| c.create_topic(&made).await.ok(), async || true).await;
    assert!(client.topic_exists(&made).await.unwrap());
    drop_everywhere("delete_topic", client, async |c| c.delete_topic(&made).await.ok(), async || true).await;
    assert!(!client.topic_exists(&made).await.unwrap());

    let two = [NewMessage::new("5"), NewMessage::new("6")];
    let before = published().await;
    drop_everywhere(
        "publish",
        client,
        async |c| c.publish(&topic(), &two).await.unwrap(),
        async || (published().await - before) % 2 == 0,
    )
    .await;
}

#[tokio::test]
async fn flushing_and_closing_a_publisher_can_be_dropped_and_nothing_of_what_was_accepted_is_lost() {
    let service = Service::with(&["a"]).await;
    let as_ever = async || true;
    let mut accepted = 0;
    let publisher = service.client.publisher(&topic()).max_delay(Duration::from_hours(1)).start();
    for polls in 0..20 {
        let receipt = publisher.publish(NewMessage::new(accepted.to_string())).await.unwrap();
        accepted += 1;
        give_up_after(polls, publisher.flush()).await;
        drop(receipt);
    }
    drop_everywhere(
        "flush",
        &service.client,
        async |_| {
            drop(publisher.publish(NewMessage::new("last")).await.unwrap());
            publisher.flush().await;
        },
        as_ever,
    )
    .await;
    let publisher =
        service.client.publisher(&"a".parse().unwrap()).max_delay(Duration::from_hours(1)).start();
    let receipt = publisher.publish(NewMessage::new("closed")).await.unwrap();
    assert!(give_up_after(1, publisher.close()).await.is_none());
    receipt.await.unwrap();
    publisher.close().await;
    let texts = service.offsets("a").await.max;
    assert!(texts > accepted, "{texts} of {accepted}");
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_for_its_next_attempt_makes_none() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    gate.keep(":offsets", Action::Answer(503, "busy"));
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let policy = RetryPolicy::fixed(9, Duration::from_hours(1)).on_retry(move |_| tell.send(()).unwrap());
    let client = client_of(&gate.endpoint()).with_retry(policy);
    let subscription = sub();
    let call = client.offsets(&subscription);
    tokio::select! {
        _ = call => panic!("it has an answer"),
        told = told.recv() => assert_eq!(told, Some(())),
    }
    client.with_retry(RetryPolicy::none()).topic(&topic()).await.unwrap();
    assert_eq!(gate.requests(":offsets").len(), 1);
}

#[tokio::test]
async fn clones_of_one_client_work_side_by_side_each_with_its_own_policy() {
    const TASKS: u64 = 12;
    let names: Vec<String> = (0..TASKS).map(|task| format!("n{task}")).collect();
    let service = Service::with(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    service.emulator.inject(Fault::status(429).with_probability(0.1).on("/v1/*:p*")).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for (task, name) in names.into_iter().enumerate() {
        let client = service.client.with_retry(RetryPolicy::fixed(100, SOON));
        tasks.spawn(async move {
            let (topic, subscription) = (name.parse().unwrap(), name.parse().unwrap());
            let mut consumer =
                client.consume(&subscription).max_messages(7).poll_interval(SOON, SOON).start();
            for round in 0..10 {
                let messages: Vec<_> =
                    (0..7).map(|n| NewMessage::new(format!("{task} {round} {n}"))).collect();
                client.clone().publish(&topic, &messages).await.unwrap();
                let delivery = consumer.next().await.unwrap().unwrap();
                assert_eq!(delivery.batch().first_id(), Some(round * 7));
                for (n, message) in delivery.iter().enumerate() {
                    let mut payload = Vec::new();
                    message.decode_data(&mut payload).unwrap();
                    assert_eq!(payload, format!("{task} {round} {n}").as_bytes());
                }
                delivery.acknowledge().await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
