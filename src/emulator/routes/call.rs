//! A request, taken apart, and who sent it.

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{Method, Uri};
use tokio_util::sync::CancellationToken;

use crate::emulator::Emulator;
use crate::emulator::faults::Broker;
use crate::emulator::user::Identity;

/// A request, taken apart. It holds a token, so it cannot be printed.
pub(crate) struct Call {
    method: Method,
    path: String,
    /// How the broker is while this is served.
    pub(crate) broker: Broker,
    /// Who asks.
    pub(crate) identity: Identity,
    query: Vec<(String, String)>,
    /// The token of the header `x-api-key`.
    header_key: Option<String>,
    pub(crate) body: Bytes,
    /// Cancelled when the emulator stops: what waits must end.
    pub(crate) stopping: CancellationToken,
}

impl Call {
    pub(crate) fn new(
        emulator: &Emulator,
        (method, uri): (Method, &Uri),
        header_key: Option<String>,
        body: Bytes,
        stopping: CancellationToken,
    ) -> Self {
        let query = Query::try_from_uri(uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs);
        let mut call = Self {
            method,
            path: percent_decoded(uri.path()),
            broker: Broker::Up,
            identity: Identity::Nobody,
            query,
            header_key,
            body,
            stopping,
        };
        call.identity = emulator.identity(call.token());
        call
    }

    pub(crate) fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Without its query, and with escapes undone.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The first value of a query parameter; empty where it is not given.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The header counts before the query; empty where there is neither.
    pub(crate) fn token(&self) -> &str {
        match self.header_key.as_deref() {
            None | Some("") => self.parameter("key"),
            Some(token) => token,
        }
    }
}

/// `path` with its percent escapes undone; what is none stays.
pub(crate) fn percent_decoded(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let escaped = digits
            .filter(|_| byte == b'%')
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_undone_where_they_are_escapes() {
        assert_eq!(percent_decoded("/a%20b%2fc"), "/a b/c");
        assert_eq!(percent_decoded("/%zz%4%"), "/%zz%4%");
        assert_eq!(percent_decoded("/%C3%A9%ff"), "/é\u{fffd}");
    }
}
