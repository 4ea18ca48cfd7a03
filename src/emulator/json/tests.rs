use super::*;

fn laid_out(text: &str, level: usize) -> String {
    let mut out = Vec::new();
    assert!(push_indented(&mut out, text, level, usize::MAX));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_json_text_is_laid_out_with_three_spaces_a_level() {
    assert_eq!(laid_out(r#"{"a":"b", "c":{ }}"#, 0), "{\n   \"a\": \"b\",\n   \"c\": {}\n}");
    assert_eq!(laid_out(r#"{"a":[1,[]]}"#, 1), "{\n      \"a\": [\n         1,\n         []\n      ]\n   }");
}

#[test]
fn brackets_and_quotes_within_strings_are_left_alone() {
    assert_eq!(laid_out(r#"{"a":"{,:\"]"}"#, 0), "{\n   \"a\": \"{,:\\\"]\"\n}");
}

#[test]
fn less_greater_ampersand_and_line_separators_are_escaped() {
    assert_eq!(
        compact(&"<&>\u{2028}\u{2029}\u{2027}"),
        "\"\\u003c\\u0026\\u003e\\u2028\\u2029\u{2027}\"".as_bytes()
    );
    assert_eq!(escaped("plain ☂").as_ref(), "plain ☂".as_bytes());
    assert_eq!(escaped("a\"b\\c\u{1}\n<").as_ref(), br#"a\"b\\c\u0001\n\u003c"#);
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character() {
    assert_eq!(without_lone_surrogates(r#""\ud83d\ude00 \\ud800 ☂""#), None);
    assert_eq!(without_lone_surrogates(r#""\ud800x\udc00""#).unwrap(), r#""\ufffdx\ufffd""#);
    assert_eq!(without_lone_surrogates(r#""\ud800\ud83d\ude00""#).unwrap(), r#""\ufffd\ud83d\ude00""#);
    assert_eq!(without_lone_surrogates("\\"), None);
}

#[test]
fn fields_are_found_whatever_their_case_and_null_means_not_given() {
    let fields = Fields::parse(br#"{"MaxMessages":"5","offset":null,"AckIds":["a",null]}"#).unwrap();
    assert_eq!(fields.text("maxMessages"), Ok("5"));
    assert_eq!(fields.integer("offset"), Ok(0));
    assert_eq!(fields.texts("ackIds"), Ok(vec!["a", ""]));
    assert_eq!(fields.integer("maxMessages"), Err(WrongType));
    assert!(Fields::parse(b"null").is_ok());
    for refused in [&b""[..], b"{", b"[]", b"5", b"{}x", b"\xff"] {
        assert!(Fields::parse(refused).is_err(), "{refused:?}");
    }
    assert_eq!(Fields::parse(br#"{"n":1.0}"#).unwrap().integer("n"), Err(WrongType));
}
