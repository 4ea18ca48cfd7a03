//! A required sink that waits for a person, beside others that do not.

use super::*;

/// More than it is asked for in any test.
const ALWAYS: usize = 100_000;

const HOUR: Duration = Duration::from_hours(1);

impl Scene {
    fn mend(&self, sink: &str) {
        self.scripts[sink].lock().unwrap().clear();
    }

    /// The longest wait of that sink.
    fn pace(&mut self, sink: &str, pace: Duration) {
        let mut outlets = self.parts.outlets.to_vec();
        let outlet = outlets.iter_mut().find(|outlet| outlet.config.name == sink).unwrap();
        outlet.config.retry = BackoffPolicy::new(pace, pace).unwrap();
        self.parts.outlets = outlets.into();
    }

    async fn is(&self, state: State, reason: &str) {
        let is = |status: &Status| status.state == state && status.reason.as_deref() == Some(reason);
        self.status(&format!("{state}: {reason}"), is).await;
    }
}

#[tokio::test]
async fn a_parked_sink_is_mended_and_gets_its_messages_while_another_still_retries() {
    let mut scene = Scene::new(&[true, true]).await;
    scene.tell("a", &vec![Does::Fatal; ALWAYS]);
    scene.tell("b", &[Does::Retry(SHORT), Does::Retry(HOUR)]);
    let run = scene.running().await;
    scene.publish(3).await;
    for _ in 0..2 {
        assert_eq!(scene.given("b").await, [0, 1, 2]);
    }
    for _ in 0..3 {
        assert_eq!(scene.given("a").await, [0, 1, 2], "again and again");
    }
    scene.is(State::Parked, "sink a: as told").await;
    scene
        .status("what is wrong with which", |status| {
            status.sinks["a"].state == State::Parked && status.sinks["b"].state == State::Retrying
        })
        .await;

    scene.mend("a");
    scene.status("a has it", |status| status.sinks["a"].delivered == 3).await;
    scene.is(State::Retrying, "sink b: as told").await;
    let status = scene.status("a is well", |status| status.sinks["a"].state == State::Running).await;
    assert_eq!((status.next, status.sinks["a"].error.as_deref()), (Some(0), None));
    run.stop().await;
    assert!(scene.seen.get_mut("b").unwrap().try_recv().is_err(), "the batch was not given back");
}

#[tokio::test]
async fn of_several_parked_sinks_each_is_tried_again_at_its_own_pace() {
    let mut scene = Scene::new(&[true, true]).await;
    scene.pace("a", HOUR);
    scene.tell("a", &[Does::Fatal]);
    scene.tell("b", &vec![Does::Fatal; ALWAYS]);
    let run = scene.running().await;
    scene.publish(3).await;
    for _ in 0..3 {
        assert_eq!(scene.given("b").await, [0, 1, 2]);
    }
    scene.mend("b");
    scene.status("b has it", |status| status.sinks["b"].delivered == 3).await;
    scene.is(State::Parked, "sink a: as told").await;
    run.stop().await;
    assert_eq!(scene.given("a").await, [0, 1, 2]);
    assert!(scene.seen.get_mut("a").unwrap().try_recv().is_err(), "its time has not come");
    assert_eq!(scene.parts.status.subscribe().borrow().state, State::Stopped);
}

#[tokio::test]
async fn a_seek_over_what_parked_a_sink_frees_it() {
    let mut scene = Scene::new(&[true, true]).await;
    scene.tell("a", &vec![Does::Reject(0); ALWAYS]);
    let run = scene.running().await;
    scene.publish(3).await;
    scene.is(State::Parked, "sink a: message 0: as told").await;
    scene.client.modify_offset(&"s".parse().unwrap(), 2).await.unwrap();
    while scene.given("a").await != [2] {}
    scene.mend("a");
    scene.acknowledged(3).await;
    scene.status("running", |status| status.state == State::Running).await;
    run.stop().await;
}

#[tokio::test]
async fn a_parked_sink_holds_no_memory_that_others_need() {
    for beside in [Does::Fatal, Does::Retry(HOUR)] {
        let mut scene = Scene::new(&[true, true]).await;
        scene.pace("a", HOUR);
        scene.tell("a", &[Does::Fatal]);
        scene.pace("b", HOUR);
        scene.tell("b", &[beside]);
        let run = scene.running().await;
        scene.publish(3).await;
        scene.is(State::Parked, "sink a: as told").await;
        assert_eq!(scene.given("b").await, [0, 1, 2]);
        drop(scene.parts.budget.reserve(usize::MAX).await);
        run.stop().await;
    }
}

#[tokio::test]
async fn a_sink_that_needs_messages_behind_what_it_has_gets_those_that_came_since() {
    let mut scene = Scene::new(&[true, true]).await;
    scene.tell("a", &[Does::Alone(SHORT)]);
    let run = scene.running().await;
    scene.publish(1).await;
    assert_eq!(scene.given("a").await, [0]);
    scene.acknowledged(1).await;
    scene.tell("a", &[Does::Alone(Duration::from_millis(300))]);
    scene.publish(1).await;
    assert_eq!(scene.given("a").await, [0]);
    assert_eq!(scene.given("a").await, [1]);
    scene.publish(2).await;
    assert_eq!(scene.given("a").await, [1, 2, 3]);
    scene.acknowledged(4).await;
    for expected in [vec![0], vec![1], vec![2, 3]] {
        assert_eq!(scene.given("b").await, expected, "nothing twice");
    }
    run.stop().await;
}
