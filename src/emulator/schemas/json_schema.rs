//! JSON Schema: what the service takes for one, and how it complains of documents.
//!
//! The crate `jsonschema` compiles and judges; [`texts`] says it in the words of the service's own validator. Nothing is
//! ever fetched: a reference leads to a place in the same schema or to a draft's own schema. Schemas without `$schema`, or
//! of a newer draft, are read as draft 7, which is nearest to the service's mixture of drafts 4, 6 and 7.

mod survey;
mod texts;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// A compiled schema.
#[derive(Debug)]
pub(super) struct JsonSchema {
    source: Value,
    validator: Validator,
    /// Only a reference can lead somewhere again and again, so only then is a document surveyed before it is judged.
    has_references: bool,
}

impl JsonSchema {
    /// Compiles `source`, or says why it is no schema.
    pub(super) fn compile(source: &Value) -> Result<Self, String> {
        let has_references = survey::references(source)?;
        let named = source.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let validator = match named.trim_end_matches('#') {
            "http://json-schema.org/draft-04/schema" => build(source, Draft::Draft4),
            "http://json-schema.org/draft-06/schema" => build(source, Draft::Draft6),
            "http://json-schema.org/draft-07/schema" => build(source, Draft::Draft7),
            _ => {
                build(source, Draft::Draft7).or_else(|error| build(source, Draft::Draft4).map_err(|_| error))
            }
        };
        Ok(Self { source: source.clone(), validator: validator?, has_references })
    }

    /// Judges a document; the complaints are in the order in which the service has them, each with its place.
    pub(super) fn check(&self, document: &Value) -> Result<(), Vec<String>> {
        if self.has_references && !survey::is_feasible(&self.source, document) {
            return Err(vec!["(root): Nested too deeply, or too often, for this emulator".to_owned()]);
        }
        if self.validator.is_valid(document) {
            return Ok(());
        }
        let errors: Vec<_> = self.validator.iter_errors(document).collect();
        Err(texts::complaints(&errors, &self.source))
    }
}

fn build(source: &Value, draft: Draft) -> Result<Validator, String> {
    // The service's expressions know no look-around and no back references; these neither, and take linear time.
    let options = jsonschema::options()
        .with_draft(draft)
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .with_format("date-time", is_date_or_time)
        .should_validate_formats(true);
    options.build(source).map_err(|error| texts::refusal(&error, source))
}

/// What the service takes for a `date-time`: a date or a time alone as well.
fn is_date_or_time(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok() || text.parse::<Date>().is_ok() || text.parse::<Time>().is_ok()
}
