//! Schemas and values of them, made up: by a seed the same ones.

use std::collections::HashMap;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Decimal, Schema};
use fastrand::Rng;
use serde_json::{Value as Json, json};

/// Types within types.
const DEEPEST: u32 = 4;

/// A schema, as text, and values of it.
pub(in crate::sink) struct Arbitrary {
    pub(in crate::sink) text: String,
    schema: Schema,
    random: Rng,
}

impl Arbitrary {
    pub(in crate::sink) fn new(seed: u64) -> Self {
        let mut maker = SchemaMaker { random: Rng::with_seed(seed), names: Vec::new(), open: Vec::new() };
        let text = maker.any(DEEPEST).to_string();
        let schema = Schema::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        Self { text, schema, random: maker.random }
    }

    /// One more value, as it is encoded.
    pub(in crate::sink) fn datum(&mut self) -> (Value, Vec<u8>) {
        let mut named = HashMap::new();
        collect(&self.schema, &mut named);
        let value = value(&self.schema, &named, &mut self.random, 2 * DEEPEST);
        let writer = GenericDatumWriter::builder(&self.schema).build().unwrap();
        let datum = writer.write_value_to_vec(value.clone()).unwrap_or_else(|error| {
            panic!("{}: {value:?}: {error}", self.text);
        });
        (value, datum)
    }
}

struct SchemaMaker {
    random: Rng,
    /// Types that have a name and are whole, and records that are not.
    names: Vec<String>,
    open: Vec<String>,
}

impl SchemaMaker {
    fn name(&mut self) -> String {
        let number = self.names.len() + self.open.len();
        format!("{}t{number}_{}", self.random.choice(["a.", "a.b."]).unwrap(), self.random.u32(..))
    }

    fn any(&mut self, levels: u32) -> Json {
        if levels > 0 && self.random.bool() {
            return match self.random.u8(0..4) {
                0 => json!({"type": "array", "items": self.any(levels - 1)}),
                1 => json!({"type": "map", "values": self.any(levels - 1)}),
                2 => self.union(levels - 1),
                _ => self.record(levels - 1),
            };
        }
        self.single()
    }

    fn single(&mut self) -> Json {
        match self.random.u8(0..15) {
            0 => json!("null"),
            1 => json!("boolean"),
            2 => json!("int"),
            3 => json!("long"),
            4 => json!("float"),
            5 => json!("double"),
            6 => json!("bytes"),
            7 => json!({"type": "int", "logicalType": "date"}),
            8 => json!({"type": "long", "logicalType": "timestamp-micros"}),
            9 => json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
            10 => {
                let name = self.name();
                self.names.push(name.clone());
                json!({"type": "fixed", "name": name, "size": self.random.usize(0..9)})
            }
            11 => {
                let name = self.name();
                self.names.push(name.clone());
                let symbols: Vec<_> = (0..self.random.u32(1..100)).map(|at| format!("S{at}")).collect();
                json!({"type": "enum", "name": name, "symbols": symbols})
            }
            12 if !self.names.is_empty() => {
                let at = self.random.usize(..self.names.len());
                json!(self.names[at])
            }
            _ => json!("string"),
        }
    }

    /// No two members are of one kind, as the specification wants it.
    fn union(&mut self, levels: u32) -> Json {
        let mut members = vec![json!("null"), json!("string"), json!("long")];
        if self.random.bool() {
            members.push(json!({"type": "array", "items": self.any(levels.saturating_sub(1))}));
        }
        if let Some(name) = self.open.last().cloned().filter(|_| self.random.bool()) {
            members.push(json!(name));
        } else if levels > 0 {
            members.push(self.record(levels - 1));
        }
        members[1..].rotate_left(1);
        json!(members)
    }

    fn record(&mut self, levels: u32) -> Json {
        let name = self.name();
        self.open.push(name.clone());
        let fields: Vec<_> = (0..self.random.u8(0..5))
            .map(|at| json!({"name": format!("f{at}"), "type": self.any(levels)}))
            .collect();
        self.open.pop();
        self.names.push(name.clone());
        json!({"type": "record", "name": name, "fields": fields})
    }
}

fn collect<'a>(schema: &'a Schema, named: &mut HashMap<String, &'a Schema>) {
    if let (Some(name), false) = (schema.name(), matches!(schema, Schema::Ref { .. })) {
        named.insert(name.to_string(), schema);
    }
    match schema {
        Schema::Array(array) => collect(&array.items, named),
        Schema::Map(map) => collect(&map.types, named),
        Schema::Union(union) => union.variants().iter().for_each(|member| collect(member, named)),
        Schema::Record(record) => record.fields.iter().for_each(|field| collect(&field.schema, named)),
        _ => {}
    }
}

fn text(random: &mut Rng) -> String {
    let length = if random.u8(..) == 0 { 5000 } else { 12 };
    (0..random.usize(0..length)).map(|_| random.char(..)).collect()
}

fn value(schema: &Schema, named: &HashMap<String, &Schema>, random: &mut Rng, levels: u32) -> Value {
    let below = levels.saturating_sub(1);
    let most = if levels == 0 { 1 } else { 4 };
    match schema {
        Schema::Null => Value::Null,
        Schema::Boolean => Value::Boolean(random.bool()),
        Schema::Int => Value::Int(random.i32(..) >> random.u8(0..32)),
        Schema::Long => Value::Long(random.i64(..) >> random.u8(0..64)),
        Schema::Date => Value::Date(random.i32(..)),
        Schema::TimestampMicros => Value::TimestampMicros(random.i64(..)),
        Schema::Float => Value::Float(random.f32()),
        Schema::Double => Value::Double(random.f64()),
        Schema::Bytes => Value::Bytes(text(random).into_bytes()),
        Schema::String => Value::String(text(random)),
        Schema::Decimal(_) => Value::Decimal(Decimal::from(random.u32(..).to_be_bytes())),
        Schema::Fixed(fixed) => Value::Fixed(fixed.size, vec![random.u8(..); fixed.size]),
        Schema::Enum(symbols) => {
            let at = random.usize(..symbols.symbols.len());
            Value::Enum(u32::try_from(at).unwrap(), symbols.symbols[at].clone())
        }
        Schema::Array(array) => {
            Value::Array((0..random.u8(0..most)).map(|_| value(&array.items, named, random, below)).collect())
        }
        Schema::Map(map) => Value::Map(
            (0..random.u8(0..most))
                .map(|_| (text(random), value(&map.types, named, random, below)))
                .collect(),
        ),
        // The first one is null, where it has to come to an end.
        Schema::Union(union) => {
            let at = if levels == 0 { 0 } else { random.usize(..union.variants().len()) };
            let member = value(&union.variants()[at], named, random, below);
            Value::Union(u32::try_from(at).unwrap(), Box::new(member))
        }
        Schema::Record(record) => {
            let fields = record.fields.iter();
            Value::Record(
                fields
                    .map(|field| (field.name.clone(), value(&field.schema, named, random, below)))
                    .collect(),
            )
        }
        Schema::Ref { name } => value(named[&name.to_string()], named, random, below),
        other => panic!("no such schema is made: {other:?}"),
    }
}
