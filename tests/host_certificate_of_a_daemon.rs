//! A daemon that logs in with the certificate of its host goes on when its token is taken away and when the certificate
//! is replaced; and what has no certificate, key or CA yet waits for it, and for nobody else.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use ams_forwarder::client::NewMessage;
use ams_forwarder::emulator::Options;
use rcgen::date_time_ymd;

use crate::common::site::{SUBJECT, Site};
use crate::common::{Config, Delivered, Forwarder, Launch, PROJECT, eventually, numbered};

/// 2040-01-01, which a certificate here ends on.
const NEW_YEAR_2040: f64 = 2_208_988_800.0;

impl Site {
    /// Logging in with `host.pem` and `key.pem`, which need not be there.
    fn connection(&self) -> String {
        let file = |name: &str| self.home.path(name).display().to_string();
        format!(
            "[connections.host]\nendpoint = {:?}\nproject = {PROJECT:?}\ncertificate = {:?}\nprivate_key = {:?}\n\
             authn_endpoint = {:?}\nca_file = {:?}\n",
            self.endpoint(),
            file("host.pem"),
            file("key.pem"),
            self.authn_endpoint(),
            file("ca.pem"),
        )
    }

    /// With the token that may do everything, and a CA file.
    fn token_connection(&self, name: &str, ca: &Path) -> String {
        format!(
            "[connections.{name}]\nendpoint = {:?}\nproject = {PROJECT:?}\ntoken = {:?}\nca_file = {:?}\n",
            self.endpoint(),
            Options::default().token,
            ca.display().to_string()
        )
    }

    async fn publish(&self, topic: &str, numbers: std::ops::Range<u64>) {
        let messages: Vec<_> = numbers.map(|number| NewMessage::new(numbered(number, 0))).collect();
        self.admin().publish(&topic.parse().unwrap(), &messages).await.unwrap();
    }

    async fn is_acknowledged_to(&self, name: &str, end: i64) {
        let (admin, name) = (self.admin(), name.parse().unwrap());
        let what = format!("{name} to be acknowledged to {end}");
        eventually(&what, async || admin.offsets(&name).await.unwrap().current == end).await;
    }
}

async fn expiry(forwarder: &Forwarder) -> f64 {
    forwarder.metrics().await.get("credential_expiry_timestamp_seconds", &[("connection", "host")])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_when_the_token_is_taken_away_and_the_certificate_replaced() {
    let site = Site::with(&["a"]).await;
    let logins = site.count_logins();
    let [_, key] = site.host(SUBJECT);
    // Open to everybody, to be warned about, once.
    set_permissions(site.home.dir(), Permissions::from_mode(0o755)).unwrap();
    set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let config = Config::new(&site.home, &site.endpoint())
        .table(&site.connection())
        .file_with("a", "connection = \"host\"");
    let forwarder = Forwarder::start(&site.home, &config);
    site.publish("a", 0..10).await;
    site.is_acknowledged_to("a", 10).await;
    assert_eq!(logins(), 1);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(expiry(&forwarder).await > now);

    site.refresh_token().await;
    site.publish("a", 10..20).await;
    site.is_acknowledged_to("a", 20).await;
    assert_eq!(logins(), 2);

    site.host_with(SUBJECT, |params| params.not_after = date_time_ymd(2040, 1, 1));
    eventually("the new certificate", async || (expiry(&forwarder).await - NEW_YEAR_2040).abs() < 1.0).await;
    site.publish("a", 20..30).await;
    site.is_acknowledged_to("a", 30).await;
    assert!(forwarder.is("a", "running").await["reason"].is_null());
    let failed = [("subscription", "a"), ("operation", "pull")];
    assert!(forwarder.metrics().await.get("failures_total", &failed).abs() < 0.5, "nobody noticed");

    let log = forwarder.stop().await;
    let warning = format!("the private key {0}: chmod o-rwx {0}", key.display());
    assert_eq!(log.matches(&warning).count(), 1, "{log}");
    assert!(
        log.contains("logged in with the certificate") && log.contains("which ends on 2040-01-01"),
        "{log}"
    );
    assert!(!log.contains(&site.token) && !log.contains("PRIVATE KEY"), "{log}");
    Delivered::in_file(&site.home.out("a")).assert_exactly(30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_certificate_or_ca_yet_waits_for_it_and_for_nobody_else() {
    let site = Site::with(&["a", "b", "c"]).await;
    let late = site.home.path("late-ca.pem");
    let config = Config::new(&site.home, &site.endpoint())
        .table(&site.connection())
        .table(&site.token_connection("good", &site.home.path("ca.pem")))
        .table(&site.token_connection("late", &late))
        .file_with("a", "connection = \"host\"")
        .file_with("b", "connection = \"good\"")
        .file_with("c", "connection = \"late\"");
    let missing = [
        format!("connections.host: certificate {}: No such file", site.home.path("host.pem").display()),
        format!("connections.late: CA file {}: No such file", late.display()),
    ];
    site.home.write("forwarder.toml", &config.text());
    let checked = Launch::new(&site.home).to_its_end(&["check", "--config", "forwarder.toml"]);
    let said = String::from_utf8(checked.stderr).unwrap();
    assert_eq!(checked.status.code(), Some(0), "{said}");
    assert_eq!(said.lines().count(), missing.len(), "{said}");

    let forwarder = Forwarder::start(&site.home, &config);
    for name in ["a", "b", "c"] {
        site.publish(name, 0..10).await;
    }
    site.is_acknowledged_to("b", 10).await;
    for (name, file) in ["a", "c"].iter().zip(&missing) {
        let (_, problem) = file.split_once(": ").unwrap();
        assert!(said.contains(file), "{said}");
        forwarder.logs(&["WARN", file]).await;
        let status = forwarder.is(name, "parked").await;
        assert!(status["reason"].as_str().unwrap().contains(problem), "{status}");
    }
    assert!(expiry(&forwarder).await.abs() < 0.5);

    std::fs::copy(site.home.path("ca.pem"), &late).unwrap();
    site.host(SUBJECT);
    for name in ["a", "c"] {
        site.is_acknowledged_to(name, 10).await;
    }
    let metrics = forwarder.metrics().await.text;
    assert_eq!(
        metrics.matches("credential_expiry_timestamp_seconds{").count(),
        1,
        "none of connections with tokens"
    );
    forwarder.stop().await;
}
