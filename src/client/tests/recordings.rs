//! Every recorded answer is understood: what the model keeps of it, written down as the service writes it, has all that
//! was recorded; and every recorded error becomes the error that it is. Each exchange is answered to the call that
//! takes its route.

mod routes;
mod wire;

use crate::client::{
    AmsClient, ErrorKind,
    testing::{self, Step, recording, serve_fn},
};
use axum::{
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Recordings and steps that no call takes, and why.
const UNCLAIMED: [(&str, &str, &str); 5] = [
    ("01_meta_and_auth.json", "unknown route", "no call has it"),
    ("01_meta_and_auth.json", "wrong method", "no call has it"),
    ("01_meta_and_auth.json", "outside v1", "no call has it"),
    ("04_topics.json", "publish no messages", "nothing is sent when there are none"),
    ("04_topics.json", "publish empty object", "nothing is sent when there are none"),
];

/// A recording of another service, which the login asks: `tests/login_by_certificate.rs` shows what it makes of the answers.
const LOGIN: &str = "11_authn.json";

#[tokio::test]
async fn every_recorded_answer_and_error_is_understood() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings");
    let (mut wrong, mut claimed, mut unclaimed) = (Vec::new(), 0, Vec::new());
    let service = Service::default();
    let client = testing::client(&service.serve().await);
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        let file = path.file_name().unwrap().to_str().unwrap();
        if file == LOGIN {
            continue;
        }
        for step in recording(file) {
            if UNCLAIMED.iter().any(|(of, name, _)| (*of, *name) == (file, step.name.as_str())) {
                unclaimed.push(step.name);
                continue;
            }
            claimed += 1;
            service.answer_with(&step);
            wrong.extend(judge(&client, &step).await.map(|why| format!("{file}: {}: {why}", step.name)));
        }
    }
    assert!(wrong.is_empty(), "{} of {claimed}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(unclaimed.len(), UNCLAIMED.len(), "{unclaimed:?}");
    assert!(claimed > 350, "only {claimed} exchanges were looked at");
}

/// What is wrong with how an exchange is understood.
async fn judge(client: &AmsClient, step: &Step) -> Option<String> {
    let Some(outcome) = routes::perform(client, step).await else {
        return Some(format!("no call takes {} {}", step.method, step.path));
    };
    match outcome {
        Ok(decoded) if step.status == 200 => {
            let recorded =
                if step.text.is_empty() { Value::Null } else { serde_json::from_str(&step.text).unwrap() };
            lost(&recorded, &decoded).map(|what| format!("{what} is lost: {decoded}"))
        }
        Ok(_) => Some("an error is taken for a success".to_owned()),
        Err(error) => {
            let recorded: Value = serde_json::from_str(&step.text).unwrap_or_default();
            let message = recorded["error"]["message"].as_str().unwrap_or_default();
            let got = (error.kind(), error.status(), error.message());
            let expected = (kind(step, message), Some(step.status), message);
            (got != expected).then(|| format!("{error}: {got:?} instead of {expected:?}"))
        }
    }
}

/// What an error means, written down anew and not taken from the code that is tested.
fn kind(step: &Step, message: &str) -> ErrorKind {
    match (step.status, message) {
        (400, _) => ErrorKind::Invalid,
        (401, _) => ErrorKind::Unauthorized,
        (403, _) => ErrorKind::Forbidden,
        (404, _) => ErrorKind::NotFound,
        (408, "ack timeout") => ErrorKind::AckDeadlinePassed,
        (409, _) => ErrorKind::Conflict,
        (500, "no ack pending" | "wrong ack") => ErrorKind::AckWindowGone,
        (500, "Backend Error") => ErrorKind::Transient,
        (500, _) if step.path.ends_with(":pull") => ErrorKind::PoisonedRecord,
        other => panic!("nobody has said what {other:?} means"),
    }
}

/// Answers one exchange after the other, and looks at offsets around a seek as if the seek had gone well.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<Option<Step>>>);

impl Service {
    fn answer_with(&self, step: &Step) {
        *self.0.lock().unwrap() = Some(step.clone());
    }

    async fn serve(&self) -> String {
        let service = self.clone();
        serve_fn(move |request| std::future::ready(service.answer(&request))).await
    }

    fn answer(&self, request: &Request) -> Response {
        let step = self.0.lock().unwrap().clone().unwrap();
        let (method, path) = (request.method().as_str(), request.uri().path());
        if routes::route(method, path).0 == routes::route(&step.method, &step.path).0 {
            let status = StatusCode::from_u16(step.status).unwrap();
            (status, [("content-type", step.content_type)], step.text).into_response()
        } else if step.path.ends_with(":modifyOffset") && path.ends_with(":offsets") {
            json!({ "max": 1_000_000, "min": 0, "current": routes::offset(&step) })
                .to_string()
                .into_response()
        } else {
            (StatusCode::IM_A_TEAPOT, format!("{method} {path}")).into_response()
        }
    }
}

/// The first thing of what was recorded that was not kept. More may have been kept: what the service leaves out is
/// empty.
fn lost(recorded: &Value, kept: &Value) -> Option<String> {
    match (recorded, kept) {
        (Value::Object(recorded), Value::Object(kept)) => recorded.iter().find_map(|(key, value)| {
            lost(value, kept.get(key).unwrap_or(&Value::Null)).map(|what| format!("{key}.{what}"))
        }),
        (Value::Array(recorded), Value::Array(kept)) if recorded.len() == kept.len() => {
            recorded.iter().zip(kept).find_map(|(recorded, kept)| lost(recorded, kept))
        }
        // A list that was never given.
        (Value::Null, Value::Array(kept)) if kept.is_empty() => None,
        _ => (recorded != kept).then(|| recorded.to_string()),
    }
}
