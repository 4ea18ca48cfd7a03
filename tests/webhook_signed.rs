//! Requests are signed so that a receiver can tell: held against the Python of docs/webhook.md.

use std::path::Path;
use std::process::Command;

use crate::common::{Config, Forwarder, Home, Hook, Hooked, Service, eventually};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const OTHER: &str = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

/// The Python of the page.
fn verifier() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/webhook.md");
    let page = std::fs::read_to_string(page).unwrap();
    page.split("```python\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// Whether the page's Python takes this body with the headers of a request.
fn takes(home: &Home, request: &Hooked, body: &[u8], secret: &str) -> bool {
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let headers: std::collections::BTreeMap<_, _> = headers.collect();
    home.write("headers", &serde_json::to_string(&headers).unwrap());
    std::fs::write(home.path("body"), body).unwrap();
    let ask = "import json\nprint(verify(json.load(open('headers')), open('body', 'rb').read(), ";
    let script = format!("{}\n{ask}{secret:?}))", verifier());
    let output = Command::new("python3").args(["-c", &script]).current_dir(home.dir()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(["True", "False"].contains(&said.as_str()), "{}", String::from_utf8_lossy(&output.stderr));
    said == "True"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_tells_with_either_secret_that_a_request_is_ours_and_whole() {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var("CI").is_err(), "python3 is needed");
        println!("passed over: there is no python3");
        return;
    }
    let (service, home, hook) = (Service::with(&["a"]).await, Home::new(), Hook::start().await);
    let sink = |name: &str, more: &str| {
        format!(
            "[subscriptions.a.sinks.{name}]\ntype = \"webhook\"\nurl = \"{}\"\nbatch = 10\n\
             signing_secrets = [\"${{OLD:-{OLD}}}\", \"{NEW}\"]\n{more}\n",
            hook.url(name)
        )
    };
    let sinks = sink("plain", "") + &sink("small", "compress = \"gzip\"");
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sinks);
    service.publish_sized("a", 0..10, 1000).await;
    let forwarder = Forwarder::start(&home, &config);
    eventually("all", async || service.is_acknowledged_to("a", 10).await).await;
    for name in ["plain", "small"] {
        let came = hook.came(name);
        let [request] = came.as_slice() else { panic!("{came:?}") };
        assert_eq!(request.header("webhook-id"), "TEST/a/0/0-9");
        assert_eq!(request.header("webhook-id"), request.header("idempotency-key"));
        for (secret, ours) in [(OLD, true), (NEW, true), (OTHER, false)] {
            assert_eq!(takes(&home, request, &request.body, secret), ours, "{name}");
        }
        let mut changed = request.body.to_vec();
        changed[20] ^= 1;
        assert!(!takes(&home, request, &changed, OLD));
        let mut late = request.clone();
        late.headers.insert("webhook-timestamp", "1600000000".parse().unwrap());
        assert!(!takes(&home, &late, &request.body, OLD));
    }
    let (plain, small) = (&hook.came("plain")[0], &hook.came("small")[0]);
    assert_eq!((plain.header("content-encoding"), small.header("content-encoding")), ("", "gzip"));
    assert!(small.body.len() * 5 < plain.body.len(), "{} and {}", small.body.len(), plain.body.len());
    std::fs::write(home.path("body.gz"), &small.body).unwrap();
    let unpacked = Command::new("gzip").args(["-dc", "body.gz"]).current_dir(home.dir()).output().unwrap();
    assert_eq!(unpacked.stdout, plain.body);
    let shown = forwarder.get("/status").await.unwrap().body;
    let log = forwarder.stop().await;
    for secret in [OLD, NEW] {
        let secret = secret.trim_start_matches("whsec_");
        assert!(!log.contains(secret) && !shown.contains(secret), "a secret was shown");
    }
}
