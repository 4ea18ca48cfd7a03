//! Several requests at once.

use super::*;

/// A server that answers no request before so many have come, or there are no more to come. It counts how many are there at
/// once.
async fn gathering(
    wanted: usize,
    refuses: Option<u64>,
) -> (String, Arc<std::sync::Mutex<(usize, Vec<u64>)>>) {
    let gate = Arc::new(tokio::sync::Barrier::new(wanted));
    let there = Arc::<std::sync::Mutex<(usize, Vec<u64>)>>::default();
    let seen = Arc::clone(&there);
    let take = move |body: String| {
        let (gate, seen) = (Arc::clone(&gate), Arc::clone(&seen));
        async move {
            seen.lock().unwrap().0 += 1;
            gate.wait().await;
            let id =
                serde_json::from_str::<serde_json::Value>(&body).unwrap()["message"]["messageId"].to_string();
            let id = id.trim_matches('"').parse().unwrap();
            let mut seen = seen.lock().unwrap();
            if refuses == Some(id) {
                return StatusCode::BAD_REQUEST;
            }
            seen.1.push(id);
            StatusCode::OK
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(take);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, there)
}

#[tokio::test]
async fn several_requests_are_there_at_once_and_never_more_than_may_be() {
    let (url, there) = gathering(3, None).await;
    let mut sink = sink(&url, "concurrency = 3");
    let all = slice(0, 9, 0);
    for wave in 1..=3 {
        let rest = rest(&all, 3 * (wave - 1)).unwrap();
        let delivery = deliver(&mut sink, &rest).await;
        assert!(delivery.trouble.is_none());
        assert_eq!(delivery.receipt.unwrap().next(), 3 * wave);
        assert_eq!(u64::try_from(there.lock().unwrap().0).unwrap(), 3 * wave);
    }
    let mut arrived = there.lock().unwrap().1.clone();
    arrived.sort_unstable();
    assert_eq!(arrived, (0..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_several_at_once_the_refused_one_is_named_and_its_neighbours_are_there() {
    let (url, there) = gathering(3, Some(1)).await;
    let mut sink = sink(&url, "concurrency = 3");
    let Delivery { receipt, trouble } = deliver(&mut sink, &slice(0, 3, 0)).await;
    assert_eq!(receipt.unwrap().next(), 1);
    let Some(Trouble::Reject { message: 1, .. }) = trouble else { panic!("{trouble:?}") };
    // Taken ahead of it, and not sent again.
    assert_eq!(deliver(&mut sink, &slice(2, 3, 0)).await.receipt.unwrap().next(), 3);
    let mut arrived = there.lock().unwrap().1.clone();
    arrived.sort_unstable();
    assert_eq!((arrived, there.lock().unwrap().0), (vec![0, 2], 3));
}

#[tokio::test]
async fn of_several_at_once_the_longest_pause_holds_for_all_and_a_kill_repeats_none_that_was_taken() {
    let later =
        |seconds: &'static str| (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", seconds)]).into_response();
    let server = Server::start(move |seen, before| match seen.ids()[0] {
        0 if before < 4 => later("3"),
        4 if before < 4 => later("7"),
        6 if before < 4 => status(422),
        _ => status(200),
    })
    .await;
    let config = config(&server.url, "concurrency = 4\nbatch = 2");
    let book = notebook();
    let open = || {
        let receiver = Arc::new(Receiver::new(&config).unwrap());
        WebhookSink::new(receiver, &source(), "https://ams", Arc::clone(&book) as Arc<dyn Notebook>)
    };
    let all = slice(0, 12, 0);
    let Delivery { receipt, trouble } = deliver(&mut open(), &all).await;
    let Some(Trouble::Retry { after: Some(after), error }) = trouble else { panic!("{trouble:?}") };
    assert_eq!((receipt, after.as_secs(), error.class), (None, 7, "transient"));
    let mut next = open();
    assert!(deliver_all(&mut next, &all).await.is_none());
    let mut keys: Vec<_> = server.seen().iter().map(|one| one.header("idempotency-key").to_owned()).collect();
    keys[..4].sort_unstable();
    assert_eq!(keys[..4], ["P/S/0/0-1", "P/S/0/2-3", "P/S/0/4-5", "P/S/0/6-7"]);
    keys[4..].sort_unstable();
    // 2-3 were taken.
    assert_eq!(keys[4..], ["P/S/0/0-1", "P/S/0/10-11", "P/S/0/4-5", "P/S/0/6-7", "P/S/0/8-9"]);
    assert_eq!(*book.note.lock().unwrap(), None, "nothing is left to remember");
}
