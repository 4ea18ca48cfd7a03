use super::*;
use crate::client::{Batch, publish::raw_body};
use proptest::prelude::*;
use serde_json::{Value, json};

fn batch(messages: &[Value]) -> Batch {
    let received: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(id, message)| {
            let mut message = message.clone();
            message["messageId"] = id.to_string().into();
            json!({ "ackId": format!("projects/P/subscriptions/S:{id}"), "message": message })
        })
        .collect();
    Batch::from_json(json!({ "receivedMessages": received }).to_string().into_bytes()).unwrap()
}

#[test]
fn what_would_destroy_the_record_is_refused_and_named() {
    for (attributes, part) in [(json!({"k": "say \"hi\""}), "value"), (json!({"a\nb": "v"}), "key")] {
        let batch = batch(&[json!({"attributes": attributes, "data": ""})]);
        let Err(Unpublishable::Attribute(invalid)) = RawMessage::new(batch.get(0).unwrap()) else {
            panic!("{attributes} was taken")
        };
        assert_eq!(invalid.part, part);
    }
}

#[test]
fn the_size_counts_base64_attributes_and_escapes() {
    let size = |message: Value| {
        let batch = batch(&[message]);
        RawMessage::new(batch.get(0).unwrap()).unwrap().record_bytes()
    };
    let bare = size(json!({"data": ""}));
    assert_eq!(size(json!({"data": "eA=="})), bare + 4);
    assert_eq!(size(json!({"data": "<\"\n\u{1}é"})), bare + 6 + 2 + 2 + 6 + 2);
    let with_two = size(json!({"data": "", "attributes": {"a": "1", "b": "2"}}));
    assert_eq!(
        with_two,
        bare + "   \"attributes\": {\n      \"a\": \"1\",\n      \"b\": \"2\"\n   },\n".len()
    );

    let largest = batch(&[json!({"data": "A".repeat(LARGEST_RECORD - bare)})]);
    assert!(RawMessage::new(largest.get(0).unwrap()).is_ok());
    let larger = batch(&[json!({"data": "A".repeat(LARGEST_RECORD - bare + 1)})]);
    let refused = RawMessage::new(larger.get(0).unwrap()).unwrap_err();
    assert_eq!(refused, Unpublishable::TooLarge { bytes: LARGEST_RECORD + 1 });
}

#[test]
fn attributes_can_be_added_or_replaced_and_count_for_all_that_is_refused() {
    let bare = batch(&[json!({"data": "eA==", "attributes": {"a": "1", "b": "2"}})]);
    let with = |added: Vec<(&'static str, &'static str)>| {
        let added = added.into_iter().map(|(key, value)| (key, value.into())).collect();
        RawMessage::with_attributes(bare.get(0).unwrap(), added)
    };
    let raw = with(vec![("b", "3"), ("c", "ü")]).unwrap();
    let body: Value = serde_json::from_str(&raw_body(std::slice::from_ref(&raw))).unwrap();
    assert_eq!(body["messages"][0]["attributes"], json!({"a": "1", "b": "3", "c": "ü"}));
    let more = "      \"c\": \"ü\",\n".len();
    assert_eq!(raw.record_bytes(), RawMessage::new(bare.get(0).unwrap()).unwrap().record_bytes() + more);
    assert!(matches!(with(vec![("c", "\n")]), Err(Unpublishable::Attribute(_))));
    let long: &'static str = "x".repeat(LARGEST_RECORD).leak();
    assert!(matches!(with(vec![("c", long)]), Err(Unpublishable::TooLarge { .. })));
}

#[test]
fn debug_shows_no_content() {
    let batch = batch(&[json!({"data": "geheim", "attributes": {"k": "geheim"}})]);
    let shown = format!("{:?}", RawMessage::new(batch.get(0).unwrap()).unwrap());
    assert!(!shown.contains("geheim"), "{shown}");
}

proptest! {
    #[test]
    fn the_body_has_every_message_as_it_was_pulled(
        messages in proptest::collection::vec((
            any::<String>(),
            proptest::collection::btree_map("[^\"\\\\\\p{Cc}]{0,5}", "[^\"\\\\\\p{Cc}]{0,5}", 0..4),
        ), 1..5),
    ) {
        let messages: Vec<Value> = messages
            .into_iter()
            .map(|(data, attributes)| {
                let mut message = json!({ "data": data });
                if !attributes.is_empty() {
                    message["attributes"] = json!(attributes);
                }
                message
            })
            .collect();
        let batch = batch(&messages);
        let raw: Vec<_> = batch.iter().map(|message| RawMessage::new(message).unwrap()).collect();
        let body = raw_body(&raw);
        prop_assert!(body.len() <= raw.iter().map(RawMessage::record_bytes).sum::<usize>());
        let body: Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(body["messages"].as_array().unwrap(), &messages);
    }
}
