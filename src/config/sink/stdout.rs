//! The keys of a sink that writes to standard output.

use super::super::section::{Section, Words};

/// Messages on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StdoutConfig {
    /// How a message is written.
    pub format: StdoutFormat,
    /// Whether format `text` has colours.
    pub color: Color,
    /// What follows when nobody reads it any more.
    pub on_closed: OnClosed,
}

/// How a message is written on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdoutFormat {
    /// One JSON object a line.
    Jsonl,
    /// The payload and a newline.
    Raw,
    /// For people: time, subscription, id and attributes, and the payload below. Nothing in a message reaches the
    /// terminal as anything but text.
    Text,
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless the environment has `NO_COLOR`.
    Auto,
    /// Whatever it is written to.
    Always,
    /// None.
    Never,
}

/// What follows when the reader of standard output has closed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnClosed {
    /// The daemon ends, as after a SIGTERM.
    End,
    /// The sink takes nothing any more; what it misses is counted as dropped. Only for a best-effort sink.
    Disable,
}

static FORMATS: Words<StdoutFormat> = Words {
    now: &[("jsonl", StdoutFormat::Jsonl), ("raw", StdoutFormat::Raw), ("text", StdoutFormat::Text)],
    later: &[],
};
static COLORS: Words<Color> =
    Words { now: &[("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)], later: &[] };
static ON_CLOSED: Words<OnClosed> =
    Words { now: &[("end", OnClosed::End), ("disable", OnClosed::Disable)], later: &[] };

pub(super) fn read(section: &mut Section<'_>, required: bool) -> StdoutConfig {
    let format = section.word("format", &FORMATS);
    let color = section.word("color", &COLORS);
    if color.is_some() && format.is_some_and(|format| format != StdoutFormat::Text) {
        section.problem("color", "is for format = \"text\" alone", "format = \"text\", or no color");
    }
    let otherwise = if required { OnClosed::End } else { OnClosed::Disable };
    let on_closed = section.word("on_closed", &ON_CLOSED).unwrap_or(otherwise);
    if required && on_closed == OnClosed::Disable {
        section.problem(
            "on_closed",
            "\"disable\" is for a best-effort sink; without a required one nothing would be acknowledged any more",
            "\"end\", or required = false",
        );
    }
    StdoutConfig {
        format: format.unwrap_or(StdoutFormat::Jsonl),
        color: color.unwrap_or(Color::Auto),
        on_closed,
    }
}
