//! What the next process makes of what this one has left: each with the ledger of the one before.

use std::path::PathBuf;

use super::*;

impl Scene {
    /// The process ends where it stands, and the next one finds what is on the disk.
    async fn crash(&mut self, run: Run) {
        run.task.abort();
        assert!(run.task.await.is_err());
        self.parts.ledger = Arc::new(open_ledger(&self.state, &self.parts.config));
    }

    /// `a` has messages 0 to 4, and the process ends before any of them is acknowledged: `b` has none.
    async fn delivered_and_not_acknowledged(required: bool) -> Self {
        let mut scene = Self::new(&[true, required]).await;
        scene.tell("b", &[Does::Hang]);
        let run = scene.running().await;
        scene.publish(5).await;
        assert_eq!(scene.given("a").await, [0, 1, 2, 3, 4]);
        scene.status("a has it", |status| status.sinks["a"].delivered == 5).await;
        assert_eq!(scene.given("b").await, [0, 1, 2, 3, 4]);
        scene.crash(run).await;
        scene
    }

    async fn seek(&self, offset: u64) {
        self.client.modify_offset(&"s".parse().unwrap(), offset).await.unwrap();
    }

    fn nothing_more_for(&mut self, sink: &str) {
        assert!(self.seen.get_mut(sink).unwrap().try_recv().is_err(), "{sink} was given something");
    }
}

#[tokio::test]
async fn after_a_crash_only_the_sink_that_does_not_have_it_is_given_the_batch() {
    let mut scene = Scene::delivered_and_not_acknowledged(true).await;
    let run = scene.start();
    scene.acknowledged(5).await;
    assert_eq!(scene.given("b").await, [0, 1, 2, 3, 4]);
    scene.nothing_more_for("a");
    run.stop().await;
}

#[tokio::test]
async fn what_every_required_sink_has_is_acknowledged_after_a_crash_and_not_sent_again() {
    let mut scene = Scene::delivered_and_not_acknowledged(false).await;
    let run = scene.start();
    scene.acknowledged(5).await;
    scene.publish(1).await;
    assert_eq!(scene.given("a").await, [5]);
    assert_eq!(scene.parts.metrics.redelivered.get(), 5);
    run.stop().await;
}

#[tokio::test]
async fn a_seek_into_what_was_delivered_and_not_acknowledged_is_a_rewind_after_a_crash() {
    let mut scene = Scene::delivered_and_not_acknowledged(false).await;
    scene.seek(3).await;
    let run = scene.start();
    assert_eq!(scene.given("a").await, [3, 4]);
    scene.acknowledged(5).await;
    assert_eq!(scene.parts.metrics.rewinds.get(), 1);
    run.stop().await;
    assert_eq!(scene.parts.ledger.position().unwrap().epoch, 1);
}

#[tokio::test]
async fn an_epoch_is_never_used_twice_over_restarts() {
    let mut scene = Scene::new(&[true]).await;
    let mut run = scene.running().await;
    scene.publish(5).await;
    scene.acknowledged(5).await;
    for epoch in 1..4 {
        run.stop().await;
        scene.parts.ledger = Arc::new(open_ledger(&scene.state, &scene.parts.config));
        scene.seek(2).await;
        run = scene.start();
        scene.status("the epoch", |status| status.epoch == epoch).await;
        scene.acknowledged(5).await;
    }
    run.stop().await;
}

#[tokio::test]
async fn a_seek_forward_while_it_was_down_is_counted_as_skipped_and_what_retention_removed_as_lost() {
    let mut scene = Scene::new(&[true]).await;
    let run = scene.running().await;
    scene.publish(2).await;
    scene.acknowledged(2).await;
    scene.crash(run).await;
    scene.publish(8).await;
    scene.seek(6).await;
    let run = scene.start();
    assert_eq!(scene.given("a").await, [0, 1]);
    assert_eq!(scene.given("a").await, [6, 7, 8, 9]);
    scene.acknowledged(10).await;
    assert_eq!((scene.parts.metrics.skipped.get(), scene.parts.metrics.lost.get()), (4, 0));
    run.stop().await;
}

/// A scene whose first message is acknowledged, and whose ledger cannot be written before its directory is back: where
/// that is, and where it should be.
async fn without_a_ledger() -> (Scene, [PathBuf; 2]) {
    let mut scene = Scene::new(&[true]).await;
    let run = scene.running().await;
    scene.publish(1).await;
    scene.acknowledged(1).await;
    run.stop().await;
    assert_eq!(scene.given("a").await, [0]);
    scene.parts.ledger = Arc::new(open_ledger(&scene.state, &scene.parts.config));
    let (there, away) = (scene.state.path().to_owned(), scene.state.path().with_extension("away"));
    std::fs::rename(&there, &away).unwrap();
    // A journal whose end is torn is written anew, which is not possible where its directory is gone.
    scene.parts.ledger.break_for_test();
    (scene, [away, there])
}

#[tokio::test]
async fn while_the_ledger_cannot_be_written_no_more_is_sent_than_a_kill_may_repeat() {
    let (mut scene, [away, there]) = without_a_ledger().await;
    scene.tell("a", &[Does::Take(1)]);
    scene.publish(3).await;
    let run = scene.start();
    assert_eq!(scene.given("a").await, [1, 2, 3]);
    let is_named = |error: &String| error.contains("s.journal cannot be written");
    scene.status("named", |status| status.sinks["a"].error.as_ref().is_some_and(is_named)).await;
    scene.nothing_more_for("a");
    std::fs::rename(&away, &there).unwrap();
    assert_eq!(scene.given("a").await, [2, 3]);
    scene.acknowledged(4).await;
    run.stop().await;
}

#[tokio::test]
async fn while_the_ledger_cannot_be_written_nothing_is_acknowledged_nor_sent_twice() {
    let (mut scene, [away, there]) = without_a_ledger().await;
    let run = scene.start();
    scene.publish(3).await;
    let status = scene.status("retrying", |status| status.state == State::Retrying).await;
    assert!(status.reason.unwrap().contains("s.journal cannot be written"), "names the ledger");
    assert_eq!(scene.client.offsets(&"s".parse().unwrap()).await.unwrap().current, 1);
    std::fs::rename(&away, &there).unwrap();
    scene.acknowledged(4).await;
    let mut all = scene.given("a").await;
    while let Ok(more) = scene.seen.get_mut("a").unwrap().try_recv() {
        all.extend(more);
    }
    assert_eq!(all, [1, 2, 3]);
    run.stop().await;
}
