use super::*;
use crate::long_run::scene::Place;
use crate::long_run::truth::{Log, Move};

fn ids(log: u64, offsets: impl IntoIterator<Item = u64>) -> Vec<Id> {
    offsets.into_iter().map(|offset| Id { log, offset }).collect()
}

/// A log of a hundred messages.
fn truth(moves: &[(u64, u64)]) -> Truth {
    let mut truth = Truth::new();
    truth.log().end = 100;
    let seek = |&(from, to)| Move { log: 0, from, to, is_seen: false };
    truth.moves = moves.iter().map(seek).collect();
    truth
}

fn account(truth: &Truth, in_flight: u64, ids: Vec<Id>) -> Account {
    account_with(&Letters::default(), truth, in_flight, ids)
}

fn account_with(letters: &Letters, truth: &Truth, in_flight: u64, ids: Vec<Id>) -> Account {
    let channel = Channel { name: "archive", place: Place::Stdout, in_flight };
    Account::of(truth, &channel, letters, &Arrivals { ids, torn: 0 })
}

fn assert_fault(account: &Account, words: &str) {
    assert!(account.faults.iter().any(|fault| fault.contains(words)), "{words}: {account:?}");
}

#[test]
fn all_of_it_once_and_in_order_is_as_it_should_be() {
    let account = account(&truth(&[]), 0, ids(0, 0..100));
    assert_eq!((account.delivered, account.repeated, account.missing.len()), (100, 0, 0));
    assert!(account.faults.is_empty());
}

#[test]
fn what_is_missing_needs_a_cut_or_a_seek() {
    let hole = || ids(0, (0..40).chain(60..100));
    assert_fault(&account(&truth(&[]), 0, hole()), "offset: 40 } is missing");
    assert_fault(&account(&truth(&[(40, 50)]), 0, hole()), "offset: 50 } is missing");
    let passed = account(&truth(&[(40, 50), (50, 60)]), 0, hole());
    assert!(passed.faults.is_empty() && passed.missing == ids(0, 40..60), "{passed:?}");
    let mut cut = truth(&[]);
    cut.log().cut = 60;
    assert!(account(&cut, 0, hole()).faults.is_empty());
    assert_fault(&account(&truth(&[]), 0, ids(0, 0..99)), "offset: 99 } is missing");
}

#[test]
fn what_comes_again_needs_a_seek_or_a_request_in_flight() {
    let again = || ids(0, (0..50).chain(45..100));
    assert_fault(&account(&truth(&[]), 0, again()), "nobody wanted it; 50 was next");
    assert_fault(&account(&truth(&[]), 4, again()), "nobody wanted it; 50 was next");
    let in_flight = account(&truth(&[]), 5, again());
    assert!(in_flight.faults.is_empty() && in_flight.repeated == 5, "{in_flight:?}");
    let wanted = account(&truth(&[(50, 45)]), 0, again());
    assert!(wanted.faults.is_empty() && wanted.rewinds == 1, "{wanted:?}");
    assert_fault(&account(&truth(&[(50, 44)]), 0, again()), "nobody wanted it");
    let twice = || ids(0, (0..50).chain(45..60).chain(45..100));
    assert_fault(&account(&truth(&[(50, 45)]), 0, twice()), "60 was next");
}

#[test]
fn a_seek_to_a_message_that_is_refused_shows_by_the_one_behind_it() {
    let (truth, again) = (truth(&[(50, 45)]), || ids(0, (0..50).chain(46..100)));
    assert_fault(&account(&truth, 0, again()), "nobody wanted it");
    let letters = Letters::of_one("archive", Id { log: 0, offset: 45 });
    let refused = account_with(&letters, &truth, 0, again());
    assert!(refused.faults.is_empty() && refused.rewinds == 1 && refused.dead_lettered == 1, "{refused:?}");
}

#[test]
fn what_was_sent_ahead_is_not_missed_and_not_out_of_order() {
    let ahead = || ids(0, (0..10).chain([11, 12, 10]).chain(13..100));
    let in_time = account(&truth(&[]), 10, ahead());
    assert!(in_time.faults.is_empty() && in_time.missing.is_empty(), "{in_time:?}");
    assert_fault(&account(&truth(&[]), 0, ahead()), "nobody wanted it");
}

#[test]
fn two_seeks_that_lead_to_one_message_explain_it_twice() {
    let mut truth = truth(&[(50, 19), (60, 20)]);
    truth.log().cut = 20;
    let twice = ids(0, (0..50).chain(20..60).chain(20..100));
    let twice = account(&truth, 0, twice);
    assert!(twice.faults.is_empty() && twice.rewinds == 2, "{twice:?}");
}

#[test]
fn a_seek_shows_by_what_was_sent_ahead_of_the_message_it_led_to() {
    let (truth, again) = (truth(&[(50, 20)]), || ids(0, (0..50).chain([21, 20]).chain(22..100)));
    let ahead = account(&truth, 10, again());
    assert!(ahead.faults.is_empty() && ahead.rewinds == 1 && ahead.missing.is_empty(), "{ahead:?}");
    assert_fault(&account(&truth, 1, again()), "nobody wanted it");
    let never = ids(0, (0..50).chain(21..100));
    assert_fault(&account(&truth, 10, never), "offset: 20 } is missing");
}

#[test]
fn a_seek_that_must_show_is_asked_for() {
    let mut truth = truth(&[(90, 20)]);
    truth.moves[0].is_seen = true;
    assert_fault(&account(&truth, 0, ids(0, 0..100)), "nothing was delivered again");
    assert!(account(&truth, 0, ids(0, (0..95).chain(20..100))).faults.is_empty());
}

#[test]
fn a_log_made_anew_takes_the_rest_of_the_old_one_with_it() {
    let mut truth = truth(&[]);
    truth.logs.push(Log { end: 10, ..Log::default() });
    let both = [ids(0, 0..90), ids(1, 0..10)].concat();
    let anew = account(&truth, 0, both);
    assert!(anew.faults.is_empty() && anew.gone == 10, "{anew:?}");
    let back = [ids(0, 0..90), ids(1, 0..10), ids(0, 90..100)].concat();
    assert_fault(&account(&truth, 0, back), "before the one at hand");
}

#[test]
fn what_nobody_published_is_found() {
    let mut truth = truth(&[]);
    truth.log().poison.insert(7);
    assert_fault(&account(&truth, 0, ids(0, 0..101)), "offset: 100 }, in place 100, was never");
    assert_fault(&account(&truth, 0, ids(0, 0..100)), "offset: 7 }, in place 7, was never");
}
