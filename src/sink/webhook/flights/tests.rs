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

fn resumed(flights: &Flights, most: usize, at_once: usize) -> Flights {
    let note = serde_json::to_value(flights.noted().unwrap()).unwrap();
    let mut next = Flights::new(most, at_once);
    next.resume(serde_json::from_value(note).unwrap());
    next
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
    assert!(!flights.tidy());
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
    let lost = |missing: u64| {
        let message = |id| format!(r#"{{"messageId":"{id}","data":"eA==","publishTime":"t"}}"#);
        let left: Vec<_> = (0..9).filter(|id| *id != missing).map(message).collect();
        slice_of(&left.join(","), 0)
    };
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
        flights.tidy();
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
        flights.tidy();
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
    assert!(flights.tidy(), "there is something to remember");
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
        assert!(flights.tidy());
        let left = rest(&all, 6).unwrap();
        let sent = wave(flights, &left);
        assert_eq!(keys(&sent), ["0/6-7", "0/10-11", "0/12-13"]);
        for one in &sent {
            flights.taken(one);
        }
        assert_eq!(flights.outcome(&left), (8, None));
        assert!(!flights.tidy() && flights.known.is_empty(), "nothing is left to remember");
    }
}

#[test]
fn a_batch_of_which_a_part_was_taken_ahead_goes_on_behind_it() {
    let mut flights = Flights::new(2, 2);
    let sent = wave(&mut flights, &slice(0, 4, 0));
    flights.failed(&sent[0], true);
    flights.taken(&sent[1]);
    flights.tidy();
    // The first two were given up; of those taken one is in this batch, then both.
    for end in [3, 4] {
        assert!(wave(&mut flights, &slice(2, end, 0)).is_empty());
        assert_eq!(flights.outcome(&slice(2, end, 0)), (usize::try_from(end).unwrap() - 2, None));
    }
}
