//! The emulator gives tokens for host certificates as the real authn service does: recording 11 is played against it,
//! and what a token is given for works with it.

use std::net::SocketAddr;
use std::path::Path;

use ams_forwarder::emulator::{Authn, Emulator, Fault, Options, Role};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::common::pki::{Authority, Host, connect, exchange};

const CLIENT: &str = "CN=client.example.org,OU=hosts,DC=org+DC=example";
const PATH: &str = "/v1/service-types/ams/hosts/localhost:authx509";

/// An emulator with the project P and its consumer con, and where it gives tokens.
struct Desk {
    emulator: Emulator,
    authority: Authority,
    address: SocketAddr,
    token: String,
}

impl Desk {
    /// Bound are two subjects: one to the consumer, one to somebody who does not exist.
    async fn with(change: impl FnOnce(Authn) -> Authn) -> Self {
        let authority = Authority::new("grid CA");
        let tls = authority.server(&["localhost", "ams.example.org"]);
        let emulator = Emulator::new(Options::default());
        emulator.create_project("P", "").unwrap();
        let token = emulator.create_member("P", "con", &[Role::Consumer]).unwrap();
        let authn = Authn::new(&tls, authority.pem.as_bytes()).unwrap();
        let authn = change(authn.bind(CLIENT, "con").bind("CN=gone.example.org", "nosuch"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = emulator.clone();
        tokio::spawn(async move { serving.run_authn(listener, authn, std::future::pending()).await });
        Self { emulator, authority, address, token }
    }

    async fn ask(&self, host: Option<&Host>, method: &str, path: &str) -> Result<String, String> {
        let stream = connect(self.address, &self.authority.pem, host).await;
        let mut stream = stream.map_err(|error| error.to_string())?;
        let (text, end) = exchange(&mut stream, method, path, "", "").await;
        end.map_err(|error| error.to_string()).map(|()| text)
    }

    async fn body(&self, host: Option<&Host>, path: &str) -> (u16, String) {
        let text = self.ask(host, "GET", path).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }
}

#[tokio::test]
async fn every_answer_is_the_recorded_one() {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/11_authn.json");
    let steps: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(recording).unwrap()).unwrap();
    let lenient = Desk::with(|authn| authn).await;
    let strict = Desk::with(Authn::wanting_revocation_lists).await;
    let mut played = 0;
    for step in &steps {
        let name = step["name"].as_str().unwrap();
        let desk = if name.starts_with("certificate verification on") { &strict } else { &lenient };
        let host = match step["certificate"].as_str().unwrap() {
            "none" => None,
            "expired" => Some(desk.authority.expired_host(CLIENT)),
            own if name == "self-signed certificate" => Some(Host::self_signed(own)),
            subject => Some(desk.authority.host(subject)),
        };
        let path = step["path"].as_str().unwrap().replace("${ams_host}", "localhost");
        let got = desk.ask(host.as_ref(), step["method"].as_str().unwrap(), &path).await;
        let want = &step["response"];
        if want["tls_alert"] == true {
            let error = got.unwrap_err();
            assert!(error.contains("fatal alert"), "{name}: {error}");
        } else {
            let got = got.unwrap();
            let (head, body) = got.split_once("\r\n\r\n").unwrap();
            assert_eq!(head[9..12], want["status"].to_string(), "{name}: {got}");
            let content_type = format!("\r\ncontent-type: {}\r\n", want["content_type"].as_str().unwrap());
            assert!(head.contains(&content_type), "{name}: {head}");
            let text = want["text"].as_str().unwrap().replace("${token_con}", &desk.token);
            assert_eq!(body, text, "{name}");
        }
        played += 1;
    }
    assert_eq!(played, 8);
}

#[tokio::test]
async fn a_certificate_that_names_a_revocation_list_is_taken_by_who_wants_one() {
    let desk = Desk::with(Authn::wanting_revocation_lists).await;
    let host = desk.authority.host_with_revocation_list(CLIENT);
    assert_eq!(desk.body(Some(&host), PATH).await.0, 200);
}

#[tokio::test]
async fn a_host_is_known_by_the_names_of_the_certificate_and_those_it_is_given() {
    let desk = Desk::with(|authn| authn.host("ams")).await;
    let host = desk.authority.host(CLIENT);
    for (name, status) in [("localhost", 200), ("ams.example.org", 200), ("ams", 200), ("other", 404)] {
        assert_eq!(desk.body(Some(&host), &PATH.replace("localhost", name)).await.0, status, "{name}");
    }
    let (status, body) = desk.body(Some(&host), "/v1/service-types").await;
    assert_eq!((status, body.as_str()), (404, "404 page not found\n"));
}

#[tokio::test]
async fn a_subject_that_is_bound_to_nobody_who_exists_is_bound_to_nobody_until_he_does() {
    let desk = Desk::with(|authn| authn).await;
    let host = desk.authority.host("CN=gone.example.org");
    let (status, body) = desk.body(Some(&host), PATH).await;
    assert!(status == 404 && body.contains("Binding was not found"), "{body}");
    let token = desk.emulator.create_member("P", "nosuch", &[Role::Consumer]).unwrap();
    assert!(desk.body(Some(&host), PATH).await.1.contains(&token));
}

#[tokio::test]
async fn an_email_address_stands_in_front() {
    let subject = "E=ops@example.org,CN=mailed,DC=org+DC=example+DC=grid";
    let desk = Desk::with(|authn| authn.bind(subject, "con")).await;
    let host = desk.authority.host(subject);
    assert_eq!(desk.body(Some(&host), PATH).await.0, 200);
}

#[tokio::test]
async fn faults_befall_it_too() {
    let desk = Desk::with(|authn| authn).await;
    let host = desk.authority.host(CLIENT);
    desk.emulator.inject(Fault::status(503).on("*:authx509").times(1)).unwrap();
    assert_eq!(desk.body(Some(&host), PATH).await.0, 503);
    assert_eq!(desk.body(Some(&host), PATH).await.0, 200);
}
