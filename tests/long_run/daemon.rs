//! The daemon, which dies again and again.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::scene::Scene;
use crate::common::{Forwarder, Launch, Metrics, PATIENCE};

pub(crate) struct Daemon<'a> {
    scene: &'a Scene,
    running: Option<Forwarder>,
    /// How often it was started.
    lives: usize,
    pub(crate) kills: u64,
    pub(crate) stops: u64,
    /// It ended by itself, for there was no room for its state.
    pub(crate) full: u64,
}

impl<'a> Daemon<'a> {
    pub(crate) async fn start(scene: &'a Scene) -> Self {
        scene.home.write("forwarder.toml", &scene.config.text());
        let mut daemon = Self { scene, running: None, lives: 0, kills: 0, stops: 0, full: 0 };
        daemon.comes_up().await;
        daemon
    }

    /// Starts it, until it is there.
    async fn comes_up(&mut self) {
        loop {
            let before = self.scene.disks.as_ref().map(|disks| disks.before(self.scene.home.dir()));
            let mut launch = Launch::new(&self.scene.home).under(before.unwrap_or_default());
            let mut forwarder = launch.start_file("forwarder.toml");
            self.lives += 1;
            let deadline = Instant::now() + PATIENCE;
            let ended = loop {
                if forwarder.admin().is_some() {
                    break false;
                }
                if forwarder.has_ended() {
                    break true;
                }
                assert!(Instant::now() < deadline, "it does not come up");
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            if !ended {
                self.running = Some(forwarder);
                return;
            }
            let log = forwarder.log();
            assert!(log.contains("No space left on device"), "it has ended:\n{log}");
            self.full += 1;
            drop(forwarder);
            self.bury();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Each life has a log of its own, `log.1` and so on: it is looked into again and again.
    fn bury(&self) {
        let log = self.scene.home.path("log");
        std::fs::rename(&log, self.scene.home.path(&format!("log.{}", self.lives))).unwrap();
    }

    pub(crate) async fn dies_again_and_again(&mut self, mut random: Rng, until: Instant) {
        loop {
            tokio::time::sleep(Duration::from_millis(random.u64(200..4000))).await;
            if Instant::now() > until {
                return;
            }
            let forwarder = self.running.take().unwrap();
            if random.u32(..8) == 0 {
                forwarder.stop().await;
                self.stops += 1;
            } else {
                forwarder.kill().await;
                self.kills += 1;
            }
            self.bury();
            tokio::time::sleep(Duration::from_millis(random.u64(..300))).await;
            self.comes_up().await;
        }
    }

    /// Ends it well. Its metrics before.
    pub(crate) async fn finish(mut self) -> Metrics {
        let forwarder = self.running.take().unwrap();
        let metrics = forwarder.metrics().await;
        forwarder.stop().await;
        self.bury();
        metrics
    }
}
