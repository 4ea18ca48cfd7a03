use super::*;

#[tokio::test]
async fn while_a_delivery_takes_long_the_backlog_and_what_retention_leaves_of_it_stay_true() {
    let mut scene = Scene::new(&[true]).await;
    scene.tell("a", &[Does::Hang]);
    let run = scene.running().await;
    scene.publish(3).await;
    assert_eq!(scene.given("a").await, [0, 1, 2]);
    scene.publish(5).await;
    tokio::time::pause();
    tokio::time::advance(LOOK_EVERY).await;
    tokio::time::resume();
    scene.status("the backlog has grown", |status| status.backlog == Some(8)).await;
    assert_eq!(scene.parts.metrics.backlog.get(), 8);
    run.task.abort();
}
