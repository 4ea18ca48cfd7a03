//! What to ask.

use crate::client::{
    classify::Call,
    error::{Error, ErrorKind},
};

/// The most an answer may have that is no pull's.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone, Copy)]
pub(in crate::client) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub(in crate::client) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Delete => Self::DELETE,
        }
    }
}

/// The path begins with `/v1` and needs no escaping: it is made of checked names.
pub(in crate::client) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) call: Call,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
    pub(super) max_bytes: usize,
}

impl Request {
    pub(in crate::client) fn new(method: Method, path: String) -> Self {
        Self { method, path, call: Call::Other, query: Vec::new(), body: None, max_bytes: ANSWER_BYTES }
    }

    /// The rules by which the answer is judged.
    pub(in crate::client) fn call(mut self, call: Call) -> Self {
        self.call = call;
        self
    }

    pub(in crate::client) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub(in crate::client) fn body(mut self, json: impl Into<String>) -> Self {
        self.body = Some(json.into());
        self
    }

    /// The most the answer may have.
    pub(in crate::client) fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// An error of this request, which may have been carried out.
    pub(in crate::client) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, self.method.as_str(), &*self.path, message)
    }

    /// An error of this request before anything was sent.
    pub(in crate::client) fn refuse(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        self.error(kind, message).with_may_have_happened(false)
    }
}
