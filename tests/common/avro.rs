//! Messages of Avro, and what is in files of them, as the library of others reads it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Reader, Schema};

/// The schema of the EGI's monitoring.
pub(crate) const METRIC_DATA: &str = include_str!("../metric_data.avsc");

/// A datum of it, with its number in its summary.
pub(crate) fn metric(number: u64) -> Vec<u8> {
    let text = |text: &str| Value::String(text.to_owned());
    let some = |value| Value::Union(1, Box::new(value));
    let null = || Value::Union(0, Box::new(Value::Null));
    let tags = [("vo".to_owned(), some(text("ops"))), ("φυλή".to_owned(), null())];
    let fields = [
        ("timestamp", text("2026-11-23T07:05:18Z")),
        ("service", text("webdav")),
        ("hostname", text("se.example.org")),
        ("metric", text("ch.cern.WebDAV")),
        ("status", text("OK")),
        ("monitoring_host", some(text("argo.example.org"))),
        ("actual_data", null()),
        ("summary", some(text(&number.to_string()))),
        ("message", some(text(&"the probe ran well. ".repeat(usize::try_from(number % 20).unwrap())))),
        ("tags", if number.is_multiple_of(3) { null() } else { some(Value::Map(tags.into())) }),
    ];
    let schema = Schema::parse_str(METRIC_DATA).unwrap();
    let record = Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into());
    GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(record).unwrap()
}

/// The numbers of the metrics in a file, in order.
pub(crate) fn metrics_in(path: &Path) -> Vec<u64> {
    values_in(path).iter().map(number).collect()
}

fn number(metric: &Value) -> u64 {
    let Value::Record(fields) = metric else { panic!("no record: {metric:?}") };
    let (_, summary) = fields.iter().find(|(name, _)| name == "summary").unwrap();
    let Value::Union(_, summary) = summary else { panic!("no union: {summary:?}") };
    let Value::String(text) = &**summary else { panic!("no text: {summary:?}") };
    text.parse().unwrap()
}

/// What is in a file; all of it must be readable.
pub(crate) fn values_in(path: &Path) -> Vec<Value> {
    let file = BufReader::new(File::open(path).unwrap());
    let reader = Reader::new(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    reader.map(|value| value.unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
}
