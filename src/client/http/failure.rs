//! From a failed request to an [`Error`]: no connection, no answer, or one that is no success.

use super::{body::read_start, request::Request};
use crate::client::{
    Inner, classify,
    credential::Token,
    error::{Error, ErrorKind},
    transport::{NoAnswer, causes},
};
use reqwest::{
    Response,
    header::{HeaderName, LOCATION, RETRY_AFTER},
};
use std::time::SystemTime;

/// The most that is read of an answer that is no success.
const ERROR_BYTES: usize = 64 * 1024;

impl Inner {
    /// No answer came.
    pub(super) fn unreachable(&self, request: &Request, error: &reqwest::Error) -> Error {
        if error.is_builder() {
            return request.refuse(ErrorKind::Invalid, causes(error));
        }
        let why = self.timeouts.no_answer(&self.authority, error);
        self.connector.learn_from(&why);
        no_answer(request, why)
    }

    /// An answer began, and did not end.
    pub(super) fn broken_off(&self, request: &Request, error: &reqwest::Error) -> Error {
        no_answer(request, self.timeouts.broken_off(&self.authority, error))
    }
}

pub(super) fn no_answer(request: &Request, why: NoAnswer) -> Error {
    let may_have_happened = !why.is_unsent();
    let NoAnswer { kind, class, message } = why;
    request.error(kind, message).with_class(class).with_may_have_happened(may_have_happened)
}

/// An answer that is no success.
pub(super) async fn refusal(request: &Request, response: Response, token: &Token) -> Error {
    let status = response.status();
    let wait =
        header(&response, RETRY_AFTER).and_then(|value| classify::retry_after(value, SystemTime::now()));
    let target = status.is_redirection().then(|| redirect_target(&response));
    let body = read_start(response, ERROR_BYTES).await;
    // Before the text is cut, so that no half of a token is left, and after it was read, where it may appear.
    let redact = |text: &str| request.redact(token.redact(text));
    let text = redact(&String::from_utf8_lossy(&body));
    let reason = status.canonical_reason().unwrap_or("no reason given");
    let verdict = classify::judge(request.call, status.as_u16(), reason, &text);
    let message = match target {
        Some(target) => format!("redirected to {target}, which is not followed"),
        None => verdict.message,
    };
    request
        .error(verdict.kind, redact(&message))
        .with_status(status.as_u16())
        .with_retry_after(wait)
        .with_may_have_happened(verdict.may_have_happened)
}

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// Where a redirect points, without user name, password, query and fragment.
fn redirect_target(response: &Response) -> String {
    let target = header(response, LOCATION).and_then(|to| response.url().join(to).ok());
    let Some(mut target) = target else {
        return "nowhere".to_owned();
    };
    target.set_query(None);
    target.set_fragment(None);
    if target.cannot_be_a_base() || target.set_username("").is_err() || target.set_password(None).is_err() {
        return format!("a URL of scheme {}", target.scheme());
    }
    classify::excerpt(target.as_str())
}

#[cfg(test)]
mod tests;
