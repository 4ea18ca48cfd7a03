//! The emulator answers as the real service did: the exchanges in `recordings/` are played against it over HTTP, and
//! its answers compared with the recorded ones, to the byte but for times, page tokens and the names of a run.
//!
//! There are no users yet: every step is sent with the service token. Left out are only the steps whose answer is
//! about users: refused by a role or an ACL, access lists, metrics.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use ams_forwarder::emulator::{Emulator, Options};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Plays recordings against an emulator of its own.
struct Player {
    emulator: Emulator,
    endpoint: String,
    http: reqwest::Client,
    names: HashMap<String, String>,
    played: usize,
    differences: Vec<String>,
}

impl Player {
    async fn start(project: &str) -> Self {
        // Only the first can succeed; one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let emulator = Emulator::new(Options::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = emulator.clone();
        tokio::spawn(async move { served.run(listener, std::future::pending()).await });
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let mut player =
            Self { emulator, endpoint, http, names: HashMap::new(), played: 0, differences: Vec::new() };
        player.name("P", project);
        player.name("service_token", "emulator");
        player
    }

    fn name(&mut self, name: &str, value: &str) {
        self.names.insert(format!("${{{name}}}"), value.to_owned());
    }

    fn fill(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// Plays a recording and gives how many of its steps were played.
    async fn play(&mut self, recording: &str) -> usize {
        let before = self.played;
        for step in read(recording).iter().filter(|step| !is_about_users(step)) {
            self.play_step(recording, step).await;
        }
        self.played - before
    }

    async fn play_step(&mut self, recording: &str, step: &Value) {
        let name = step["name"].as_str().unwrap();
        if name == "ack after the deadline" {
            tokio::time::sleep(Duration::from_millis(2200)).await;
        }
        if name == "offsets after retention removed the first two" {
            self.emulator.remove_records_below(&self.fill("${P}"), "t", 2).unwrap();
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
        let difference = self.compare(recording, step, &answer);
        self.differences.extend(difference.map(|difference| format!("{recording}, {name}: {difference}")));
    }

    async fn publish_the_second(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let step = json!({"as": "pub", "method": "POST", "path": "/v1/projects/${P}/topics/w1:publish",
            "name": "the second", "body": {"messages": [{"data": "Yg=="}]}});
        assert_eq!(self.send(&step).await.status, 200);
    }

    async fn send(&self, step: &Value) -> Answer {
        let url = format!("{}{}", self.endpoint, self.fill(step["path"].as_str().unwrap()));
        let method = step["method"].as_str().unwrap().parse().unwrap();
        let mut request = self.http.request(method, url);
        request = match step["as"].as_str().unwrap() {
            "none" => request,
            "bad" => request.header("x-api-key", "nosuchtoken"),
            _ => request.header("x-api-key", "emulator"),
        };
        if let Some(body) = body_of(step) {
            request = request.header("content-type", "application/json").body(self.fill(&body));
        }
        let response = request.send().await.unwrap();
        let content_type = response.headers().get("content-type");
        Answer {
            status: response.status().as_u16(),
            content_type: content_type.map_or("", |value| value.to_str().unwrap()).to_owned(),
            text: response.text().await.unwrap(),
        }
    }

    /// The first difference, or `None`.
    fn compare(&mut self, recording: &str, step: &Value, got: &Answer) -> Option<String> {
        let want = &step["response"];
        if want["status"] != got.status {
            return Some(format!("want status {}, got {}: {}", want["status"], got.status, got.text));
        }
        if want["content_type"] != got.content_type.as_str() {
            return Some(format!("want {}, got {:?}", want["content_type"], got.content_type));
        }
        let text = want["text"].as_str().unwrap();
        if recording == "01_meta_and_auth" {
            let name = step["name"].as_str().unwrap();
            if name == "list projects, token in query" {
                return None;
            }
            if name.starts_with("version") {
                return differing_keys(text, &got.text);
            }
        }
        if text.contains("${page}") {
            let page: Value = serde_json::from_str(&got.text).unwrap();
            self.name("page", page["nextPageToken"].as_str().unwrap());
        }
        let (want, got) = (masked(&self.fill(text)), masked(&got.text));
        (want != got).then(|| format!("want {want}\n got {got}"))
    }
}

struct Answer {
    status: u16,
    content_type: String,
    text: String,
}

fn read(recording: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let text = std::fs::read_to_string(folder.join(format!("{recording}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn is_about_users(step: &Value) -> bool {
    let path = step["path"].as_str().unwrap();
    let by_user = !matches!(step["as"].as_str().unwrap(), "service" | "none" | "bad");
    (by_user && step["response"]["status"] == 403)
        || step["name"] == "list, by publisher"
        || [":acl", ":modifyAcl", ":metrics"].iter().any(|verb| path.ends_with(verb))
        || (path == "/v1/metrics" && step["method"] == "GET")
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

fn differing_keys(want: &str, got: &str) -> Option<String> {
    let keys = |text: &str| {
        let fields: HashMap<String, String> = serde_json::from_str(text).unwrap();
        let mut keys: Vec<String> = fields.into_keys().collect();
        keys.sort();
        keys
    };
    (keys(want) != keys(got)).then(|| format!("want {:?}, got {:?}", keys(want), keys(got)))
}

/// A text with its times and page tokens replaced by their forms.
fn masked(text: &str) -> String {
    let mut strings: Vec<&str> = text.split('"').collect();
    for index in 0..strings.len() {
        if is_time(strings[index]) {
            strings[index] = "TIME";
        } else if index >= 2 && strings[index - 2] == "nextPageToken" && !strings[index].is_empty() {
            strings[index] = "PAGE";
        }
    }
    strings.join("\"")
}

fn is_time(text: &str) -> bool {
    let (date, time) = text.split_at_checked(10).unwrap_or((text, ""));
    let is_date = date.len() == 10
        && date
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let inner = time.strip_prefix('T').and_then(|time| time.strip_suffix('Z'));
    is_date
        && inner.is_some_and(|time| time.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte)))
}

fn assert_same(player: &Player) {
    let differences = player.differences.join("\n\n");
    assert!(differences.is_empty(), "{} differences:\n\n{differences}", player.differences.len());
}

#[tokio::test]
async fn every_answer_is_the_recorded_one_to_the_byte() {
    let mut player = Player::start("RP1").await;
    let mut counts = Vec::new();
    for recording in
        ["01_meta_and_auth", "02_projects", "04_topics", "05_subscriptions", "06_delivery", "06_odd_messages"]
    {
        counts.push(player.play(recording).await);
    }
    player.name("P", "RP1E");
    for recording in ["12_edges", "13_topic_made_anew", "14_publish_not_atomic"] {
        counts.push(player.play(recording).await);
    }
    assert_same(&player);
    assert_eq!(counts, [13, 13, 36, 75, 22, 38, 28, 10, 4]);
}

#[tokio::test]
async fn retention_moves_a_subscription_as_recorded() {
    let mut player = Player::start("RP2").await;
    let count = player.play("09_retention").await;
    assert_same(&player);
    assert_eq!(count, 10);
}
