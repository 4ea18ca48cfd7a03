use std::collections::BTreeMap;

use super::*;
use crate::pipeline::SinkStatus;

fn status(key: &str, state: State, reason: Option<&str>) -> Status {
    Status {
        key: key.to_owned(),
        subscription: format!("projects/P/subscriptions/{key}"),
        state,
        reason: reason.map(ToOwned::to_owned),
        since: Timestamp::UNIX_EPOCH,
        tried: state != State::Starting,
        epoch: 0,
        next: None,
        backlog: None,
        last_success: None,
        sinks: BTreeMap::new(),
    }
}

fn three() -> Vec<Status> {
    vec![
        status("alpha", State::Running, None),
        status("beta", State::Parked, Some("the token is wrong (401)")),
        status("gamma", State::Retrying, Some("a timeout")),
    ]
}

#[test]
fn not_ready_until_every_subscription_was_tried_and_those_missing_are_named() {
    let mut statuses = three();
    statuses.push(status("delta", State::Starting, None));
    let answer = readiness(&statuses, false, false);
    assert!(!answer.ready);
    assert!(answer.text.starts_with("starting: not tried yet: delta\n"), "{}", answer.text);
}

#[test]
fn ready_although_one_is_parked_and_it_is_named_with_the_reason() {
    let answer = readiness(&three(), false, false);
    assert!(answer.ready);
    assert_eq!(answer.text, "ready\nparked: beta: the token is wrong (401)\n");
}

#[test]
fn strictly_not_ready_while_one_is_parked() {
    let answer = readiness(&three(), false, true);
    assert!(!answer.ready);
    assert!(answer.text.contains("beta: the token is wrong (401)"), "{}", answer.text);
}

#[test]
fn strictly_ready_when_failures_may_pass_by_themselves() {
    let statuses = [three().remove(0), three().remove(2)];
    assert_eq!(readiness(&statuses, false, true), Readiness { ready: true, text: "ready\n".to_owned() });
}

#[test]
fn not_ready_while_stopping() {
    let answer = readiness(&[status("alpha", State::Running, None)], true, false);
    assert_eq!(answer, Readiness { ready: false, text: "stopping\n".to_owned() });
}

#[test]
fn a_subscription_that_failed_at_once_was_tried() {
    let statuses = [status("alpha", State::Parked, Some("missing"))];
    assert_eq!(phase(&statuses, false), Phase::Running);
}

#[test]
fn the_line_counts_the_states_that_occur() {
    use State::{Parked, Running, Starting, Stopped};
    let line = |states: &[State], stopping| super::line(states.iter().copied(), stopping);
    assert_eq!(line(&[Running, Parked, Running], false), "3 subscriptions: 2 running, 1 parked");
    assert_eq!(line(&[Starting], false), "1 subscription: 1 starting");
    assert_eq!(line(&[Running, Stopped], true), "stopping; 2 subscriptions: 1 running, 1 stopped");
}

#[test]
fn the_report_tells_state_reason_position_and_sinks() {
    let mut status = status("alpha", State::Retrying, Some("a timeout"));
    status.next = Some(7);
    let sink = SinkStatus {
        required: true,
        state: State::Retrying,
        next: Some(9),
        delivered: 2,
        misdated: 0,
        error: Some("disk full".to_owned()),
    };
    status.sinks.insert("archive".to_owned(), sink);
    let period = Period::beginning(Timestamp::UNIX_EPOCH, std::slice::from_ref(&status));
    let sink = status.sinks.get_mut("archive").unwrap();
    (sink.delivered, sink.misdated) = (5, 2);
    assert_eq!(
        describe(&status, &period),
        "alpha is retrying since 1970-01-01T00:00:00Z (a timeout); next 7, backlog unknown; \
         sink archive: next 9, delivered 3 since 1970-01-01T00:00:00Z, 2 of them to error_path, failing: disk full"
    );
}
