//! Avro: what the service takes for a schema, and how it complains of data.
//!
//! The crate `apache-avro` reads schemas; [`refusal`] holds them to the service's rules, in its words. Data is walked over
//! by [`plan`] and not decoded: the crate's decoder neither says where it failed nor stops at a record that contains
//! itself, and it asks more of the data than the service does, which knows no logical types.

mod plan;
mod refusal;

use apache_avro::Schema;
use serde_json::Value;

use plan::Plan;

/// A compiled schema.
#[derive(Debug)]
pub(super) struct AvroSchema(Plan);

impl AvroSchema {
    /// Compiles `source`, or says why it is no schema.
    pub(super) fn compile(source: &Value) -> Result<Self, String> {
        refusal::check(source)?;
        let schema = Schema::parse(&spelled_out(source)).map_err(|error| error.to_string())?;
        Plan::new(&schema).map(Self)
    }

    /// Whether `datum` begins with a datum of this schema; what follows it is nobody's concern.
    pub(super) fn check(&self, datum: &[u8]) -> Result<(), String> {
        self.0.check(datum)
    }
}

/// A schema as the crate takes it: without annotations, which the service ignores, and with the type of a field in an
/// object of its own. Defaults are data and stay as they are.
fn spelled_out(source: &Value) -> Value {
    match source {
        Value::Array(items) => items.iter().map(spelled_out).collect(),
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| *name != "logicalType");
            let spelled = |(name, value): (&String, &Value)| {
                let value = match (name.as_str(), value) {
                    ("default", data) => data.clone(),
                    ("fields", Value::Array(fields)) => {
                        fields.iter().map(|field| spelled_out(&wrapped(field))).collect()
                    }
                    _ => spelled_out(value),
                };
                (name.clone(), value)
            };
            kept.map(spelled).collect()
        }
        other => other.clone(),
    }
}

/// The service takes `{"name": "f", "type": "array", "items": "int"}` for a field.
fn wrapped(field: &Value) -> Value {
    let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "array" | "enum" | "fixed" | "map" | "record") {
        return field.clone();
    }
    let mut outer = field.clone();
    let mut described = field.clone();
    described.as_object_mut().and_then(|members| members.remove("default"));
    outer["type"] = described;
    outer
}
