//! The walk over a datum: whether its bytes are one value of a schema, no more and no less. Nothing is decoded, copied or
//! allocated.
//!
//! It is as strict as the strictest reader: what passes can be read by all of them, and what one of them would stumble over
//! does not get into a file.

use std::fmt;

use super::long::{self, NoLong};
use crate::config::{AvroSchema, AvroType};

/// Types within types; a record may contain itself.
const DEEPEST: u32 = 200;

/// Values of one datum that take no bytes: an array of 2^31 nulls is five bytes long.
const MOST_EMPTY: u32 = 100_000;

const SHORT: &str = "the data ends in the middle of it";

/// The innermost parts of a path that are shown.
const SHOWN: usize = 16;

/// Where a datum stops fitting, and why. Shows nothing of the data.
#[derive(Debug)]
pub(super) struct Misfit<'a> {
    /// What leads there, the innermost first.
    path: Vec<Part<'a>>,
    at: usize,
    what: &'static str,
}

#[derive(Debug)]
enum Part<'a> {
    Field(&'a str),
    /// An item of an array, or an entry of a map.
    Item(usize),
}

impl fmt::Display for Misfit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.len() > SHOWN {
            f.write_str("…")?;
        }
        let mut needs_dot = false;
        for part in self.path.iter().take(SHOWN).rev() {
            match part {
                Part::Field(name) if needs_dot => write!(f, ".{name}")?,
                Part::Field(name) => f.write_str(name)?,
                Part::Item(index) => write!(f, "[{index}]")?,
            }
            needs_dot = true;
        }
        if needs_dot {
            f.write_str(" ")?;
        }
        write!(f, "at byte {}: {}", self.at, self.what)
    }
}

type Step<'a, T> = Result<T, Box<Misfit<'a>>>;

/// Whether `datum` is one of `schema`.
pub(super) fn check<'a>(schema: &'a AvroSchema, datum: &[u8]) -> Step<'a, ()> {
    let mut walk = Walk { types: schema.types(), datum, at: 0, empty: MOST_EMPTY };
    walk.over(0, DEEPEST)?;
    if walk.at == datum.len() { Ok(()) } else { misfit(walk.at, "more data follows its end") }
}

#[cold]
fn misfit<'a, T>(at: usize, what: &'static str) -> Step<'a, T> {
    Err(Box::new(Misfit { path: Vec::new(), at, what }))
}

/// Adds to the path of a misfit.
fn within<'a>(part: Part<'a>) -> impl FnOnce(Box<Misfit<'a>>) -> Box<Misfit<'a>> {
    |mut misfit| {
        misfit.path.push(part);
        misfit
    }
}

struct Walk<'a, 'd> {
    types: &'a [AvroType],
    datum: &'d [u8],
    at: usize,
    /// How many more values without bytes it may have.
    empty: u32,
}

impl<'a, 'd> Walk<'a, 'd> {
    fn over(&mut self, number: usize, levels: u32) -> Step<'a, ()> {
        let start = self.at;
        let Some(levels) = levels.checked_sub(1) else {
            return misfit(start, "it is nested deeper than 200 levels");
        };
        match &self.types[number] {
            AvroType::Null => {}
            AvroType::Boolean => {
                if self.take(1)?[0] > 1 {
                    return misfit(start, "a boolean is 0 or 1");
                }
            }
            AvroType::Int => {
                if i32::try_from(self.long()?).is_err() || self.at - start > 5 {
                    return misfit(start, "the number does not fit into the 32 bits of an int");
                }
            }
            AvroType::Long => drop(self.long()?),
            AvroType::Float => drop(self.take(4)?),
            AvroType::Double => drop(self.take(8)?),
            AvroType::Bytes => drop(self.bytes()?),
            AvroType::String => self.string("the string is not UTF-8")?,
            AvroType::Array(items) => {
                self.blocks(|walk, index| walk.over(*items, levels).map_err(within(Part::Item(index))))?;
            }
            AvroType::Map(values) => self.blocks(|walk, index| {
                walk.string("the key is not UTF-8")
                    .and_then(|()| walk.over(*values, levels))
                    .map_err(within(Part::Item(index)))
            })?,
            AvroType::Union(members) => {
                let member = usize::try_from(self.long()?).ok().and_then(|index| members.get(index));
                match member {
                    Some(member) => self.over(*member, levels)?,
                    None => return misfit(start, "the union has no such branch"),
                }
            }
            AvroType::Record(fields) => {
                for (name, field) in fields {
                    self.over(*field, levels).map_err(within(Part::Field(name)))?;
                }
            }
            AvroType::Enum(symbols) => {
                if !usize::try_from(self.long()?).is_ok_and(|index| index < *symbols) {
                    return misfit(start, "the enum has no such symbol");
                }
            }
            AvroType::Fixed(size) => drop(self.take(*size)?),
        }
        Ok(())
    }

    /// The blocks of an array or a map, up to the empty one.
    fn blocks(&mut self, mut each: impl FnMut(&mut Self, usize) -> Step<'a, ()>) -> Step<'a, ()> {
        let mut index = 0;
        loop {
            let start = self.at;
            let count = self.long()?;
            // A negative count is followed by the size of the block, for those who pass over it.
            let end = if count < 0 {
                let size = usize::try_from(self.long()?);
                match size.ok().and_then(|size| self.at.checked_add(size)) {
                    Some(end) if count > i64::MIN => Some(end),
                    _ => return misfit(start, "the count or the size of a block is out of bounds"),
                }
            } else {
                None
            };
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count.unsigned_abs() {
                let before = self.at;
                each(self, index)?;
                if self.at == before {
                    let Some(empty) = self.empty.checked_sub(1) else {
                        return misfit(start, "it has more than 100000 items without data");
                    };
                    self.empty = empty;
                }
                index += 1;
            }
            if end.is_some_and(|end| end != self.at) {
                return misfit(start, "the size of a block is not that of its items");
            }
        }
    }

    fn string(&mut self, otherwise: &'static str) -> Step<'a, ()> {
        let bytes = self.bytes()?;
        let start = self.at - bytes.len();
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(error) => misfit(start + error.valid_up_to(), otherwise),
        }
    }

    fn bytes(&mut self) -> Step<'a, &'d [u8]> {
        let start = self.at;
        let length = self.long()?;
        if length < 0 {
            return misfit(start, "the length is negative");
        }
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn long(&mut self) -> Step<'a, i64> {
        match long::read(&self.datum[self.at..]) {
            Ok((number, size)) => {
                self.at += size;
                Ok(number)
            }
            Err(NoLong::Short) => misfit(self.datum.len(), SHORT),
            Err(NoLong::Wide) => misfit(self.at, "the number has more than 64 bits"),
        }
    }

    #[inline]
    fn take(&mut self, size: usize) -> Step<'a, &'d [u8]> {
        let rest = &self.datum[self.at..];
        match rest.get(..size) {
            Some(taken) => {
                self.at += size;
                Ok(taken)
            }
            None => misfit(self.datum.len(), SHORT),
        }
    }
}

#[cfg(test)]
mod tests;
