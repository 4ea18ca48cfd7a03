//! Sinks that send requests to a server: webhooks and topics.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::server::{Seen, Server, hang, status};
use super::super::source;
use super::{Hold, Opener, Promise, Subject, Weather, conforms};
use crate::client::AmsClient;
use crate::config::sink_for_test;
use crate::sink::{Arc, Outlet};

/// A sink and the server that it sends to.
pub(in crate::sink) struct OverHttp {
    keys: String,
    server: Server,
    place: Place,
    /// Whether messages come in their order.
    pub(in crate::sink) order: bool,
    /// How many messages are under way at once.
    pub(in crate::sink) again: usize,
    /// What makes a message one that will never be taken.
    pub(in crate::sink) spoil: fn(&mut Value),
}

/// What the server knows.
#[derive(Clone, Default)]
struct Place {
    taken: Arc<Mutex<Vec<u64>>>,
    /// So many messages more are taken.
    room: Arc<Mutex<Option<usize>>>,
    hold: Hold,
}

impl OverHttp {
    /// `keys` are those of the sink, with `{url}` where its server is to stand; its subscription and its connection are
    /// there too. `payloads` finds the payloads in a request; one that begins with `bad` is not taken, and `refuses` says
    /// so, given its place in the request.
    pub(in crate::sink) async fn new(
        keys: &str,
        batch: usize,
        payloads: fn(&Seen) -> Vec<String>,
        refuses: fn(usize) -> Response,
    ) -> Self {
        let place = Place::default();
        let of_server = place.clone();
        let server = Server::start(move |seen, _| of_server.answer(seen, payloads, refuses)).await;
        let keys = keys.replace("{url}", &server.url);
        Self { keys, server, place, order: true, again: batch, spoil: spoil_payload }
    }
}

impl Place {
    fn answer(
        &self,
        seen: &Seen,
        payloads: fn(&Seen) -> Vec<String>,
        refuses: fn(usize) -> Response,
    ) -> Response {
        if seen.method == "GET" {
            return status(403);
        }
        let payloads = payloads(seen);
        let mut room = self.room.lock().unwrap();
        if *room == Some(0) {
            return status(503);
        }
        if let Some(bad) = payloads.iter().position(|payload| payload.starts_with("bad")) {
            return refuses(bad);
        }
        *room = room.map(|room| room.saturating_sub(payloads.len()));
        let ids: Vec<u64> = payloads.iter().map(|payload| payload.parse().unwrap()).collect();
        self.taken.lock().unwrap().extend(&ids);
        if self.hold.on.load(Ordering::SeqCst) {
            self.hold.took.notify_one();
            return hang();
        }
        let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
        axum::Json(json!({ "messageIds": ids })).into_response()
    }
}

impl Subject for OverHttp {
    fn promise(&self) -> Promise {
        Promise { order: self.order, again: self.again }
    }

    fn start(&self) -> Opener {
        let own = AmsClient::builder(&self.server.url, "P".parse().unwrap()).token("T".into());
        let own = own.build().unwrap();
        let clients = [("c".to_owned(), own.clone())].into();
        let outlet = Outlet::new(&sink_for_test(&self.keys), &own, &clients).unwrap();
        Box::new(move |notebook| outlet.open(&source(), notebook))
    }

    fn arrived(&self) -> Vec<u64> {
        self.place.taken.lock().unwrap().clone()
    }

    fn weather(&self, weather: Weather) {
        *self.place.room.lock().unwrap() = match weather {
            Weather::Good => None,
            Weather::BadAfter(messages) => Some(messages),
        };
    }

    fn spoil(&self, message: &mut Value) -> bool {
        (self.spoil)(message);
        true
    }

    fn hold(&self) -> Option<&Hold> {
        Some(&self.place.hold)
    }
}

fn spoil_payload(message: &mut Value) {
    let payload = format!("bad {}", message["messageId"].as_str().unwrap());
    message["data"] = STANDARD.encode(payload).into();
}

/// The payloads of a publish, or of a webhook of format `ams`.
pub(in crate::sink) fn payloads_of_ams(seen: &Seen) -> Vec<String> {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let messages = body["messages"].as_array().cloned().unwrap_or_else(|| vec![body]);
    let payload = |message: &Value| {
        let data = message.get("data").unwrap_or_else(|| &message["message"]["data"]);
        String::from_utf8(STANDARD.decode(data.as_str().unwrap()).unwrap()).unwrap()
    };
    messages.iter().map(payload).collect()
}

/// As a receiver that does not like it.
pub(in crate::sink) fn unprocessable(_: usize) -> Response {
    status(422)
}

/// As a topic with a schema.
fn not_of_the_schema(bad: usize) -> Response {
    let message = format!("Message {bad} data is not valid,(root): name is required");
    let error = json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}});
    (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
}

/// It would destroy the record.
fn spoil_attribute(message: &mut Value) {
    message["attributes"]["quoted"] = "\"".into();
}

/// A webhook of format `ams`, with these keys besides.
pub(in crate::sink) async fn webhook(keys: &str, batch: usize) -> OverHttp {
    let keys = format!("type = \"webhook\"\nurl = \"{{url}}/hook\"\nbatch = {batch}\n{keys}");
    OverHttp::new(&keys, batch, payloads_of_ams, unprocessable).await
}

#[tokio::test]
async fn a_webhook_conforms() {
    for batch in [1, 2, 100] {
        conforms(async || webhook("", batch).await).await;
    }
}

#[tokio::test]
async fn a_webhook_with_several_requests_at_once_conforms() {
    for batch in [1, 3] {
        let at_once =
            async || OverHttp { order: false, again: 4 * batch, ..webhook("concurrency = 4", batch).await };
        conforms(at_once).await;
    }
}

fn payload_of_raw(seen: &Seen) -> Vec<String> {
    vec![seen.body.clone()]
}

fn payloads_of_cloud_events(seen: &Seen) -> Vec<String> {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let events = body.as_array().cloned().unwrap_or_else(|| vec![body]);
    let payload = |event: &Value| match &event["data"] {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    events.iter().map(payload).collect()
}

fn payloads_of_template(seen: &Seen) -> Vec<String> {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let texts = body["texts"].as_array().cloned().unwrap_or_else(|| vec![body["text"].clone()]);
    texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_webhook_of_every_format_conforms() {
    let one = r#"template = '{"text": {{ message.data }}}'"#;
    let several = r#"template = '{"texts": {{ messages | map(attribute="data") | list }}}'"#;
    for (format, batch, payloads) in [
        ("format = \"raw\"".to_owned(), 1, payload_of_raw as fn(&Seen) -> Vec<String>),
        (format!("format = \"template\"\n{one}"), 1, payloads_of_template),
        (format!("format = \"template\"\n{several}"), 3, payloads_of_template),
        ("format = \"cloudevents\"\nmode = \"structured\"".to_owned(), 1, payloads_of_cloud_events),
        ("format = \"cloudevents\"\nmode = \"batched\"".to_owned(), 3, payloads_of_cloud_events),
        ("format = \"cloudevents\"\nmode = \"binary\"".to_owned(), 1, payload_of_raw),
    ] {
        let keys = format!("type = \"webhook\"\nurl = \"{{url}}/hook\"\nbatch = {batch}\n{format}");
        conforms(async || OverHttp::new(&keys, batch, payloads, unprocessable).await).await;
    }
}

async fn topic(batch: usize) -> OverHttp {
    let keys = format!("type = \"topic\"\ntopic = \"t\"\nbatch = {batch}");
    OverHttp::new(&keys, batch, payloads_of_ams, not_of_the_schema).await
}

#[tokio::test]
async fn a_topic_conforms() {
    for batch in [1, 2, 100] {
        conforms(async || OverHttp { spoil: spoil_attribute, ..topic(batch).await }).await;
    }
}

#[tokio::test]
async fn a_topic_with_a_schema_conforms() {
    for batch in [1, 2, 100] {
        conforms(async || topic(batch).await).await;
    }
}
