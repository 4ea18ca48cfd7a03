//! `schema_file`: an Avro schema, compiled into types that name each other by number, for a walk over data.
//!
//! What reads schemas, the crate `apache-avro`, is known to this file alone.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, UuidSchema};

use super::InvalidValue;

const HINT: &str = "a file with an Avro schema in JSON";

/// A schema of Avro, as it was written and as it is used.
pub struct AvroSchema {
    text: String,
    parsed: Schema,
    types: Vec<AvroType>,
}

/// What a value is encoded as; a logical type is what it is based on. Other types are given by their numbers in
/// [`AvroSchema::types`].
#[derive(Debug, PartialEq, Eq)]
pub enum AvroType {
    /// No byte at all.
    Null,
    /// One byte, 0 or 1.
    Boolean,
    /// A number of 32 bits.
    Int,
    /// A number of 64 bits.
    Long,
    /// Four bytes.
    Float,
    /// Eight bytes.
    Double,
    /// A length and as many bytes.
    Bytes,
    /// The same, in UTF-8.
    String,
    /// Blocks of values of one type.
    Array(usize),
    /// Blocks of keys, which are strings, with values of one type.
    Map(usize),
    /// The number of a type, and a value of that.
    Union(Vec<usize>),
    /// The values of its fields, by name and type.
    Record(Vec<(String, usize)>),
    /// The number of a symbol; here, how many symbols there are.
    Enum(usize),
    /// So many bytes.
    Fixed(usize),
}

impl AvroSchema {
    /// Reads and compiles the schema in a file.
    pub fn read(path: &Path) -> Result<Self, InvalidValue> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| InvalidValue::new(format!("cannot be read: {error}"), HINT))?;
        Self::parse(&text)
            .map_err(|error| InvalidValue::new(format!("has no Avro schema in it: {error}"), HINT))
    }

    /// Compiles a schema, or says why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_owned();
        let parsed = Schema::parse_str(&text).map_err(|error| reasons(&error))?;
        let mut compiler = Compiler { types: Vec::new(), named: HashMap::new() };
        compiler.compile(&parsed)?;
        Ok(Self { text, parsed, types: compiler.types })
    }

    /// The schema as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The types in it; the first is that of the schema itself.
    #[must_use]
    pub fn types(&self) -> &[AvroType] {
        &self.types
    }

    /// Whether data of one is data of the other, with the same meaning: their canonical forms are equal, and so are their
    /// logical types. Documentation, defaults and aliases may differ.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.parsed.canonical_form() == other.parsed.canonical_form() && self.parsed == other.parsed
    }
}

impl PartialEq for AvroSchema {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for AvroSchema {}

impl fmt::Debug for AvroSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AvroSchema").field(&self.parsed.canonical_form()).finish()
    }
}

/// An error and those behind it.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        next = error.source();
    }
    text
}

struct Compiler {
    types: Vec<AvroType>,
    named: HashMap<String, usize>,
}

impl Compiler {
    /// The number of a type.
    fn compile(&mut self, schema: &Schema) -> Result<usize, String> {
        if let Schema::Ref { name } = schema {
            let name = name.to_string();
            return self.named.get(&name).copied().ok_or_else(|| format!("there is no type {name:?}"));
        }
        // A record may contain itself: it is known before its fields are.
        let number = self.types.len();
        self.types.push(AvroType::Null);
        if let Some(name) = schema.name() {
            self.named.insert(name.to_string(), number);
        }
        self.types[number] = match schema {
            Schema::Null | Schema::Ref { .. } => AvroType::Null,
            Schema::Boolean => AvroType::Boolean,
            Schema::Int | Schema::Date | Schema::TimeMillis => AvroType::Int,
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => AvroType::Long,
            Schema::Float => AvroType::Float,
            Schema::Double => AvroType::Double,
            Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => AvroType::Bytes,
            Schema::String | Schema::Uuid(UuidSchema::String) => AvroType::String,
            Schema::Array(array) => AvroType::Array(self.compile(&array.items)?),
            Schema::Map(map) => AvroType::Map(self.compile(&map.types)?),
            Schema::Union(union) => {
                let members = union.variants().iter().map(|member| self.compile(member));
                AvroType::Union(members.collect::<Result<_, _>>()?)
            }
            Schema::Record(record) => {
                let fields = record.fields.iter();
                let fields = fields.map(|field| Ok((field.name.clone(), self.compile(&field.schema)?)));
                AvroType::Record(fields.collect::<Result<_, String>>()?)
            }
            Schema::Enum(symbols) => AvroType::Enum(symbols.symbols.len()),
            Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => {
                AvroType::Fixed(fixed.size)
            }
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => AvroType::Bytes,
                InnerDecimalSchema::Fixed(fixed) => AvroType::Fixed(fixed.size),
            },
        };
        Ok(number)
    }
}

#[cfg(test)]
mod tests;
