//! The report in the log: when SIGUSR1 asks for it, every `log.report_every`, and then once more at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::overview::Overview;
use crate::pipeline::{SinkStatus, Status};

/// Writes reports. Each counts what was delivered since the last periodic one; one that was asked for counts and begins
/// nothing anew, so that the periodic ones add up.
#[derive(Debug)]
pub(crate) struct Reports {
    overview: Overview,
    every: Option<Duration>,
    period: Period,
}

/// What is being counted.
#[derive(Debug)]
pub(crate) struct Period {
    /// When it began.
    pub(crate) since: Timestamp,
    /// What was counted by then since the start, by subscription and sink.
    before: BTreeMap<String, BTreeMap<String, Counts>>,
}

/// What became of messages in one sink.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: u64,
    /// Those of them that went to its `error_path`.
    pub(crate) misdated: u64,
}

impl Reports {
    /// Counts from now on.
    pub(crate) fn new(overview: Overview, every: Option<Duration>) -> Self {
        let period = Period::beginning(Timestamp::now(), &overview.statuses());
        Self { overview, every, period }
    }

    /// Reports whenever `asked` is notified or the time has come. Never ends.
    pub(crate) async fn follow(&mut self, asked: &Notify) {
        let mut clock = self.every.map(|every| {
            let mut clock = interval_at(Instant::now() + every, every);
            // After a suspended machine wakes up, one report is enough.
            clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
            clock
        });
        loop {
            let due = async {
                match &mut clock {
                    Some(clock) => clock.tick().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = asked.notified() => self.overview.log(&self.overview.statuses(), &self.period),
                _ = due => self.end_period(),
            }
        }
    }

    /// The last report of periodic ones, for the period that the daemon's end cuts short.
    pub(crate) fn finish(mut self) {
        if self.every.is_some() {
            self.end_period();
        }
    }

    fn end_period(&mut self) {
        // Looked at once, so that what is delivered meanwhile is in one of the two periods.
        let statuses = self.overview.statuses();
        self.overview.log(&statuses, &self.period);
        self.period = Period::beginning(Timestamp::now(), &statuses);
    }
}

impl Period {
    pub(crate) fn beginning(since: Timestamp, statuses: &[Status]) -> Self {
        let counts = |status: &Status| {
            status.sinks.iter().map(|(name, sink)| (name.clone(), Counts::of(sink))).collect()
        };
        let before = statuses.iter().map(|status| (status.key.clone(), counts(status))).collect();
        Self { since, before }
    }

    /// What the sink of that name took in it.
    pub(crate) fn counts(&self, status: &Status, sink: &str) -> Counts {
        let now = status.sinks.get(sink).map(Counts::of).unwrap_or_default();
        let before = self.before.get(&status.key).and_then(|sinks| sinks.get(sink));
        let before = before.copied().unwrap_or_default();
        Counts {
            delivered: now.delivered.saturating_sub(before.delivered),
            misdated: now.misdated.saturating_sub(before.misdated),
        }
    }
}

impl Counts {
    fn of(sink: &SinkStatus) -> Self {
        Self { delivered: sink.delivered, misdated: sink.misdated }
    }
}
