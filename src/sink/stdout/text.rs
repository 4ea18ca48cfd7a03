//! A message for people to read: a line with its time, subscription, id and attributes, and below it the payload,
//! indented.
//!
//! Whatever a publisher writes, a terminal shows it and obeys nothing: control characters, and those that turn or hide
//! text, are written as what they are (`\u{1b}`), bytes that are no UTF-8 as `\xff`.

use std::ffi::OsString;

use crate::client::Message;
use crate::config::Color;

/// Writes the messages of one subscription.
pub(super) struct Text {
    subscription: String,
    colors: bool,
    payload: Vec<u8>,
}

/// The parts of the form that have a colour, as the number of an escape sequence.
#[derive(Clone, Copy)]
enum Paint {
    Dim = 2,
    Id = 1,
    Subscription = 36,
    Escaped = 33,
}

/// Whether to use colours; `env` is the environment.
pub(super) fn has_colors(color: Color, is_terminal: bool, env: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => is_terminal && !is_set("NO_COLOR") && env("TERM").is_none_or(|term| term != "dumb"),
    }
}

impl Text {
    pub(super) fn new(subscription: &str, colors: bool) -> Self {
        Self { subscription: subscription.to_owned(), colors, payload: Vec::new() }
    }

    /// Appends the form of `message`, with its end, to `out`.
    pub(super) fn push(&mut self, message: &Message<'_>, out: &mut Vec<u8>) {
        self.paint(Paint::Dim, out, |out| self.escaped(&to_the_millisecond(message.publish_time()), out));
        out.push(b' ');
        self.paint(Paint::Subscription, out, |out| self.escaped(&self.subscription, out));
        out.push(b' ');
        self.paint(Paint::Id, out, |out| out.extend(message.id().to_string().bytes()));
        for (key, value) in message.attributes() {
            out.push(b' ');
            self.paint(Paint::Dim, out, |out| {
                self.escaped(key, out);
                out.push(b'=');
            });
            let quotes = value.is_empty() || value.contains([' ', '"', '=']);
            out.extend(if quotes { &b"\""[..] } else { b"" });
            self.escaped(value, out);
            out.extend(if quotes { &b"\""[..] } else { b"" });
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        let note = if message.decode_data(&mut payload).is_err() {
            payload.clear();
            payload.extend(message.data_text().bytes());
            Some(" (no base64)".to_owned())
        } else if str::from_utf8(&payload).is_err() {
            Some(format!(" ({} bytes, no UTF-8)", payload.len()))
        } else {
            None
        };
        if let Some(note) = note {
            self.paint(Paint::Dim, out, |out| out.extend(note.bytes()));
        }
        out.push(b'\n');
        let without_last_end = payload.strip_suffix(b"\n").unwrap_or(&payload);
        for line in without_last_end.split(|byte| *byte == b'\n').filter(|_| !payload.is_empty()) {
            out.extend(b"  ");
            self.bytes(line, out);
            out.push(b'\n');
        }
        self.payload = payload;
    }

    fn bytes(&self, line: &[u8], out: &mut Vec<u8>) {
        for chunk in line.utf8_chunks() {
            // A tab does no harm.
            for (index, part) in chunk.valid().split('\t').enumerate() {
                out.extend(if index > 0 { &b"\t"[..] } else { b"" });
                self.escaped(part, out);
            }
            for byte in chunk.invalid() {
                self.paint(Paint::Escaped, out, |out| out.extend(format!("\\x{byte:02x}").bytes()));
            }
        }
    }

    fn escaped(&self, text: &str, out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some(at) = rest.find(is_unsafe) {
            out.extend(rest[..at].bytes());
            let mut behind = rest[at..].chars();
            if let Some(character) = behind.next() {
                self.paint(Paint::Escaped, out, |out| {
                    out.extend(character.escape_default().map(|ascii| ascii as u8));
                });
            }
            rest = behind.as_str();
        }
        out.extend(rest.bytes());
    }

    fn paint(&self, paint: Paint, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.colors {
            out.extend(format!("\x1b[{}m", paint as u8).bytes());
        }
        write(out);
        if self.colors {
            out.extend(b"\x1b[0m");
        }
    }
}

/// What a terminal obeys, or what makes text look like another one: control characters, marks of direction, and what
/// cannot be seen.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// `2026-11-23T07:05:18.157214377Z` as `2026-11-23T07:05:18.157Z`; another form stays as it is.
fn to_the_millisecond(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, fraction))
            if fraction.len() > 4 && fraction.ends_with('Z') && fraction.is_char_boundary(3) =>
        {
            format!("{seconds}.{}Z", &fraction[..3])
        }
        _ => time.to_owned(),
    }
}

#[cfg(test)]
mod tests;
