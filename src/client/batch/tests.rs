use super::*;
use crate::client::testing::recording;
use proptest::prelude::*;
use serde_json::{Value, json};

fn recorded(file: &str, name: &str) -> Batch {
    let step = recording(file).into_iter().find(|step| step.name == name).expect(name);
    Batch::from_json(step.text.into_bytes()).unwrap()
}

fn only(batch: &Batch) -> Message<'_> {
    assert_eq!(batch.len(), 1);
    batch.get(0).unwrap()
}

fn parse(text: &str) -> Result<Batch, NotABatch> {
    Batch::from_json(text.as_bytes().to_vec())
}

#[test]
fn every_recorded_pull_reads_as_plain_json_does() {
    let files = [
        "05_subscriptions.json",
        "06_delivery.json",
        "06_odd_messages.json",
        "09_retention.json",
        "12_edges.json",
    ];
    let mut messages = 0;
    for step in files.iter().flat_map(|file| recording(file)) {
        if step.status == 200 && step.text.contains("receivedMessages") {
            let value: Value = serde_json::from_str(&step.text).unwrap();
            let batch = Batch::from_json(step.text.clone().into_bytes()).unwrap();
            assert_same(&batch, &value);
            assert_eq!(batch.wire_bytes(), step.text.len());
            messages += batch.len();
        }
    }
    assert!(messages > 30, "only {messages} messages were compared");
}

#[test]
fn escapes_in_attributes_are_undone() {
    let batch = recorded("06_odd_messages.json", "pull: attribute with < and &");
    assert_eq!(only(&batch).attributes().collect::<Vec<_>>(), [("h", "<a&b>")]);
    let batch = recorded("06_odd_messages.json", "pull: unicode attribute");
    assert_eq!(only(&batch).attributes().collect::<Vec<_>>(), [("ключ", "значение ☂")]);
}

#[test]
fn a_message_without_data_or_attributes_is_empty() {
    let batch = recorded("06_odd_messages.json", "pull: neither data nor attributes");
    let message = only(&batch);
    assert_eq!((message.data_text(), message.has_attributes(), message.attributes().len()), ("", false, 0));
    let batch = parse(r#"{"receivedMessages":[{"message":{"messageId":"7"}}]}"#).unwrap();
    assert_eq!((only(&batch).id(), only(&batch).data_text(), only(&batch).publish_time()), (7, "", ""));
    let nulls = r#"{"receivedMessages":[{"message":{"messageId":"7","data":null,"attributes":null}}]}"#;
    assert_eq!(only(&parse(nulls).unwrap()).data_text(), "");
}

#[test]
fn data_that_is_no_base64_is_handed_on_as_it_came() {
    let batch = recorded("06_odd_messages.json", "pull: data that is not base64");
    let mut out = b"before".to_vec();
    assert_eq!(only(&batch).decode_data(&mut out), Err(NotBase64));
    assert_eq!((only(&batch).data_text(), out.as_slice()), ("not base64 !!", &b"before"[..]));
}

#[test]
fn binary_data_decodes_to_every_byte() {
    let batch = recorded("06_odd_messages.json", "pull: binary data");
    let mut out = Vec::new();
    only(&batch).decode_data(&mut out).unwrap();
    assert_eq!(out, (0..=255).collect::<Vec<u8>>());
}

#[test]
fn white_space_and_missing_padding_are_accepted_and_nothing_else() {
    let decode = |text: &str| {
        let body = json!({"receivedMessages": [{"message": {"messageId": "0", "data": text}}]}).to_string();
        let mut out = vec![9];
        parse(&body).unwrap().get(0).unwrap().decode_data(&mut out).map(|()| out)
    };
    for good in ["YWI=", "YWI", "Y\nW\r\nI=\n", " YWI ", "YW I", "YWI=\n"] {
        assert_eq!(decode(good).unwrap(), [9, b'a', b'b'], "{good:?}");
    }
    assert_eq!(decode(" \n").unwrap(), [9]);
    for bad in ["Y", "YWI==", "YW=I", "YWI=YWI=", "YWJ=", "-_-_", "YWI=!", "YWI\u{a0}"] {
        assert!(decode(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_string_without_escapes_is_never_copied() {
    let batch = recorded("05_subscriptions.json", "pull three");
    assert!(batch.unescaped.is_empty());
    let body = batch.body.as_bytes().as_ptr_range();
    assert!(batch.iter().all(|message| body.contains(&message.data_text().as_ptr())));
}

#[test]
fn fields_may_come_in_any_order_and_unknown_ones_are_passed_over() {
    let text = r#"{"more":{"a":[1,2]},"receivedMessages":[{"message":{"publishTime":"T","x":[{"data":"no"}],"data":"YQ==",
        "attributes":{"k":"v"},"messageId":"18446744073709551615"},"ackId":"a","deliveryAttempt":3}],"y":null}"#;
    let batch = parse(text).unwrap();
    let message = only(&batch);
    assert_eq!((message.id(), message.publish_time(), message.data_text()), (u64::MAX, "T", "YQ=="));
    assert_eq!(message.attributes().collect::<Vec<_>>(), [("k", "v")]);
}

#[test]
fn ids_that_do_not_rise_are_no_batch() {
    let with = |a: u64, b: u64| {
        json!({"receivedMessages": [{"message": {"messageId": a.to_string()}}, {"message": {"messageId": b.to_string()}}]})
            .to_string()
    };
    assert!(parse(&with(4, 5)).is_ok());
    assert_eq!(parse(&with(5, 5)).unwrap_err().to_string(), "message 5 comes after 5");
    assert!(parse(&with(6, 5)).is_err());
}

#[test]
fn what_is_no_answer_to_a_pull_is_refused_without_being_quoted() {
    let bad = [
        "",
        "null",
        "[]",
        "geheim",
        "{}",
        r#"{"error":{"code":500,"message":"geheim"}}"#,
        r#"{"receivedMessages":{}}"#,
        r#"{"receivedMessages":["geheim"]}"#,
        r#"{"receivedMessages":[{}]}"#,
        r#"{"receivedMessages":[{"message":"geheim"}]}"#,
        r#"{"receivedMessages":[{"message":{"data":"geheim"}}]}"#,
        r#"{"receivedMessages":[{"message":{"messageId":"geheim"}}]}"#,
        r#"{"receivedMessages":[{"message":{"messageId":"-1"}}]}"#,
        r#"{"receivedMessages":[{"message":{"messageId":7}}]}"#,
        r#"{"receivedMessages":[{"message":{"messageId":"7","data":["geheim"]}}]}"#,
        r#"{"receivedMessages":[{"message":{"messageId":"7","attributes":{"a":1}}}]}"#,
        r#"{"receivedMessages":[]} geheim"#,
        r#"{"receivedMessages":[{"message":{"messageId":"7"#,
    ];
    for text in bad {
        let error = parse(text).expect_err(text).to_string();
        assert!(!error.contains("geheim"), "{error}");
        assert!(error.contains("JSON"), "{error}");
    }
    assert_eq!(Batch::from_json(b"{\"\xff\"".to_vec()).unwrap_err().to_string(), "no UTF-8 at byte 2");
}

#[test]
fn debug_shows_no_content() {
    let batch = parse(
        r#"{"receivedMessages":[{"message":{"messageId":"7","data":"Z2VoZWlt","attributes":{"k":"geheim"}}}]}"#,
    )
    .unwrap();
    let shown = format!("{batch:?} {:?}", only(&batch));
    assert!(!shown.contains("geheim") && !shown.contains("Z2VoZWlt"), "{shown}");
    assert!(shown.contains("first_id: Some(7)"), "{shown}");
}

#[test]
fn the_iterator_knows_its_length_and_goes_both_ways() {
    let batch = recorded("05_subscriptions.json", "pull three");
    assert_eq!(batch.iter().len(), 3);
    assert_eq!(batch.iter().rev().map(|message| message.id()).collect::<Vec<_>>(), [2, 1, 0]);
    assert!(batch.get(3).is_none());
    assert!(parse(r#"{"receivedMessages":[]}"#).unwrap().is_empty());
}

/// Compares with a parse that has nothing in common with ours but the text.
fn assert_same(batch: &Batch, value: &Value) {
    let expected = value["receivedMessages"].as_array().unwrap();
    assert_eq!(batch.len(), expected.len());
    for (message, expected) in batch.iter().zip(expected) {
        let expected = &expected["message"];
        assert_eq!(message.id().to_string(), expected["messageId"]);
        assert_eq!(message.data_text(), expected["data"].as_str().unwrap_or_default());
        assert_eq!(message.publish_time(), expected["publishTime"].as_str().unwrap_or_default());
        let attributes: serde_json::Map<_, _> =
            message.attributes().map(|(key, value)| (key.to_owned(), value.into())).collect();
        let none = serde_json::Map::new();
        assert_eq!(&attributes, expected["attributes"].as_object().unwrap_or(&none));
    }
}

/// A message as the service could write it: strings of all kinds, fields that may be absent.
fn message() -> impl Strategy<Value = Value> {
    let attributes =
        proptest::option::of(proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4));
    (proptest::option::of(any::<String>()), proptest::option::of(any::<String>()), attributes).prop_map(
        |(data, time, attributes)| {
            let mut message = json!({});
            for (key, value) in
                [("data", json!(data)), ("publishTime", json!(time)), ("attributes", json!(attributes))]
            {
                if !value.is_null() {
                    message[key] = value;
                }
            }
            message
        },
    )
}

/// As Go writes it: `<`, `>` and `&` escaped, and here and there other characters too.
fn escaped_like_go(text: &str, also: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '<' | '>' | '&') || (c == also && c.is_alphanumeric() && !c.is_ascii()) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

proptest! {
    #[test]
    fn any_batch_reads_as_plain_json_does(
        messages in proptest::collection::vec(message(), 0..8), first in 0_u64..1 << 60, also: char, pretty: bool,
    ) {
        let received: Vec<Value> = messages
            .into_iter()
            .enumerate()
            .map(|(index, mut message)| {
                let id = first + index as u64;
                message["messageId"] = id.to_string().into();
                json!({"ackId": format!("projects/P/subscriptions/S:{id}"), "message": message})
            })
            .collect();
        let value = json!({ "receivedMessages": received });
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        assert_same(&parse(&escaped_like_go(&text, also)).unwrap(), &value);
    }

    #[test]
    fn any_bytes_survive_base64(payload: Vec<u8>) {
        let mut text = String::new();
        data::encode(&payload, &mut text);
        let body = json!({"receivedMessages": [{"message": {"messageId": "0", "data": text}}]}).to_string();
        let mut out = Vec::new();
        parse(&body).unwrap().get(0).unwrap().decode_data(&mut out).unwrap();
        prop_assert_eq!(out, payload);
    }

    #[test]
    fn no_text_makes_it_panic(text: String, bytes: Vec<u8>) {
        let _ = parse(&text);
        let _ = Batch::from_json(bytes);
    }
}
