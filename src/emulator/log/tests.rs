use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn limits(retention_bytes: usize) -> Limits {
    let retention = Retention { bytes: Some(retention_bytes), ..Retention::UNLIMITED };
    Limits { retention, memory: Memory::new(None) }
}

fn good(data: &str) -> Prepared<'_> {
    Prepared::Good {
        attributes: Vec::new(),
        data: Cow::Borrowed(data.as_bytes()),
        data_bytes: data.len() as u64,
    }
}

/// The ids and the data that a pull of `limit` from `from` on would show.
fn shown(log: &Log, from: u64, limit: u64) -> Vec<(u64, String)> {
    let answer = log.records(from, limit).answer("projects/P/subscriptions/s:").unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let messages = answer["receivedMessages"].as_array().unwrap();
    messages
        .iter()
        .map(|received| {
            let message = &received["message"];
            let id = message["messageId"].as_str().unwrap();
            assert_eq!(received["ackId"], format!("projects/P/subscriptions/s:{id}"));
            (id.parse().unwrap(), message["data"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn records_come_back_in_order_over_the_borders_of_publishes() {
    let log = Log::new(limits(usize::MAX), None);
    assert_eq!(log.append(&[good("a"), good("b")]), Ok(0..2));
    assert_eq!(log.append(&[]), Ok(2..2));
    assert_eq!(log.append(&[good("c")]), Ok(2..3));
    assert_eq!(log.append(&[good("d"), good("e")]), Ok(3..5));
    let all: Vec<(u64, String)> = (0..).zip(["a", "b", "c", "d", "e"].map(String::from)).collect();
    for from in 0..6 {
        for limit in 0..7 {
            let want: Vec<_> = all.iter().skip(from).take(limit).cloned().collect();
            assert_eq!(shown(&log, from as u64, limit as u64), want, "{limit} from {from}");
        }
    }
    assert_eq!(shown(&log, 99, u64::MAX), []);
}

#[test]
fn a_record_that_is_too_large_ends_the_publish_and_those_before_it_stay() {
    let log = Log::new(limits(usize::MAX), None);
    let large = "x".repeat(LARGEST_RECORD);
    assert_eq!(log.append(&[good("a"), good(&large), good("b")]), Err(Rejected::TooLarge));
    assert_eq!(log.bounds(), Bounds { min: 0, max: 1 });
    assert_eq!(log.append(&[good("c")]), Ok(1..2));
    assert_eq!(shown(&log, 0, 9), [(0, "a".to_owned()), (1, "c".to_owned())]);
}

#[test]
fn the_limit_counts_the_record_as_it_is_stored() {
    let attributes = [("k".to_owned(), "v".to_owned())].into();
    let fits = |bytes: usize| {
        let data = "x".repeat(bytes);
        let attributes = crate::emulator::attributes::render(&attributes).unwrap();
        let data_bytes = data.len() as u64;
        let message = Prepared::Good { attributes, data: Cow::Borrowed(data.as_bytes()), data_bytes };
        let time: Timestamp = "2026-11-23T07:05:33.85171063Z".parse().unwrap();
        let room = Memory::new(None).reserve(0).unwrap();
        Segment::with_capacity(7, &[], room).push(&message, time, LARGEST_RECORD).is_some()
    };
    let stored = "{\n   \"messageId\": \"7\",\n   \"attributes\": {\n      \"k\": \"v\"\n   },\n   \"data\": \"\",\n   \
                  \"publishTime\": \"2026-11-23T07:05:33.85171063Z\"\n}";
    assert!(fits(LARGEST_RECORD - stored.len()));
    assert!(!fits(LARGEST_RECORD - stored.len() + 1));
}

#[test]
fn a_poisoned_record_takes_an_id_and_spoils_every_pull_over_it() {
    let log = Log::new(limits(usize::MAX), None);
    let poisoned = |poison| Prepared::Poisoned { poison, data_bytes: 4 };
    let messages =
        [good("a"), poisoned(Poison::Unexportable), good("b"), poisoned(Poison::Unreadable), good("c")];
    assert_eq!(log.append(&messages), Ok(0..5));
    let poison = |from, limit| log.records(from, limit).answer("").err();
    assert_eq!(poison(0, 1), None);
    assert_eq!(poison(0, 3), Some(Poison::Unexportable));
    assert_eq!(poison(0, 5), Some(Poison::Unreadable));
    assert_eq!(poison(2, 2), Some(Poison::Unreadable));
    assert_eq!(shown(&log, 4, 9), [(4, "c".to_owned())]);
}

#[test]
fn retention_removes_the_oldest_and_frees_their_memory() {
    let log = Log::new(limits(10_000), None);
    let data = "x".repeat(900);
    for _ in 0..100 {
        log.append(&[good(&data)]).unwrap();
    }
    let Bounds { min, max } = log.bounds();
    assert_eq!(max, 100);
    assert!((89..95).contains(&min), "{min}");
    assert_eq!(log.state().segments.len(), usize::try_from(max - min).unwrap());
    assert_eq!(shown(&log, 0, 1)[0].0, min.unsigned_abs());
    let huge = "x".repeat(20_000);
    log.append(&[good(&data), good(&huge)]).unwrap();
    assert_eq!(log.bounds(), Bounds { min: 101, max: 102 });
}

#[test]
fn removal_stops_at_the_end_and_never_goes_back() {
    let log = Log::new(limits(usize::MAX), None);
    log.append(&[good("a"), good("b"), good("c")]).unwrap();
    log.remove_below(2);
    log.remove_below(1);
    assert_eq!(log.bounds(), Bounds { min: 2, max: 3 });
    log.remove_below(99);
    assert_eq!(log.bounds(), Bounds { min: 3, max: 3 });
    assert_eq!(log.state().bytes, 0);
    assert_eq!(log.append(&[good("d")]), Ok(3..4));
}

#[test]
fn a_time_leads_to_the_first_record_that_is_not_older() {
    let log = Log::new(limits(usize::MAX), None);
    assert_eq!(log.offset_at(0), None);
    log.append(&[good("a"), good("b")]).unwrap();
    log.append(&[good("c")]).unwrap();
    assert_eq!(log.offset_at(0), Some(0));
    assert_eq!(log.offset_at(i64::MAX), None);
    let last = log.state().last_time.as_millisecond();
    assert_eq!(log.offset_at(last + 1), None);
    assert!(log.offset_at(last).is_some_and(|offset| offset <= 2));
    log.remove_below(2);
    assert_eq!(log.offset_at(0), Some(2));
}

#[test]
fn concurrent_publishers_get_contiguous_ids_and_rising_times() {
    let log = Log::new(limits(usize::MAX), None);
    let ids: Vec<u64> = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..8)
            .map(|_| {
                let publish = |size: usize| log.append(&vec![good("x"); 1 + size % 7][..]).unwrap();
                scope.spawn(move || (0..200).flat_map(publish).collect::<Vec<u64>>())
            })
            .collect();
        publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).collect()
    });
    let all: HashSet<u64> = ids.iter().copied().collect();
    assert_eq!(all.len(), ids.len());
    assert_eq!(log.bounds(), Bounds { min: 0, max: ids.len().try_into().unwrap() });
    assert_eq!(
        shown(&log, 0, u64::MAX).iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        (0..ids.len() as u64).collect::<Vec<_>>()
    );
    let answer = log.records(0, u64::MAX).answer("").unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let times = answer.split("\"publishTime\": \"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let times: Vec<Timestamp> = times.map(|time| time.parse().unwrap()).collect();
    assert!(times.is_sorted_by(|earlier, later| earlier < later));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_enough_is_there_or_the_topic_is_gone() {
    let log = Log::new(limits(usize::MAX), None);
    let wait = tokio::time::timeout(Duration::from_secs(1), log.grown_to(1));
    assert!(wait.await.is_err());
    log.append(&[good("a")]).unwrap();
    log.grown_to(1).await;
    log.close();
    log.grown_to(99).await;
}

proptest! {
    #[test]
    fn any_series_of_publishes_and_removals_leaves_the_newest_without_holes(
        steps in prop::collection::vec((0..5_usize, 0..40_u64), 1..30)
    ) {
        let log = Log::new(limits(usize::MAX), None);
        let (mut first, mut next) = (0_u64, 0_u64);
        for (count, below) in steps {
            let ids = log.append(&vec![good("x"); count]).unwrap();
            prop_assert_eq!(ids, next..next + count as u64);
            next += count as u64;
            log.remove_below(below);
            first = first.max(below.min(next));
            let ids: Vec<u64> = shown(&log, 0, u64::MAX).into_iter().map(|(id, _)| id).collect();
            prop_assert_eq!(ids, (first..next).collect::<Vec<_>>());
        }
    }
}
