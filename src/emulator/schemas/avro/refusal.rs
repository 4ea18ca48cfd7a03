//! Why the service refuses an Avro schema.

use std::collections::HashSet;

use serde_json::{Map, Value};

const PRIMITIVES: [&str; 8] = ["boolean", "bytes", "double", "float", "int", "long", "null", "string"];

/// Goes through a schema as the service does, and says what it says.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let known = PRIMITIVES.iter().map(|name| (*name).to_owned()).collect();
    Reader { known }.read("", schema).map(drop)
}

/// What has been read so far.
struct Reader {
    known: HashSet<String>,
}

/// The full name of a type, or what kind of type it is.
type Named = Result<String, String>;

impl Reader {
    fn read(&mut self, namespace: &str, schema: &Value) -> Named {
        match schema {
            Value::Object(fields) => self.described(namespace, fields),
            Value::String(name) => self.by_name(namespace, name, &Map::new()),
            Value::Array(members) => self.union(namespace, members),
            other => Err(format!("unknown schema type: {}", go_type(other))),
        }
    }

    fn described(&mut self, namespace: &str, schema: &Map<String, Value>) -> Named {
        match schema.get("type") {
            None => Err(format!("missing type: {}", go_map(schema))),
            Some(Value::String(name)) => self.by_name(namespace, name, schema),
            Some(Value::Object(inner)) => self.described(namespace, inner),
            Some(Value::Array(members)) => self.union(namespace, members),
            Some(other) => Err(format!(
                "type ought to be either string, map[string]interface{{}}, or []interface{{}}; received: {}",
                go_type(other)
            )),
        }
    }

    fn by_name(&mut self, namespace: &str, name: &str, schema: &Map<String, Value>) -> Named {
        for full in [name.to_owned(), format!("{namespace}.{name}")] {
            if self.known.contains(&full) {
                return Ok(full);
            }
        }
        match name {
            "array" => self.contained(namespace, schema, "Array", "items"),
            "map" => self.contained(namespace, schema, "Map", "values"),
            "enum" => {
                let (name, _) = self.register(namespace, schema, "Enum")?;
                let symbols = schema
                    .get("symbols")
                    .ok_or_else(|| format!("Enum {name:?} ought to have symbols key"))?;
                let is_list = symbols
                    .as_array()
                    .is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
                let refusal = || {
                    format!(
                        "Enum {name:?} symbols ought to be non-empty array of strings: {}",
                        go_value(symbols)
                    )
                };
                if is_list { Ok(name) } else { Err(refusal()) }
            }
            "fixed" => {
                let (name, _) = self.register(namespace, schema, "Fixed")?;
                let size =
                    schema.get("size").ok_or_else(|| format!("Fixed {name:?} ought to have size key"))?;
                let refusal = || {
                    format!("Fixed {name:?} size ought to be number greater than zero: {}", go_value(size))
                };
                if size.as_f64().is_some_and(|size| size > 0.0) { Ok(name) } else { Err(refusal()) }
            }
            "record" => self.record(namespace, schema),
            unknown => Err(format!("unknown type name: {unknown:?}")),
        }
    }

    fn contained(&mut self, namespace: &str, schema: &Map<String, Value>, kind: &str, key: &str) -> Named {
        let inner = schema.get(key).ok_or_else(|| format!("{kind} ought to have {key} key"))?;
        self.read(namespace, inner)
            .map_err(|error| format!("{kind} {key} ought to be valid Avro type: {error}"))?;
        Ok(kind.to_lowercase())
    }

    fn union(&mut self, namespace: &str, members: &[Value]) -> Named {
        if members.is_empty() {
            return Err("Union ought to have one or more members".to_owned());
        }
        let mut names = HashSet::new();
        for (member, number) in members.iter().zip(1..) {
            let name = self.read(namespace, member);
            let name =
                name.map_err(|error| format!("Union item {number} ought to be valid Avro type: {error}"))?;
            if names.contains(&name) {
                return Err(format!("Union item {number} ought to be unique type: {name}"));
            }
            names.insert(name);
        }
        Ok("union".to_owned())
    }

    fn record(&mut self, namespace: &str, schema: &Map<String, Value>) -> Named {
        let (name, own_namespace) = self.register(namespace, schema, "Record")?;
        let fields =
            schema.get("fields").ok_or_else(|| format!("Record {name:?} ought to have fields key"))?;
        let Some(list) = fields.as_array().filter(|list| !list.is_empty()) else {
            return Err(format!("Record {name:?} fields ought to be non-empty array: {}", go_value(fields)));
        };
        let mut seen = HashSet::new();
        for (field, number) in list.iter().zip(1..) {
            let whose = format!("Record {name:?} field {number} ought to");
            let Value::Object(described) = field else {
                return Err(format!("{whose} be valid Avro named type; received: {}", go_value(field)));
            };
            self.described(&own_namespace, described)
                .map_err(|error| format!("{whose} be valid Avro named type: {error}"))?;
            let (full, _) = name_of(&own_namespace, described)
                .map_err(|_| format!("{whose} have valid name: {}", go_map(described)))?;
            let short = full.rsplit('.').next().unwrap_or_default().to_owned();
            if !seen.insert(short.clone()) {
                return Err(format!("{whose} have unique name: {short:?}"));
            }
        }
        Ok(name)
    }

    /// Makes the type of a name known, and gives its full name and its namespace.
    fn register(
        &mut self,
        namespace: &str,
        schema: &Map<String, Value>,
        kind: &str,
    ) -> Result<(String, String), String> {
        let named = name_of(namespace, schema)
            .map_err(|error| format!("{kind} ought to have valid name: {error}"))?;
        self.known.insert(named.0.clone());
        Ok(named)
    }
}

/// The full name of a type and its namespace.
fn name_of(enclosing: &str, schema: &Map<String, Value>) -> Result<(String, String), String> {
    let text = |key: &str, what: &str| match schema.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.as_str())),
        Some(other) => Err(format!("{what} ought to be non-empty string; received: {}", go_type(other))),
    };
    let name = text("name", "schema name")?.ok_or("schema ought to have name key")?;
    let namespace = text("namespace", "schema namespace, if provided,")?.unwrap_or(enclosing);
    let (full, namespace) = match name.rsplit_once('.') {
        Some((namespace, _)) => (name.to_owned(), namespace.to_owned()),
        None if namespace.is_empty() => (name.to_owned(), String::new()),
        None => (format!("{namespace}.{name}"), namespace.to_owned()),
    };
    for component in full.split('.') {
        let starts = component.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if component.is_empty() {
            return Err("schema name ought to be non-empty string".to_owned());
        }
        if !starts {
            return Err(format!("schema name ought to start with [A-Za-z_]: {component}"));
        }
        if !component.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!(
                "schema name ought to have second and remaining characters contain only [A-Za-z0-9_]: {component}"
            ));
        }
    }
    Ok((full, namespace))
}

/// The type of a JSON value in the service's language.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A JSON value as the service's language prints it.
fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => go_map(fields),
        other => other.to_string(),
    }
}

fn go_map(fields: &Map<String, Value>) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{name}:{}", go_value(value)));
    format!("map[{}]", fields.collect::<Vec<_>>().join(" "))
}
