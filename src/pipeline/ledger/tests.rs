use proptest::prelude::*;

use super::*;
use crate::sink::Receipt;

fn ledger(sinks: &[(&str, bool)], start: u64) -> Ledger {
    let ledger = Ledger::new(sinks.iter().copied());
    ledger.start(start);
    ledger
}

#[test]
fn nothing_is_acknowledged_before_every_required_sink_has_vouched() {
    let ledger = ledger(&[("archive", true), ("alerting", true), ("show", false)], 10);
    assert_eq!(ledger.token(100), None);
    ledger.delivered("archive", &Receipt::for_test(20));
    ledger.delivered("show", &Receipt::for_test(20));
    assert_eq!(ledger.token(100), None);
    ledger.delivered("alerting", &Receipt::for_test(15));
    assert_eq!(ledger.token(100).map(|token| (token.start(), token.through())), Some((10, 14)));
}

#[test]
fn a_token_covers_no_more_than_was_pulled() {
    let ledger = ledger(&[("archive", true)], 0);
    ledger.delivered("archive", &Receipt::for_test(20));
    assert_eq!(ledger.token(5).map(|token| token.through()), Some(4));
}

#[test]
fn a_best_effort_sink_may_be_given_up_and_a_required_one_never() {
    let ledger = ledger(&[("archive", true), ("show", false)], 0);
    assert_eq!(ledger.give_up("show", 7), 7);
    assert_eq!(ledger.next_for("show"), 7);
    assert_eq!(ledger.give_up("archive", 7), 0);
    assert_eq!(ledger.next_for("archive"), 0);
}

#[test]
fn what_others_acknowledge_counts_only_as_far_as_it_was_delivered() {
    let ledger = ledger(&[("archive", true)], 0);
    ledger.delivered("archive", &Receipt::for_test(5));
    assert_eq!(ledger.accepted(50), 5);
    assert_eq!(ledger.accepted(3), 0);
    assert_eq!(ledger.position(), Some(Position { epoch: 0, acked: 5, delivered: 5 }));
}

#[test]
fn a_new_epoch_sends_all_of_it_again_to_every_sink() {
    let ledger = ledger(&[("archive", true), ("show", false)], 0);
    ledger.delivered("archive", &Receipt::for_test(9));
    ledger.begin_epoch(2);
    assert_eq!(ledger.position(), Some(Position { epoch: 1, acked: 2, delivered: 2 }));
    assert_eq!((ledger.next_for("archive"), ledger.next_for("show")), (2, 2));
}

#[derive(Debug, Clone)]
enum Step {
    Delivered(bool, u64),
    Acknowledge(u64),
    Accepted(u64),
    SkipTo(u64),
    BeginEpoch(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (any::<bool>(), 1..100u64).prop_map(|(first, next)| Step::Delivered(first, next)),
        (1..100u64).prop_map(Step::Acknowledge),
        (0..100u64).prop_map(Step::Accepted),
        (0..100u64).prop_map(Step::SkipTo),
        (0..100u64).prop_map(Step::BeginEpoch),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    /// Whatever happens, what is acknowledged was delivered to both sinks, or was skipped on purpose.
    #[test]
    fn acknowledged_never_passes_delivered(steps in steps()) {
        let ledger = ledger(&[("a", true), ("b", true)], 0);
        for step in steps {
            match step {
                Step::Delivered(first, next) => {
                    ledger.delivered(if first { "a" } else { "b" }, &Receipt::for_test(next));
                }
                Step::Acknowledge(pulled) => {
                    if let Some(token) = ledger.token(pulled) {
                        prop_assert!(token.through() < ledger.next_for("a").min(ledger.next_for("b")));
                        ledger.acknowledged(token);
                    }
                }
                Step::Accepted(current) => {
                    ledger.accepted(current);
                }
                Step::SkipTo(first) => ledger.skip_to(first),
                Step::BeginEpoch(first) => ledger.begin_epoch(first),
            }
            let position = ledger.position().unwrap();
            prop_assert!(position.acked <= position.delivered);
            prop_assert_eq!(position.delivered, ledger.next_for("a").min(ledger.next_for("b")));
        }
    }
}
