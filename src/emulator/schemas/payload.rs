//! The data of a message, from base64 and from JSON, and how the service complains of what is neither.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::emulator::json;

/// The service ignores bits that are too many in the last character, and the ends of lines.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The bytes of base64, or where it goes wrong.
pub(super) fn decode(data: &str) -> Result<Vec<u8>, String> {
    let is_end_of_line = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let decoded = if data.bytes().any(|byte| is_end_of_line(&byte)) {
        BASE64.decode(data.bytes().filter(|byte| !is_end_of_line(byte)).collect::<Vec<_>>())
    } else {
        BASE64.decode(data)
    };
    decoded.map_err(|_| format!("illegal base64 data at input byte {}", illegal_at(data.as_bytes())))
}

/// Where the service's decoder gives up; there is such a place.
fn illegal_at(data: &[u8]) -> usize {
    let is_end_of_line = |byte: u8| matches!(byte, b'\r' | b'\n');
    let next_from =
        |from: usize| (from..data.len()).find(|&at| !is_end_of_line(data[at])).unwrap_or(data.len());
    let mut in_group = 0;
    let mut at = next_from(0);
    while at < data.len() {
        match data[at] {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => in_group = (in_group + 1) % 4,
            b'=' if in_group == 2 => {
                let second = next_from(at + 1);
                return match data.get(second) {
                    None => data.len(),
                    Some(b'=') => next_from(second + 1),
                    Some(_) => second - 1,
                };
            }
            b'=' if in_group == 3 => return next_from(at + 1),
            _ => return at,
        }
        at = next_from(at + 1);
    }
    data.len() - in_group
}

/// The first JSON value of `bytes`, or why there is none. What follows it is not looked at.
pub(super) fn document(bytes: &[u8]) -> Result<Value, String> {
    let text = json::text_of(bytes);
    if let Ok(value) = serde_json::from_str(&text) {
        return Ok(value);
    }
    let end = first_value(text.as_bytes())?;
    let first = &text[..end];
    let parsed = serde_json::from_str(first).or_else(|error| match json::without_lone_surrogates(first) {
        Some(mended) => serde_json::from_str(&mended),
        None => Err(error),
    });
    // It is JSON: what is left are the depth and numbers beyond any float.
    parsed.map_err(|_| "exceeded max depth".to_owned())
}

/// Where the first JSON value ends, or what is wrong with it.
fn first_value(text: &[u8]) -> Result<usize, String> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_white_space();
    if reader.at == text.len() {
        return Err("EOF".to_owned());
    }
    let mut open = Vec::new();
    loop {
        let mut is_done = reader.begin_value(&mut open)?;
        while is_done {
            let Some(container) = open.last().copied() else { return Ok(reader.at) };
            reader.skip_white_space();
            match (reader.next()?, container) {
                (b',', b'{') => {
                    reader.key()?;
                    is_done = false;
                }
                (b',', _) => {
                    reader.skip_white_space();
                    is_done = false;
                }
                (b'}', b'{') | (b']', b'[') => drop(open.pop()),
                (other, b'{') => return Err(unexpected(other, "after object key:value pair")),
                (other, _) => return Err(unexpected(other, "after array element")),
            }
        }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<u8, String> {
        let byte = self.peek().ok_or("unexpected EOF")?;
        self.at += 1;
        Ok(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Reads a value, or the beginning of one that contains others; true if it is read to its end.
    fn begin_value(&mut self, open: &mut Vec<u8>) -> Result<bool, String> {
        self.skip_white_space();
        match self.next()? {
            start @ (b'{' | b'[') => {
                self.skip_white_space();
                let end = if start == b'{' { b'}' } else { b']' };
                if self.peek() == Some(end) {
                    self.at += 1;
                    return Ok(true);
                }
                open.push(start);
                if start == b'{' {
                    self.key()?;
                }
                Ok(false)
            }
            b'"' => self.string().map(|()| true),
            start @ (b'-' | b'0'..=b'9') => self.number(start).map(|()| true),
            b't' => self.literal("true").map(|()| true),
            b'f' => self.literal("false").map(|()| true),
            b'n' => self.literal("null").map(|()| true),
            other => Err(unexpected(other, "looking for beginning of value")),
        }
    }

    /// A key and its colon.
    fn key(&mut self) -> Result<(), String> {
        self.skip_white_space();
        match self.next()? {
            b'"' => self.string()?,
            other => return Err(unexpected(other, "looking for beginning of object key string")),
        }
        self.skip_white_space();
        match self.next()? {
            b':' => Ok(()),
            other => Err(unexpected(other, "after object key")),
        }
    }

    /// The rest of a string.
    fn string(&mut self) -> Result<(), String> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => match self.next()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let digit = self.next()?;
                            if !digit.is_ascii_hexdigit() {
                                return Err(unexpected(digit, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    other => return Err(unexpected(other, "in string escape code")),
                },
                control @ 0..0x20 => return Err(unexpected(control, "in string literal")),
                _ => {}
            }
        }
    }

    fn number(&mut self, start: u8) -> Result<(), String> {
        let first = if start == b'-' { self.digit("in numeric literal")? } else { start };
        if first != b'0' {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digit(&mut self, place: &str) -> Result<u8, String> {
        let byte = self.next()?;
        if byte.is_ascii_digit() { Ok(byte) } else { Err(unexpected(byte, place)) }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// The rest of a literal.
    fn literal(&mut self, literal: &str) -> Result<(), String> {
        for expected in literal.bytes().skip(1) {
            let byte = self.next()?;
            if byte != expected {
                let expected = char::from(expected);
                return Err(unexpected(byte, &format!("in literal {literal} (expecting '{expected}')")));
            }
        }
        Ok(())
    }
}

/// The service shows a byte as the character of that number.
fn unexpected(byte: u8, place: &str) -> String {
    let shown = match byte {
        b'\'' => "\\'".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x07 => "\\a".to_owned(),
        0x08 => "\\b".to_owned(),
        0x0b => "\\v".to_owned(),
        0x0c => "\\f".to_owned(),
        0..0x20 | 0x7f => format!("\\x{byte:02x}"),
        0x80..=0xa0 | 0xad => format!("\\u{byte:04x}"),
        printed => char::from(printed).to_string(),
    };
    format!("invalid character '{shown}' {place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_json_is_refused_in_the_services_words() {
        for (text, complaint) in [
            ("", "EOF"),
            (" \n", "EOF"),
            ("{", "unexpected EOF"),
            ("tru", "unexpected EOF"),
            ("-", "unexpected EOF"),
            ("zzz", "invalid character 'z' looking for beginning of value"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("{1:2}", "invalid character '1' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("{\"a\":[1 2]}", "invalid character '2' after array element"),
            ("truf", "invalid character 'f' in literal true (expecting 'e')"),
            ("\"a\\q\"", "invalid character 'q' in string escape code"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\u12x4\"", "invalid character 'x' in \\u hexadecimal character escape"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("é", "invalid character 'Ã' looking for beginning of value"),
            ("'", "invalid character '\\'' looking for beginning of value"),
        ] {
            assert_eq!(document(text.as_bytes()).unwrap_err(), complaint, "{text:?}");
        }
    }

    #[test]
    fn only_the_first_value_counts() {
        for (text, value) in
            [("{} x", "{}"), ("[{\"a\":[]}, null]]", r#"[{"a":[]},null]"#), ("01", "0"), ("1.50e1,", "15.0")]
        {
            assert_eq!(document(text.as_bytes()).unwrap().to_string(), value, "{text}");
        }
        assert_eq!(document(b"\"\\ud800\"").unwrap(), "\u{fffd}");
        assert!(document("[".repeat(5000).as_bytes()).is_err());
        let deep = ["[".repeat(5000), "]".repeat(5000)].concat();
        assert_eq!(document(deep.as_bytes()).unwrap_err(), "exceeded max depth");
    }

    #[test]
    fn base64_may_have_ends_of_lines_and_is_refused_at_the_services_byte() {
        assert_eq!(decode("aGVs\r\nbG8=\n").unwrap(), b"hello");
        assert_eq!(decode("").unwrap(), b"");
        assert_eq!(decode("aGVsbG9=").unwrap(), b"hello");
        for (data, at) in [
            ("a", 0),
            ("aGVsbG8", 4),
            ("aGVsb", 4),
            ("aGVs!G8=", 4),
            ("aGVsbG8=x", 8),
            ("aGVsbA=", 7),
            ("aGVsbA=x", 6),
            ("=", 0),
            ("aGVs\nb=", 6),
            ("aGVsbG8-", 7),
            ("a\nb", 1),
        ] {
            assert_eq!(
                decode(data).unwrap_err(),
                format!("illegal base64 data at input byte {at}"),
                "{data:?}"
            );
        }
    }
}
