use super::*;
use crate::client::Batch;
use proptest::prelude::*;

/// The lines of messages whose JSON has this content.
fn line(content: &str) -> String {
    let message = format!(r#"{{"messageId":"7",{content},"publishTime":"2026-11-23T07:05:18.1Z"}}"#);
    let answer = format!(r#"{{"receivedMessages":[{{"ackId":"x:7","message":{message}}}]}}"#);
    let batch = Batch::from_json(answer.into_bytes()).unwrap();
    let mut out = Vec::new();
    let mut lines = JsonLines::new("projects/P/subscriptions/S");
    batch.iter().for_each(|message| lines.push(&message, &mut out));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_has_the_payload_in_exactly_one_of_three_forms() {
    let table = [
        (r#""data":"b25l""#, r#""attributes":{},"data":"one""#),
        (r#""data":"""#, r#""attributes":{},"data":"""#),
        // White space within base64, and padding left out, are no reason to refuse it.
        (r#""data":"b25\nl\r\n""#, r#""attributes":{},"data":"one""#),
        (r#""data":"Zm91cg""#, r#""attributes":{},"data":"four""#),
        (r#""data":"IgpcAQ==""#, r#""attributes":{},"data":"\"\n\\\u0001""#),
        (r#""data":"//4A""#, r#""attributes":{},"data_base64":"//4A""#),
        (r#""data":"/w""#, r#""attributes":{},"data_base64":"/w==""#),
        (r#""data":"not base64 !!""#, r#""attributes":{},"data_invalid":"not base64 !!""#),
        (
            r#""attributes":{"h":"\u003ca\u0026b\u003e","ключ":"☂"},"data":"eA==""#,
            r#""attributes":{"h":"<a&b>","ключ":"☂"},"data":"x""#,
        ),
    ];
    for (received, written) in table {
        let whole = format!(
            r#"{{"messageId":"7","publishTime":"2026-11-23T07:05:18.1Z","subscription":"projects/P/subscriptions/S",{written}}}"#
        );
        assert_eq!(line(received), whole + "\n", "{received}");
    }
}

#[test]
fn what_is_no_message_is_refused_and_not_shown() {
    for (line, why) in [
        ("geheim", "it is no JSON: see column 1"),
        (r#"{"data":"x""#, "it is no JSON: see column 11"),
        (r#"["geheim"]"#, "it is no message"),
        (r#"{"data":7}"#, "it is no message"),
        (r#"{"attributes":{"geheim":1},"data":"x"}"#, "it is no message"),
        (r#"{"geheim":1}"#, "and has 0 of them"),
        (r#"{"data":"a","data_base64":"YQ=="}"#, "and has 2 of them"),
        (r#"{"data_invalid":"geheim"}"#, "it has `data_invalid`"),
        (r#"{"data_base64":"geheim!"}"#, "is no base64"),
        (r#"{"attributes":{"k":"a\"b"},"data":"x"}"#, "the value of attribute \"k\" has '\"'"),
    ] {
        let said = NewMessage::from_json_line(line).unwrap_err().to_string();
        assert!(said.contains(why) && !said.contains("geheim"), "{line}: {said}");
    }
}

proptest! {
    /// What was pulled can be published again, whatever its payload.
    #[test]
    fn a_line_that_was_written_is_read_again(
        payload in any::<Vec<u8>>(),
        attributes in proptest::collection::btree_map("[^\"\\\\\\p{Cc}]{0,5}", "[^\"\\\\\\p{Cc}]{0,5}", 0..4),
    ) {
        let mut base64 = String::new();
        data::encode(&payload, &mut base64);
        let sent = serde_json::json!({ "attributes": attributes, "data": base64 }).to_string();
        let line = line(sent.trim_start_matches('{').trim_end_matches('}'));
        let read = NewMessage::from_json_line(line.trim_end()).unwrap();
        prop_assert_eq!(read.payload(), payload);
        let attributes: Vec<_> = attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        prop_assert_eq!(read.attributes().collect::<Vec<_>>(), attributes);
    }
}
