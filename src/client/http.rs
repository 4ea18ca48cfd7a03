//! The one way out: every call of the client is a [`Request`] given to `send`.
//!
//! It puts the token into its header and nowhere else, follows no redirect (the token would travel along),
//! reads no more of an answer than allowed, and turns whatever goes wrong into an [`Error`](super::Error)
//! without a secret in it. There is no retry here but one: another token is tried at once when one
//! got a 401. What else is retried is the business of `retry`, and what a repetition means is written in the request.

use super::{
    Inner,
    error::{ErrorKind, Result},
};
use reqwest::{
    Body, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue},
};
use secrecy::ExposeSecret;
use std::time::{Duration, Instant};

mod answer;
mod body;
mod failure;
mod request;

pub(super) use answer::Answer;
pub(super) use body::{Unread, read as read_body, read_start};
pub(super) use request::{Method, Repetition, Request};

const TOKEN_HEADER: &str = "x-api-key";

impl Inner {
    /// Sends a request and returns the answer of a success; everything else is an error.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer> {
        let started = Instant::now();
        let outcome = self.try_send(request, started).await;
        let result = match &outcome {
            Ok(answer) => Some(answer.status.as_u16()),
            Err(error) => error.status(),
        };
        let elapsed = started.elapsed();
        tracing::trace!(
            method = request.method.as_str(),
            path = request.path,
            status = result,
            ?elapsed,
            "request to AMS"
        );
        outcome.map_err(|error| error.with_elapsed(elapsed))
    }

    async fn try_send(&self, request: &Request, started: Instant) -> Result<Answer> {
        let no_token = |why| request.refuse(ErrorKind::Unauthorized, "").for_want_of(why);
        let mut token = self.credential.current().await.map_err(no_token)?;
        let client = self.connector.http().await.map_err(|why| failure::no_answer(request, why))?;
        let mut http = self.prepare(request)?;
        // Cheap: the body is shared, not copied.
        let again = http.try_clone();
        http.headers_mut().insert(TOKEN_HEADER, token.header());
        let mut response = client.execute(http).await.map_err(|error| self.unreachable(request, &error))?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let other = match self.credential.instead_of(&token).await {
                Ok(other) => other,
                Err(why) => return Err(failure::refusal(request, response, &token).await.for_want_of(why)),
            };
            if let (Some(other), Some(mut http)) = (other, again) {
                token = other;
                http.headers_mut().insert(TOKEN_HEADER, token.header());
                response = client.execute(http).await.map_err(|error| self.unreachable(request, &error))?;
            }
        }
        let status = response.status();
        if !status.is_success() {
            return Err(failure::refusal(request, response, &token).await);
        }
        let body = match body::read(response, request.max_bytes).await {
            Ok(body) => body,
            Err(body::Unread::Broken(error)) => {
                return Err(self.broken_off(request, &error).with_status(status.as_u16()));
            }
            Err(body::Unread::TooLarge) => {
                let message =
                    format!("the answer is larger than {} bytes and was cut off", request.max_bytes);
                return Err(request.error(ErrorKind::TooLarge, message).with_status(status.as_u16()));
            }
        };
        let answer = Answer { body, status, started, method: request.method, path: request.path.clone() };
        if answer.is_page() { Err(answer.not_ams("")) } else { Ok(answer) }
    }

    fn prepare(&self, request: &Request) -> Result<reqwest::Request> {
        let mut url = Url::parse(&format!("{}{}", self.endpoint, request.path))
            .map_err(|error| request.refuse(ErrorKind::Invalid, error.to_string()))?;
        if let Some(secret) = &request.secret_segment {
            let mut segments = url
                .path_segments_mut()
                .map_err(|()| request.refuse(ErrorKind::Invalid, "the endpoint has no path"))?;
            segments.push(secret.expose_secret());
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut http = reqwest::Request::new(request.method.into(), url);
        if let Some(body) = request.body.clone() {
            http.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *http.body_mut() = Some(Body::from(body));
        }
        Ok(http)
    }
}

/// Whole seconds, a started one counted.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests;
