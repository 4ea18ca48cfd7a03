use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Deserialize)]
struct Case {
    r#type: String,
    schema: Value,
    /// The document, or base64 of the datum; neither where only the schema counts.
    text: Option<String>,
    data: Option<String>,
    answer: String,
}

fn schema(kind: &str, source: &Value) -> Result<Schema, String> {
    Schema::new("u".to_owned(), "s", kind, source)
}

/// What this emulator says, in the form of the answers in `reference.json`.
fn answer(case: &Case) -> String {
    let schema = match schema(&case.r#type, &case.schema) {
        Ok(schema) => schema,
        Err(error) => return format!("SCHEMA {error}"),
    };
    let checked = match (&case.text, &case.data) {
        (Some(text), _) => schema.check_bytes(7, text.as_bytes()),
        (None, Some(data)) => schema.check(7, data),
        (None, None) => return "SCHEMA OK".to_owned(),
    };
    match checked {
        Ok(()) => "OK".to_owned(),
        Err(Wrong::Message(text)) => text,
        Err(Wrong::Schema) => "the schema is none".to_owned(),
    }
}

/// `reference.json` holds what the libraries of the service answer: gojsonschema 1.2.0 and goavro 2.1.0. Complaints about
/// properties come from them in any order.
#[test]
fn schemas_and_messages_are_refused_in_the_words_of_the_services_libraries() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("tests/reference.json")).unwrap();
    let mut differences = Vec::new();
    for case in &cases {
        let got = answer(case);
        let (kind, rest) = case.answer.split_once(' ').unwrap_or((&case.answer, ""));
        let same = match (kind, case.r#type.as_str()) {
            ("BAD", "json") => {
                let mut wanted: Vec<_> = rest.split(" | ").map(str::to_owned).collect();
                wanted.sort();
                complaints_of(&got) == wanted
            }
            ("BAD", _) => got == format!("Message 7 is not valid.{rest}"),
            ("JSON", _) => got == format!("Message 7 data is not valid JSON format,{rest}"),
            ("BASE64", _) => got == format!("Message 7 is not in valid base64 enocding,{rest}"),
            _ => got == case.answer,
        };
        if !same {
            let given = (&case.schema, &case.text, &case.data);
            differences.push(format!("{given:?}\nwant {}\n got {got}", case.answer));
        }
    }
    assert!(differences.is_empty(), "{} differences:\n\n{}", differences.len(), differences.join("\n\n"));
}

/// The complaints of a message, sorted.
fn complaints_of(text: &str) -> Vec<String> {
    let mut found = match text.strip_prefix("Message 7 data is not valid") {
        Some(rest) if rest.starts_with(',') => vec![rest[1..].to_owned()],
        Some(rest) => {
            let mut rest = rest.strip_prefix(".1)").unwrap_or_default();
            let mut found = Vec::new();
            for number in 2.. {
                let Some((one, more)) = rest.split_once(&format!(".{number})")) else { break };
                found.push(one.to_owned());
                rest = more;
            }
            found.push(rest.trim_end_matches('.').to_owned());
            found
        }
        None => vec![text.to_owned()],
    };
    found.sort();
    found
}

#[test]
fn complaints_come_in_the_services_order() {
    let schema = schema(
        "json",
        &json!({
            "type": "object",
            "properties": {
                "list": {"type": "array", "items": {"required": ["x"], "properties": {"y": {"type": "integer"}}}, "minItems": 5},
                "all": {"allOf": [{"minLength": 3}, {"pattern": "^z"}], "enum": ["q"]},
                "some": {"anyOf": [{"type": "integer"}, {"type": "object", "required": ["z"]}]},
            },
            "required": ["b", "a"],
            "additionalProperties": false,
            "maxProperties": 1,
        }),
    );
    let document = json!({"list": [{"y": "s"}, {"x": 1}, {"y": 1}], "all": "x", "some": {}, "other": 1});
    let Err(Wrong::Message(text)) = schema.unwrap().check_bytes(0, document.to_string().as_bytes()) else {
        panic!("it fits")
    };
    let expected = "Message 0 data is not valid.1)(root): Must have at most 1 properties.2)(root): b is required.\
        3)(root): a is required.4)(root): Additional property other is not allowed.\
        5)all: String length must be greater than or equal to 3.6)all: Does not match pattern '^z'.\
        7)all: Must validate all the schemas (allOf).8)all: all must be one of the following: \"q\".\
        9)list.0: x is required.10)list.0.y: Invalid type. Expected: integer, given: string.11)list.2: x is required.\
        12)list: Array must have at least 5 items.13)some: Must validate at least one schema (anyOf).14)some: z is required.";
    assert_eq!(text, expected);
}

#[test]
fn a_schema_that_is_too_large_too_deep_or_leads_elsewhere_is_refused_with_the_reason() {
    let mut deep = json!({});
    for _ in 0..70 {
        deep = json!({"not": deep});
    }
    let inner =
        json!({"definitions": {"a": {"$id": "http://x/y", "type": "object"}}, "$ref": "#/definitions/a"});
    for (source, reason) in [
        (deep, "Schema is nested deeper than the 64 levels this emulator takes"),
        (json!({"$ref": "http://127.0.0.1:9/s"}), "http://127.0.0.1:9/s leads out of the schema"),
        (json!({"items": [{"$ref": "file:///etc/passwd"}]}), "file:///etc/passwd leads out of the schema"),
        (json!({"properties": {"a": {"$ref": "other.json"}}}), "other.json leads out of the schema"),
        (inner, "may have no id of their own"),
        (json!({"pattern": "(?=look)"}), "pattern must be a valid regex"),
    ] {
        let error = schema("json", &source).unwrap_err();
        assert!(error.contains(reason), "{source}: {error}");
    }
    assert!(schema("json", &json!({"$ref": "http://json-schema.org/draft-07/schema#"})).is_ok());
    assert!(schema("json", &json!({"properties": {"id": {"type": "string"}, "me": {"$ref": "#"}}})).is_ok());
}

/// Each of these took all stack or all time before there were bounds.
#[test]
fn a_hostile_schema_is_answered_in_bounded_time_and_stack() {
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let lists = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let chain = |length: usize, last: Value| {
        let link =
            |number: usize| (format!("d{number}"), json!({"$ref": format!("#/definitions/d{}", number + 1)}));
        let mut links: serde_json::Map<String, Value> = (0..length).map(link).collect();
        links.insert(format!("d{length}"), last);
        json!({"definitions": links, "allOf": [{"$ref": "#/definitions/d0"}]})
    };
    let doubled = |length: usize| {
        let next = |number: usize| json!({"$ref": format!("#/definitions/d{}", number + 1)});
        let link = |number: usize| (format!("d{number}"), json!({"allOf": [next(number), next(number)]}));
        let mut links: serde_json::Map<String, Value> = (0..length).map(link).collect();
        links.insert(format!("d{length}"), json!({"type": "object"}));
        json!({"definitions": links, "allOf": [{"$ref": "#/definitions/d0"}]})
    };
    let twice = json!({"items": {"$ref": "#"}, "allOf": [{"items": {"$ref": "#"}}], "not": {"const": 1}});
    let either = json!({"anyOf": [
        {"items": {"$ref": "#"}, "type": "array"}, {"items": {"$ref": "#"}, "type": ["array"], "minItems": 1}]});
    let again = json!({"properties": {"a": {"$ref": "#"}}, "type": "object"});
    for (source, document) in [
        (json!({"$ref": "#"}), "{}".to_owned()),
        (json!({"allOf": [{"$ref": "#"}]}), "{}".to_owned()),
        (json!({"not": {"$ref": "#"}}), "{}".to_owned()),
        (chain(3, again.clone()), nested(60)),
        (chain(100, again.clone()), nested(100)),
        (chain(390, again.clone()), nested(1)),
        (chain(3000, again), nested(1)),
        (doubled(30), "1".to_owned()),
        (twice, lists(100)),
        (either, lists(100)),
    ] {
        let schema = schema("json", &source).unwrap();
        assert!(schema.check_bytes(0, document.as_bytes()).is_err(), "{document}");
    }
}

#[test]
fn a_hostile_datum_is_answered_in_bounded_time_and_stack() {
    let itself = json!({"type": "record", "name": "R", "fields": [{"name": "next", "type": "R"}]});
    let nulls = json!({"type": "array", "items": "null"});
    let long = vec![2; 100_000];
    let list = json!({"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]});
    for (source, datum, reason) in [
        (&itself, &b""[..], "nested too deeply"),
        (&list, &long, "nested too deeply"),
        (&nulls, &[0xfe, 0xff, 0xff, 0xff, 0x0f], "too many empty values"),
    ] {
        let schema = schema("avro", source).unwrap();
        let Err(Wrong::Message(text)) = schema.check_bytes(0, datum) else { panic!("{source} fits") };
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn avro_unions_hold_what_their_number_says() {
    let source = json!({"type": "record", "name": "R", "fields": [
        {"name": "u", "type": ["null", "string", {"type": "record", "name": "I", "fields": [{"name": "n", "type": "long"}]}]}]});
    let schema = schema("avro", &source).unwrap();
    for fits in [&b"\x00"[..], b"\x02\x02x", b"\x04\x80\x01", b"\x00 and more"] {
        assert_eq!(schema.check_bytes(0, fits), Ok(()), "{fits:?}");
    }
    for (wrong, reason) in [
        (&b"\x06"[..], "index ought to be between 0 and 2; read index: 3"),
        (b"\x01", "index ought to be between 0 and 2; read index: -1"),
        (
            b"\x04",
            "cannot decode binary union item 3: cannot decode binary record \"I\" field \"n\": short buffer",
        ),
    ] {
        let Err(Wrong::Message(text)) = schema.check_bytes(0, wrong) else { panic!("{wrong:?} fits") };
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn the_draft_that_a_schema_names_decides_what_its_keywords_mean() {
    let draft = |name: &str| format!("http://json-schema.org/{name}/schema#");
    for (named, source, document, fits) in [
        (draft("draft-04"), json!({"const": 1}), "2", true),
        (draft("draft-06"), json!({"const": 1}), "2", false),
        (draft("draft-04"), json!({"minimum": 1, "exclusiveMinimum": true}), "1", false),
        (draft("draft-06"), json!({"if": {}, "then": false}), "1", true),
        (draft("draft-07"), json!({"if": {}, "then": false}), "1", false),
        ("https://json-schema.org/draft/2020-12/schema".to_owned(), json!({"const": 1}), "2", false),
        ("http://example.org/mine".to_owned(), json!({"const": 1}), "2", false),
    ] {
        let mut source = source;
        source["$schema"] = named.into();
        let schema = schema("json", &source).unwrap();
        assert_eq!(schema.check_bytes(0, document.as_bytes()).is_ok(), fits, "{source}");
    }
    let hybrid = schema("json", &json!({"minimum": 1, "exclusiveMinimum": true})).unwrap();
    assert!(hybrid.check_bytes(0, b"1").is_err());
}

#[test]
fn what_is_kept_of_a_schema_makes_the_same_schema() {
    let source = json!({"type": "object", "required": ["a"], "properties": {"n": {"minimum": 1.0}}});
    let schema = schema("json", &source).unwrap();
    let kept = serde_json::to_string(schema.record()).unwrap();
    assert!(kept.contains(r#""type":"json""#) && kept.contains(r#"\"minimum\":1}"#), "{kept}");
    let restored = Schema::restore(serde_json::from_str(&kept).unwrap());
    assert_eq!(restored.record(), schema.record());
    assert_eq!(restored.check_bytes(0, b"{}"), schema.check_bytes(0, b"{}"));
    let broken = Record { schema: "{\"type\":5}".to_owned(), ..schema.record().clone() };
    assert_eq!(Schema::restore(broken).check_bytes(0, b"{}"), Err(Wrong::Schema));
}
