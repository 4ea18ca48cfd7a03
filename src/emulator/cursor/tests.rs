use proptest::prelude::*;

use super::*;

fn bounds(min: i64, max: i64) -> Bounds {
    Bounds { min, max }
}

fn message<T>(outcome: Result<T, Refusal>) -> String {
    outcome.err().map_or_else(String::new, |refusal| refusal.message().to_owned())
}

#[test]
fn nothing_can_be_acknowledged_before_a_pull() {
    let mut cursor = Cursor::new(0, 10);
    assert_eq!(message(cursor.acknowledge(0, 0)), "no ack pending");
}

#[test]
fn only_ids_of_the_last_pull_can_be_acknowledged_and_only_once() {
    let mut cursor = Cursor::new(5, 10);
    cursor.pulled(5, 5, 0);
    cursor.pulled(5, 1, 0);
    assert_eq!(message(cursor.acknowledge(9, 0)), "wrong ack");
    assert_eq!(message(cursor.acknowledge(4, 0)), "wrong ack");
    assert_eq!(cursor.acknowledge(5, 0), Ok(()));
    assert_eq!(cursor.current(), 6);
    assert_eq!(message(cursor.acknowledge(5, 0)), "no ack pending");
}

#[test]
fn after_the_deadline_every_try_is_too_late_and_the_window_stays() {
    let mut cursor = Cursor::new(0, 1);
    cursor.pulled(0, 2, 100);
    assert_eq!(message(cursor.acknowledge(1, 102)), "ack timeout");
    assert_eq!(message(cursor.acknowledge(1, 102)), "ack timeout");
    assert_eq!(cursor.current(), 0);
    assert_eq!(cursor.acknowledge(1, 101), Ok(()));
}

#[test]
fn an_empty_pull_at_the_start_of_a_log_leaves_nothing_pending_and_elsewhere_makes_every_ack_wrong() {
    let mut cursor = Cursor::new(0, 10);
    cursor.pulled(0, 0, 0);
    assert_eq!(message(cursor.acknowledge(0, 0)), "no ack pending");
    let mut cursor = Cursor::new(3, 10);
    cursor.pulled(3, 0, 0);
    assert_eq!(message(cursor.acknowledge(3, 0)), "wrong ack");
}

#[test]
fn retention_closes_the_window_of_a_subscription_that_it_overtakes() {
    let mut cursor = Cursor::new(1, 10);
    cursor.pulled(1, 4, 0);
    cursor.catch_up(bounds(1, 9));
    assert_eq!(cursor.clone().acknowledge(4, 0), Ok(()));
    cursor.catch_up(bounds(3, 9));
    assert_eq!(cursor.current(), 3);
    assert_eq!(message(cursor.acknowledge(4, 0)), "no ack pending");
}

#[test]
fn an_ack_id_names_this_subscription_and_a_number() {
    let highest = |ids: &[&str]| highest_ack_id(ids, "P", "s");
    assert_eq!(highest(&["projects/P/subscriptions/s:2", "projects/P/subscriptions/s:10"]), Ok(10));
    assert_eq!(highest(&["projects/P/subscriptions/s:-1", "projects/P/subscriptions/s:0"]), Ok(0));
    for wrong in [
        "",
        "projects/P/subscriptions/s",
        "projects/P/subscriptions/s:",
        "projects/P/subscriptions/s:x",
        "projects/P/subscriptions/s:-1",
        "projects/P/subscriptions/ss:1",
        "projects/PP/subscriptions/s:1",
        "projects/P/subscriptions/s:1:1",
        "/projects/P/subscriptions/s:1",
        "projects/P/subscriptions/s:99999999999999999999",
    ] {
        assert_eq!(message(highest(&[wrong])), "Invalid ack id", "{wrong}");
    }
    assert_eq!(message(highest(&[])), "Invalid ack id");
}

#[derive(Clone, Debug)]
enum Step {
    Pull(u64),
    Acknowledge(i64),
    Seek(i64),
    Look,
    Publish(i64),
    Remove(i64),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..6_u64).prop_map(Step::Pull),
        (-1..30_i64).prop_map(Step::Acknowledge),
        (-2..30_i64).prop_map(Step::Seek),
        Just(Step::Look),
        (0..6_i64).prop_map(Step::Publish),
        (0..30_i64).prop_map(Step::Remove),
        (0..3_i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

/// The same rules, told as sets of ids: which may be acknowledged now, and until when.
#[derive(Debug)]
struct Model {
    current: i64,
    acknowledgeable: Vec<i64>,
    pulled_nothing_away_from_zero: bool,
    too_late_after: i64,
}

const DEADLINE: i64 = 2;

impl Model {
    fn forget(&mut self, current: i64) {
        self.current = current;
        self.acknowledgeable.clear();
        self.pulled_nothing_away_from_zero = false;
    }

    fn acknowledge(&mut self, id: i64, now: i64) -> &'static str {
        if self.acknowledgeable.is_empty() && !self.pulled_nothing_away_from_zero {
            return "no ack pending";
        }
        if !self.acknowledgeable.contains(&id) {
            return "wrong ack";
        }
        if now > self.too_late_after {
            return "ack timeout";
        }
        self.forget(id + 1);
        ""
    }
}

proptest! {
    #[test]
    fn a_cursor_does_what_the_simple_model_does(steps in steps()) {
        let (mut min, mut max, mut now) = (0, 0, 1000);
        let mut cursor = Cursor::new(0, DEADLINE);
        let mut model = Model {
            current: 0,
            acknowledgeable: Vec::new(),
            pulled_nothing_away_from_zero: false,
            too_late_after: 0,
        };
        for step in steps {
            match step {
                Step::Pull(limit) => {
                    cursor.catch_up(bounds(min, max));
                    let there = u64::try_from(max - cursor.current()).unwrap_or(0);
                    cursor.pulled(cursor.current(), limit.min(there), now);

                    if model.current < min {
                        model.forget(min);
                    }
                    let taken = (model.current..max).take(usize::try_from(limit).unwrap());
                    model.acknowledgeable = taken.collect();
                    model.pulled_nothing_away_from_zero = model.acknowledgeable.is_empty() && model.current != 0;
                    model.too_late_after = now + DEADLINE;
                }
                Step::Acknowledge(id) => {
                    prop_assert_eq!(message(cursor.acknowledge(id, now)), model.acknowledge(id, now));
                }
                Step::Seek(offset) => {
                    cursor.seek(offset);
                    model.forget(offset);
                }
                Step::Look => {
                    cursor.catch_up(bounds(min, max));
                    if model.current < min {
                        model.forget(min);
                    }
                }
                Step::Publish(count) => max += count,
                Step::Remove(below) => min = min.max(below.min(max)),
                Step::Wait(seconds) => now += seconds,
            }
            prop_assert_eq!(cursor.current(), model.current);
        }
    }
}
