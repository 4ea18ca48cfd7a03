//! The lines of an INI file, one by one: what a line is depends on its indentation and on the lines before it.

use super::Place;

/// One line that means something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// `[name]`.
    Header(&'a str),
    /// `key = value` or `key: value`.
    Key { key: &'a str, value: &'a str },
    /// What the value of the key above goes on with.
    More(&'a str),
    /// Nothing of these.
    Unknown,
}

/// The lines of a text with their places.
pub(super) struct Lines<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    /// The indentation of the key whose value may go on.
    open: Option<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { lines: text.lines().enumerate(), open: None }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (Place, Line<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (index, line) = self.lines.next()?;
            let text = line.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            let indent = line.chars().take_while(|c| c.is_whitespace()).count();
            let place = Place { line: index + 1, column: indent + 1 };
            if self.open.is_some_and(|open| indent > open) {
                return Some((place, Line::More(text)));
            }
            let line = meaning(text);
            self.open = matches!(line, Line::Key { .. }).then_some(indent);
            return Some((place, line));
        }
    }
}

fn meaning(text: &str) -> Line<'_> {
    if let Some((name, _)) = text.strip_prefix('[').and_then(|inside| inside.rsplit_once(']'))
        && !name.is_empty()
    {
        return Line::Header(name);
    }
    match text.split_once(['=', ':']) {
        Some((key, value)) if !key.trim().is_empty() => {
            Line::Key { key: key.trim_end(), value: value.trim_start() }
        }
        _ => Line::Unknown,
    }
}
