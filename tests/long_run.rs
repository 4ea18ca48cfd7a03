//! A long run: twenty subscriptions with all kinds of sinks, and everything that can go wrong, at random and at once.
//! The account at its end knows of every message that was published, for every sink, what became of it: it is there, as
//! often as promised and in order, or among the dead letters, or the metrics say that it was lost or skipped, and that is
//! true.
//!
//! `scene` is who takes part, `mischief` what goes wrong, `truth` what was done, `arrivals` what arrived, `oracle` the
//! judgement, and `verdict` the table that is printed.
//!
//! It takes `LONG_RUN_SECONDS`, 15 unless given; half an hour of it:
//!
//! ```sh
//! LONG_RUN_SECONDS=1800 cargo test --test promises -- --nocapture a_long_run
//! ```

mod arrivals;
mod daemon;
mod disk;
mod letters;
mod mischief;
mod oracle;
mod scene;
mod truth;
mod verdict;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::join_all;

use crate::common::seed::seed_from;
use daemon::Daemon;
use mischief::Actor;
use scene::Scene;
use verdict::Verdict;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_run_of_all_that_can_go_wrong_accounts_for_every_message() {
    let given = std::env::var("LONG_RUN_SECONDS").ok();
    let seconds = given.map_or(15, |text| text.parse().unwrap());
    let seed = seed_from("LONG_RUN_SEED", "a_long_run");
    // One for each who chooses, so that nobody's choices depend on how fast the others are.
    let mut seeds = Rng::with_seed(seed);
    let mut random = || Rng::with_seed(seeds.u64(..));

    let scene = Scene::set_up().await;
    let mut daemon = Daemon::start(&scene).await;
    let mut actors: Vec<_> =
        scene.subscriptions.iter().map(|subscription| Actor::new(&scene, subscription, random())).collect();
    join_all(actors.iter_mut().map(Actor::begin)).await;

    let until = Instant::now() + Duration::from_secs(seconds);
    let ((), (), full_disks, _) = tokio::join!(
        daemon.dies_again_and_again(random(), until),
        mischief::bad_networks(&scene, random(), until),
        mischief::full_disks(&scene, random(), until),
        join_all(actors.iter_mut().map(|actor| actor.act(until))),
    );
    scene.service.emulator.clear_faults();
    join_all(actors.iter_mut().map(Actor::end)).await;

    let mut done = BTreeMap::from([
        ("kill", daemon.kills),
        ("stop", daemon.stops),
        ("start without room", daemon.full),
        ("full disk", full_disks),
    ]);
    let metrics = daemon.finish().await;
    for (kind, count) in actors.iter().flat_map(|actor| &actor.truth.done) {
        *done.entry(kind).or_default() += count;
    }
    let truths = actors.iter().map(|actor| (actor.subscription, &actor.truth));
    let verdict = Verdict::on(&scene, truths, &metrics).await;
    println!("{}{done:?}", verdict.table());
    verdict.assert_just();
}
