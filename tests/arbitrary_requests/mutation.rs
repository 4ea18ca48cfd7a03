//! Requests, and what can be done to them.

use axum::http::{HeaderValue, Method, Uri};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

/// A request; its headers are whole lines.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: Vec<u8>,
    pub(super) headers: Vec<Vec<u8>>,
    pub(super) body: Vec<u8>,
    pub(super) is_chunked: bool,
}

/// A change to a request.
#[derive(Clone, Debug)]
pub(super) enum Mutation {
    Method(&'static str),
    /// One of the names and words of the path becomes another.
    Segment(Index, &'static str),
    /// Behind a part of the path.
    Insert(Index, &'static str),
    TargetByte(Index, u8),
    Query(&'static str),
    /// One of the values in the body becomes another text.
    Value(Index, &'static str),
    /// One of the values becomes this deep an array or object.
    Nest(Index, usize, bool),
    /// One of the texts becomes so long.
    Long(Index, usize),
    Cut(Index),
    BodyByte(Index, u8),
    BodyBytes(Index, Vec<u8>),
    Body(&'static str),
    NoToken,
    Header(&'static [u8]),
    LongHeader(usize),
    Chunked,
}

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "NOSUCH"];

const SEGMENTS: [&str; 26] = [
    "",
    ".",
    "..",
    "%2e%2e",
    "%00",
    "%ff",
    "%",
    "%zz",
    "a.b",
    "\u{e9}",
    "s1",
    "s1:pull",
    "s1:",
    ":",
    "t1:publish",
    "s1:modifyOffset",
    "s1:acknowledge",
    "s1:modifyAckDeadline",
    "t1:modifyAcl",
    "s1:acl",
    "topics",
    "subscriptions",
    "schemas",
    "users",
    "members",
    "a%2Fb",
];

const QUERIES: [&str; 16] = [
    "?",
    "?&&=&",
    "?key=",
    "?key=nosuchtoken",
    "?key=t0ken-that-nobody-may-see",
    "?pageSize=0",
    "?pageSize=-1&pageToken=",
    "?pageSize=99999999999999999999",
    "?pageSize=1",
    "?pageToken=MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAx",
    "?pageToken=%ff",
    "?details=true",
    "?time=2026-11-23T07:00:00.000Z",
    "?time=9999-99-99T99:99:99.999Z",
    "?start_date=x&end_date=2026-01-01&projects=,",
    "?%=%&a[]=1;b=2&a=1&a=2",
];

const VALUES: [&str; 36] = [
    "null",
    "true",
    "[]",
    "{}",
    "[null]",
    "[{}]",
    "\"\"",
    "0",
    "-0",
    "-1",
    "1.5",
    "1e400",
    "-1e-400",
    "99999999999999999999",
    "-9223372036854775808",
    "9223372036854775807",
    "9223372036854775808",
    "\"9223372036854775807\"",
    "\"-9223372036854775808\"",
    "\"1e5\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "\"\\\\ud800\"",
    "\"\\\"\"",
    "\"\\\\\"",
    "\"\\\\u0022\"",
    "\"x\\\",\\\"y\\\":\\\"z\"",
    "\"\u{2028}<&>\u{1f600}\"",
    "\"true\"",
    "\"projects/TEST/topics/t1\"",
    "\"projects/TEST/subscriptions/s1:0\"",
    "\"projects/TEST/subscriptions/s1:9223372036854775807\"",
    "\"projects//topics/\"",
    "NaN",
    "'x'",
];

const BODIES: [&str; 8] =
    ["", " ", "null", "0", "\"x\"", "[]", "{}", r#"{"messages":[{"data":"YQ=="},{"attributes":{"a":"b"}}]}"#];

const HEADERS: [&[u8]; 17] = [
    b"x-api-key: ",
    b"x-api-key: nosuchtoken",
    b"x-api-key: \xff\xfe",
    b"X-API-KEY: t0ken-that-nobody-may-see",
    b"x-api-key: t0ken-that-nobody-may-see, t0ken-that-nobody-may-see",
    b"authorization: Bearer t0ken-that-nobody-may-see",
    b"content-type: text/html; charset=x",
    b"content-type: \x80",
    b"content-encoding: gzip",
    b"accept: nothing/at-all",
    b"expect: 100-continue",
    b"host: y",
    b"connection: upgrade, http2-settings",
    b"upgrade: h2c",
    b"connection: close",
    b"no colon",
    b"\x00: x",
];

pub(super) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let index = any::<Index>;
    let one = prop_oneof![
        2 => select(&METHODS).prop_map(Mutation::Method),
        3 => (index(), select(&SEGMENTS)).prop_map(|(at, text)| Mutation::Segment(at, text)),
        1 => (index(), select(&SEGMENTS)).prop_map(|(at, text)| Mutation::Insert(at, text)),
        1 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::TargetByte(at, byte)),
        2 => select(&QUERIES).prop_map(Mutation::Query),
        12 => (index(), select(&VALUES)).prop_map(|(at, text)| Mutation::Value(at, text)),
        1 => (index(), prop_oneof![Just(3_usize), Just(127), Just(200), Just(20_000)], any::<bool>())
            .prop_map(|(at, depth, is_array)| Mutation::Nest(at, depth, is_array)),
        1 => (index(), prop_oneof![Just(300_usize), Just(70_000)])
            .prop_map(|(at, length)| Mutation::Long(at, length)),
        2 => index().prop_map(Mutation::Cut),
        3 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::BodyByte(at, byte)),
        2 => (index(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(at, bytes)| Mutation::BodyBytes(at, bytes)),
        2 => select(&BODIES).prop_map(Mutation::Body),
        1 => Just(Mutation::NoToken),
        2 => select(&HEADERS).prop_map(Mutation::Header),
        1 => prop_oneof![Just(5_000_usize), Just(500_000)].prop_map(Mutation::LongHeader),
        1 => Just(Mutation::Chunked),
    ];
    prop::collection::vec(one, 0..4)
}

impl Request {
    pub(super) fn change(&mut self, mutation: &Mutation) {
        match mutation {
            Mutation::Method(method) => (*method).clone_into(&mut self.method),
            Mutation::Segment(at, text) => {
                self.change_segment(*at, |segment| *segment = text.as_bytes().to_vec());
            }
            Mutation::Insert(at, text) => {
                self.change_segment(*at, |segment| segment.extend([b"/", text.as_bytes()].concat()));
            }
            Mutation::TargetByte(at, byte) => {
                let at = at.index(self.target.len());
                self.target[at] = *byte;
            }
            Mutation::Query(query) => self.target.extend_from_slice(query.as_bytes()),
            Mutation::Value(at, text) => self.change_value(*at, text),
            Mutation::Nest(at, depth, true) => {
                self.change_value(*at, &("[".repeat(*depth) + &"]".repeat(*depth)));
            }
            Mutation::Nest(at, depth, false) => {
                self.change_value(*at, &("{\"a\":".repeat(*depth) + "1" + &"}".repeat(*depth)));
            }
            Mutation::Long(at, length) => self.change_value(*at, &format!("\"{}\"", "x".repeat(*length))),
            Mutation::Cut(at) => self.body.truncate(at.index(self.body.len() + 1)),
            Mutation::BodyByte(at, byte) if !self.body.is_empty() => {
                let at = at.index(self.body.len());
                self.body[at] = *byte;
            }
            Mutation::BodyByte(..) => {}
            Mutation::BodyBytes(at, bytes) => {
                let at = at.index(self.body.len() + 1);
                self.body.splice(at..at, bytes.iter().copied());
            }
            Mutation::Body(body) => self.body = body.as_bytes().to_vec(),
            Mutation::NoToken => self.headers.retain(|header| !header.starts_with(b"x-api-key")),
            Mutation::Header(header) => self.headers.push(header.to_vec()),
            Mutation::LongHeader(length) => {
                self.headers.push(format!("x-long: {}", "x".repeat(*length)).into());
            }
            Mutation::Chunked => self.is_chunked = true,
        }
        self.shorten_the_wait();
    }

    fn change_segment(&mut self, at: Index, change: impl FnOnce(&mut Vec<u8>)) {
        let mut segments: Vec<_> = self.target.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect();
        let at = at.index(segments.len());
        change(&mut segments[at]);
        self.target = segments.join(&b'/');
    }

    fn change_value(&mut self, at: Index, text: &str) {
        const MARK: &str = "the value to be replaced";
        let Ok(mut body) = serde_json::from_slice(&self.body) else { return };
        let at = at.index(count(&body));
        *nth(&mut body, &mut { at }).unwrap() = MARK.into();
        self.body = body.to_string().replace(&format!("\"{MARK}\""), text).into_bytes();
    }

    /// A pull that waits for messages waits for minutes, as it should.
    pub(super) fn shorten_the_wait(&mut self) {
        while let Some(at) = self.body.windows(7).position(|seven| seven == b"\"false\"") {
            self.body.splice(at..at + 7, *b"\"true\"");
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1\r\nhost: x\r\n"].concat();
        for header in &self.headers {
            bytes.extend_from_slice(header);
            bytes.extend_from_slice(b"\r\n");
        }
        if self.is_chunked {
            bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            for chunk in self.body.chunks(7) {
                bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", self.body.len()).as_bytes());
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }

    /// Whether it keeps to the rules of HTTP, and to the sizes that servers take.
    pub(super) fn is_http(&self) -> bool {
        let target_is_well = self.target.starts_with(b"/")
            && self.target.iter().all(u8::is_ascii_graphic)
            && Uri::try_from(self.target.as_slice()).is_ok();
        let headers_are_well = self.headers.iter().all(|header| {
            let (name, value) = header.split_at(header.iter().position(|&byte| byte == b':').unwrap_or(0));
            let is_token = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
            is_token && HeaderValue::from_bytes(value).is_ok() && header.len() < 100_000
        });
        target_is_well && headers_are_well && Method::from_bytes(self.method.as_bytes()).is_ok()
    }
}

/// How many values there are in a value, with itself.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// The value of this number.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, left)),
        _ => None,
    }
}
