//! What goes back to a client: the service's answers and refusals, with its texts, layouts and content types.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::json;

pub(crate) const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The indentation of nearly all answers.
pub(crate) const INDENT: &str = "   ";

/// What a handler ends with.
pub(crate) type Outcome = Result<Answer, Refusal>;

/// A finished answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Answer {
    /// 200 and nothing else: how deletions and modifications succeed.
    pub(crate) fn empty() -> Self {
        Self::text(Vec::new())
    }

    /// 200 with a finished JSON text.
    pub(crate) fn text(body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, content_type: JSON, body }
    }

    /// 200 with `value`, indented.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::text(json::indented(value, INDENT))
    }

    /// The answer to a path that no route has.
    pub(crate) fn unknown_route() -> Self {
        let body = b"404 page not found\n".to_vec();
        Self { status: StatusCode::NOT_FOUND, content_type: TEXT, body }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }

    /// Status, headers and body, to be tampered with.
    pub(crate) fn into_parts(self) -> (StatusCode, HeaderMap, Bytes) {
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        (self.status, HeaderMap::from_iter([content_type]), self.body.into())
    }
}

/// An error of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: StatusCode,
    status: Cow<'static, str>,
    message: Cow<'static, str>,
    /// The service says `text/plain` where it refuses before the route's own code runs.
    plain: bool,
}

impl Refusal {
    fn new(
        code: StatusCode,
        status: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, status: status.into(), message: message.into(), plain: false }
    }

    /// A body or a parameter that makes no sense.
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
    }

    /// A body that could not be read at all.
    pub(crate) fn invalid_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", "Invalid Request Body")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{what} doesn't exist"))
    }

    /// The same, in other words.
    pub(crate) fn missing(message: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    pub(crate) fn already_exists(what: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", format!("{what} already exists"))
    }

    pub(crate) fn conflict(message: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", message)
    }

    /// Push is switched off on this service.
    pub(crate) fn push_disabled() -> Self {
        Self::conflict("Push functionality is currently disabled")
    }

    pub(crate) fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", message)
    }

    /// The broker could not do it; for a publish also: a message is too large.
    pub(crate) fn backend() -> Self {
        Self::internal("Backend Error")
    }

    pub(crate) fn ack_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", "ack timeout")
    }

    /// In the service's form, for statuses that it does not use itself too.
    pub(crate) fn of_status(code: StatusCode) -> Self {
        let message = code.canonical_reason().unwrap_or("Unknown");
        Self::new(code, message.to_uppercase().replace([' ', '-'], "_"), message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Unauthorized").plain()
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", "Access to this resource is forbidden")
    }

    pub(crate) fn forbidden_since(reason: &str) -> Self {
        let message = format!("Access to this resource is forbidden. {reason}");
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// The same refusal, made by the route's own code.
    pub(crate) fn formatted(self) -> Self {
        Self { plain: false, ..self }
    }

    /// The same refusal, made before the route's own code.
    pub(crate) fn plain(self) -> Self {
        Self { plain: true, ..self }
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        #[derive(Serialize)]
        struct Root<'a> {
            error: Error<'a>,
        }
        #[derive(Serialize)]
        struct Error<'a> {
            code: u16,
            message: &'a str,
            status: &'a str,
        }
        let error = Error { code: refusal.code.as_u16(), message: &refusal.message, status: &refusal.status };
        Self {
            status: refusal.code,
            content_type: if refusal.plain { TEXT } else { JSON },
            body: json::indented(&Root { error }, INDENT),
        }
    }
}
