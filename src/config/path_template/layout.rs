//! A template for one sink: what its paths are made of, and how long they can become.

use std::fmt::Write;
use std::path::PathBuf;

use jiff::civil::{Date, DateTime};

use super::{InvalidValue, Part, PathTemplate, value};

/// The longest name of a file or directory.
const LONGEST_NAME: usize = 255;

/// Room in the name of a file for what is appended to it when it is rotated.
const ROTATED: usize = 48;

/// The longest path, which has a NUL at its end.
const LONGEST_PATH: usize = 4095;

/// The mask of a date.
const ANY_DATE: &str = "\0\0\0\0-\0\0-\0\0";

/// A template with all filled in that is the same for all messages of a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathLayout {
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Date,
    Hour,
    ArrivalDate,
    /// In at most so many bytes.
    Topic(usize),
    Attribute {
        name: String,
        default: String,
        most: usize,
    },
}

/// What a path is made of beside its text.
#[derive(Debug, Clone, Copy)]
pub struct PathValues<'a> {
    /// When the message was published, in the time zone of the sink; `None` if that is unknown, as are years of other
    /// than four digits.
    pub published: Option<DateTime>,
    /// The day of its arrival there.
    pub arrived: Date,
    /// The topic of the subscription.
    pub topic: &'a str,
    /// The values of [`PathLayout::attributes`], in that order.
    pub attributes: &'a [Option<&'a str>],
}

impl PathTemplate {
    /// The paths for the messages of this project and subscription (its key) in this sink.
    #[must_use]
    pub fn layout(&self, project: &str, subscription: &str, sink: &str) -> PathLayout {
        let mut pieces: Vec<Piece> = Vec::new();
        for part in &self.parts {
            let text = match part {
                Part::Text(text) => text,
                Part::Project => project,
                Part::Subscription => subscription,
                Part::Sink => sink,
                part => {
                    pieces.push(Piece::of(part));
                    continue;
                }
            };
            match pieces.last_mut() {
                Some(Piece::Text(before)) => before.push_str(text),
                _ => pieces.push(Piece::Text(text.to_owned())),
            }
        }
        let mut layout = PathLayout { pieces };
        layout.share_out();
        layout
    }
}

impl Piece {
    /// One that differs from message to message.
    fn of(part: &Part) -> Self {
        match part {
            Part::Date => Self::Date,
            Part::Hour => Self::Hour,
            Part::ArrivalDate => Self::ArrivalDate,
            Part::Topic => Self::Topic(0),
            Part::Attribute { name, default } => {
                Self::Attribute { name: name.clone(), default: default.clone(), most: 0 }
            }
            Part::Text(_) | Part::Project | Part::Subscription | Part::Sink => Self::Text(String::new()),
        }
    }

    /// How long it is at least; the most that it may have if that is to be shared out.
    fn length(&self) -> (usize, Option<usize>) {
        match self {
            Self::Text(text) => (text.len(), None),
            Self::Date | Self::ArrivalDate => (10, None),
            Self::Hour => (2, None),
            Self::Topic(most) | Self::Attribute { most, .. } => (0, Some(*most)),
        }
    }
}

/// A name between two slashes while it is measured.
#[derive(Default)]
struct Name {
    /// Bytes that are always the same number.
    fixed: usize,
    /// Places of the pieces that share the rest.
    sharing: Vec<usize>,
}

impl PathLayout {
    /// Stands for any digit in a mask; no path holds it.
    pub const ANY_DIGIT: u8 = 0;
    /// Stands for one or more bytes that are no slash in a mask; no template holds it.
    pub const ANY_TEXT: u8 = 1;

    /// The names of the path, the last one being that of the file.
    fn names(&self) -> Vec<Name> {
        let mut names = vec![Name::default()];
        for (place, piece) in self.pieces.iter().enumerate() {
            if let Piece::Text(text) = piece {
                for (index, text) in text.split('/').enumerate() {
                    if index > 0 {
                        names.push(Name::default());
                    }
                    if let Some(name) = names.last_mut() {
                        name.fixed += text.len();
                    }
                }
            } else if let Some(name) = names.last_mut() {
                match piece.length() {
                    (_, Some(_)) => name.sharing.push(place),
                    (fixed, None) => name.fixed += fixed,
                }
            }
        }
        names
    }

    /// Divides the room that there is in each name among the values in it.
    fn share_out(&mut self) {
        let names = self.names();
        let last = names.len() - 1;
        for (index, name) in names.iter().enumerate() {
            let room = (longest(index == last)).saturating_sub(name.fixed);
            for place in &name.sharing {
                let share = (room / name.sharing.len()).max(value::LEAST);
                match &mut self.pieces[*place] {
                    Piece::Topic(most) | Piece::Attribute { most, .. } => *most = share,
                    _ => {}
                }
            }
        }
    }

    /// Whether all paths, and what rotation makes of them, are short enough for the operating system.
    pub(in crate::config) fn check(&self) -> Result<(), InvalidValue> {
        let names = self.names();
        let last = names.len() - 1;
        let mut total = ROTATED;
        for (index, name) in names.iter().enumerate() {
            let longest = longest(index == last);
            if name.fixed + name.sharing.len() * value::LEAST > longest {
                let what = format!("has a name in it that can be longer than {longest} bytes");
                return Err(InvalidValue::new(what, "a shorter name, or more directories"));
            }
            total += 1 + if name.sharing.is_empty() { name.fixed } else { longest };
        }
        if total > LONGEST_PATH {
            let what = format!("can become longer than the {LONGEST_PATH} bytes of a path");
            return Err(InvalidValue::new(what, "fewer directories"));
        }
        Ok(())
    }

    /// The attributes whose values are in the path, once for each time that they are.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Attribute { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether the path depends on when a message was published.
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Date | Piece::Hour))
    }

    /// All the paths that it can become, with [`ANY_DIGIT`](Self::ANY_DIGIT) and [`ANY_TEXT`](Self::ANY_TEXT) for what
    /// differs from message to message; those where the attribute of that name holds nothing but a date.
    #[must_use]
    pub fn mask(&self, date_in: Option<&str>) -> String {
        let mut mask = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => mask.push_str(text),
                Piece::Date | Piece::ArrivalDate => mask.push_str(ANY_DATE),
                Piece::Attribute { name, .. } if date_in == Some(name) => mask.push_str(ANY_DATE),
                Piece::Hour => mask.extend([char::from(Self::ANY_DIGIT); 2]),
                Piece::Topic(_) | Piece::Attribute { .. } => mask.push(char::from(Self::ANY_TEXT)),
            }
        }
        mask
    }

    /// The path. Whatever the values are, it has the directories that the template has, and no name is too long.
    #[must_use]
    pub fn render(&self, values: &PathValues<'_>) -> PathBuf {
        let mut path = String::new();
        let mut attributes = values.attributes.iter();
        let published = values.published.filter(|time| has_four_digits(time.date()));
        for piece in &self.pieces {
            // Writing to a String cannot fail.
            let _ = match piece {
                Piece::Text(text) => path.write_str(text),
                Piece::Date => match published {
                    Some(time) => write!(path, "{}", time.date()),
                    None => path.write_str("0000-00-00"),
                },
                Piece::Hour => write!(path, "{:02}", published.map_or(0, DateTime::hour)),
                Piece::ArrivalDate => write!(path, "{}", values.arrived),
                Piece::Topic(most) => path.write_str(&value::encoded(values.topic, *most)),
                Piece::Attribute { default, most, .. } => {
                    let value = attributes.next().copied().flatten().filter(|value| !value.is_empty());
                    path.write_str(&value::encoded(value.unwrap_or(default), *most))
                }
            };
        }
        path.into()
    }
}

fn longest(is_last: bool) -> usize {
    if is_last { LONGEST_NAME - ROTATED } else { LONGEST_NAME }
}

fn has_four_digits(date: Date) -> bool {
    (0..=9999).contains(&date.year())
}
