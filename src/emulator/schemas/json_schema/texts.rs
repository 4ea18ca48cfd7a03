//! Complaints about documents, in the words of the service's own validator.
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

/// One step on the way to a complaint: the keyword's rank, and what was gone into by it.
type Step = (u8, String);

/// What was held against what.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) schema: &'a Value,
    pub(super) document: &'a Value,
}

/// The complaints about a document, ordered.
pub(super) fn complaints(errors: &[ValidationError<'_>], judged: Judged<'_>) -> Vec<String> {
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
        let texts = describe(error, &way.place, judged);
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
fn describe(error: &ValidationError<'_>, place: &[String], judged: Judged<'_>) -> Vec<String> {
    let say = |text: &str| vec![complaint(place, text)];
    let limit = |text: &str, limit: &Value| say(&format!("{text} {}", number::general(limit)));
    match error.kind() {
        Kind::AdditionalItems { .. } => say("No additional items allowed on array"),
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .flat_map(|name| say(&format!("Additional property {name} is not allowed")))
            .collect(),
        Kind::AnyOf { context } => {
            [say("Must validate at least one schema (anyOf)"), closest(context, judged)].concat()
        }
        Kind::OneOfNotValid { context } => {
            [say("Must validate one and only one schema (oneOf)"), closest(context, judged)].concat()
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
        Kind::FalseSchema => match forbidden(error, judged) {
            Some(names) => {
                names.flat_map(|name| say(&format!("Additional property {name} is not allowed"))).collect()
            }
            None => say("False always fails validation"),
        },
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
            [vec![first], describe(inner, place, judged)].concat()
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let is_own = error.schema_path().to_string().ends_with("/required");
            say(&if is_own { format!("{name} is required") } else { format!("Has a dependency on {name}") })
        }
        Kind::Type { .. } => {
            let expected = judged.schema.pointer(&error.schema_path().to_string());
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

/// The properties of an object that may have none; the crate has no words of its own for that.
fn forbidden<'a>(
    error: &ValidationError<'_>,
    judged: Judged<'a>,
) -> Option<impl Iterator<Item = &'a String>> {
    let path = error.schema_path().to_string();
    let is_keyword =
        path.ends_with("/additionalProperties") && !path.ends_with("/properties/additionalProperties");
    let object = judged.document.pointer(&error.instance_path().to_string())?.as_object();
    object.filter(|_| is_keyword).map(|members| members.keys())
}

/// Of the alternatives that failed, what the one complains of that came nearest.
fn closest(alternatives: &[Vec<ValidationError<'static>>], judged: Judged<'_>) -> Vec<String> {
    let shortest =
        alternatives.iter().map(|errors| errors.iter().map(depth).min().unwrap_or(0)).min().unwrap_or(0);
    let distance = |errors: &&Vec<ValidationError<'static>>| {
        let is_other_type = |error: &ValidationError<'_>| {
            matches!(error.kind(), Kind::Type { .. }) && depth(error) == shortest
        };
        (errors.iter().any(is_other_type), errors.len())
    };
    alternatives.iter().min_by_key(distance).map_or_else(Vec::new, |errors| complaints(errors, judged))
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
pub(super) fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}
