//! A schema as a table of types that name each other by number, and the walk over data by it.

use std::collections::{BTreeSet, HashMap};

use apache_avro::Schema;

/// Types within types; a record may contain itself.
const DEEPEST: usize = 400;

/// Values of one datum that take no bytes: a list of 2^31 nulls is five bytes long.
const MOST_EMPTY: usize = 1_000_000;

/// The service's bounds on the sizes in data.
const MAX_BLOCK: i64 = i32::MAX as i64;

const SHORT: &str = "short buffer";

/// The types of a schema; the first is the schema's own.
#[derive(Debug)]
pub(super) struct Plan(Vec<Type>);

#[derive(Debug)]
enum Type {
    Null,
    Boolean,
    /// An int or a long: the service reads both alike.
    Integer,
    Float,
    Double,
    Bytes,
    Text,
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record {
        name: String,
        fields: Vec<(String, usize)>,
    },
    Enum {
        name: String,
        symbols: i64,
    },
    Fixed {
        name: String,
        size: usize,
    },
}

impl Plan {
    pub(super) fn new(schema: &Schema) -> Result<Self, String> {
        let mut planner = Planner { types: Vec::new(), named: HashMap::new() };
        planner.plan(schema)?;
        Ok(Self(planner.types))
    }

    pub(super) fn check(&self, datum: &[u8]) -> Result<(), String> {
        Walk { types: &self.0, rest: datum, empty: MOST_EMPTY }.over(0, 0)
    }
}

struct Planner {
    types: Vec<Type>,
    named: HashMap<String, usize>,
}

impl Planner {
    fn plan(&mut self, schema: &Schema) -> Result<usize, String> {
        if let Schema::Ref { name } = schema {
            let name = name.to_string();
            return self.named.get(&name).copied().ok_or_else(|| format!("unknown type name: {name:?}"));
        }
        let at = self.types.len();
        self.types.push(Type::Null);
        if let Some(name) = schema.name() {
            self.named.insert(name.to_string(), at);
        }
        self.types[at] = match schema {
            Schema::Null => Type::Null,
            Schema::Boolean => Type::Boolean,
            Schema::Int | Schema::Long => Type::Integer,
            Schema::Float => Type::Float,
            Schema::Double => Type::Double,
            Schema::Bytes => Type::Bytes,
            Schema::String => Type::Text,
            Schema::Array(array) => Type::Array(self.plan(&array.items)?),
            Schema::Map(map) => Type::Map(self.plan(&map.types)?),
            Schema::Union(union) => Type::Union(
                union.variants().iter().map(|member| self.plan(member)).collect::<Result<_, _>>()?,
            ),
            Schema::Record(record) => {
                let fields = record.fields.iter();
                let fields = fields.map(|field| Ok((field.name.clone(), self.plan(&field.schema)?)));
                Type::Record { name: record.name.to_string(), fields: fields.collect::<Result<_, String>>()? }
            }
            Schema::Enum(symbols) => {
                let count = i64::try_from(symbols.symbols.len()).unwrap_or(i64::MAX);
                Type::Enum { name: symbols.name.to_string(), symbols: count }
            }
            Schema::Fixed(fixed) => Type::Fixed { name: fixed.name.to_string(), size: fixed.size },
            // Logical types, which were taken out.
            other => return Err(format!("unknown schema type: {other:?}")),
        };
        Ok(at)
    }
}

/// A datum, as far as it is not yet walked over.
struct Walk<'a> {
    types: &'a [Type],
    rest: &'a [u8],
    empty: usize,
}

impl<'a> Walk<'a> {
    fn over(&mut self, number: usize, level: usize) -> Result<(), String> {
        let before = self.rest.len();
        let level = level + 1;
        if level > DEEPEST {
            return Err("nested too deeply for this emulator".to_owned());
        }
        match &self.types[number] {
            Type::Null => {}
            Type::Boolean => match self.take(1)?[0] {
                0 | 1 => {}
                other => {
                    return Err(format!(
                        "cannot decode binary boolean: expected: Go byte(0) or byte(1); received: byte({other})"
                    ));
                }
            },
            Type::Integer => drop(self.long()?),
            Type::Float => self.skip(4).map_err(|error| format!("cannot decode binary float: {error}"))?,
            Type::Double => self.skip(8).map_err(|error| format!("cannot decode binary double: {error}"))?,
            Type::Bytes => drop(self.bytes()?),
            Type::Text => drop(self.text()?),
            Type::Array(items) => self.blocks("array", |walk, index| {
                walk.over(*items, level)
                    .map_err(|error| format!("cannot decode binary array item {index}: {error}"))
            })?,
            Type::Map(values) => {
                let mut keys = BTreeSet::new();
                self.blocks("map", |walk, _| walk.entry(*values, &mut keys, level))?;
            }
            Type::Union(members) => {
                let index = self.long()?;
                let member = usize::try_from(index).ok().and_then(|index| members.get(index)).ok_or_else(|| {
                    let last = members.len() - 1;
                    format!("cannot decode binary union: index ought to be between 0 and {last}; read index: {index}")
                })?;
                self.over(*member, level)
                    .map_err(|error| format!("cannot decode binary union item {}: {error}", index + 1))?;
            }
            Type::Record { name, fields } => {
                for (field, kind) in fields {
                    self.over(*kind, level).map_err(|error| {
                        format!("cannot decode binary record {name:?} field {field:?}: {error}")
                    })?;
                }
            }
            Type::Enum { name, symbols } => {
                let index = self
                    .long()
                    .map_err(|error| format!("cannot decode binary enum {name:?} index: {error}"))?;
                if !(0..*symbols).contains(&index) {
                    let last = symbols - 1;
                    return Err(format!(
                        "cannot decode binary enum {name:?}: index ought to be between 0 and {last}; read index: {index}"
                    ));
                }
            }
            Type::Fixed { name, size } => {
                let left = self.rest.len();
                self.skip(*size).map_err(|error| {
                    format!(
                        "cannot decode binary fixed {name:?}: schema size exceeds remaining buffer size: {size} > {left} ({error})"
                    )
                })?;
            }
        }
        if self.rest.len() == before {
            self.empty = self.empty.checked_sub(1).ok_or("too many empty values for this emulator")?;
        }
        Ok(())
    }

    /// A key and its value.
    fn entry(&mut self, values: usize, keys: &mut BTreeSet<&'a [u8]>, level: usize) -> Result<(), String> {
        let key = self.text().map_err(|error| format!("cannot decode binary map key: {error}"))?;
        let shown = || String::from_utf8_lossy(key).into_owned();
        if !keys.insert(key) {
            return Err(format!("cannot decode binary map: duplicate key: {:?}", shown()));
        }
        self.over(values, level)
            .map_err(|error| format!("cannot decode binary map value for key {:?}: {error}", shown()))
    }

    /// The blocks of a list or a map, up to the empty one.
    fn blocks(
        &mut self,
        kind: &str,
        mut each: impl FnMut(&mut Self, i64) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            let mut count =
                self.long().map_err(|error| format!("cannot decode binary {kind} block count: {error}"))?;
            if count < 0 {
                count = count
                    .checked_neg()
                    .ok_or_else(|| format!("cannot decode binary {kind} with block count: {count}"))?;
                self.long().map_err(|error| format!("cannot decode binary {kind} block size: {error}"))?;
            }
            if count > MAX_BLOCK {
                return Err(format!(
                    "cannot decode binary {kind} when block count exceeds MaxBlockCount: {count} > {MAX_BLOCK}"
                ));
            }
            if count == 0 {
                return Ok(());
            }
            for index in 1..=count {
                each(self, index)?;
            }
        }
    }

    fn text(&mut self) -> Result<&'a [u8], String> {
        self.bytes().map_err(|error| format!("cannot decode binary string: {error}"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], String> {
        let size = self.long().map_err(|error| format!("cannot decode binary bytes: {error}"))?;
        if size < 0 {
            return Err(format!("cannot decode binary bytes: negative size: {size}"));
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.take(size).map_err(|error| format!("cannot decode binary bytes: {error}"))
    }

    /// A number of up to 64 bits, zigzag; what does not fit is lost.
    fn long(&mut self) -> Result<i64, String> {
        let mut bits: u64 = 0;
        let mut shift: u32 = 0;
        loop {
            let byte = self.take(1)?[0];
            bits |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
            shift = shift.saturating_add(7);
        }
    }

    fn skip(&mut self, size: usize) -> Result<(), String> {
        self.take(size).map(|_| ())
    }

    fn take(&mut self, size: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(size).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }
}
