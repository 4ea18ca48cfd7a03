//! Why something is no schema, in the words of the service's own validator.

use std::collections::BTreeSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::texts::segments;

/// The complaint about something that is no schema. `jsonschema` finds it with a draft's own schema, so its place is in
/// the schema that was refused.
pub(super) fn of(error: &ValidationError<'_>, schema: &Value) -> String {
    match error.kind() {
        Kind::Referencing(referencing) => {
            return nowhere(&referencing.to_string(), schema).unwrap_or_else(|| referencing.to_string());
        }
        Kind::PropertyNames { error } => {
            return format!("Invalid regex pattern '{}'", error.instance().as_str().unwrap_or_default());
        }
        _ => {}
    }
    let pointer = error.instance_path().to_string();
    let segments: Vec<String> = segments(&pointer).collect();
    let mut keywords = segments.iter().rev().filter(|segment| segment.parse::<usize>().is_err());
    let keyword = keywords.next().map_or("", String::as_str);
    let given = error.instance();
    match (keyword, given.as_ref()) {
        ("type", _) => type_refusal(error.kind(), given),
        ("$ref" | "$id" | "id" | "title" | "description", _) => wrong_type("string", keyword),
        ("pattern", Value::String(_)) => format!("{keyword} must be a valid regex"),
        ("pattern", _) => format!("{keyword} must be of a string"),
        ("required", Value::Array(_)) => format!("{keyword} items must be unique"),
        ("enum", Value::Array(items)) if !items.is_empty() => format!("{keyword} items must be unique"),
        ("required", _) if segments.last().is_some_and(|last| last != keyword) => {
            format!("{keyword} items must be string")
        }
        ("required" | "enum" | "allOf" | "anyOf" | "oneOf", _) => format!("{keyword} must be of an array"),
        ("multipleOf", Value::Number(_)) => format!("{keyword} must be strictly greater than 0"),
        ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(_)) => {
            format!("{keyword} cannot be used without {}", keyword.replacen("exclusiveM", "m", 1))
        }
        ("multipleOf" | "exclusiveMinimum" | "exclusiveMaximum", _) => wrong_type("number", keyword),
        ("minimum" | "maximum", _) => format!("{keyword} must be of a number"),
        ("minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties", _) => {
            let is_negative = given.as_f64().is_some_and(|number| number < 0.0 && number.fract() == 0.0);
            format!(
                "{keyword} must be {}",
                if is_negative { "greater than or equal to 0" } else { "of an integer" }
            )
        }
        ("uniqueItems", _) => format!("{keyword} must be of a boolean"),
        ("properties" | "dependencies", _) => format!("{keyword} must be of type object"),
        ("not" | "if" | "then" | "else", _) => format!("{keyword} must be of an object"),
        ("definitions", _) => wrong_type("array of schemas", keyword),
        ("items", _) => wrong_type("valid schema/array of schemas", keyword),
        ("additionalProperties" | "additionalItems", _) => wrong_type("boolean/valid schema", keyword),
        ("patternProperties" | "propertyNames" | "contains", _) => wrong_type("valid schema", keyword),
        _ if matches!(error.kind(), Kind::Type { .. }) => {
            "Expected: valid schema, given: Invalid JSON".to_owned()
        }
        _ => error.to_string(),
    }
}

/// What is said of a pointer that leads nowhere.
fn nowhere(referencing: &str, schema: &Value) -> Option<String> {
    let pointer = referencing.strip_prefix("Pointer '")?.strip_suffix("' does not exist")?;
    let mut at = schema;
    for segment in segments(pointer) {
        at = match at.get(&segment) {
            Some(below) => below,
            None => return Some(format!("Object has no key '{segment}'")),
        };
    }
    None
}

fn wrong_type(expected: &str, given: &str) -> String {
    format!("Invalid type. Expected: {expected}, given: {given}")
}

fn type_refusal(kind: &Kind, given: &Value) -> String {
    const TYPES: [&str; 7] = ["array", "boolean", "integer", "number", "null", "object", "string"];
    let of_list = given.as_array().into_iter().flatten();
    let mut names = of_list.chain([given]).filter_map(Value::as_str);
    if let Some(unknown) = names.find(|name| !TYPES.contains(name)) {
        let valid = TYPES.join(" ");
        return format!(
            "has a primitive type that is NOT VALID -- given: /{unknown}/ Expected valid values are:[{valid}]"
        );
    }
    let mut seen = BTreeSet::new();
    let mut names = given.as_array().into_iter().flatten().filter_map(Value::as_str);
    match names.find(|name| !seen.insert(*name)) {
        Some(twice) => format!("{twice} type is duplicated"),
        None if matches!(kind, Kind::AnyOf { .. } | Kind::Type { .. } | Kind::Enum { .. }) => {
            wrong_type("string/array of strings", "type")
        }
        None => "Invalid type".to_owned(),
    }
}
