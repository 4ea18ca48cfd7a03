//! Plays recordings against an emulator of its own, each step as the user who took it.

use std::path::Path;
use std::time::{Duration, Instant};

use ams_forwarder::emulator::{Emulator, Fault, Options};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::comparison::{Names, is_same};

/// Steps whose answers came from the store behind that service, not from its own rules, or name things of that day:
/// they are taken, and their answers not compared.
const NOT_COMPARED: [(&str, &str); 4] = [
    ("01_meta_and_auth", "list projects, token in query"),
    ("03_users_and_members", "user delete again"),
    ("03_users_and_members", "users list, page"),
    ("08_registrations", "list"),
];

pub(super) struct Player {
    emulator: Emulator,
    endpoint: String,
    http: reqwest::Client,
    names: Names,
    played: usize,
    differences: Vec<String>,
}

struct Answer {
    status: u16,
    content_type: String,
    text: String,
}

impl Player {
    pub(super) async fn start(project: &str) -> Self {
        // Only the first can succeed; one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let emulator = Emulator::new(Options::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = emulator.clone();
        tokio::spawn(async move { served.run(listener, std::future::pending()).await });
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let (names, differences) = (Names::default(), Vec::new());
        let mut player = Self { emulator, endpoint, http, names, played: 0, differences };
        player.use_project(project);
        player.names.set("service_token", "emulator");
        player
    }

    pub(super) fn use_project(&mut self, project: &str) {
        self.names.set("P", project);
    }

    /// Plays a recording and gives how many of its steps there are.
    pub(super) async fn play(&mut self, recording: &str) -> usize {
        let before = self.played;
        for step in &read(recording) {
            self.play_step(recording, step).await;
        }
        self.played - before
    }

    pub(super) fn assert_same(&self) {
        let differences = self.differences.join("\n\n");
        assert!(differences.is_empty(), "{} differences:\n\n{differences}", self.differences.len());
    }

    async fn play_step(&mut self, recording: &str, step: &Value) {
        let name = step["name"].as_str().unwrap();
        match name {
            "ack after the deadline" => tokio::time::sleep(Duration::from_millis(2200)).await,
            "offsets after retention removed the first two" => {
                self.emulator.remove_records_below(&self.names.fill("${P}"), "t", 2).unwrap();
            }
            "broker gone: publish" => {
                self.emulator.inject(Fault::broker_down()).unwrap();
            }
            _ => {}
        }
        let asked = Instant::now();
        let waiting = name.starts_with("waiting pull of two");
        let answer = if waiting {
            let (answer, ()) = tokio::join!(self.send(step), self.publish_the_second());
            assert!(asked.elapsed() >= Duration::from_secs(1), "it did not wait for the second message");
            answer
        } else {
            self.send(step).await
        };
        self.played += 1;
        if !NOT_COMPARED.contains(&(recording, name)) {
            let difference = self.compare(recording, step, &answer);
            self.differences
                .extend(difference.map(|difference| format!("{recording}, {name}: {difference}")));
        }
    }

    async fn publish_the_second(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let step = json!({"as": "pub", "method": "POST", "path": "/v1/projects/${P}/topics/w1:publish",
            "name": "the second", "body": {"messages": [{"data": "Yg=="}]}});
        assert_eq!(self.send(&step).await.status, 200);
    }

    async fn send(&self, step: &Value) -> Answer {
        let url = format!("{}{}", self.endpoint, self.names.fill(step["path"].as_str().unwrap()));
        let method = step["method"].as_str().unwrap().parse().unwrap();
        let mut request = self.http.request(method, url);
        let token = match step["as"].as_str().unwrap() {
            "none" => None,
            "service" => Some("emulator"),
            "bad" => Some("nosuchtoken"),
            user => Some(self.names.get(&format!("token_{user}")).expect("the user was made before")),
        };
        if let Some(token) = token {
            request = request.header("x-api-key", token);
        }
        if let Some(body) = body_of(step) {
            request = request.header("content-type", "application/json").body(self.names.fill(&body));
        }
        let response = request.send().await.unwrap();
        let content_type = response.headers().get("content-type");
        Answer {
            status: response.status().as_u16(),
            content_type: content_type.map_or("", |value| value.to_str().unwrap()).to_owned(),
            text: response.text().await.unwrap(),
        }
    }

    /// The difference, or `None`.
    fn compare(&mut self, recording: &str, step: &Value, got: &Answer) -> Option<String> {
        let want = &step["response"];
        if want["status"] != got.status {
            return Some(format!("want status {}, got {}: {}", want["status"], got.status, got.text));
        }
        if want["content_type"] != got.content_type.as_str() {
            return Some(format!("want {}, got {:?}", want["content_type"], got.content_type));
        }
        let text = want["text"].as_str().unwrap();
        let name = step["name"].as_str().unwrap();
        if recording == "01_meta_and_auth" && (name.starts_with("version") || name == "metrics") {
            return (shape(text) != shape(&got.text)).then(|| format!("another form: {}", got.text));
        }
        if let (Ok(want), Ok(got)) = (serde_json::from_str(text), serde_json::from_str(&got.text)) {
            self.names.learn(&want, &got);
        }
        let want = self.names.fill(text);
        (!is_same(&want, &got.text)).then(|| format!("want {want}\n got {}", got.text))
    }
}

/// What an answer about the machine has in common with one about another: the keys, and which metrics there are.
fn shape(text: &str) -> Value {
    match serde_json::from_str(text).unwrap() {
        Value::Object(mut fields) => {
            let mut metrics = fields.remove("metrics").unwrap_or_default();
            let list = metrics.as_array_mut().map(std::mem::take).unwrap_or_default();
            // That service still showed what it had used before.
            let shown = list.into_iter().take(2).map(|mut metric| {
                metric["timeseries"] = json!(metric["timeseries"].as_array().unwrap().len());
                metric["resource_name"] = Value::Null;
                metric
            });
            json!([fields.keys().collect::<Vec<_>>(), shown.collect::<Vec<_>>()])
        }
        other => other,
    }
}

fn read(recording: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let text = std::fs::read_to_string(folder.join(format!("{recording}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The body of a step; the large ones are not in the recordings.
fn body_of(step: &Value) -> Option<String> {
    let message = |data: &[u8]| json!({"data": STANDARD.encode(data)});
    let large = |bytes: usize| message(&vec![b'x'; bytes]);
    let messages = match step["name"].as_str().unwrap() {
        "publish 1.4 MB" => vec![large(1_000_000)],
        "publish 1.6 MB" => vec![large(1_200_000)],
        "publish 3 MB" => vec![large(2_200_000)],
        "publish small, too large, small" => vec![message(b"small1"), large(1_200_000), message(b"small2")],
        _ => {
            let raw = step.get("raw_body").map(|raw| raw.as_str().unwrap().to_owned());
            return raw.or_else(|| step.get("body").map(Value::to_string));
        }
    };
    Some(json!({"messages": messages}).to_string())
}
