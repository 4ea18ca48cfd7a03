//! What a retry policy does: what may pass is tried again as often and for as long as it says, and nothing is done twice
//! that was not to be done twice.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ams_forwarder::backoff::BackoffPolicy;
use ams_forwarder::client::{
    AmsClient, ErrorKind, NewMessage, PullLimits, RetryPolicy, SubscriptionName, TopicName,
};
use ams_forwarder::emulator::Fault;

use crate::common::{Action, FaultProxy, Gate, Network, Service, client_of};

const SOON: Duration = Duration::from_millis(1);
const ONE: PullLimits = PullLimits { max_messages: 1, max_bytes: 1 << 20 };

fn topic() -> TopicName {
    "a".parse().unwrap()
}

fn sub() -> SubscriptionName {
    "a".parse().unwrap()
}

fn messages() -> [NewMessage; 2] {
    [NewMessage::new("0"), NewMessage::new("1")]
}

/// A policy of three retries.
fn thrice() -> RetryPolicy {
    RetryPolicy::fixed(3, SOON)
}

fn thrice_through(gate: &Gate) -> AmsClient {
    client_of(&gate.endpoint()).with_retry(thrice())
}

#[tokio::test]
async fn without_a_policy_everything_is_tried_once() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    gate.keep(":offsets", Action::Answer(503, "busy"));
    let error = client_of(&gate.endpoint()).offsets(&sub()).await.unwrap_err();
    assert_eq!((error.attempts(), gate.requests(":offsets").len()), (1, 1));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_as_often_as_the_policy_says_and_no_more() {
    let service = Service::with(&["a"]).await;
    for (failures, succeeds) in [(3, true), (4, false)] {
        for policy in [
            thrice(),
            RetryPolicy::doubling(3, SOON),
            RetryPolicy::list([SOON; 3]),
            RetryPolicy::jittered(3, BackoffPolicy::new(SOON, 2 * SOON).unwrap()),
        ] {
            let gate = Gate::before(service.address).await;
            let _rule = gate.rule_for(failures, ":offsets", Action::Answer(503, "busy"));
            let answer = client_of(&gate.endpoint()).with_retry(policy).offsets(&sub()).await;
            assert_eq!(gate.requests(":offsets").len(), 4);
            assert_eq!(answer.is_ok(), succeeds, "{answer:?}");
            if let Err(error) = answer {
                assert_eq!((error.attempts(), error.status()), (4, Some(503)));
                assert!(error.to_string().ends_with(" ms, 4 attempts)"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    let service = Service::with(&["a"]).await;
    for (status, body) in [
        (400, r#"{"error":{"message":"no"}}"#),
        (401, "no"),
        (403, "no"),
        (404, r#"{"error":{"message":"no"}}"#),
        (409, "no"),
    ] {
        let gate = Gate::before(service.address).await;
        gate.keep(":pull", Action::Answer(status, body));
        let error = thrice_through(&gate).pull(&sub(), ONE).await.unwrap_err();
        assert_eq!((error.attempts(), gate.requests(":pull").len()), (1, 1), "{error}");
    }
}

#[tokio::test]
async fn every_retry_is_told_with_the_call_its_attempt_its_error_and_the_wait() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let _rule = gate.rule_for(2, ":offsets", Action::Answer(503, "busy"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let policy = RetryPolicy::list([SOON, 2 * SOON]).on_retry(move |retry| {
        let call = format!("{} {}", retry.method, retry.path);
        telling.lock().unwrap().push((call, retry.attempt, retry.error.status(), retry.wait));
    });
    client_of(&gate.endpoint()).with_retry(policy).offsets(&sub()).await.unwrap();
    let call = "GET /v1/projects/TEST/subscriptions/a:offsets".to_owned();
    assert_eq!(*told.lock().unwrap(), [(call.clone(), 1, Some(503), SOON), (call, 2, Some(503), 2 * SOON)]);
}

#[tokio::test]
async fn a_publish_is_tried_again_if_it_cannot_have_happened_and_only_then() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let client = thrice_through(&gate);
    let refused = r#"{"error":{"code":429,"message":"slow down","status":"TOO_MANY_REQUESTS"}}"#;
    let rule = gate.rule_for(2, ":publish", Action::Answer(429, refused));
    assert_eq!(client.publish(&topic(), &messages()).await.unwrap(), [0, 1]);
    rule.lift();
    for (action, happens) in [
        (Action::LoseAnswer, 1),
        (Action::CutAnswer, 1),
        (Action::Answer(502, "<h1>Bad Gateway</h1>"), 0),
        (Action::Answer(500, r#"{"error":{"message":"Backend Error"}}"#), 0),
    ] {
        let (before, asked) = (service.offsets("a").await.max, gate.requests(":publish").len());
        let _rule = gate.rule(":publish", action);
        let error = client.publish(&topic(), &messages()).await.unwrap_err();
        assert!(error.may_have_happened() && error.attempts() == 1, "{error}");
        assert_eq!(gate.requests(":publish").len(), asked + 1);
        assert_eq!(service.offsets("a").await.max, before + 2 * happens);
    }
}

#[tokio::test]
async fn a_publish_that_meets_nobody_is_tried_until_somebody_is_there() {
    let service = Service::with(&["a"]).await;
    let proxy = FaultProxy::before(service.address).await;
    proxy.set(Network::Refuses).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let policy = RetryPolicy::fixed(u32::MAX, SOON).on_retry(move |retry| {
        assert!(!retry.error.may_have_happened());
        // Nobody listens after the first.
        let _ = tell.send(retry.attempt);
    });
    let client = client_of(&proxy.endpoint()).with_retry(policy);
    let publish = tokio::spawn(async move { client.publish(&topic(), &messages()).await });
    assert_eq!(told.recv().await, Some(1));
    proxy.set(Network::Good).await;
    assert_eq!(publish.await.unwrap().unwrap(), [0, 1]);
    assert_eq!(service.offsets("a").await.max, 2);
}

#[tokio::test]
async fn where_duplicates_are_allowed_a_publish_is_tried_again_whatever_became_of_it() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let client = client_of(&gate.endpoint()).with_retry(thrice().allow_duplicates());
    let _rule = gate.rule_for(1, ":publish", Action::LoseAnswer);
    assert_eq!(client.publish(&topic(), &messages()).await.unwrap(), [2, 3]);
    assert_eq!(service.take_all("a").await.numbers, [0, 1, 0, 1]);
}

#[tokio::test]
async fn an_error_says_that_it_may_have_happened_if_any_of_its_attempts_may() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let client = client_of(&gate.endpoint()).with_retry(RetryPolicy::fixed(1, SOON).allow_duplicates());
    let _later = gate.rule(":publish", Action::Answer(429, r#"{"error":{"message":"slow down"}}"#));
    let _first = gate.rule_for(1, ":publish", Action::LoseAnswer);
    let error = client.publish(&topic(), &messages()).await.unwrap_err();
    assert_eq!((error.status(), error.may_have_happened()), (Some(429), true), "{error}");
}

#[tokio::test]
async fn creating_and_deleting_again_what_an_earlier_attempt_has_done_succeeds() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let client = thrice_through(&gate);
    let (made, deadline): (SubscriptionName, _) = ("s".parse().unwrap(), Some(Duration::from_secs(30)));
    let lost = |path| gate.rule_for(1, path, Action::LoseAnswer);

    let rule = lost("topics/t");
    client.create_topic(&"t".parse().unwrap()).await.unwrap();
    rule.lift();
    let rule = lost("subscriptions/s");
    client.create_subscription(&made, &"t".parse().unwrap(), deadline).await.unwrap();
    rule.lift();
    let rule = lost("subscriptions/s");
    client.delete_subscription(&made).await.unwrap();
    rule.lift();
    let rule = lost("topics/t");
    client.delete_topic(&"t".parse().unwrap()).await.unwrap();
    rule.lift();

    // What others have done stays an error, and so does what is not as it was wanted.
    assert_eq!(client.create_topic(&topic()).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(client.delete_topic(&"t".parse().unwrap()).await.unwrap_err().kind(), ErrorKind::NotFound);
    let _rule = gate.rule_for(1, "subscriptions/a", Action::Answer(503, "busy"));
    let other = client.create_subscription(&sub(), &topic(), deadline).await.unwrap_err();
    assert_eq!((other.kind(), other.may_have_happened()), (ErrorKind::Conflict, true));
}

#[tokio::test]
async fn an_acknowledgement_is_repeated_and_found_to_be_accepted_but_not_after_408() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..3).await;
    let gate = Gate::before(service.address).await;
    let client = thrice_through(&gate);
    client.pull(&sub(), ONE).await.unwrap();
    let rule = gate.rule_for(1, ":acknowledge", Action::LoseAnswer);
    client.acknowledge(&sub(), 0).await.unwrap();
    assert_eq!(gate.requests(":acknowledge").len(), 2);
    rule.lift();

    client.pull(&sub(), ONE).await.unwrap();
    let late = r#"{"error":{"code":408,"message":"ack timeout","status":"TIMEOUT"}}"#;
    for (body, kind) in [(late, ErrorKind::AckDeadlinePassed), ("a proxy's", ErrorKind::Transient)] {
        let rule = gate.rule(":acknowledge", Action::Answer(408, body));
        let error = client.acknowledge(&sub(), 1).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (kind, 1), "{error}");
        rule.lift();
    }

    // One that another consumer made impossible stays an error.
    let error = client.acknowledge(&sub(), 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AckWindowGone);
}

#[tokio::test]
async fn a_deadline_ends_attempts_and_waits_alike() {
    let service = Service::with(&["a"]).await;
    service.emulator.inject(Fault::hang().on("*:offsets")).unwrap();
    let limit = Duration::from_millis(300);
    let hangs = service.client.with_retry(RetryPolicy::fixed(u32::MAX, SOON).deadline(limit));
    let started = Instant::now();
    let error = hangs.offsets(&sub()).await.unwrap_err();
    assert!(started.elapsed() >= limit && error.class() == "timeout", "{error}");

    // No wait that would end behind it begins.
    service.emulator.clear_faults();
    service.emulator.inject(Fault::status(503).on("*:offsets")).unwrap();
    let waits = RetryPolicy::fixed(5, Duration::from_hours(1)).deadline(Duration::from_mins(30));
    let error = service.client.with_retry(waits).offsets(&sub()).await.unwrap_err();
    assert_eq!((error.status(), error.attempts()), (Some(503), 1));
}

#[tokio::test]
async fn a_wait_that_the_service_asks_for_is_honoured_within_reason() {
    let service = Service::with(&["a"]).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let policy = thrice().on_retry(move |retry| tell.send(retry.wait).unwrap());
    let client = service.client.with_retry(policy);
    let asks = |seconds| Fault::status(429).header("retry-after", seconds).on("*:offsets").times(1);
    service.emulator.inject(asks("1")).unwrap();
    client.offsets(&sub()).await.unwrap();
    assert_eq!(told.recv().await, Some(Duration::from_secs(1)));

    service.emulator.inject(asks("3600")).unwrap();
    let error = client.offsets(&sub()).await.unwrap_err();
    assert_eq!((error.attempts(), error.retry_after()), (1, Some(Duration::from_hours(1))));
}

#[tokio::test]
async fn a_page_of_somebody_in_between_is_tried_again_though_it_says_200() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let _rule = gate.rule_for(2, ":offsets", Action::Answer(200, "<h1>Please log in</h1>"));
    assert_eq!(thrice_through(&gate).offsets(&sub()).await.unwrap().max, 0);
}
