//! A message that fails again and again: rejected when it is the message, tried again while it may be the broker.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A service that never takes some messages. The ids of the publishes that came.
async fn service_without(bad: &'static [u64]) -> Server {
    Server::start(move |seen, _| {
        if seen.ids().iter().any(|id| bad.contains(id)) { backend_error() } else { published(seen) }
    })
    .await
}

fn sent(server: &Server) -> Vec<Vec<u64>> {
    server.seen().iter().map(Seen::ids).collect()
}

/// All that was taken, in the order of the requests.
fn taken(server: &Server, bad: &[u64]) -> Vec<u64> {
    sent(server).into_iter().filter(|ids| !ids.iter().any(|id| bad.contains(id))).flatten().collect()
}

fn rejected(trouble: Option<Trouble>) -> u64 {
    let Some(Trouble::Reject { message, reason }) = trouble else { panic!("{trouble:?}") };
    assert!(reason.starts_with("it failed time and again while others passed: "), "{reason}");
    message
}

#[tokio::test]
async fn a_message_that_fails_while_others_pass_is_rejected_by_name_and_those_are_not_sent_twice() {
    let server = service_without(&[1]).await;
    let mut sink = sink(&server.url, 10);
    let all = slice(0, 9, 0);
    let (retries, trouble) = deliver_all(&mut sink, &all).await;
    assert_eq!((rejected(trouble), retries), (1, 5), "the publish, and four times alone");
    assert_eq!(
        sent(&server)[2..],
        [[1], [1], [1], [1], [1], [2], [1], [3], [1], [4], [1], [5], [1], [6], [1]],
        "a witness between two failures"
    );

    // It is tried again later, and is still the one.
    let halted = deliver(&mut sink, &rest(&all, 1).unwrap()).await;
    assert_eq!((halted.receipt, rejected(halted.trouble)), (None, 1));

    // Given up: the witnesses are delivered already, in one receipt, and what follows comes in its order.
    let behind = rest(&all, 2).unwrap();
    let delivery = deliver(&mut sink, &behind).await;
    assert_eq!(delivery.receipt.map(|receipt| (receipt.next(), receipt.messages())), Some((7, 5)));
    assert!(deliver_all(&mut sink, &rest(&all, 7).unwrap()).await.1.is_none());
    assert_eq!(taken(&server, &[1]), [0, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn one_that_is_first_in_its_publish_is_rejected_too() {
    for batch in [1, 10] {
        let server = service_without(&[0]).await;
        let mut sink = sink(&server.url, batch);
        assert_eq!(rejected(deliver_all(&mut sink, &slice(0, 3, 0)).await.1), 0);
        assert!(deliver_all(&mut sink, &slice(1, 3, 0)).await.1.is_none());
        assert_eq!(taken(&server, &[0]), [1, 2]);
    }
}

#[tokio::test]
async fn bad_neighbours_are_rejected_one_after_the_other_with_those_who_came_since_as_witnesses() {
    let bad = &[0, 1, 4];
    let server = service_without(bad).await;
    let mut sink = sink(&server.url, 10);
    assert_eq!(rejected(deliver_all(&mut sink, &slice(0, 7, 0)).await.1), 0);
    // All others have passed by now, or are bad themselves.
    let (_, trouble) = deliver_all(&mut sink, &slice(1, 7, 0)).await;
    assert!(!matches!(trouble, None | Some(Trouble::Reject { .. })), "{trouble:?}");
    assert_eq!(rejected(deliver_all(&mut sink, &slice(1, 9, 0)).await.1), 1);
    let (_, trouble) = deliver_all(&mut sink, &slice(2, 20, 0)).await;
    assert_eq!(rejected(trouble), 4);
    assert!(deliver_all(&mut sink, &slice(5, 20, 0)).await.1.is_none());
    let mut arrived = taken(&server, bad);
    arrived.sort_unstable();
    assert_eq!(arrived, [2, 3].into_iter().chain(5..20).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn what_passed_ahead_is_not_sent_again_when_the_batch_is_pulled_anew_nor_after_a_panic_or_a_kill() {
    for killed in [false, true] {
        what_passed_ahead_is_not_sent_again(killed).await;
    }
}

async fn what_passed_ahead_is_not_sent_again(killed: bool) {
    let bad = Arc::new(AtomicU64::new(0));
    let fails = Arc::clone(&bad);
    let server = Server::start(move |seen, _| {
        if seen.ids().contains(&fails.load(Ordering::SeqCst)) { backend_error() } else { published(seen) }
    })
    .await;
    let own = client("http://127.0.0.1:1", "P");
    let target = || Arc::new(Target::new(client(&server.url, "Q"), "t".parse().unwrap(), 10, own.clone()));
    let (first, notebook) = (target(), notebook());
    let mut sink = TopicSink::new(Arc::clone(&first), &source(), notebook.clone());
    assert_eq!(rejected(deliver_all(&mut sink, &slice(0, 3, 0)).await.1), 0);

    // Somebody has mended it.
    bad.store(99, Ordering::SeqCst);
    let mut sink = TopicSink::new(if killed { target() } else { first }, &source(), notebook);
    let before = server.seen().len();
    assert!(deliver_all(&mut sink, &slice(0, 6, 0)).await.1.is_none());
    assert_eq!(sent(&server)[before..], [vec![0], vec![3, 4, 5]]);

    // A wanted replay is another matter.
    assert!(deliver_all(&mut sink, &slice(0, 3, 1)).await.1.is_none());
    assert_eq!(sent(&server).last().unwrap(), &[0, 1, 2]);
}

#[tokio::test]
async fn a_pass_before_an_outage_or_after_it_condemns_nobody() {
    // Message 0 passes, then the broker is down for as long as it likes, then all is well.
    for lasts in 1..30 {
        let server = Server::start(move |seen, before| {
            if (2..2 + lasts).contains(&before) || before == 0 { backend_error() } else { published(seen) }
        })
        .await;
        let (_, trouble) = deliver_all(&mut sink(&server.url, 10), &slice(0, 8, 0)).await;
        assert!(trouble.is_none(), "{lasts}: {trouble:?}");
        let mut arrived: Vec<u64> = server.seen()[2 + lasts..].iter().flat_map(Seen::ids).collect();
        arrived.sort_unstable();
        assert_eq!(arrived, (1..8).collect::<Vec<_>>(), "{lasts}: each once");
    }
}

#[tokio::test]
async fn where_a_third_of_all_publishes_fail_no_message_is_blamed() {
    let random = Mutex::new(fastrand::Rng::with_seed(7));
    let fails = Arc::new(move || random.lock().unwrap().u8(0..10) < 3);
    let taken = Arc::<Mutex<Vec<u64>>>::default();
    let into = Arc::clone(&taken);
    let server = Server::start(move |seen, _| {
        if fails() {
            return backend_error();
        }
        into.lock().unwrap().extend(seen.ids());
        published(seen)
    })
    .await;
    let mut sink = sink(&server.url, 10);
    for first in (0..2_000).step_by(50) {
        let (_, trouble) = deliver_all(&mut sink, &slice(first, first + 50, 0)).await;
        assert!(trouble.is_none(), "{trouble:?}");
    }
    let mut taken = taken.lock().unwrap().clone();
    taken.sort_unstable();
    assert_eq!(taken, (0..2_000).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn the_failures_of_one_message_are_not_counted_against_the_next() {
    let server = service_without(&[1, 2]).await;
    let mut sink = sink(&server.url, 10);
    assert_eq!(rejected(deliver_all(&mut sink, &slice(0, 4, 0)).await.1), 1);
    let (consequence, text) = error_of(deliver(&mut sink, &slice(2, 4, 0)).await);
    assert_eq!(consequence, "retry", "{text}");
}

#[tokio::test]
async fn while_nothing_passes_it_is_the_broker() {
    let server =
        Server::start(|seen, before| if before < 40 { backend_error() } else { published(seen) }).await;
    let mut sink = sink(&server.url, 10);
    let all = slice(0, 3, 0);
    let authority = server.url.strip_prefix("http://").unwrap();
    let (consequence, text) = error_of(deliver(&mut sink, &all).await);
    assert_eq!((consequence, text), ("retry", format!("transient {authority}: 500 Backend Error")));
    let (mut retries, mut at_once) = (0, 0);
    while server.seen().len() < 40 {
        let delivery = deliver(&mut sink, &all).await;
        if delivery.trouble.is_none() {
            at_once += 1;
            continue;
        }
        retries += 1;
        let (_, text) = error_of(delivery);
        assert_eq!(
            text,
            format!("transient message 0: {authority}: 500 Backend Error"),
            "one text, one line"
        );
    }
    assert!(at_once <= retries, "no more than two requests without a wait: {at_once} of {retries}");
    assert!(deliver_all(&mut sink, &all).await.1.is_none());
    assert_eq!(server.seen()[40..].iter().flat_map(Seen::ids).collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test]
async fn a_message_with_nothing_behind_it_is_tried_until_something_is() {
    let server = service_without(&[0]).await;
    let mut sink = sink(&server.url, 10);
    for attempt in 1..30 {
        let (consequence, _) = error_of(deliver(&mut sink, &slice(0, 1, 0)).await);
        assert_eq!(consequence, if attempt < 5 { "retry" } else { "alone" });
    }
    // It is pulled again with another one behind it.
    assert_eq!(rejected(deliver_all(&mut sink, &slice(0, 2, 0)).await.1), 0);
    assert!(deliver_all(&mut sink, &slice(1, 2, 0)).await.1.is_none());
    assert_eq!(taken(&server, &[0]), [1]);
}

#[tokio::test]
async fn what_can_never_be_published_is_no_witness() {
    let server = service_without(&[0]).await;
    let bad = r#"{"messageId":"1","attributes":{"id":"1","k":"\""},"data":"","publishTime":"T"}"#;
    let good = |id: u32| {
        format!(r#"{{"messageId":"{id}","attributes":{{"id":"{id}"}},"data":"","publishTime":"T"}}"#)
    };
    let all = slice_of(&[good(0), bad.to_owned(), good(2)].join(","), 0);
    assert_eq!(rejected(deliver_all(&mut sink(&server.url, 10), &all).await.1), 0);
    assert_eq!(taken(&server, &[0]), [2]);
}
