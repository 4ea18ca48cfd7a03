//! What to ask.

use crate::client::{
    classify::Call,
    error::{Error, ErrorKind, Result},
    name::is_valid_name,
};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// The most an answer may have that is no pull's.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// What is shorter is no secret but a mistake.
const SHORTEST_SECRET: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
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

/// What it means when a request is carried out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Repetition {
    /// No more than once: it changes nothing, sets something to a value, or creates or deletes what has a name, where the
    /// answer to the second time shows what the first has done. `GET`, `PUT` and `DELETE`, unless said otherwise.
    Harmless,
    /// Messages stand in the topic twice.
    Duplicates,
    /// Something else happens twice. `POST`, unless said otherwise.
    Repeats,
}

/// The path begins with `/v1` and needs no escaping: it is made of checked names.
pub(in crate::client) struct Request {
    pub(in crate::client) method: Method,
    pub(in crate::client) path: String,
    pub(super) secret_segment: Option<SecretString>,
    pub(in crate::client) call: Call,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Bytes>,
    pub(super) max_bytes: usize,
    pub(in crate::client) repetition: Repetition,
}

impl Request {
    pub(in crate::client) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            secret_segment: None,
            call: Call::Other,
            query: Vec::new(),
            body: None,
            max_bytes: ANSWER_BYTES,
            repetition: if matches!(method, Method::Post) {
                Repetition::Repeats
            } else {
                Repetition::Harmless
            },
        }
    }

    /// A request whose path names something by its UUID; `verb` is empty or begins with a colon.
    ///
    /// What could not be a UUID is refused: it would lead to another path.
    pub(in crate::client) fn of_uuid(
        method: Method,
        collection: &str,
        uuid: &str,
        verb: &str,
    ) -> Result<Self> {
        if !is_valid_name(uuid) {
            let request = Self::new(method, collection.to_owned());
            return Err(request.refuse(ErrorKind::Invalid, format!("{uuid:?} is no UUID")));
        }
        Ok(Self::new(method, format!("{collection}{uuid}{verb}")))
    }

    /// A last segment of the path, escaped where it needs it, that neither errors nor traces show.
    pub(in crate::client) fn secret_segment(mut self, secret: &SecretString) -> Self {
        self.secret_segment = Some(secret.clone());
        self
    }

    /// The rules by which the answer is judged.
    pub(in crate::client) fn call(mut self, call: Call) -> Self {
        self.call = call;
        self
    }

    /// What it means to send it twice.
    pub(in crate::client) fn repetition(mut self, repetition: Repetition) -> Self {
        self.repetition = repetition;
        self
    }

    pub(in crate::client) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// Adds what is given, and nothing otherwise.
    pub(in crate::client) fn maybe_query(self, key: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.query(key, value),
            None => self,
        }
    }

    pub(in crate::client) fn body(mut self, json: impl Into<String>) -> Self {
        self.body = Some(Bytes::from(json.into()));
        self
    }

    /// A body that serializes, being made of texts, numbers and lists of them.
    pub(in crate::client) fn json(self, body: &impl Serialize) -> Self {
        self.body(serde_json::to_string(body).unwrap_or_default())
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

    /// Takes the secret of the path out of a text that somebody else wrote. What is shorter than any token would tear
    /// its words apart.
    pub(super) fn redact(&self, text: String) -> String {
        match &self.secret_segment {
            Some(secret) if secret.expose_secret().len() >= SHORTEST_SECRET => {
                text.replace(secret.expose_secret(), "***")
            }
            _ => text,
        }
    }
}
