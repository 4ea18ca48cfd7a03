//! The emulator answers as the real service did: the exchanges in `recordings/` are played against it over HTTP, by the
//! users who are in them, and its answers compared with the recorded ones: to the byte, but for times, page tokens,
//! ids, tokens and rates, which have a form, and the names of a run.

mod comparison;
mod player;

use player::Player;

#[tokio::test]
async fn every_answer_is_the_recorded_one_to_the_byte() {
    let mut player = Player::start("RP1").await;
    let mut counts = Vec::new();
    for recording in [
        "01_meta_and_auth",
        "02_projects",
        "03_users_and_members",
        "04_topics",
        "05_subscriptions",
        "06_delivery",
        "06_odd_messages",
        "07_schemas",
        "08_registrations",
    ] {
        counts.push(player.play(recording).await);
    }
    player.use_project("RP1E");
    for recording in ["12_edges", "13_topic_made_anew", "14_publish_not_atomic"] {
        counts.push(player.play(recording).await);
    }
    player.assert_same();
    assert_eq!(counts, [15, 14, 47, 49, 85, 24, 40, 29, 10, 28, 10, 4]);
}

#[tokio::test]
async fn retention_moves_a_subscription_as_recorded() {
    let mut player = Player::start("RP2").await;
    let count = player.play("09_retention").await;
    player.assert_same();
    assert_eq!(count, 10);
}

#[tokio::test]
async fn without_its_broker_it_answers_as_recorded() {
    let mut player = Player::start("RP3").await;
    let count = player.play("10_broker_gone").await;
    player.assert_same();
    assert_eq!(count, 8);
}
