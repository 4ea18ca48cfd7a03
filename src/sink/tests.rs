pub(super) mod conformance;
pub(super) mod server;

use super::notebook::Jotter;
use super::*;

/// A batch of these messages; ids and ack ids as the service gives them.
pub(super) fn batch(messages: &str) -> Batch {
    let messages: Vec<serde_json::Value> = serde_json::from_str(&format!("[{messages}]")).unwrap();
    let received: Vec<_> = messages
        .into_iter()
        .map(|message| {
            let id = format!("projects/P/subscriptions/S:{}", message["messageId"].as_str().unwrap());
            serde_json::json!({"ackId": id, "message": message})
        })
        .collect();
    let answer = serde_json::json!({ "receivedMessages": received });
    Batch::from_json(answer.to_string().into_bytes()).unwrap()
}

/// All of [`batch`].
pub(super) fn slice_of(messages: &str, epoch: u64) -> Slice {
    let batch = Arc::new(batch(messages));
    Slice::new(Arc::clone(&batch), 0..batch.len(), epoch).unwrap()
}

/// Messages `first..end`, each with its id as an attribute.
pub(super) fn slice(first: u64, end: u64, epoch: u64) -> Slice {
    let message = |id| {
        format!(
            r#"{{"messageId":"{id}","attributes":{{"id":"{id}"}},"data":"eA==","publishTime":"2026-11-23T07:05:18Z"}}"#
        )
    };
    slice_of(&(first..end).map(message).collect::<Vec<_>>().join(","), epoch)
}

/// What is left of `slice` from message `next` on.
pub(super) fn rest(slice: &Slice, next: u64) -> Option<Slice> {
    let has = slice.messages().take_while(|message| message.id() < next).count();
    Slice::new(Arc::clone(&slice.batch), slice.range.start + has..slice.range.end, slice.epoch)
}

pub(super) fn source() -> Source {
    Source { project: "P".parse().unwrap(), subscription: "S".parse().unwrap(), key: "key".to_owned() }
}

pub(super) fn notebook() -> Arc<Jotter> {
    Arc::default()
}

/// The consequence of a delivery of nothing, and its text.
pub(super) fn error_of(delivery: Delivery) -> (&'static str, String) {
    assert_eq!(delivery.receipt, None);
    match delivery.trouble.unwrap() {
        Trouble::Retry { error, .. } => ("retry", format!("{} {}", error.class, error.message)),
        Trouble::Incomplete(error) => ("incomplete", format!("{} {}", error.class, error.message)),
        Trouble::Alone { error, .. } => ("alone", format!("{} {}", error.class, error.message)),
        Trouble::Fatal(error) => ("fatal", format!("{} {}", error.class, error.message)),
        Trouble::Closed { error, .. } => ("closed", format!("{} {}", error.class, error.message)),
        Trouble::Reject { message, reason } => ("reject", format!("{message} {reason}")),
    }
}

#[test]
fn a_receipt_covers_the_prefix_and_nothing_is_no_receipt() {
    let three = slice(5, 8, 0);
    let slice = rest(&three, 6).unwrap();
    assert_eq!(slice.receipt(0), None);
    assert_eq!(slice.receipt(1), Some(Receipt { next: 7, messages: 1, misdated: 0, files: Vec::new() }));
    assert_eq!(slice.receipt(2), Some(Receipt { next: 8, messages: 2, misdated: 0, files: Vec::new() }));
    assert!(Slice::new(Arc::clone(&slice.batch), 3..3, 0).is_none());
}
