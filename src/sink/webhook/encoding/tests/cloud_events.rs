use serde_json::{Value, json};

use super::*;

const TIME: &str = "2026-11-23T07:05:18.157214377Z";

/// A message with this payload and these attributes.
fn message(id: u64, attributes: &Value, payload: &[u8]) -> String {
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD.encode(payload);
    json!({"messageId": id.to_string(), "attributes": attributes, "data": data, "publishTime": TIME})
        .to_string()
}

fn event(attributes: &Value, payload: &[u8]) -> Value {
    let slice = slice_of(&message(7, attributes, payload), 2);
    let request = encoding("format = \"cloudevents\"").request(&slice, 1).unwrap();
    let expected = [("content-type", "application/cloudevents+json; charset=utf-8")];
    assert_eq!(headers(&request), expected);
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn a_structured_event_has_all_that_is_known_of_the_message() {
    let attributes = json!({"partition_date": "2026-11-23", "content-type": "application/json"});
    assert_eq!(
        event(&attributes, br#" {"a":1} "#),
        json!({
            "specversion": "1.0", "id": "2/7", "type": "eu.egi.argo.ams.message", "subject": "7", "time": TIME,
            "source": "https://ams.example.org/v1/projects/P/subscriptions/S",
            "partitiondate": "2026-11-23", "datacontenttype": "application/json", "data": {"a": 1},
        })
    );
}

#[test]
fn the_payload_stands_as_what_it_is() {
    let none = json!({});
    for (attributes, payload, content_type, data) in [
        (&none, &b"[1]"[..], "application/json", json!({"data": [1]})),
        (&none, b"hello", "text/plain; charset=utf-8", json!({"data": "hello"})),
        (&none, b"", "text/plain; charset=utf-8", json!({"data": ""})),
        (&none, b"\xff", "application/octet-stream", json!({"data_base64": "/w=="})),
        (&json!({"ContentType": "text/csv"}), b"1,2", "text/csv", json!({"data": "1,2"})),
        (
            &json!({"datacontenttype": "application/json"}),
            b"{",
            "application/json",
            json!({"data_base64": "ew=="}),
        ),
        (&json!({"content-type": "avro/binary"}), b"1", "avro/binary", json!({"data_base64": "MQ=="})),
        (&json!({"content-type": "application/x+json"}), b"1", "application/x+json", json!({"data": 1})),
    ] {
        let event = event(attributes, payload);
        assert_eq!(event["datacontenttype"], content_type);
        for key in ["data", "data_base64"] {
            assert_eq!(event.get(key), data.get(key), "{event}");
        }
    }
    let configured = encoding("format = \"cloudevents\"\ncontent_type = \"avro/binary\"");
    let request = configured.request(&slice(0, 1, 0), 1).unwrap();
    let event: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&event["datacontenttype"], &event["data_base64"]), (&json!("avro/binary"), &json!("eA==")));
}

#[test]
fn no_attribute_of_a_message_is_lost_or_takes_the_place_of_another() {
    let attributes = json!({
        "id": "a", "source": "b", "a_b": "c", "ab": "d", "A-B": "e", "data": "f", "ä": "g", "data_base64": "h",
        "content-type": "no media type", "datacontenttype": "application/cloudevents+json",
    });
    let event = event(&attributes, b"x");
    let object = event.as_object().unwrap();
    for name in object.keys().filter(|name| *name != "data_base64") {
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{name}");
    }
    let mut values: Vec<_> =
        object.values().filter_map(Value::as_str).filter(|value| value.len() == 1).collect();
    values.sort_unstable();
    assert_eq!(values, ["7", "a", "b", "c", "d", "e", "f", "g", "h", "x"]);
    assert_eq!((&event["id"], &event["amsid"], &event["ab"]), (&json!("2/7"), &json!("a"), &json!("e")));
}

#[test]
fn a_binary_event_has_its_attributes_in_headers_percent_encoded_and_the_payload_as_it_is() {
    let attributes = json!({"host": "a \"b\" 100% Euro € 😀", "content-type": "text/csv"});
    let slice = slice_of(&message(7, &attributes, b"1,2\xff"), 0);
    let request = encoding("format = \"cloudevents\"\nmode = \"binary\"").request(&slice, 1).unwrap();
    assert_eq!(request.body[..], b"1,2\xff"[..]);
    assert_eq!(
        headers(&request),
        [
            ("ce-host", "a%20%22b%22%20100%25%20Euro%20%E2%82%AC%20%F0%9F%98%80"),
            ("ce-id", "0/7"),
            ("ce-source", "https://ams.example.org/v1/projects/P/subscriptions/S"),
            ("ce-specversion", "1.0"),
            ("ce-subject", "7"),
            ("ce-time", TIME),
            ("ce-type", "eu.egi.argo.ams.message"),
            ("content-type", "text/csv"),
        ]
    );
}

#[test]
fn a_batch_is_a_list_of_events_and_ends_before_one_that_cannot_be() {
    let bad = r#"{"messageId":"2","data":"!","publishTime":"T"}"#;
    let three = [message(0, &json!({}), b"a"), message(1, &json!({}), b"b"), bad.to_owned()].join(",");
    let batched = encoding("format = \"cloudevents\"\nmode = \"batched\"\nbatch = 10");
    let request = batched.request(&slice_of(&three, 0), 10).unwrap();
    assert_eq!(headers(&request), [("content-type", "application/cloudevents-batch+json; charset=utf-8")]);
    let events: Value = serde_json::from_slice(&request.body).unwrap();
    let ids: Vec<_> = events.as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!((ids, request.messages), (vec!["0/0", "0/1"], 2));
    assert_eq!(request.idempotency_key, "P/S/0/0-1");
    let alone = batched.request(&slice_of(bad, 0), 10).unwrap_err();
    assert_eq!(alone, Unfit { messages: 1, reason: "its data is no base64".into() });
    let one = batched.request(&slice(0, 1, 0), 10).unwrap();
    assert!(serde_json::from_slice::<Value>(&one.body).unwrap().is_array(), "one is a list too");
}
