//! How far a schema's references may lead.
//!
//! `jsonschema` notices references that go in circles, and remembers what it found out; but each reference it follows takes
//! stack, and a list of errors is not remembered. So a schema with references walks over the document here first, without
//! judging anything: within a bounded number of steps and levels, or the document is refused.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::emulator::routes;

/// Levels of schemas within schemas. A thread of a tokio runtime, with 2 MiB of stack, takes twice as many in a debug build.
const DEEPEST: usize = 400;

/// Steps that any document may take, and those for each value in it: a list of 50 alternatives is no mischief.
const STEPS: usize = 50_000;
const STEPS_PER_VALUE: usize = 200;

/// Where a schema has others by name.
const NAMED: [&str; 4] = ["definitions", "dependencies", "patternProperties", "properties"];

/// Whether there are references in a schema; an error if one leads elsewhere, or if a part of the schema has an id, which
/// makes references mean something else.
pub(super) fn references(schema: &Value) -> Result<bool, String> {
    let mut found = Found::default();
    found.look(schema, true);
    if let Some(elsewhere) = found.elsewhere {
        return Err(format!(
            "Reference {elsewhere} leads out of the schema, and this emulator follows none that does"
        ));
    }
    if found.references && found.inner_id {
        return Err(
            "Parts of a schema with references may have no id of their own in this emulator".to_owned()
        );
    }
    Ok(found.references)
}

#[derive(Default)]
struct Found {
    references: bool,
    elsewhere: Option<String>,
    inner_id: bool,
}

impl Found {
    fn look(&mut self, schema: &Value, is_root: bool) {
        let Some(keywords) = schema.as_object() else { return };
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            self.references = true;
            let is_inner = reference == "#" || reference.starts_with("#/");
            if !is_inner && !reference.starts_with("http://json-schema.org/draft-0") {
                self.elsewhere = Some(reference.to_owned());
            }
        }
        self.inner_id |= has_id(keywords) && !is_root;
        // A reference may lead to any place, so not only known keywords count.
        for (keyword, value) in keywords {
            match value {
                Value::Array(items) if !is_data(keyword) => {
                    for item in items {
                        self.look(item, false);
                    }
                }
                Value::Object(named) if NAMED.contains(&keyword.as_str()) => {
                    for inner in named.values() {
                        self.look(inner, false);
                    }
                }
                Value::Object(_) if !is_data(keyword) => self.look(value, false),
                _ => {}
            }
        }
    }
}

fn has_id(keywords: &Map<String, Value>) -> bool {
    ["$id", "id"].iter().any(|key| keywords.get(*key).is_some_and(Value::is_string))
}

fn is_data(keyword: &str) -> bool {
    matches!(keyword, "const" | "default" | "enum" | "examples" | "required")
}

/// True if judging `document` is a matter of bounded time and stack.
pub(super) fn is_feasible(root: &Value, document: &Value) -> bool {
    let steps = STEPS + STEPS_PER_VALUE * count(document);
    Survey { root, steps }.visit(root, document, 0).is_some()
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

struct Survey<'a> {
    root: &'a Value,
    steps: usize,
}

impl<'a> Survey<'a> {
    /// `None` when it is too much.
    fn visit(&mut self, schema: &'a Value, value: &Value, level: usize) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        let level = if level < DEEPEST { level + 1 } else { return None };
        let Some(keywords) = schema.as_object() else { return Some(()) };
        // References may lead to what looked like data: an id there would make them mean something else too.
        if level > 1 && has_id(keywords) {
            return None;
        }
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            let target =
                reference.strip_prefix('#').and_then(|pointer| self.root.pointer(&unescaped(pointer)));
            // The others lead to a draft's own schema.
            return target.map_or(Some(()), |target| self.visit(target, value, level));
        }
        for (keyword, inner) in keywords {
            match (keyword.as_str(), value) {
                ("allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else", _) => {
                    self.visit_all(inner, value, level)?;
                }
                ("dependencies", Value::Object(_)) => self.visit_named(inner, value, level)?,
                ("properties", Value::Object(fields)) => {
                    for (name, field) in fields {
                        inner.get(name).map_or(Some(()), |schema| self.visit(schema, field, level))?;
                    }
                }
                ("patternProperties", Value::Object(fields)) => {
                    fields.values().try_for_each(|field| self.visit_named(inner, field, level))?;
                }
                ("additionalProperties", Value::Object(fields)) => {
                    fields.values().try_for_each(|field| self.visit(inner, field, level))?;
                }
                ("additionalItems" | "contains" | "items", Value::Array(items)) => {
                    items.iter().try_for_each(|item| self.visit_all(inner, item, level))?;
                }
                _ => {}
            }
        }
        Some(())
    }

    /// One schema, or each of a list.
    fn visit_all(&mut self, schemas: &'a Value, value: &Value, level: usize) -> Option<()> {
        match schemas {
            Value::Array(list) => list.iter().try_for_each(|schema| self.visit(schema, value, level)),
            one => self.visit(one, value, level),
        }
    }

    fn visit_named(&mut self, schemas: &'a Value, value: &Value, level: usize) -> Option<()> {
        let mut named = schemas.as_object().into_iter().flat_map(|named| named.values());
        named.try_for_each(|schema| self.visit(schema, value, level))
    }
}

/// The pointer of a reference, which is a part of a URI.
fn unescaped(pointer: &str) -> Cow<'_, str> {
    if pointer.contains('%') { Cow::Owned(routes::percent_decoded(pointer)) } else { Cow::Borrowed(pointer) }
}
