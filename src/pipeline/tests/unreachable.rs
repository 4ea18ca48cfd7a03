//! Somebody who cannot be connected to is tried often: an attempt costs next to nothing.

use super::*;
use crate::backoff::LONGEST_UNREACHABLE;

#[tokio::test]
async fn a_sink_that_cannot_be_connected_to_is_tried_every_few_seconds_however_long_it_was_away() {
    let mut scene = Scene::new(&[true]).await;
    let slowly = BackoffPolicy::new(Duration::from_secs(4), Duration::from_mins(1)).unwrap();
    let slow = |outlet: &Outlet| {
        let mut outlet = outlet.clone();
        outlet.config.retry = slowly;
        outlet
    };
    scene.parts.outlets = scene.parts.outlets.iter().map(slow).collect();
    scene.tell("a", &[Does::Unreachable; 8]);
    let run = scene.running().await;
    scene.publish(1).await;
    assert_eq!(scene.given("a").await, [0]);
    // From here on no time passes but that of the waits.
    tokio::time::pause();
    for attempt in 1..=8 {
        let since = Instant::now();
        assert_eq!(scene.given("a").await, [0]);
        let waited = since.elapsed();
        let most = LONGEST_UNREACHABLE + Duration::from_millis(2);
        assert!((slowly.initial() / 2..=most).contains(&waited), "{attempt}: {waited:?}");
    }
    tokio::time::resume();
    scene.acknowledged(1).await;
    run.stop().await;
}
