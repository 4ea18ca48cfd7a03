//! What the service may answer to anything.

use serde_json::Value;

use super::mutation::Request;
use crate::common::Reply;

/// All that recordings and WIRE.md show.
const INTERNAL_ERRORS: [&str; 5] = [
    "Backend Error",
    "no ack pending",
    "wrong ack",
    "Message retrieved from broker network has invalid JSON Structure",
    "Error exporting data to JSON",
];

/// Codes and their words in refusals.
const STATUSES: [(u16, &str); 9] = [
    (400, "INVALID_ARGUMENT"),
    (400, "BAD_REQUEST"),
    (401, "UNAUTHORIZED"),
    (403, "FORBIDDEN"),
    (404, "NOT_FOUND"),
    (408, "TIMEOUT"),
    (409, "ALREADY_EXISTS"),
    (409, "CONFLICT"),
    (500, "INTERNAL_SERVER_ERROR"),
];

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is wrong with an answer, if something is.
pub(super) fn judge(request: &Request, reply: &Reply) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {reply:?}"));
    if !request.is_http() && is_of_the_http_library(reply) {
        return Ok(());
    }
    if request.method == "HEAD" {
        let known = reply.status == 200 || STATUSES.iter().any(|(code, _)| *code == reply.status);
        return if known { Ok(()) } else { wrong("an unknown status") };
    }
    judge_answer(reply).or_else(|what| wrong(&what))
}

/// What is no HTTP is refused before it becomes a request, without a body.
fn is_of_the_http_library(reply: &Reply) -> bool {
    [400, 414, 431].contains(&reply.status) && reply.text.is_empty() && reply.content_type.is_empty()
}

fn judge_answer(reply: &Reply) -> Result<(), String> {
    if reply.status == 200 {
        let is_json = reply.text.is_empty() || serde_json::from_str::<Value>(&reply.text).is_ok();
        return if is_json && reply.content_type == JSON { Ok(()) } else { Err("no JSON".to_owned()) };
    }
    if reply.status == 404 && reply.text == "404 page not found\n" && reply.content_type == TEXT {
        return Ok(());
    }
    if ![JSON, TEXT].contains(&reply.content_type.as_str()) {
        return Err("a strange content type".to_owned());
    }
    let value: Value = serde_json::from_str(&reply.text).map_err(|error| error.to_string())?;
    let error = value["error"].as_object().ok_or("no error of the service's form")?;
    let fields = ["code", "message", "status", "errors"];
    let is_known = value.as_object().is_some_and(|value| value.len() == 1)
        && error.keys().all(|key| fields.contains(&key.as_str()));
    let status = (error["code"].as_u64(), error["status"].as_str());
    let message = error["message"].as_str().ok_or("no message")?;
    if !is_known || !STATUSES.iter().any(|&(code, word)| status == (Some(code.into()), Some(word))) {
        return Err("no error of the service's".to_owned());
    }
    if error["code"] != reply.status || message.is_empty() {
        return Err("an error that contradicts itself".to_owned());
    }
    if reply.status == 500 && !INTERNAL_ERRORS.contains(&message) {
        return Err("an unknown text".to_owned());
    }
    Ok(())
}

/// Everything that came over a connection until its end: of each answer its status and, if it is a 500, its text.
pub(super) fn judge_bytes(answers: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(answers);
    if !text.is_empty() && !text.starts_with("HTTP/1.") {
        return Err(format!("no HTTP: {text}"));
    }
    for answer in text.split("HTTP/1.").skip(1) {
        let status: Option<u16> = answer.get(2..5).and_then(|status| status.parse().ok());
        let is_known = match status {
            Some(500) => INTERNAL_ERRORS.iter().any(|text| answer.contains(&format!("\"{text}\""))),
            Some(status) => {
                [100, 200, 400, 414, 431].contains(&status)
                    || STATUSES.iter().any(|(code, _)| *code == status)
            }
            None => false,
        };
        if !is_known {
            return Err(format!("an unknown answer: {answer}"));
        }
    }
    Ok(())
}
