//! A schema: what is kept of it, and what is compiled from that.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::avro::AvroSchema;
use super::json_schema::JsonSchema;
use super::{number, payload};

/// Values within values, in a schema.
const DEEPEST: usize = 64;

/// A schema, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) uuid: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// The schema itself, in JSON.
    pub(crate) schema: String,
}

/// What a schema is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Json,
    Avro,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Avro => "avro",
        }
    }
}

/// A schema, compiled once.
#[derive(Debug)]
pub(crate) struct Schema {
    record: Record,
    source: Value,
    compiled: OnceLock<Result<Compiled, String>>,
}

#[derive(Debug)]
enum Compiled {
    Json(JsonSchema),
    Avro(AvroSchema),
}

/// Why a message cannot be published.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It does not fit; the text is the service's.
    Message(String),
    /// The schema itself is none, which can only be if it was kept by another version.
    Schema,
}

impl Schema {
    /// A schema of a type by name, or why it is none.
    pub(super) fn new(uuid: String, name: &str, kind: &str, source: &Value) -> Result<Self, String> {
        let kind = [Kind::Json, Kind::Avro].into_iter().find(|known| known.name() == kind);
        let kind = kind.ok_or("Schema type can only be 'json' or 'avro'")?;
        let schema = number::normal(source).to_string();
        let schema = Self::restore(Record { uuid, name: name.to_owned(), kind, schema });
        schema.compiled().as_ref().map_err(Clone::clone)?;
        Ok(schema)
    }

    /// The schema that was kept. It is compiled when it is first needed.
    pub(crate) fn restore(record: Record) -> Self {
        let source = serde_json::from_str(&record.schema).unwrap_or_default();
        Self { record, source, compiled: OnceLock::new() }
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    pub(super) fn source(&self) -> &Value {
        &self.source
    }

    /// Holds the data of message number `index` against it.
    pub(super) fn check(&self, index: usize, data: &str) -> Result<(), Wrong> {
        let bytes = payload::decode(data).map_err(|error| {
            // The spelling is the service's.
            Wrong::Message(format!("Message {index} is not in valid base64 enocding,{error}"))
        })?;
        self.check_bytes(index, &bytes)
    }

    pub(super) fn check_bytes(&self, index: usize, bytes: &[u8]) -> Result<(), Wrong> {
        let text = match self.compiled() {
            Err(_) => return Err(Wrong::Schema),
            Ok(Compiled::Avro(schema)) => match schema.check(bytes) {
                Ok(()) => return Ok(()),
                Err(error) => format!("Message {index} is not valid.{error}"),
            },
            Ok(Compiled::Json(schema)) => match payload::document(bytes)
                .map(|document| schema.check(&document))
            {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(complaints)) => format!("Message {index} data is not valid{}", joined(&complaints)),
                Err(error) => format!("Message {index} data is not valid JSON format,{error}"),
            },
        };
        Err(Wrong::Message(text))
    }

    fn compiled(&self) -> &Result<Compiled, String> {
        self.compiled.get_or_init(|| {
            if !is_within(&self.source, DEEPEST) {
                return Err(format!("Schema is nested deeper than the {DEEPEST} levels this emulator takes"));
            }
            match self.record.kind {
                Kind::Json if !self.source.is_object() => Err("schema is invalid".to_owned()),
                Kind::Json => JsonSchema::compile(&self.source).map(Compiled::Json),
                Kind::Avro => AvroSchema::compile(&self.source).map(Compiled::Avro),
            }
        })
    }
}

/// One complaint stands behind a comma, several are numbered.
fn joined(complaints: &[String]) -> String {
    if let [one] = complaints {
        return format!(",{one}");
    }
    let numbered = (1..).zip(complaints).map(|(number, complaint)| format!("{number}){complaint}."));
    format!(".{}", numbered.collect::<String>())
}

fn is_within(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| is_within(item, below)),
        Value::Object(fields) => fields.values().all(|field| is_within(field, below)),
        _ => true,
    }
}
