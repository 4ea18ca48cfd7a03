use proptest::prelude::*;

use super::super::arbitrary::Arbitrary;
use super::*;

fn verdict(schema: &str, datum: &[u8]) -> Result<(), String> {
    let schema = AvroSchema::parse(schema).unwrap_or_else(|error| panic!("{schema}: {error}"));
    check(&schema, datum).map_err(|misfit| misfit.to_string())
}

fn array_of(items: &str) -> String {
    format!(r#"{{"type":"array","items":{items}}}"#)
}

#[test]
fn what_does_not_fit_is_named_by_its_place_and_never_by_its_value() {
    let metric = r#"{"type":"record","name":"m","fields":[{"name":"host","type":"string"},
        {"name":"inner","type":{"type":"record","name":"i","fields":[
            {"name":"tags","type":["null",{"type":"map","values":["null","string"]}]}]}}]}"#;
    let list = array_of(r#""int""#);
    let color = r#"{"type":"enum","name":"c","symbols":["RED","BLUE"]}"#;
    let loop_of = r#"{"type":"record","name":"l","fields":[{"name":"next","type":["null","l"]}]}"#;
    let endless = r#"{"type":"record","name":"e","fields":[{"name":"self","type":"e"}]}"#;
    for (schema, datum, expected) in [
        (metric, &b"\x02h\x00"[..], Ok(())),
        (metric, b"\x02h\x02\x04\x02k\x02\x02v\x02l\x00\x00", Ok(())),
        (metric, b"", Err("host at byte 0: the data ends in the middle of it")),
        (metric, b"\x08abc", Err("host at byte 4: the data ends in the middle of it")),
        (metric, b"\x01", Err("host at byte 0: the length is negative")),
        (metric, b"\x04a\xff\x00", Err("host at byte 2: the string is not UTF-8")),
        (metric, b"\x02h\x04", Err("inner.tags at byte 2: the union has no such branch")),
        (metric, b"\x02h\x01", Err("inner.tags at byte 2: the union has no such branch")),
        (
            metric,
            b"\x02h\x02\x04\x02k\x00\x02l\x06",
            Err("inner.tags[1] at byte 9: the union has no such branch"),
        ),
        (metric, b"\x02h\x02\x02\x02\xff\x00\x00", Err("inner.tags[0] at byte 5: the key is not UTF-8")),
        (metric, b"\x02h\x00\x00", Err("at byte 3: more data follows its end")),
        (r#""boolean""#, b"\x02", Err("at byte 0: a boolean is 0 or 1")),
        (r#""int""#, b"\xff\xff\xff\xff\x0f", Ok(())),
        (
            r#""int""#,
            b"\x80\x80\x80\x80\x10",
            Err("at byte 0: the number does not fit into the 32 bits of an int"),
        ),
        (
            r#""int""#,
            b"\x80\x80\x80\x80\x80\x00",
            Err("at byte 0: the number does not fit into the 32 bits of an int"),
        ),
        (r#""long""#, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Ok(())),
        (
            r#""long""#,
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03",
            Err("at byte 0: the number has more than 64 bits"),
        ),
        (color, b"\x02", Ok(())),
        (color, b"\x04", Err("at byte 0: the enum has no such symbol")),
        (color, b"\x01", Err("at byte 0: the enum has no such symbol")),
        (&list, b"\x02\x02\x02\x04\x00", Ok(())),
        (&list, b"\x03\x04\x02\x04\x00", Ok(())),
        (&list, b"\x03\x02\x02\x04\x00", Err("at byte 0: the size of a block is not that of its items")),
        (&list, b"\x03\x03\x02\x04\x00", Err("at byte 0: the count or the size of a block is out of bounds")),
        (
            &list,
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00",
            Err("at byte 0: the count or the size of a block is out of bounds"),
        ),
        (&list, b"\x02\x02", Err("at byte 2: the data ends in the middle of it")),
        (
            &array_of(r#""null""#),
            b"\x80\x80\x80\x80\x10\x00",
            Err("at byte 0: it has more than 100000 items without data"),
        ),
        (loop_of, b"\x02\x02\x02\x00", Ok(())),
    ] {
        let found = verdict(schema, datum);
        assert_eq!(found, expected.map_err(str::to_owned), "{schema} {datum:x?}");
    }
    for (schema, datum) in [(loop_of, vec![2; 5000]), (endless, Vec::new())] {
        let error = verdict(schema, &datum).unwrap_err();
        assert!(error.starts_with('…') && error.ends_with("nested deeper than 200 levels"), "{error}");
    }
}

proptest! {
    #[test]
    fn what_others_encode_fits_to_its_very_end(seed: u64) {
        let mut made = Arbitrary::new(seed);
        let schema = AvroSchema::parse(&made.text).unwrap();
        for _ in 0..10 {
            let (value, datum) = made.datum();
            check(&schema, &datum).map_err(|misfit| {
                TestCaseError::fail(format!("{}: {value:?}: {misfit}", made.text))
            })?;
            for cut in 0..datum.len() {
                prop_assert!(check(&schema, &datum[..cut]).is_err(), "{} {value:?} cut at {cut}", made.text);
            }
            let longer = [&datum[..], b"\0"].concat();
            prop_assert!(check(&schema, &longer).is_err());
        }
    }

    #[test]
    fn no_bytes_make_it_fail_otherwise_and_what_passes_can_be_read(seed: u64, flips in 1..4_u32) {
        let mut made = Arbitrary::new(seed);
        let schema = AvroSchema::parse(&made.text).unwrap();
        let others = apache_avro::Schema::parse_str(&made.text).unwrap();
        let reader = apache_avro::reader::datum::GenericDatumReader::builder(&others).build().unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..10 {
            let (_, mut datum) = made.datum();
            for _ in 0..flips {
                if !datum.is_empty() {
                    let at = random.usize(..datum.len());
                    datum[at] = random.u8(..);
                }
            }
            if check(&schema, &datum).is_ok() {
                let mut rest = &datum[..];
                let read = reader.read_value(&mut rest);
                prop_assert!(read.is_ok() && rest.is_empty(), "{}: {datum:x?}: {read:?}", made.text);
            }
        }
    }
}
