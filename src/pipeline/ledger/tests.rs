use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::sink::Receipt;

/// A ledger in a directory, which can be opened again as after a crash.
struct Kept {
    dir: TempDir,
    sinks: Vec<(&'static str, bool)>,
    ledger: Arc<Ledger>,
}

impl Kept {
    fn at(sinks: &[(&'static str, bool)], start: u64) -> Self {
        let dir = TempDir::new().unwrap();
        let ledger = open(&dir, sinks);
        ledger.start(start);
        Self { dir, sinks: sinks.to_vec(), ledger }
    }

    fn crash(self) -> Self {
        drop(self.ledger);
        let ledger = open(&self.dir, &self.sinks);
        Self { ledger, ..self }
    }

    fn delivered(&self, sink: &str, next: u64) {
        self.ledger.delivered(sink, &Receipt::for_test(next));
    }

    async fn token(&self, pulled: u64) -> Option<(u64, u64)> {
        self.ledger.commit(pulled).await.unwrap().map(|token| (token.start(), token.through()))
    }
}

fn open(dir: &TempDir, sinks: &[(&'static str, bool)]) -> Arc<Ledger> {
    Arc::new(Ledger::open(&dir.path().join("s.journal"), sinks.iter().copied()).unwrap())
}

fn position(epoch: u64, acked: u64, delivered: u64) -> Position {
    Position { epoch, acked, delivered }
}

#[tokio::test]
async fn nothing_is_acknowledged_before_every_required_sink_has_vouched() {
    let kept = Kept::at(&[("archive", true), ("alerting", true), ("show", false)], 10);
    assert_eq!(kept.token(100).await, None);
    kept.delivered("archive", 20);
    kept.delivered("show", 20);
    assert_eq!(kept.token(100).await, None);
    kept.delivered("alerting", 15);
    assert_eq!(kept.token(100).await, Some((10, 14)));
}

#[tokio::test]
async fn a_token_covers_no_more_than_was_pulled() {
    let kept = Kept::at(&[("archive", true)], 0);
    kept.delivered("archive", 20);
    assert_eq!(kept.token(5).await, Some((0, 4)));
}

#[tokio::test]
async fn there_is_no_token_for_what_cannot_be_made_durable() {
    let kept = Kept::at(&[("archive", true)], 0);
    kept.ledger.keep().await.unwrap();
    kept.delivered("archive", 20);
    std::fs::remove_dir_all(kept.dir.path()).unwrap();
    kept.ledger.break_for_test();
    assert!(kept.ledger.commit(20).await.is_err());
    std::fs::create_dir(kept.dir.path()).unwrap();
    assert_eq!(kept.token(20).await, Some((0, 19)));
}

#[tokio::test]
async fn a_best_effort_sink_may_be_given_up_and_a_required_one_never() {
    let Kept { ledger, .. } = Kept::at(&[("archive", true), ("show", false)], 0);
    assert_eq!(ledger.give_up("show", 7), 7);
    assert_eq!(ledger.next_for("show"), 7);
    assert_eq!(ledger.give_up("archive", 7), 0);
    assert_eq!(ledger.next_for("archive"), 0);
}

#[tokio::test]
async fn what_others_acknowledge_counts_only_as_far_as_it_was_delivered() {
    let kept = Kept::at(&[("archive", true)], 0);
    kept.delivered("archive", 5);
    assert_eq!(kept.ledger.accepted(50), 5);
    assert_eq!(kept.ledger.accepted(3), 0);
    assert_eq!(kept.ledger.position(), Some(position(0, 5, 5)));
}

#[tokio::test]
async fn a_new_epoch_sends_all_of_it_again_to_every_sink_also_after_a_crash() {
    let kept = Kept::at(&[("archive", true), ("show", false)], 0);
    kept.delivered("archive", 9);
    kept.ledger.begin_epoch(2, Turn::Rewind).await.unwrap();
    let Kept { ledger, .. } = &kept.crash();
    assert_eq!(ledger.position(), Some(position(1, 2, 2)));
    assert_eq!((ledger.next_for("archive"), ledger.next_for("show")), (2, 2));
}

#[tokio::test]
async fn a_turn_that_cannot_be_made_durable_has_not_happened() {
    let kept = Kept::at(&[("archive", true)], 5);
    std::fs::remove_dir_all(kept.dir.path()).unwrap();
    assert!(kept.ledger.begin_epoch(2, Turn::Rewind).await.is_err());
    assert!(kept.ledger.skip_to(9, Missing { lost: 3, skipped: 1 }).await.is_err());
    assert_eq!(kept.ledger.position(), Some(position(0, 5, 5)));
    assert_eq!(kept.ledger.tally(), Tally::default());
}

#[tokio::test]
async fn what_was_lost_skipped_and_sent_again_is_counted_over_crashes() {
    let kept = Kept::at(&[("archive", true)], 5).crash();
    kept.ledger.start(5);
    kept.ledger.skip_to(9, Missing { lost: 3, skipped: 1 }).await.unwrap();
    let kept = kept.crash();
    kept.ledger.skip_to(14, Missing { lost: 0, skipped: 5 }).await.unwrap();
    kept.ledger.begin_epoch(2, Turn::Rewind).await.unwrap();
    kept.ledger.begin_epoch(0, Turn::NewLog).await.unwrap();
    let tally = Tally { lost: 3, skipped: 6, rewinds: 1, log_resets: 1 };
    let kept = kept.crash();
    assert_eq!(kept.ledger.tally(), tally);
    let shown = Ledger::read(&kept.dir.path().join("s.journal")).unwrap().unwrap();
    assert_eq!(shown.tally, tally);
}

#[tokio::test]
async fn what_is_kept_outlives_a_crash_each_sink_with_its_own_progress() {
    let kept = Kept::at(&[("archive", true), ("alerting", true)], 3);
    kept.delivered("archive", 20);
    kept.delivered("alerting", 15);
    assert_eq!(kept.token(20).await, Some((3, 14)));
    kept.ledger.accepted(15);
    kept.delivered("alerting", 17);
    kept.ledger.keep().await.unwrap();
    let kept = kept.crash();
    assert_eq!(kept.ledger.position(), Some(position(0, 15, 17)));
    assert_eq!((kept.ledger.next_for("archive"), kept.ledger.next_for("alerting")), (20, 17));
}

#[tokio::test]
async fn a_new_sink_begins_at_what_was_acknowledged_and_one_that_is_gone_is_forgotten() {
    let mut kept = Kept::at(&[("archive", true)], 3);
    let page = Page::new(&kept.ledger, "archive");
    crate::sink::Notebook::write(&page, serde_json::json!(1)).await;
    kept.delivered("archive", 20);
    kept.token(20).await.unwrap();
    kept.ledger.accepted(10);
    kept.ledger.keep().await.unwrap();
    drop(page);
    kept.sinks = vec![("copy", true)];
    let mut kept = kept.crash();
    assert_eq!(kept.ledger.position(), Some(position(0, 10, 10)));
    kept.delivered("copy", 12);
    kept.ledger.keep().await.unwrap();
    kept.sinks.push(("archive", true));
    let kept = kept.crash();
    assert_eq!((kept.ledger.next_for("archive"), kept.ledger.next_for("copy")), (10, 12));
    assert_eq!(crate::sink::Notebook::note(&Page::new(&kept.ledger, "archive")), None);
}

#[tokio::test]
async fn where_the_service_is_after_a_restart_says_whether_somebody_moved_it() {
    for (current, means) in [
        (3, Inherited::AsLeft),
        (10, Inherited::AsLeft),
        (12, Inherited::Rewound),
        (15, Inherited::AsLeft),
        (19, Inherited::Rewound),
        (20, Inherited::AsLeft),
        (21, Inherited::Ahead),
    ] {
        let kept = Kept::at(&[("archive", true)], 10);
        kept.delivered("archive", 20);
        // The first part of it is asked for, and no answer is heard.
        kept.token(15).await.unwrap();
        assert_eq!(kept.ledger.inherited(current, 2), None, "it is no restart");
        let kept = kept.crash();
        assert_eq!(kept.ledger.inherited(current, 2), Some(means), "{current}");
        assert_eq!(kept.ledger.inherited(current, 2), None, "it is asked once");
    }
}

#[tokio::test]
async fn a_subscription_that_retention_moved_while_it_was_stopped_was_moved_by_nobody() {
    let kept = Kept::at(&[("archive", true)], 10);
    kept.delivered("archive", 20);
    kept.token(20).await.unwrap();
    let kept = kept.crash();
    assert_eq!(
        kept.ledger.inherited(15, 15),
        Some(Inherited::AsLeft),
        "what is delivered is not wanted again"
    );
}

#[tokio::test]
async fn after_a_turn_of_the_story_nothing_is_judged_as_left_by_an_earlier_run() {
    let kept = Kept::at(&[("archive", true)], 10);
    kept.delivered("archive", 20);
    kept.token(20).await.unwrap();
    let kept = kept.crash();
    kept.ledger.begin_epoch(0, Turn::NewLog).await.unwrap();
    assert_eq!(kept.ledger.inherited(5, 0), None, "all that is known is of this run");
}

#[derive(Debug, Clone)]
enum Step {
    Delivered(bool, u64),
    Acknowledge(u64),
    Accepted(u64),
    SkipTo(u64),
    BeginEpoch(u64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (any::<bool>(), 1..100u64).prop_map(|(first, next)| Step::Delivered(first, next)),
        (1..100u64).prop_map(Step::Acknowledge),
        (0..100u64).prop_map(Step::Accepted),
        (0..100u64).prop_map(Step::SkipTo),
        (0..100u64).prop_map(Step::BeginEpoch),
        Just(Step::Restart),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    /// Whatever happens, what is acknowledged was delivered to both sinks, or was skipped on purpose.
    #[test]
    fn acknowledged_never_passes_delivered(steps in steps()) {
        let names = ["a", "b"];
        let required = names.map(ToOwned::to_owned).into();
        let mut state = State::default();
        state.fit(names.into_iter(), &[]);
        state.move_to(0);
        for step in steps {
            match step {
                Step::Delivered(first, next) => state.advance(if first { "a" } else { "b" }, next),
                Step::Acknowledge(pulled) => {
                    if let Some(token) = state.token(&required, pulled) {
                        prop_assert!(token.through() < state.sinks["a"].min(state.sinks["b"]));
                        state.accepted(&required, token.end());
                    }
                }
                Step::Accepted(current) => {
                    state.accepted(&required, current);
                }
                Step::SkipTo(first) => state.skip_to(first, Missing { lost: 0, skipped: 0 }),
                Step::BeginEpoch(first) => state.begin_epoch(first, Turn::Rewind),
                Step::Restart => {
                    state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
                    state.fit(names.into_iter(), &[]);
                }
            }
            let position = state.position(&required).unwrap();
            prop_assert!(position.acked <= position.delivered);
            prop_assert_eq!(position.delivered, state.sinks["a"].min(state.sinks["b"]));
        }
    }
}
