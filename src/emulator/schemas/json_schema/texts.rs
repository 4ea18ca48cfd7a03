//! Complaints about schemas and documents, in the words of the service's own validator.
//!
//! That one goes through a schema in an order of its own, says of a combination that it failed beside what failed in it,
//! and stops at a value of the wrong type. `jsonschema` says what failed, and by which way it came there: from that the
//! order and the additional complaints follow. Properties, which the service takes in any order, are sorted by name.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::super::number;
use crate::emulator::json;

/// The complaint about something that is no schema. `jsonschema` finds it with a draft's own schema, so its place is in
/// the schema that was refused.
pub(super) fn refusal(error: &ValidationError<'_>, schema: &Value) -> String {
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

/// One step on the way to a complaint: the keyword's rank, and what was gone into by it.
type Step = (u8, String);

/// The complaints about a document, ordered.
pub(super) fn complaints(errors: &[ValidationError<'_>], schema: &Value) -> Vec<String> {
    let mut found = BTreeMap::new();
    let ways: Vec<Way> = errors.iter().map(Way::of).collect();
    // The service looks no further at a value of the wrong type.
    let stopped: BTreeSet<_> = ways.iter().filter(|way| way.keyword == "type").map(Way::node).collect();
    for (error, way) in errors.iter().zip(&ways) {
        let is_behind = |length: usize| stopped.contains(&way.steps[..length]);
        let own = way.steps.len() - 1;
        if (0..own).any(is_behind) || (way.keyword != "type" && is_behind(own)) {
            continue;
        }
        for (steps, context, text) in &way.combinations {
            found.entry((steps.clone(), 0)).or_insert_with(|| vec![complaint(context, text)]);
        }
        let texts = describe(error, &way.place, schema);
        let order = found.len() + 1;
        found.insert((way.steps.clone(), order), texts);
    }
    found.into_values().flatten().collect()
}

fn complaint(place: &[String], text: &str) -> String {
    format!("{}: {text}", field(place))
}

/// A place as the service names it.
fn field(place: &[String]) -> String {
    if place.is_empty() { "(root)".to_owned() } else { place.join(".") }
}

/// How the crate came to an error.
struct Way {
    place: Vec<String>,
    steps: Vec<Step>,
    keyword: String,
    /// What is said of combinations on the way: before or behind what failed in them.
    combinations: Vec<(Vec<Step>, Vec<String>, &'static str)>,
}

impl Way {
    fn of(error: &ValidationError<'_>) -> Self {
        let place: Vec<String> = segments(&error.instance_path().to_string()).collect();
        let path: Vec<String> = segments(&error.evaluation_path().to_string()).collect();
        let is_false = matches!(error.kind(), Kind::FalseSchema);
        let (mut steps, mut combinations) = (Vec::<Step>::new(), Vec::new());
        let (mut depth, mut at) = (0, 0);
        while at < path.len() {
            let keyword = path[at].as_str();
            at += 1;
            let is_last = at == path.len() && !is_false;
            let mut into = String::new();
            match keyword {
                "properties" | "patternProperties" if at < path.len() => {
                    (depth, into) = (depth + 1, entered(&place, depth));
                    at += 1;
                }
                "items" | "additionalItems" | "additionalProperties" | "contains" if !is_last => {
                    (depth, into) = (depth + 1, entered(&place, depth));
                    at += usize::from(path.get(at).is_some_and(|next| next.parse::<usize>().is_ok()));
                }
                "allOf" | "anyOf" | "oneOf" | "dependencies" if !is_last => {
                    into = padded(&path[at]);
                    at += 1;
                }
                _ => {}
            }
            let reached = || place[..depth.min(place.len())].to_vec();
            let before = steps.clone();
            steps.push((rank(keyword), into));
            match keyword {
                "allOf" => {
                    let last = [(rank(keyword), "\u{10ffff}".to_owned())];
                    combinations.push((
                        [before, last.into()].concat(),
                        reached(),
                        "Must validate all the schemas (allOf)",
                    ));
                }
                "then" => {
                    combinations.push((
                        steps.clone(),
                        reached(),
                        "Must validate \"then\" as \"if\" was valid",
                    ));
                }
                "else" => {
                    combinations.push((
                        steps.clone(),
                        reached(),
                        "Must validate \"else\" as \"if\" was not valid",
                    ));
                }
                _ => {}
            }
        }
        if steps.is_empty() {
            steps.push((0, String::new()));
        }
        let keyword = path.last().cloned().unwrap_or_default();
        Self { place, steps, keyword, combinations }
    }

    /// The schema that complains, as it was come to.
    fn node(&self) -> &[Step] {
        &self.steps[..self.steps.len() - 1]
    }
}

/// The name or number in the document that a keyword leads to.
fn entered(place: &[String], depth: usize) -> String {
    place.get(depth).map_or_else(String::new, |segment| padded(segment))
}

/// Numbers in a form that sorts.
fn padded(segment: &str) -> String {
    segment.parse::<u64>().map_or_else(|_| segment.to_owned(), |number| format!("{number:020}"))
}

/// Where the service comes to a keyword; those of equal rank never meet, or in any order.
fn rank(keyword: &str) -> u8 {
    const ORDER: [&[&str]; 21] = [
        &["type", "$ref"],
        &["anyOf"],
        &["oneOf"],
        &["allOf"],
        &["not"],
        &["dependencies"],
        &["then", "else"],
        &["multipleOf", "items", "minProperties"],
        &["maximum", "additionalItems", "maxProperties"],
        &["exclusiveMaximum", "required", "minItems"],
        &["minimum", "maxItems", "patternProperties", "additionalProperties"],
        &["exclusiveMinimum", "uniqueItems", "propertyNames"],
        &["contains"],
        &["const"],
        &["enum"],
        &["minLength"],
        &["maxLength"],
        &["pattern"],
        &["format"],
        &["properties"],
        &[],
    ];
    let found = ORDER.iter().position(|keywords| keywords.contains(&keyword));
    u8::try_from(found.unwrap_or(ORDER.len())).unwrap_or(u8::MAX)
}

/// The service's complaints for one error.
fn describe(error: &ValidationError<'_>, place: &[String], schema: &Value) -> Vec<String> {
    let say = |text: &str| vec![complaint(place, text)];
    let limit = |text: &str, limit: &Value| say(&format!("{text} {}", number::general(limit)));
    match error.kind() {
        Kind::AdditionalItems { .. } => say("No additional items allowed on array"),
        Kind::AdditionalProperties { unexpected } => {
            let one = |name| complaint(place, &format!("Additional property {name} is not allowed"));
            unexpected.iter().map(one).collect()
        }
        Kind::AnyOf { context } => {
            [say("Must validate at least one schema (anyOf)"), closest(context, schema)].concat()
        }
        Kind::OneOfNotValid { context } => {
            [say("Must validate one and only one schema (oneOf)"), closest(context, schema)].concat()
        }
        Kind::OneOfMultipleValid { .. } => say("Must validate one and only one schema (oneOf)"),
        Kind::Constant { expected_value } => {
            say(&format!("{} does not match: {}", field(place), compact(expected_value)))
        }
        Kind::Contains => say("At least one of the items must match"),
        Kind::Enum { options } => {
            let options: Vec<_> = options.as_array().into_iter().flatten().map(compact).collect();
            say(&format!("{} must be one of the following: {}", field(place), options.join(", ")))
        }
        Kind::ExclusiveMaximum { limit: most } => limit("Must be less than", most),
        Kind::ExclusiveMinimum { limit: least } => limit("Must be greater than", least),
        Kind::Maximum { limit: most } => limit("Must be less than or equal to", most),
        Kind::Minimum { limit: least } => limit("Must be greater than or equal to", least),
        Kind::MultipleOf { multiple_of } => limit("Must be a multiple of", &Value::from(*multiple_of)),
        Kind::FalseSchema => say("False always fails validation"),
        Kind::Format { format } => say(&format!("Does not match format '{format}'")),
        Kind::MaxItems { limit } => say(&format!("Array must have at most {limit} items")),
        Kind::MinItems { limit } => say(&format!("Array must have at least {limit} items")),
        Kind::MaxLength { limit } => say(&format!("String length must be less than or equal to {limit}")),
        Kind::MinLength { limit } => say(&format!("String length must be greater than or equal to {limit}")),
        Kind::MaxProperties { limit } => say(&format!("Must have at most {limit} properties")),
        Kind::MinProperties { limit } => say(&format!("Must have at least {limit} properties")),
        Kind::Not { .. } => say("Must not validate the schema (not)"),
        Kind::Pattern { pattern } => say(&format!("Does not match pattern '{pattern}'")),
        Kind::PropertyNames { error: inner } => {
            let name = inner.instance().as_str().unwrap_or_default();
            let first = complaint(place, &format!("Property name of \"{name}\" does not match"));
            [vec![first], describe(inner, place, schema)].concat()
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let is_own = error.schema_path().to_string().ends_with("/required");
            say(&if is_own { format!("{name} is required") } else { format!("Has a dependency on {name}") })
        }
        Kind::Type { .. } => {
            let expected = schema.pointer(&error.schema_path().to_string());
            let given = type_of(error.instance());
            say(&format!(
                "Invalid type. Expected: {}, given: {given}",
                expected.map_or_else(String::new, types)
            ))
        }
        Kind::UniqueItems => duplicates(error.instance()).iter().flat_map(|text| say(text)).collect(),
        _ => say(&error.masked().to_string()),
    }
}

/// Of the alternatives that failed, what the one complains of that came nearest.
fn closest(alternatives: &[Vec<ValidationError<'static>>], schema: &Value) -> Vec<String> {
    let shortest =
        alternatives.iter().map(|errors| errors.iter().map(depth).min().unwrap_or(0)).min().unwrap_or(0);
    let distance = |errors: &&Vec<ValidationError<'static>>| {
        let is_other_type = |error: &ValidationError<'_>| {
            matches!(error.kind(), Kind::Type { .. }) && depth(error) == shortest
        };
        (errors.iter().any(is_other_type), errors.len())
    };
    alternatives.iter().min_by_key(distance).map_or_else(Vec::new, |errors| complaints(errors, schema))
}

fn depth(error: &ValidationError<'_>) -> usize {
    error.instance_path().to_string().matches('/').count()
}

/// The items of a list that are equal to an earlier one.
fn duplicates(list: &Value) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let items = list.as_array().into_iter().flatten().enumerate();
    let equal = items.filter_map(|(index, item)| {
        let first = seen.insert(number::normal(item).to_string(), index)?;
        Some(format!("array items[{first},{index}] must be unique"))
    });
    equal.collect()
}

fn types(expected: &Value) -> String {
    let names: Vec<_> = expected.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match (expected.as_str(), names.as_slice()) {
        (Some(name), _) | (None, &[name]) => name.to_owned(),
        (None, names) => format!("[{}]", names.join(",")),
    }
}

fn type_of(given: &Value) -> &'static str {
    match given {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn compact(value: &Value) -> String {
    String::from_utf8(json::compact(&number::normal(value))).unwrap_or_default()
}

/// The parts of a JSON pointer.
fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}
