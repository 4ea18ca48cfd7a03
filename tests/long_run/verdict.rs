//! What the run comes to: a table, and what is wrong, with what the daemon said about it.

use std::fmt::Write;

use super::arrivals::{Arrivals, shown};
use super::letters::Letters;
use super::oracle::Account;
use super::scene::{Place, Scene, Subscription};
use super::truth::Truth;
use crate::common::Metrics;

/// So many of the last lines of the log that are about a subscription are shown.
const LINES: usize = 60;

#[derive(Debug, Default)]
pub(crate) struct Verdict {
    table: String,
    faults: String,
}

/// What the daemon says of a subscription.
#[derive(Debug)]
struct Said {
    lost: u64,
    skipped: u64,
    rewinds: u64,
    log_resets: u64,
}

impl Verdict {
    /// On all subscriptions; `metrics` are the last ones of the daemon.
    pub(crate) async fn on(
        scene: &Scene,
        truths: impl Iterator<Item = (&Subscription, &Truth)>,
        metrics: &Metrics,
    ) -> Self {
        let mut verdict = Self::default();
        verdict.row(
            [
                "subscription",
                "published",
                "sink",
                "delivered",
                "repeated",
                "dead letters",
                "rewinds",
                "missing",
            ],
            "said to be lost + skipped, gone with a log",
        );
        let mut shown = shown(&scene.home.path("stdout"));
        for (subscription, truth) in truths {
            let key = &subscription.key;
            let of = |name: &str| metrics.of(key, name);
            let said = Said {
                lost: of("messages_lost_total"),
                skipped: of("messages_skipped_total"),
                rewinds: of("rewinds_total"),
                log_resets: of("log_resets_total"),
            };
            let letters = Letters::of(scene, subscription, truth);
            let mut faults = [said.faults(truth), letters.faults.clone()].concat();
            for channel in &subscription.channels {
                let arrivals = Arrivals::of(scene, subscription, channel, &mut shown).await;
                let account = Account::of(truth, channel, &letters, &arrivals);
                let about = |fault: &String| format!("sink {}: {fault}", channel.name);
                faults.extend(account.faults.iter().map(about));
                faults.extend(unsaid(&account, &said).iter().map(about));
                // A file may be left as it is only where somebody has moved the subscription past what the ledger knows.
                if matches!(channel.place, Place::File(_)) && arrivals.torn > truth.moves.len() {
                    faults.push(format!("sink {}: {} torn lines", channel.name, arrivals.torn));
                }
                let Said { lost, skipped, .. } = said;
                verdict.row(
                    [
                        key,
                        &truth.published().to_string(),
                        channel.name,
                        &account.delivered.to_string(),
                        &account.repeated.to_string(),
                        &account.dead_lettered.to_string(),
                        &account.rewinds.to_string(),
                        &account.missing.len().to_string(),
                    ],
                    &format!("{lost} + {skipped}, {}", account.gone),
                );
            }
            if !faults.is_empty() {
                writeln!(verdict.faults, "{key}:\n{}\n{truth:?}\n{}", faults.join("\n"), log(scene, key))
                    .unwrap();
            }
        }
        verdict
    }

    fn row(&mut self, cells: [&str; 8], last: &str) {
        for cell in cells {
            write!(self.table, "{cell:<13}").unwrap();
        }
        writeln!(self.table, "{last}").unwrap();
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn assert_just(&self) {
        assert!(self.faults.is_empty(), "not accounted for:\n{}", self.faults);
    }
}

impl Said {
    /// What it says that is not so.
    fn faults(&self, truth: &Truth) -> Vec<String> {
        let (anew, moves) = (truth.number(), truth.moves.len() as u64);
        let mut faults = Vec::new();
        for (what, said, most) in [
            ("lost", self.lost, truth.most_lost()),
            ("skipped", self.skipped, truth.most_skipped()),
            ("rewinds", self.rewinds, moves),
            ("logs made anew", self.log_resets, anew),
        ] {
            if said > most {
                faults.push(format!("the metrics say {said} {what}, and {most} are the most"));
            }
        }
        if self.log_resets < anew {
            faults.push(format!("of {anew} logs made anew the metrics say {}", self.log_resets));
        }
        faults
    }
}

/// What is missing and the metrics do not say.
fn unsaid(account: &Account, said: &Said) -> Option<String> {
    let (missing, said) = (account.missing.len() as u64, said.lost + said.skipped);
    (missing > said).then(|| format!("{missing} are missing, and the metrics say {said} lost or skipped"))
}

/// The last lines of the daemon about a subscription.
fn log(scene: &Scene, key: &str) -> String {
    let sign = format!("\"subscription\":\"{key}\"");
    let lives = (1..).map(|life| std::fs::read_to_string(scene.home.path(&format!("log.{life}"))));
    let logs: Vec<_> = lives.map_while(Result::ok).collect();
    let about: Vec<_> = logs
        .iter()
        .enumerate()
        .flat_map(|(life, log)| log.lines().map(move |line| (life + 1, line)))
        .filter(|(_, line)| line.contains(&sign))
        .map(|(life, line)| format!("life {life}: {line}"))
        .collect();
    about[about.len().saturating_sub(LINES)..].join("\n")
}
