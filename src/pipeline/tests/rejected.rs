//! What a sink will never take, and what the service cannot hand out.

use serde_json::Value;

use super::*;
use crate::pipeline::dead_letters::Choice;

impl Scene {
    fn on_reject(&mut self, sink: &str, on_reject: OnReject, attempts: Option<u32>) {
        let mut outlets = self.parts.outlets.to_vec();
        let outlet = outlets.iter_mut().find(|outlet| outlet.config.name == sink).unwrap();
        (outlet.config.on_reject, outlet.config.attempts) = (on_reject, attempts);
        self.parts.outlets = outlets.into();
    }

    /// Each letter as `message sink tries`.
    fn letters(&self) -> Vec<String> {
        let mut letters = Vec::new();
        self.parts
            .dead_letters
            .each(|line| {
                let line: Value = serde_json::from_slice(line).unwrap();
                assert_eq!(line["data"], "x");
                let about = &line["deadLetter"];
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                letters.push(format!(
                    "{} {} {}",
                    text(&line["messageId"]),
                    text(&about["sink"]),
                    about["tries"]
                ));
            })
            .unwrap();
        letters
    }

    fn counted(&self, sink: &str) -> (u64, u64, u64) {
        let mut counted = (0, 0, 0);
        self.parts.metrics.sink(sink, |of| {
            counted = (of.delivered.get(), of.dead_lettered.get(), of.dropped.get());
        });
        counted
    }
}

#[tokio::test]
async fn a_rejected_message_becomes_a_dead_letter_and_the_others_go_on() {
    let mut scene = Scene::new(&[true, true]).await;
    scene.on_reject("b", OnReject::DeadLetter, None);
    scene.tell("b", &[Does::Retry(SHORT), Does::Reject(0), Does::Reject(3)]);
    let run = scene.running().await;
    scene.publish(5).await;
    scene.acknowledged(5).await;
    assert_eq!(scene.given("a").await, [0, 1, 2, 3, 4]);
    for expected in [vec![0, 1, 2, 3, 4], vec![0, 1, 2, 3, 4], vec![1, 2, 3, 4], vec![4]] {
        assert_eq!(scene.given("b").await, expected);
    }
    assert_eq!(scene.letters(), ["0 b 2", "3 b 1"]);
    assert_eq!((scene.counted("a"), scene.counted("b")), ((5, 0, 0), (3, 2, 0)));
    scene.status("running", |status| status.sinks["b"].state == State::Running).await;
    run.stop().await;
}

#[tokio::test]
async fn a_message_that_is_to_be_dropped_on_rejection_is_counted() {
    let mut scene = Scene::new(&[true]).await;
    scene.on_reject("a", OnReject::Drop, None);
    scene.tell("a", &[Does::Reject(1)]);
    let run = scene.running().await;
    scene.publish(3).await;
    scene.acknowledged(3).await;
    assert_eq!((scene.letters(), scene.counted("a")), (vec![], (2, 0, 1)));
    run.stop().await;
}

#[tokio::test]
async fn full_dead_letters_park_the_sink_until_there_is_room_and_lose_nothing() {
    let mut scene = Scene::new(&[true]).await;
    scene.on_reject("a", OnReject::DeadLetter, None);
    scene.tell("a", &(0..1000).map(Does::Reject).collect::<Vec<_>>());
    let run = scene.running().await;
    scene.publish(100).await;
    let status = scene.status("parked", |status| status.state == State::Parked).await;
    let reason = status.reason.unwrap();
    assert!(
        reason.contains("dead letters of s are full")
            && reason.contains("`ams-forwarder dead-letters drop s`"),
        "{reason}"
    );
    let kept = scene.letters();
    assert!(!kept.is_empty());
    scene.parts.dead_letters.discard(&Choice::default()).unwrap();
    // The sink has heard of a message twice by now, so its script is one behind.
    scene.status("more", |status| status.sinks["a"].next.is_some_and(|next| next > kept.len() as u64)).await;
    run.stop().await;
}

#[tokio::test]
async fn a_required_sink_with_attempts_gives_up_one_message_at_a_time() {
    let mut scene = Scene::new(&[true, true]).await;
    scene.on_reject("b", OnReject::DeadLetter, Some(3));
    scene.tell("b", &[Does::Retry(SHORT); 5]);
    let run = scene.running().await;
    scene.publish(3).await;
    scene.acknowledged(3).await;
    for first in [0, 0, 0, 1, 1, 1] {
        assert_eq!(scene.given("b").await, (first..3).collect::<Vec<_>>());
    }
    assert_eq!((scene.letters(), scene.counted("b")), (vec!["0 b 3".to_owned()], (2, 1, 0)));
    run.stop().await;
}

#[tokio::test]
async fn attempts_are_counted_over_batches_that_were_given_back() {
    let mut scene = Scene::new(&[true]).await;
    scene.on_reject("a", OnReject::Halt, Some(2));
    scene.tell("a", &[Does::Alone(SHORT), Does::Alone(SHORT)]);
    let run = scene.running().await;
    scene.publish(1).await;
    let reason = |status: &Status| status.reason.clone().unwrap_or_default();
    scene.status("parked", |status| reason(status).contains("message 0: all attempts failed: as told")).await;
    scene.acknowledged(1).await;
    run.stop().await;
}

#[tokio::test]
async fn a_best_effort_sink_keeps_what_it_rejects_and_waits_for_no_room() {
    let mut scene = Scene::new(&[true, false]).await;
    scene.on_reject("b", OnReject::DeadLetter, Some(2));
    scene.tell("b", &(0..1000).map(Does::Reject).collect::<Vec<_>>());
    let run = scene.running().await;
    scene.publish(50).await;
    scene.acknowledged(50).await;
    let kept = scene.letters().len() as u64;
    assert!(kept > 0 && kept < 50, "{kept}");
    assert_eq!(scene.counted("b"), (0, kept, 50 - kept));
    run.stop().await;
}
