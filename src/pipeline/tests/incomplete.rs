use super::*;

#[tokio::test]
async fn what_a_sink_lacks_is_pulled_again_and_a_best_effort_one_makes_do_without() {
    for (required, batches) in [(true, 3), (false, 1)] {
        let mut scene = Scene::new(&[true, required]).await;
        scene.tell("b", &[Does::Incomplete; 2]);
        let run = scene.running().await;
        scene.publish(3).await;
        scene.acknowledged(3).await;
        assert_eq!(scene.given("a").await, [0, 1, 2]);
        for _ in 0..3 {
            assert_eq!(scene.given("b").await, [0, 1, 2]);
        }
        assert_eq!(scene.parts.metrics.batch_messages.get_sample_count(), batches);
        scene.parts.metrics.sink("b", |sink| assert_eq!((sink.dropped.get(), sink.delivered.get()), (0, 3)));
        run.stop().await;
        assert!(scene.seen.get_mut("a").unwrap().try_recv().is_err());
    }
}
