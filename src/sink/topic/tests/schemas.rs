//! Messages that the schema of the topic does not take: rejected by name, each with two requests at the most.

use super::*;

/// A topic with a schema that does not take these messages.
async fn service_with_a_schema(bad: &'static [u64]) -> Server {
    Server::start(move |seen, _| {
        let Some(place) = seen.ids().iter().position(|id| bad.contains(id)) else { return published(seen) };
        let message = format!("Message {place} data is not valid,(root): name is required");
        let error = json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}});
        (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
    })
    .await
}

/// Delivers messages `0..end` and goes on behind each that is rejected. Those, and the ids of each request.
async fn deliver_around(server: &Server, batch: u32, end: u64) -> (Vec<u64>, Vec<Vec<u64>>) {
    let mut sink = sink(&server.url, batch);
    let all = slice(0, end, 0);
    let (mut left, mut rejected) = (Some(all.clone()), Vec::new());
    while let Some(now) = left {
        let (retries, trouble) = deliver_all(&mut sink, &now).await;
        assert_eq!(retries, 0, "it is no question of time");
        let Some(trouble) = trouble else { break };
        let Trouble::Reject { message, reason } = trouble else { panic!("{trouble:?}") };
        let authority = server.url.strip_prefix("http://").unwrap();
        assert_eq!(reason, format!("{authority}: data is not valid,(root): name is required"));
        rejected.push(message);
        left = rest(&all, message + 1);
    }
    (rejected, server.seen().iter().map(Seen::ids).collect())
}

#[tokio::test]
async fn a_message_that_does_not_fit_is_rejected_and_those_before_it_need_one_publish_more() {
    let server = service_with_a_schema(&[3, 4, 8]).await;
    let (rejected, requests) = deliver_around(&server, 6, 10).await;
    assert_eq!(rejected, [3, 4, 8]);
    assert_eq!(
        requests,
        [
            vec![0, 1, 2, 3, 4, 5],
            vec![0, 1, 2],
            vec![4, 5, 6, 7, 8, 9],
            vec![5, 6, 7, 8, 9],
            vec![5, 6, 7],
            vec![9]
        ]
    );
}

#[tokio::test]
async fn alone_in_a_publish_or_at_both_ends_of_one_they_are_rejected_too() {
    for (batch, end) in [(1, 5), (5, 5), (100, 5)] {
        let server = service_with_a_schema(&[0, 4]).await;
        let (rejected, requests) = deliver_around(&server, batch, end).await;
        assert_eq!(rejected, [0, 4], "{batch}");
        let taken = requests.into_iter().filter(|ids| !ids.contains(&0) && !ids.contains(&4)).flatten();
        assert_eq!(taken.collect::<Vec<_>>(), [1, 2, 3], "{batch}: each once");
    }
}

#[tokio::test]
async fn one_that_is_tried_again_is_asked_for_again() {
    let server = service_with_a_schema(&[0]).await;
    let mut sink = sink(&server.url, 10);
    for requests in 1..4 {
        let (_, trouble) = deliver_all(&mut sink, &slice(0, 3, 0)).await;
        assert!(matches!(trouble, Some(Trouble::Reject { message: 0, .. })), "{trouble:?}");
        assert_eq!(server.seen().len(), requests, "the schema may be another one by then");
    }
}

#[tokio::test]
async fn what_is_named_and_comes_in_another_order_of_things_is_no_misfit() {
    let server = service_with_a_schema(&[2]).await;
    let mut sink = sink(&server.url, 10);
    // Named, and not yet told; then somebody seeks back, and the ids mean something else.
    assert!(deliver(&mut sink, &slice(0, 3, 0)).await.trouble.is_none());
    let delivery = deliver(&mut sink, &slice(2, 3, 1)).await;
    assert!(delivery.receipt.is_none() && delivery.trouble.is_none(), "{delivery:?}");
    assert_eq!(server.seen().len(), 2, "it was asked for");
}
