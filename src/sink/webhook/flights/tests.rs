use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config::WebhookFormat;
use crate::sink::tests::{rest, slice, slice_of, source};

fn encoding() -> Encoding {
    Encoding::new(&source(), &WebhookFormat::Ams, "https://ams")
}

fn wave(flights: &mut Flights, slice: &Slice) -> Vec<Outgoing> {
    flights.next(slice, &encoding()).expect("nothing to wait for")
}

fn keys(wave: &[Outgoing]) -> Vec<&str> {
    wave.iter().map(|sent| sent.request.idempotency_key.trim_start_matches("P/S/")).collect()
}

/// Sends, and gives no answer.
fn send(flights: &mut Flights, slice: &Slice) -> Vec<String> {
    keys(&wave(flights, slice)).into_iter().map(str::to_owned).collect()
}

fn note(flights: &Flights) -> Option<serde_json::Value> {
    flights.noted().map(|noted| serde_json::to_value(noted).unwrap())
}

fn resumed(flights: &Flights, most: usize, at_once: usize) -> Flights {
    let mut next = Flights::new(most, at_once);
    next.resume(serde_json::from_value(note(flights).unwrap()).unwrap());
    next
}

/// Messages with these ids, which need not be neighbours.
fn with_ids(ids: &[u64]) -> Slice {
    let message = |id| format!(r#"{{"messageId":"{id}","data":"eA==","publishTime":"t"}}"#);
    slice_of(&ids.iter().map(message).collect::<Vec<_>>().join(","), 0)
}

/// All that was sent is taken: how many messages of `slice` are then delivered.
fn take(flights: &mut Flights, slice: &Slice, sent: &[Outgoing]) -> usize {
    for one in sent {
        flights.taken(one);
    }
    let (lead, rejected) = flights.outcome(slice);
    assert_eq!(rejected, None);
    flights.tidy(slice, lead);
    lead
}

#[test]
fn a_request_that_failed_is_cut_in_the_same_way_again() {
    let mut flights = Flights::new(10, 1);
    assert_eq!(send(&mut flights, &slice(0, 3, 0)), ["0/0-2"], "as many as there are");
    assert_eq!(send(&mut flights, &slice(0, 20, 0)), ["0/0-2"], "the same, though there are more");
    assert_eq!(send(&mut flights, &slice(1, 20, 0)), ["0/1-10"], "it begins elsewhere");
    let mut flights = Flights::new(10, 1);
    send(&mut flights, &slice(0, 3, 0));
    assert_eq!(send(&mut flights, &slice(0, 2, 1)), ["1/0-1"], "the ids mean something else");
    let sent = wave(&mut flights, &slice(0, 2, 1));
    flights.taken(&sent[0]);
    assert_eq!(flights.outcome(&slice(0, 20, 1)), (2, None));
    assert!(!flights.tidy(&slice(0, 20, 1), 2));
    assert_eq!(send(&mut flights, &slice(2, 20, 1)), ["1/2-11"]);
}

#[test]
fn requests_under_way_at_the_end_of_the_process_are_the_same_again() {
    let mut flights = Flights::new(3, 2);
    assert_eq!(send(&mut flights, &slice(0, 5, 0)), ["0/0-2", "0/3-4"]);
    let mut next = resumed(&flights, 10, 4);
    let again = wave(&mut next, &slice(0, 20, 0));
    assert_eq!(keys(&again), ["0/0-2", "0/3-4", "0/5-14", "0/15-19"]);
    assert!(again[0].unheard && again[1].unheard && !again[2].unheard, "the first may have been taken");
    let mut single = Flights::new(1, 2);
    send(&mut single, &slice(0, 3, 0));
    assert!(single.noted().is_none(), "it is cut in the same way whatever happens");
}

#[test]
fn what_is_missing_of_a_request_is_waited_for_but_not_for_ever() {
    let mut flights = Flights::new(10, 1);
    send(&mut flights, &slice(0, 3, 0));
    assert!(flights.next(&slice(0, 2, 0), &encoding()).is_none());
    assert_eq!(send(&mut flights, &slice(0, 4, 0)), ["0/0-2"], "the same, once all of it is there");
    for _ in 0..PATIENCE {
        assert!(flights.next(&slice(0, 2, 0), &encoding()).is_none());
    }
    assert_eq!(send(&mut flights, &slice(0, 2, 0)), ["0/0-1"], "then without the rest");
    assert!(flights.next(&slice(0, 1, 0), &encoding()).is_none(), "which is another request");
}

#[test]
fn a_request_of_which_a_message_is_lost_is_not_taken_for_the_same() {
    let lost = |missing| with_ids(&(0..9).filter(|id| *id != missing).collect::<Vec<_>>());
    for missing in [1, 2] {
        let mut flights = Flights::new(3, 1);
        send(&mut flights, &slice(0, 9, 0));
        let sent = wave(&mut flights, &lost(missing));
        assert!(!sent[0].unheard && sent[0].request.messages == 3, "{missing}");
        assert_eq!(keys(&sent), ["0/0-3"], "{missing}");
    }
}

/// Delivers `0..12`, where message 5 is refused, and no more than that: the requests, wave by wave.
fn around_a_bad_one(most: usize, at_once: usize) -> Vec<Vec<String>> {
    let mut flights = Flights::new(most, at_once);
    let (mut left, mut waves, mut delivered) = (Some(slice(0, 12, 0)), Vec::new(), Vec::new());
    while let Some(slice) = left {
        let sent = wave(&mut flights, &slice);
        if !sent.is_empty() {
            waves.push(keys(&sent).into_iter().map(str::to_owned).collect());
        }
        for one in &sent {
            if one.request.body.windows(15).any(|text| text == b"\"messageId\":\"5\"") {
                flights.refused(one, &slice, "bad".to_owned());
            } else {
                flights.taken(one);
            }
        }
        let (taken, rejected) = flights.outcome(&slice);
        delivered.extend(slice.messages().take(taken).map(|message| message.id()));
        flights.tidy(&slice, taken);
        left = slice.after(taken + usize::from(rejected.is_some()));
        if let Some((id, reason)) = rejected {
            assert_eq!((id, reason.as_str()), (5, "bad"));
        }
    }
    assert_eq!(delivered, (0..12).filter(|id| *id != 5).collect::<Vec<_>>());
    assert!(flights.known.is_empty());
    waves
}

#[test]
fn a_refused_request_is_halved_until_the_one_at_fault_stands_alone() {
    assert_eq!(
        around_a_bad_one(8, 1),
        [["0/0-7"], ["0/0-3"], ["0/4-7"], ["0/4-5"], ["0/4"], ["0/5"], ["0/6-7"], ["0/8-11"]]
    );
    assert_eq!(
        around_a_bad_one(4, 2),
        [vec!["0/0-3", "0/4-7"], vec!["0/4-5", "0/6-7"], vec!["0/4", "0/5"], vec!["0/8-11"]]
    );
    assert_eq!(around_a_bad_one(1, 12).len(), 1, "its neighbours are with it, and come once");
}

#[test]
fn a_refused_message_is_tried_again_when_it_is_given_again() {
    let mut flights = Flights::new(1, 1);
    for _ in 0..2 {
        let sent = wave(&mut flights, &slice(0, 2, 0));
        assert_eq!(keys(&sent), ["0/0"]);
        flights.refused(&sent[0], &slice(0, 2, 0), "no".to_owned());
        assert_eq!(flights.outcome(&slice(0, 2, 0)), (0, Some((0, "no".to_owned()))));
        flights.tidy(&slice(0, 2, 0), 0);
    }
}

#[test]
fn what_is_taken_ahead_is_not_sent_again_not_even_by_the_next_process() {
    let mut flights = Flights::new(2, 3);
    let all = slice(0, 20, 0);
    let sent = wave(&mut flights, &all);
    assert_eq!(keys(&sent), ["0/0-1", "0/2-3", "0/4-5"]);
    flights.failed(&sent[0], false);
    flights.taken(&sent[1]);
    flights.taken(&sent[2]);
    assert_eq!(flights.outcome(&all), (0, None));
    assert!(flights.tidy(&all, 0), "there is something to remember");
    let mut next = resumed(&flights, 2, 3);
    for flights in [&mut flights, &mut next] {
        // As many as there are now, and later again more.
        assert_eq!(send(flights, &slice(0, 5, 0)), ["0/0-1"]);
        let sent = wave(flights, &all);
        assert_eq!(keys(&sent), ["0/0-1", "0/6-7", "0/8-9"]);
        flights.taken(&sent[0]);
        flights.failed(&sent[1], false);
        flights.taken(&sent[2]);
        assert_eq!(flights.outcome(&all), (6, None));
        assert!(flights.tidy(&all, 6));
        let left = rest(&all, 6).unwrap();
        let sent = wave(flights, &left);
        assert_eq!(keys(&sent), ["0/6-7", "0/10-11", "0/12-13"]);
        for one in &sent {
            flights.taken(one);
        }
        assert_eq!(flights.outcome(&left), (8, None));
        assert!(!flights.tidy(&left, 8) && flights.known.is_empty(), "nothing is left to remember");
    }
}

#[test]
fn a_batch_of_which_a_part_was_taken_ahead_goes_on_behind_it() {
    let mut flights = Flights::new(2, 2);
    let sent = wave(&mut flights, &slice(0, 4, 0));
    flights.failed(&sent[0], true);
    flights.taken(&sent[1]);
    flights.tidy(&slice(0, 4, 0), 0);
    // The first two were given up; of those taken one is in this batch, then both.
    for end in [3, 4] {
        assert!(wave(&mut flights, &slice(2, end, 0)).is_empty());
        assert_eq!(flights.outcome(&slice(2, end, 0)), (usize::try_from(end).unwrap() - 2, None));
    }
}

#[test]
fn what_lies_between_taken_requests_is_sent_though_a_pull_ends_in_a_request_before_it() {
    let mut flights = Flights::new(3, 3);
    let sent = wave(&mut flights, &slice(0, 9, 0));
    assert_eq!(keys(&sent), ["0/0-2", "0/3-5", "0/6-8"]);
    flights.failed(&sent[0], false);
    flights.taken(&sent[1]);
    flights.failed(&sent[2], false);
    assert!(flights.tidy(&slice(0, 9, 0), 0));
    let next = resumed(&flights, 3, 3);
    for mut flights in [flights, next] {
        let short = slice(0, 2, 0);
        for _ in 0..PATIENCE {
            assert!(flights.next(&short, &encoding()).is_none(), "the rest of the first is waited for");
        }
        let sent = wave(&mut flights, &short);
        assert_eq!(keys(&sent), ["0/0-1"]);
        assert_eq!(take(&mut flights, &short, &sent), 2);
        let left = slice(2, 9, 0);
        let sent = wave(&mut flights, &left);
        assert_eq!(keys(&sent), ["0/2", "0/6-8"]);
        assert_eq!(take(&mut flights, &left, &sent), 7);
        assert!(flights.known.is_empty());
    }
}

#[test]
fn what_was_refused_between_taken_messages_is_sent_again_after_a_kill() {
    let mut flights = Flights::new(1, 4);
    let all = slice(0, 10, 0);
    let mut sent_in = Vec::new();
    for _ in 0..3 {
        let sent = wave(&mut flights, &all);
        sent_in.push(keys(&sent).join(" "));
        for one in &sent {
            match one.span {
                span if span == Span::of(&all, 1).unwrap() => flights.failed(one, false),
                span if span.begins(&slice(7, 8, 0)) => flights.taken(one),
                span if span.before(&all) < 7 => flights.refused(one, &all, "bad".to_owned()),
                _ => flights.failed(one, false),
            }
        }
        flights.tidy(&all, 0);
    }
    assert_eq!(sent_in, ["0/0 0/1 0/2 0/3", "0/0 0/4 0/5 0/6", "0/0 0/7 0/8 0/9"]);
    let mut next = resumed(&flights, 1, 4);
    let sent = wave(&mut next, &all);
    assert_eq!(keys(&sent), ["0/0", "0/1", "0/2", "0/3"]);
    assert_eq!(take(&mut next, &all, &sent), 4);
    let left = slice(4, 10, 0);
    let sent = wave(&mut next, &left);
    assert_eq!(keys(&sent), ["0/4", "0/5", "0/6", "0/8"]);
    assert_eq!(take(&mut next, &left, &sent), 5);
}

#[test]
fn what_is_taken_beyond_the_end_of_a_pull_is_not_sent_again() {
    let mut flights = Flights::new(3, 5);
    let sent = wave(&mut flights, &slice(0, 15, 0));
    for one in &sent[1..] {
        flights.taken(one);
    }
    flights.failed(&sent[0], false);
    assert!(flights.tidy(&slice(0, 15, 0), 0));
    let short = slice(0, 12, 0);
    let sent = wave(&mut flights, &short);
    assert_eq!(keys(&sent), ["0/0-2"]);
    assert_eq!(take(&mut flights, &short, &sent), 12);
    let mut next = resumed(&flights, 3, 5);
    let left = slice(12, 18, 0);
    for flights in [&mut flights, &mut next] {
        let sent = wave(flights, &left);
        assert_eq!(keys(&sent), ["0/15-17"], "12-14 were taken");
        assert_eq!(take(flights, &left, &sent), 6);
        assert!(flights.known.is_empty(), "nothing is left to remember");
    }
}

/// What becomes of a request none of whose messages is bad.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Taken,
    NotNow,
    Unheard { arrives: bool },
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Taken),
        2 => Just(Fate::NotNow),
        1 => any::<bool>().prop_map(|arrives| Fate::Unheard { arrives }),
    ]
}

proptest! {
    /// Each pull has its length, the messages that are refused now, the fates of its requests, and perhaps a kill behind
    /// it, with the configuration of the next process.
    #[test]
    fn every_message_is_taken_or_rejected_and_none_twice_whose_answer_was_heard(
        log in prop::collection::btree_set(0..32_u64, 8..32),
        pulls in prop::collection::vec(
            (
                1..16_usize,
                prop::collection::btree_set(0..32_u64, 0..8),
                [fate(), fate(), fate(), fate()],
                prop::option::weighted(0.3, (1..4_usize, 1..5_usize)),
            ),
            1..40,
        ),
    ) {
        let log: Vec<_> = log.into_iter().collect();
        let mut flights = Flights::new(3, 3);
        let (mut position, mut noted) = (0, None);
        let (mut taken, mut rejected, mut unheard) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::<u64>::new());
        let calm = (log.len(), BTreeSet::new(), [Fate::Taken; 4], None);
        for (pull, bad, fates, kill) in pulls.into_iter().chain(std::iter::repeat_n(calm, log.len())) {
            let Some(ids) = log[position..].chunks(pull).next() else { break };
            let slice = with_ids(ids);
            if let Some(sent) = flights.next(&slice, &encoding()) {
                noted = if sent.is_empty() { noted } else { note(&flights).or(noted) };
                let mut troubled = false;
                for (one, fate) in sent.iter().zip(fates) {
                    let of_it = &ids[one.span.before(&slice)..][..one.span.messages()];
                    let is_bad = of_it.iter().any(|id| bad.contains(id));
                    troubled |= !matches!(fate, Fate::Taken);
                    match fate {
                        Fate::Taken if is_bad => flights.refused(one, &slice, "bad".to_owned()),
                        Fate::Taken => flights.taken(one),
                        Fate::NotNow => flights.failed(one, one.unheard),
                        Fate::Unheard { .. } => flights.failed(one, true),
                    }
                    if matches!(fate, Fate::Taken | Fate::Unheard { arrives: true }) && !is_bad {
                        for id in of_it {
                            prop_assert!(taken.insert(*id) || unheard.contains(id), "{id} twice");
                        }
                    }
                    if matches!(fate, Fate::Unheard { .. }) {
                        unheard.extend(of_it);
                    }
                }
                let (lead, at_fault) =
                    if troubled { (flights.taken_of(&slice), None) } else { flights.outcome(&slice) };
                match (flights.tidy(&slice, lead), note(&flights)) {
                    (false, Some(_)) => {}
                    (_, now) => noted = now,
                }
                position += lead + usize::from(at_fault.is_some());
                rejected.extend(at_fault.map(|(id, _)| id));
                for id in &log[..position] {
                    prop_assert!(taken.contains(id) || rejected.contains(id), "{id} is lost");
                }
            }
            if let Some((most, at_once)) = kill {
                flights = Flights::new(most, at_once);
                flights.resume(noted.clone().map(|note| serde_json::from_value(note).unwrap()).unwrap_or_default());
            }
        }
        prop_assert_eq!(position, log.len());
    }
}
