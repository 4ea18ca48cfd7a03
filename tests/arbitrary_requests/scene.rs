//! An emulator in which most of what the recordings speak of is there, and their requests.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;

use super::mutation::Request;
use crate::common::{Emulated, PROJECT, Reply, TOKEN, Wire};

/// After so many requests what they may have removed is made again; after a removal at once.
const REFRESHED_AFTER: usize = 250;

pub(super) struct Scene {
    pub(super) emulated: Emulated,
    pub(super) wire: Wire,
    pub(super) recorded: Vec<Value>,
    /// What stands for `${…}` in the recordings: a project, tokens, ids of users, …
    names: HashMap<String, String>,
    sent: usize,
    pub(super) statuses: BTreeMap<u16, usize>,
    /// The last request on this connection.
    pub(super) before: Option<Vec<u8>>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let emulated = Emulated::start();
        let wire = emulated.wire();
        let names = [("${P}", PROJECT), ("${service_token}", TOKEN)];
        let names = names.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let mut scene = Self {
            emulated,
            wire,
            recorded: recorded(),
            names,
            sent: 0,
            statuses: BTreeMap::new(),
            before: None,
        };
        scene.refresh();
        scene
    }

    /// The recorded request of this number, from whom it came.
    pub(super) fn request(&self, which: usize) -> Request {
        let step = &self.recorded[which];
        let token = match step["as"].as_str().unwrap_or("none") {
            "none" => None,
            "bad" => Some("nosuchtoken"),
            "service" => Some(TOKEN),
            user => self.names.get(&format!("${{token_{user}}}")).map(String::as_str).or(Some(TOKEN)),
        };
        let body = match (&step["body"], &step["raw_body"]) {
            (_, Value::String(raw)) => raw.clone(),
            (Value::Null, _) => String::new(),
            (body, _) => body.to_string(),
        };
        let mut request = Request {
            method: step["method"].as_str().unwrap().to_owned(),
            target: self.fill(step["path"].as_str().unwrap()).into_bytes(),
            headers: token.iter().map(|token| format!("x-api-key: {token}").into_bytes()).collect(),
            body: self.fill(&body).into_bytes(),
            is_chunked: false,
        };
        request.shorten_the_wait();
        request
    }

    fn fill(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    pub(super) fn refresh_now_and_then(&mut self) {
        self.sent += 1;
        if self.sent >= REFRESHED_AFTER {
            self.refresh();
        }
    }

    /// Plays, with the token that may do everything, what makes things and what tells names.
    fn refresh(&mut self) {
        self.reconnect();
        self.sent = 0;
        self.emulated.emulator.create_project(PROJECT, "").unwrap();
        for which in 0..self.recorded.len() {
            let step = &self.recorded[which];
            let [path, text] = [&step["path"], &step["response"]["text"]].map(|text| text.as_str().unwrap());
            let makes = (step["method"] == "PUT" || step["method"] == "POST") && !path.contains(':');
            // Tokens may have been changed.
            let tells = step["method"] == "GET" && text.contains("\"${token_");
            if step["response"]["status"] != 200 || !(makes || tells) {
                continue;
            }
            let mut request = self.request(which);
            request.headers = vec![format!("x-api-key: {TOKEN}").into_bytes()];
            self.wire.send_bytes(&request.bytes()).unwrap();
            let reply = self.wire.receive();
            self.learn(which, &reply);
        }
    }

    /// A removal, or a change of a name: much of what is asked for next would be missing.
    pub(super) fn was_removed(&mut self, request: &Request, reply: &Reply) {
        let may_rename_a_project = || request.target.split(|&byte| byte == b'/').count() <= 4;
        let removes = request.method == "DELETE" || request.method == "PUT" && may_rename_a_project();
        if reply.status == 200 && removes {
            self.sent = REFRESHED_AFTER;
        }
    }

    /// Takes from an answer what the recorded one has a name for.
    pub(super) fn learn(&mut self, which: usize, reply: &Reply) {
        let text = self.recorded[which]["response"]["text"].as_str().unwrap();
        if reply.status != 200 || !text.contains("\"${") {
            return;
        }
        let (Ok(named), Ok(given)) = (serde_json::from_str(text), serde_json::from_str(&reply.text)) else {
            return;
        };
        learn(&named, &given, &mut self.names);
    }

    pub(super) fn reconnect(&mut self) {
        self.wire = self.emulated.wire();
        self.before = None;
    }

    /// It still serves.
    pub(super) fn is_alive(&mut self) {
        self.refresh();
        let request = b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n";
        self.wire.send_bytes(request).unwrap();
        assert_eq!(self.wire.receive().status, 200);
        eprintln!("answers: {:?}", self.statuses);
    }
}

fn learn(named: &Value, given: &Value, known: &mut HashMap<String, String>) {
    match (named, given) {
        (Value::Object(named), Value::Object(given)) => {
            for (key, named) in named {
                learn(named, given.get(key).unwrap_or(&Value::Null), known);
            }
        }
        (Value::Array(named), Value::Array(given)) => {
            named.iter().zip(given).for_each(|(named, given)| learn(named, given, known));
        }
        (Value::String(name), Value::String(value))
            if name.starts_with("${") && name.ends_with('}') && name != "${P}" =>
        {
            known.insert(name.clone(), value.clone());
        }
        _ => {}
    }
}

/// All steps of all recordings, in order.
fn recorded() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    let steps = paths.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        serde_json::from_str::<Vec<Value>>(&text).unwrap()
    });
    let mut steps: Vec<_> = steps.collect();
    for step in &mut steps {
        if step["response"]["text"].is_null() {
            step["response"]["text"] = "".into();
        }
    }
    steps
}
