mod cloud_events;
mod templates;

use super::*;
use crate::config::{SinkKind, sink_for_test};
use crate::sink::tests::{slice, slice_of, source};

/// The encoding of a webhook with these keys.
fn encoding(keys: &str) -> Encoding {
    let keys = format!("type = \"webhook\"\nurl = \"https://h\"\n{keys}");
    let SinkKind::Webhook(webhook) = sink_for_test(&keys).kind else { panic!("{keys}") };
    Encoding::new(&source(), &webhook.format, "https://ams.example.org")
}

/// Its headers as text, in order of name.
fn headers(request: &Request) -> Vec<(&str, &str)> {
    let mut headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.sort_unstable();
    headers
}

fn request(slice: &Slice, wanted: usize) -> (String, String, usize) {
    let request = encoding("").request(slice, wanted).unwrap();
    assert_eq!(headers(&request), [("content-type", "application/json")]);
    (String::from_utf8(request.body.to_vec()).unwrap(), request.idempotency_key, request.messages)
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

#[test]
fn a_raw_request_is_the_payload_and_tells_all_else_in_headers() {
    let message = r#"{"messageId":"7","attributes":{"partition_date":"2026-11-23","Größe":"50 % ü","authorization":"x\r\ny: z"},"data":"AAH/","publishTime":"2026-11-23T07:05:18Z"}"#;
    let request = encoding("format = \"raw\"").request(&slice_of(message, 1), 1).unwrap();
    assert_eq!((&request.body[..], request.idempotency_key.as_str()), (&[0, 1, 255][..], "P/S/1/7"));
    assert_eq!(
        headers(&request),
        [
            ("content-type", "application/octet-stream"),
            ("x-ams-attribute-authorization", "x%0D%0Ay:%20z"),
            ("x-ams-attribute-gr%c3%b6%c3%9fe", "50%20%25%20%C3%BC"),
            ("x-ams-attribute-partition-date", "2026-11-23"),
            ("x-ams-message-id", "7"),
            ("x-ams-publish-time", "2026-11-23T07:05:18Z"),
            ("x-ams-subscription", "projects/P/subscriptions/S"),
        ]
    );
    let typed = encoding("format = \"raw\"\ncontent_type = \"text/csv\"");
    assert_eq!(headers(&typed.request(&slice(0, 3, 0), 1).unwrap())[0], ("content-type", "text/csv"));
}

#[test]
fn what_a_raw_request_cannot_hold_is_said_and_not_shown() {
    let raw = encoding("format = \"raw\"");
    let no_base64 = r#"{"messageId":"7","data":"s3cret!","publishTime":"T"}"#;
    let unfit = raw.request(&slice_of(no_base64, 0), 1).unwrap_err();
    assert_eq!(unfit, Unfit { messages: 1, reason: "its data is no base64".into() });
    let attributes: Vec<_> = (0..40_000).map(|n| format!("\"a{n}\":\"\"")).collect();
    let many = format!(
        r#"{{"messageId":"7","attributes":{{{}}},"data":"","publishTime":"T"}}"#,
        attributes.join(",")
    );
    let unfit = raw.request(&slice_of(&many, 0), 1).unwrap_err();
    assert_eq!(unfit.reason, "it has more attributes than a request has headers");
}
