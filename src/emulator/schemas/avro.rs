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
        let schema = Schema::parse(&without_logical_types(source)).map_err(|error| error.to_string())?;
        Plan::new(&schema).map(Self)
    }

    /// Whether `datum` begins with a datum of this schema; what follows it is nobody's concern.
    pub(super) fn check(&self, datum: &[u8]) -> Result<(), String> {
        self.0.check(datum)
    }
}

/// A schema without annotations that the service ignores. Defaults are data and stay as they are.
fn without_logical_types(source: &Value) -> Value {
    match source {
        Value::Array(items) => items.iter().map(without_logical_types).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| *name != "logicalType");
            let clean = |(name, value): (&String, &Value)| {
                let is_default = name == "default";
                (name.clone(), if is_default { value.clone() } else { without_logical_types(value) })
            };
            kept.map(clean).collect()
        }
        other => other.clone(),
    }
}
