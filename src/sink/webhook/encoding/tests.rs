use super::*;
use crate::sink::tests::{slice, slice_of, source};

fn request(slice: &Slice, wanted: usize) -> (String, String, usize) {
    let request = Encoding::new(&source()).request(slice, wanted).unwrap();
    (String::from_utf8(request.body).unwrap(), request.idempotency_key, request.messages)
}

#[test]
fn one_message_stands_alone() {
    let odd = r#"{"messageId":"7","attributes":{"a":"1","b":"\"\n"},"data":"no base64 \\ <ü>\n","publishTime":"T"}"#;
    let (body, key, messages) = request(&slice_of(odd, 3), 1);
    assert_eq!(
        body,
        r#"{"message":{"messageId":"7","attributes":{"a":"1","b":"\"\n"},"data":"no base64 \\ <ü>\n","publishTime":"T"},"subscription":"projects/P/subscriptions/S"}"#
    );
    assert_eq!((key.as_str(), messages), ("P/S/3/7", 1));
}

#[test]
fn several_stand_in_a_list_and_attributes_only_where_there_are_some() {
    let two = r#"{"messageId":"7","data":"eA==","publishTime":"T"},{"messageId":"8","data":"","publishTime":"U"},
                 {"messageId":"9","data":"","publishTime":"V"}"#;
    let (body, key, messages) = request(&slice_of(two, 0), 2);
    assert_eq!(
        body,
        r#"{"messages":[{"message":{"messageId":"7","data":"eA==","publishTime":"T"},"subscription":"projects/P/subscriptions/S"},{"message":{"messageId":"8","data":"","publishTime":"U"},"subscription":"projects/P/subscriptions/S"}]}"#
    );
    assert_eq!((key.as_str(), messages), ("P/S/0/7-8", 2));
    assert_eq!(request(&slice(1, 4, 1), 100).1, "P/S/1/1-3", "no more than there are");
}

#[test]
fn large_messages_make_smaller_requests_and_the_largest_goes_alone() {
    let message =
        |id: u32, size| format!(r#"{{"messageId":"{id}","data":"{}","publishTime":"T"}}"#, "A".repeat(size));
    let large = [message(0, 3 << 20), message(1, 1 << 19), message(2, 6 << 20)].join(",");
    let slice = slice_of(&large, 0);
    assert_eq!(request(&slice, 10).2, 2);
    let alone = slice_of(&[message(2, 6 << 20), message(3, 1)].join(","), 0);
    let (body, key, messages) = request(&alone, 10);
    assert_eq!((key.as_str(), messages), ("P/S/0/2", 1));
    assert!(serde_json::from_str::<serde_json::Value>(&body).unwrap()["message"].is_object());
}
