//! The emulator speaks TLS with what it is given, and all that it does wrong on request it does there too.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ams_forwarder::client::AmsClient;
use ams_forwarder::emulator::{Fault, Options};
use tokio::io::AsyncReadExt;

use crate::common::pki::{Authority, connect, exchange};
use crate::common::{PROJECT, Service, TOKEN, is_there};

const PULL: &str = "/v1/projects/TEST/subscriptions/a:pull";
const OFFSETS: &str = "/v1/projects/TEST/subscriptions/a:offsets";
const PUBLISH: &str = "/v1/projects/TEST/topics/a:publish";
const ONE: &str = r#"{"messages":[{"data":"YQ=="}]}"#;

async fn start() -> (Service, Authority) {
    let authority = Authority::new("test CA");
    let tls = authority.server(&["localhost", "127.0.0.1"]);
    let service = Service::with_options(Options { tls: Some(tls), ..Options::default() }).await;
    service.emulator.create_topic(PROJECT, "a").unwrap();
    service.emulator.create_subscription(PROJECT, "a", "a").unwrap();
    (service, authority)
}

async fn ask(
    (service, authority): &(Service, Authority),
    path: &str,
    body: &str,
) -> (String, std::io::Result<()>) {
    let mut stream = connect(service.address, &authority.pem, None).await.unwrap();
    let method = if body.is_empty() { "GET" } else { "POST" };
    exchange(&mut stream, method, path, TOKEN, body).await
}

#[tokio::test]
async fn a_client_that_trusts_the_ca_publishes_and_one_that_does_not_gets_nowhere() {
    let (service, authority) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("https://{}", service.address);
    let client = |ca: &str| {
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, ca).unwrap();
        let builder = AmsClient::builder(&endpoint, PROJECT.parse().unwrap());
        builder.token(TOKEN.into()).no_proxy().ca_file(path).build().unwrap()
    };
    let offsets = client(&authority.pem).offsets(&"a".parse().unwrap()).await.unwrap();
    assert_eq!((offsets.min, offsets.max), (0, 0));
    let other = Authority::new("another CA");
    assert!(client(&other.pem).offsets(&"a".parse().unwrap()).await.is_err());
}

#[tokio::test]
async fn a_reset_and_a_lost_answer_end_the_connection_below_tls() {
    let running = start().await;
    let emulator = &running.0.emulator;
    emulator.inject(Fault::reset().times(1)).unwrap();
    let (text, end) = ask(&running, PUBLISH, ONE).await;
    assert_eq!((text.as_str(), end.unwrap_err().kind()), ("", ErrorKind::ConnectionReset));

    emulator.inject(Fault::lost_answer().times(1)).unwrap();
    let (text, end) = ask(&running, PUBLISH, ONE).await;
    assert_eq!((text.as_str(), end.unwrap_err().kind()), ("", ErrorKind::UnexpectedEof));
    assert!(ask(&running, OFFSETS, "").await.0.contains("\"max\": 1,"));
}

#[tokio::test]
async fn a_hanging_request_is_never_answered() {
    let running = start().await;
    running.0.emulator.inject(Fault::hang()).unwrap();
    let mut stream = connect(running.0.address, &running.1.pem, None).await.unwrap();
    let hanging = exchange(&mut stream, "GET", OFFSETS, TOKEN, "");
    assert!(tokio::time::timeout(Duration::from_millis(300), hanging).await.is_err());
}

#[tokio::test]
async fn of_a_truncated_answer_the_head_and_half_the_body_arrive() {
    let running = start().await;
    let data = "x".repeat(400_000);
    let body = format!(r#"{{"messages":[{{"data":"{data}"}},{{"data":"{data}"}}]}}"#);
    assert!(ask(&running, PUBLISH, &body).await.0.starts_with("HTTP/1.1 200 "));
    let pull = r#"{"maxMessages":"2","returnImmediately":"true"}"#;
    running.0.emulator.inject(Fault::truncate().on("*:pull").times(1)).unwrap();
    let (half, _) = ask(&running, PULL, pull).await;
    let (whole, end) = ask(&running, PULL, pull).await;
    end.unwrap();
    let body = |text: &str| text.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&half), body(&whole)[..body(&whole).len() / 2]);
}

#[tokio::test]
async fn who_speaks_no_tls_or_goes_silent_in_the_handshake_disturbs_nobody() {
    let running = start().await;
    let mut silent = tokio::net::TcpStream::connect(running.0.address).await.unwrap();
    let mut plain = tokio::net::TcpStream::connect(running.0.address).await.unwrap();
    let (text, _) = exchange(&mut plain, "GET", OFFSETS, TOKEN, "").await;
    assert!(!text.contains("HTTP"), "{text}");
    assert!(ask(&running, OFFSETS, "").await.0.starts_with("HTTP/1.1 200 "));
    let still_open = tokio::time::timeout(Duration::from_millis(50), silent.read_u8()).await;
    assert!(still_open.is_err());
}

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ams_emulator(arguments: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ams"));
    command.args(["emulator", "--listen=127.0.0.1:0"]).args(arguments);
    Program(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// The kinds of keys that openssl writes, and the first lines of their files.
#[tokio::test]
async fn keys_of_every_kind_are_taken_by_the_program() {
    if !is_there("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (command, begins) in [
        (&["genrsa", "-traditional", "2048"][..], "-----BEGIN RSA PRIVATE KEY-----"),
        (&["genpkey", "-algorithm", "RSA"], "-----BEGIN PRIVATE KEY-----"),
        (&["ecparam", "-genkey", "-noout", "-name", "prime256v1"], "-----BEGIN EC PRIVATE KEY-----"),
        (&["genpkey", "-algorithm", "ED25519"], "-----BEGIN PRIVATE KEY-----"),
    ] {
        let key = Command::new("openssl").args(command).stderr(Stdio::null()).output().unwrap().stdout;
        assert!(key.starts_with(begins.as_bytes()), "{}", String::from_utf8_lossy(&key));
        let [key_file, file] = ["key.pem", "cert.pem"].map(|name| folder.path().join(name));
        std::fs::write(&key_file, key).unwrap();
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
        let made = Command::new("openssl")
            .args(["req", "-x509", "-subj", "/CN=localhost", "-days", "2", "-addext", names])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-key"])
            .args([&key_file, std::path::Path::new("-out"), &file])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (file, key_file) = (file.to_str().unwrap(), key_file.to_str().unwrap());
        let mut program =
            ams_emulator(&["--project=P", "--tls-certificate", file, "--tls-private-key", key_file]);
        let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        let endpoint = first.strip_prefix("listening on ").unwrap().to_owned();
        assert!(endpoint.starts_with("https://127.0.0.1:"), "{first}");
        assert_eq!(lines.next().unwrap(), format!("export AMS_ENDPOINT={endpoint}"));
        assert_eq!(lines.next().unwrap(), "export AMS_TOKEN=emulator");
        assert_eq!(lines.next().unwrap(), "export AMS_PROJECT=P");
        assert_eq!(lines.next().unwrap(), format!("export AMS_CA_FILE={file}"));
        let address = endpoint.strip_prefix("https://").unwrap().parse().unwrap();
        let ca = std::fs::read_to_string(file).unwrap();
        let mut stream = connect(address, &ca, None).await.unwrap();
        let (text, _) = exchange(&mut stream, "GET", "/v1/projects/P", "emulator", "").await;
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    }
}

#[test]
fn files_that_cannot_be_used_are_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.pem");
    std::fs::File::create(&file).unwrap().write_all(b"nothing\n").unwrap();
    let file = file.to_str().unwrap();
    let mut program = ams_emulator(&["--tls-certificate", file, "--tls-private-key", file]);
    let mut error = String::new();
    program.0.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!(program.0.wait().unwrap().code(), Some(1));
    assert!(error.starts_with(&format!("ams: there is no certificate in {file};")), "{error}");
}

#[tokio::test]
async fn tokens_for_host_certificates_are_given_by_the_program_where_it_says() {
    let authority = Authority::new("test CA");
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.server_pem(&["localhost"]);
    let [cert_file, key_file, ca_file] = ["cert", "key", "ca"].map(|name| folder.path().join(name));
    for (file, text) in [(&cert_file, &certificate), (&key_file, &key), (&ca_file, &authority.pem)] {
        std::fs::write(file, text).unwrap();
    }
    let [cert, key, ca] = [&cert_file, &key_file, &ca_file].map(|file| file.to_str().unwrap());
    let mut program = ams_emulator(&[
        "--tls-certificate",
        cert,
        "--tls-private-key",
        key,
        "--authn-listen=127.0.0.1:0",
        "--authn-ca",
        ca,
        "--authn-binding=CN=host.example.org,DC=org+DC=example=con",
    ]);
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("listening on https://"));
    let second = lines.next().unwrap();
    let address = second.strip_prefix("tokens for host certificates on https://").unwrap().parse().unwrap();
    assert!(lines.next().unwrap().starts_with("export AMS_ENDPOINT=https://localhost:"));
    let host = authority.host("CN=host.example.org,DC=org+DC=example");
    let mut stream = connect(address, &authority.pem, Some(&host)).await.unwrap();
    let path = "/v1/service-types/ams/hosts/localhost:authx509";
    let (text, _) = exchange(&mut stream, "GET", path, "", "").await;
    assert!(text.contains("Binding was not found"), "nobody is con yet: {text}");
}
