use super::*;

fn schema(text: &str) -> AvroSchema {
    AvroSchema::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn types_are_what_they_are_encoded_as() {
    for (text, expected) in [
        (r#""null""#, AvroType::Null),
        (r#"{"type":"int","logicalType":"date"}"#, AvroType::Int),
        (r#"{"type":"long","logicalType":"timestamp-nanos"}"#, AvroType::Long),
        (r#"{"type":"string","logicalType":"uuid"}"#, AvroType::String),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#, AvroType::Bytes),
        (r#"{"type":"fixed","name":"d","size":3,"logicalType":"decimal","precision":4}"#, AvroType::Fixed(3)),
        (r#"{"type":"fixed","name":"d","size":12,"logicalType":"duration"}"#, AvroType::Fixed(12)),
        (r#"{"type":"fixed","name":"u","size":16,"logicalType":"uuid"}"#, AvroType::Fixed(16)),
        (r#"{"type":"string","logicalType":"of-our-own"}"#, AvroType::String),
        (r#"{"type":"enum","name":"e","symbols":["A","B"]}"#, AvroType::Enum(2)),
    ] {
        assert_eq!(schema(text).types()[0], expected, "{text}");
    }
}

#[test]
fn names_are_followed_also_to_the_type_they_stand_in() {
    let list = schema(
        r#"{"type":"record","name":"list","namespace":"a.b","fields":[
            {"name":"value","type":{"type":"fixed","name":"four","size":4}},
            {"name":"same","type":"a.b.four"},
            {"name":"next","type":["null","list"]}]}"#,
    );
    let field = |name: &str, number| (name.to_owned(), number);
    assert_eq!(
        list.types(),
        [
            AvroType::Record(vec![field("value", 1), field("same", 1), field("next", 2)]),
            AvroType::Fixed(4),
            AvroType::Union(vec![3, 0]),
            AvroType::Null,
        ]
    );
}

#[test]
fn what_is_no_schema_says_why() {
    for (text, why) in [
        ("", "EOF"),
        ("{", "line 1"),
        (r#"{"type":"record","name":"r","fields":[{"name":"f","type":"stringg"}]}"#, "stringg"),
        (r#"{"type":"record","fields":[]}"#, "name"),
        (r#"["null","null"]"#, "nion"),
    ] {
        let error = AvroSchema::parse(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn schemas_are_the_same_if_their_data_means_the_same() {
    let one = schema(
        r#"{"type":"record","name":"r","namespace":"n","doc":"A","fields":[{"name":"at","type":
            {"type":"long","logicalType":"timestamp-millis"}},{"name":"why","type":["null","string"]}]}"#,
    );
    let written_differently = schema(
        r#"{"name":"n.r","type":"record","fields":[{"type":{"logicalType":"timestamp-millis","type":"long"},
            "name":"at","doc":"B"},{"name":"why","default":null,"type":[{"type":"null"},"string"]}]}"#,
    );
    assert!(one.is_same(&written_differently));
    for other in [
        one.text().replace("millis", "micros"),
        one.text().replace("\"why\"", "\"because\""),
        one.text().replace(r#"["null","string"]"#, r#"["string","null"]"#),
        one.text().replace("\"n\"", "\"m\""),
    ] {
        assert!(!one.is_same(&schema(&other)), "{other}");
    }
}
