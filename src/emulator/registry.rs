//! Named things in the order of their making: projects, topics, subscriptions, and their pages.
//!
//! The service lists newest first and pages by an opaque token: base64 of the 24 hexadecimal digits of the next
//! thing's id. Ids here are serial numbers in that form.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::Refusal;

/// A UUID of version 4, as the service gives to users and projects. It is no secret.
pub(crate) fn new_uuid() -> String {
    uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid().to_string()
}

/// Things by name and by age.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    next_serial: u128,
    serials: HashMap<String, u128>,
    things: BTreeMap<u128, Arc<T>>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { next_serial: 1, serials: HashMap::new(), things: BTreeMap::new() }
    }
}

impl<T> Registry<T> {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<T>> {
        self.serials.get(name).and_then(|serial| self.things.get(serial))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.serials.contains_key(name)
    }

    /// Adds a thing as the newest one. A name that is taken is replaced.
    pub(crate) fn insert(&mut self, name: &str, thing: T) -> Arc<T> {
        self.remove(name);
        let thing = Arc::new(thing);
        self.serials.insert(name.to_owned(), self.next_serial);
        self.things.insert(self.next_serial, Arc::clone(&thing));
        self.next_serial += 1;
        thing
    }

    /// Puts a thing in the place of the one of that name, or adds it as the newest one.
    pub(crate) fn put(&mut self, name: &str, thing: T) -> Arc<T> {
        let Some(serial) = self.serials.get(name) else {
            return self.insert(name, thing);
        };
        let thing = Arc::new(thing);
        self.things.insert(*serial, Arc::clone(&thing));
        thing
    }

    /// Puts a thing back in a place that it had before.
    pub(crate) fn restore(&mut self, serial: u64, name: &str, thing: T) {
        let serial = u128::from(serial);
        self.serials.insert(name.to_owned(), serial);
        self.things.insert(serial, Arc::new(thing));
        self.next_serial = self.next_serial.max(serial + 1);
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Arc<T>> {
        self.things.remove(&self.serials.remove(name)?)
    }

    /// Gives a thing another name, in its old place.
    pub(crate) fn rename(&mut self, name: &str, new_name: &str) {
        if let Some(serial) = self.serials.remove(name) {
            self.serials.insert(new_name.to_owned(), serial);
        }
    }

    /// All things, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.things.values()
    }

    /// All things with their places, oldest first.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (u64, &Arc<T>)> {
        self.things.iter().map(|(&serial, thing)| (place(serial), thing))
    }

    /// The thing of that name with its place.
    pub(crate) fn placed_at(&self, name: &str) -> Option<(u64, &Arc<T>)> {
        let serial = self.serials.get(name)?;
        self.things.get(serial).map(|thing| (place(*serial), thing))
    }

    /// One page of those that are wanted, newest first.
    pub(crate) fn page(&self, request: &PageRequest, is_wanted: impl Fn(&T) -> bool) -> Page<T> {
        let upper = request.from.unwrap_or(u128::MAX);
        let mut older = self.things.range(..=upper).rev().filter(|(_, thing)| is_wanted(thing));
        let things = older.by_ref().take(request.size).map(|(_, thing)| Arc::clone(thing)).collect();
        let next_token =
            older.next().map_or_else(String::new, |(serial, _)| STANDARD.encode(format!("{serial:024x}")));
        let total = self.things.values().filter(|thing| is_wanted(thing)).count();
        Page { things, next_token, total }
    }
}

/// A serial number as it is kept. Nobody makes more things than it counts.
fn place(serial: u128) -> u64 {
    u64::try_from(serial).unwrap_or(u64::MAX)
}

/// One page of things.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) things: Vec<Arc<T>>,
    /// Empty on the last page.
    pub(crate) next_token: String,
    pub(crate) total: usize,
}

/// Which page is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    size: usize,
    from: Option<u128>,
}

impl PageRequest {
    /// From `pageSize` and `pageToken`, empty where they are not given: then it is everything on one page.
    pub(crate) fn new(size: &str, token: &str) -> Result<Self, Refusal> {
        let size = match size {
            "" => 0,
            given => given.parse::<i64>().map_err(|_| Refusal::invalid("Invalid page size"))?,
        };
        let size = usize::try_from(size).ok().filter(|&size| size > 0).unwrap_or(usize::MAX);
        let from = match token {
            "" => None,
            given => Some(serial_of(given).ok_or_else(|| Refusal::invalid("Invalid page token"))?),
        };
        Ok(Self { size, from })
    }
}

fn serial_of(token: &str) -> Option<u128> {
    let digits = STANDARD.decode(token).ok()?;
    let digits = str::from_utf8(&digits).ok().filter(|digits| digits.len() == 24)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_newest_first_and_cover_everything() {
        let mut registry = Registry::default();
        for name in ["a", "b", "c", "d", "e"] {
            registry.insert(name, name);
        }
        registry.remove("c");
        let mut token = String::new();
        let mut seen = Vec::new();
        loop {
            let page = registry.page(&PageRequest::new("2", &token).unwrap(), |_| true);
            assert_eq!(page.total, 4);
            seen.push(page.things.iter().map(|name| **name).collect::<String>());
            token = page.next_token;
            if token.is_empty() {
                break;
            }
            assert_eq!(STANDARD.decode(&token).unwrap().len(), 24);
        }
        assert_eq!(seen, ["ed", "ba"]);
    }

    #[test]
    fn a_wrong_size_or_token_is_refused_with_the_services_text() {
        for token in ["zzz", "!", "YWJj", "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDB4"] {
            assert_eq!(PageRequest::new("", token).unwrap_err().message(), "Invalid page token", "{token}");
        }
        assert_eq!(PageRequest::new("x", "").unwrap_err().message(), "Invalid page size");
        assert_eq!(PageRequest::new("-3", ""), PageRequest::new("0", ""));
    }
}
