//! What somebody else says, as a part of a file's name: it can neither leave its directory nor hide, and two values stay
//! two.

use std::fmt::Write;

use ring::digest::{SHA256, digest};

/// What is not in here becomes `%` and two hexadecimal digits for each of its bytes.
const KEPT: &str = "_-.,:=+@";

/// How a rotated file is told from others: `.2026-11-24T…` in its name.
const TIME: &[u8; 12] = b".0000-00-00T";

/// Stands before the digest of a value that was cut. No escape begins like this, so that no whole value looks like a
/// cut one.
const CUT: &str = "%-";

/// The hexadecimal digits of that digest.
const DIGITS: usize = 16;

/// What a cut value has at least beside a part of itself.
pub(super) const LEAST: usize = 2 * (CUT.len() + DIGITS);

/// `value`, which is not empty, in at most `most` bytes (and those are [`LEAST`] or more).
pub(super) fn encoded(value: &str, most: usize) -> String {
    let mut text = String::with_capacity(value.len());
    for (at, c) in value.char_indices() {
        let is_kept = if c.is_alphanumeric() {
            true
        } else if at == 0 && matches!(c, '.' | '-') {
            false
        } else {
            KEPT.contains(c) && !(c == '.' && is_time(&value.as_bytes()[at..]))
        };
        if is_kept {
            text.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    if text.len() > most { cut(&text, most) } else { text }
}

fn cut(text: &str, most: usize) -> String {
    let end = text.floor_char_boundary(most.saturating_sub(CUT.len() + DIGITS));
    let mut cut = format!("{}{CUT}", &text[..end]);
    for byte in digest(&SHA256, text.as_bytes()).as_ref().iter().take(DIGITS / 2) {
        let _ = write!(cut, "{byte:02x}");
    }
    cut
}

fn is_time(bytes: &[u8]) -> bool {
    bytes.get(..TIME.len()).is_some_and(|bytes| {
        bytes.iter().zip(TIME).all(|(b, like)| if *like == b'0' { b.is_ascii_digit() } else { b == like })
    })
}
