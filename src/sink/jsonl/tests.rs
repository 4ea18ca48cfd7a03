use super::*;
use crate::sink::tests::batch;

fn lines(format: Format, messages: &str) -> Result<String, Unfit> {
    let batch = batch(messages);
    let mut encoder = Encoder::new(format, "projects/P/subscriptions/S");
    let mut out = Vec::new();
    batch.iter().try_for_each(|message| encoder.encode(&message, &mut out))?;
    Ok(String::from_utf8(out).unwrap())
}

fn line(content: &str) -> String {
    format!(
        r#"{{"messageId":"7","publishTime":"2026-11-23T07:05:18.1Z","subscription":"projects/P/subscriptions/S",{content}}}"#
    ) + "\n"
}

fn message(content: &str) -> String {
    format!(r#"{{"messageId":"7",{content},"publishTime":"2026-11-23T07:05:18.1Z"}}"#)
}

#[test]
fn a_jsonl_line_has_the_payload_in_exactly_one_of_three_forms() {
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
        assert_eq!(lines(Format::Jsonl, &message(received)), Ok(line(written)), "{received}");
    }
}

#[test]
fn format_raw_writes_payloads_and_refuses_what_is_no_base64() {
    assert_eq!(lines(Format::Raw, &message(r#""data":"b25l""#)), Ok("one\n".to_owned()));
    assert!(lines(Format::Raw, &message(r#""data":"not base64 !!""#)).is_err());
}
