//! All the paths that a layout can become, to be held against those of another one.

use std::collections::HashSet;
use std::path::{Component, Path};

use super::layout::PathLayout;

const DIGIT: u8 = PathLayout::ANY_DIGIT;
const ANY: u8 = PathLayout::ANY_TEXT;

/// A normal, absolute path with such bytes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Shape(Vec<u8>);

impl PathLayout {
    #[cfg(test)]
    pub(in crate::config) fn shape(&self) -> Shape {
        self.shape_with_date_in(None)
    }

    /// All of them where the attribute of that name holds nothing but a date.
    pub(in crate::config) fn shape_with_date_in(&self, attribute: Option<&str>) -> Shape {
        let path = self.mask(attribute);
        let path = std::path::absolute(&path).unwrap_or_else(|_| path.into());
        let mut plain = Vec::new();
        for component in Path::new(&path).components() {
            match component {
                Component::Normal(name) => plain.push(name.to_string_lossy().into_owned()),
                Component::ParentDir => {
                    plain.pop();
                }
                _ => {}
            }
        }
        Shape(plain.join("/").into_bytes())
    }
}

impl Shape {
    /// Whether there is a path that both can become. Looks at all pairs of places that one path can lead to in both.
    pub(in crate::config) fn meets(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        let mut seen = HashSet::new();
        // A place, and whether what stands before it is an ANY, which may take more.
        let mut next = vec![(0, false, 0, false)];
        while let Some(pair @ (i, more_a, j, more_b)) = next.pop() {
            if !seen.insert(pair) {
                continue;
            }
            let (at_a, at_b) = (a.get(i).copied(), b.get(j).copied());
            if at_a.is_none() && at_b.is_none() {
                return true;
            }
            if let (Some(x), Some(y)) = (at_a, at_b)
                && overlap(x, y)
            {
                next.push((i + 1, x == ANY, j + 1, y == ANY));
            }
            // The ANY before the place takes one more byte of what the other one has.
            if more_a && let Some(y) = at_b.filter(|y| *y != b'/') {
                next.push((i, true, j + 1, y == ANY));
            }
            if more_b && let Some(x) = at_a.filter(|x| *x != b'/') {
                next.push((i + 1, x == ANY, j, true));
            }
        }
        false
    }
}

/// Whether there is a byte that both stand for.
fn overlap(a: u8, b: u8) -> bool {
    match (a, b) {
        (ANY, other) | (other, ANY) => other != b'/',
        (DIGIT, other) | (other, DIGIT) => other == DIGIT || other.is_ascii_digit(),
        (a, b) => a == b,
    }
}
