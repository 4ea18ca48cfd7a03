//! Who is not trusted, on either side of TLS, is told in words that say which certificate it is, what is wrong with it and
//! what to do; and in a class that tells it from a service that is down.

use std::path::Path;

use ams_forwarder::client::{AmsClient, BuildError, Error, ErrorKind};
use ams_forwarder::emulator::{Options, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, date_time_ymd};
use serde_json::Value;

use crate::common::lax_authn::LaxAuthn;
use crate::common::pki::{Authority, Host};
use crate::common::site::{SUBJECT, Site};
use crate::common::{Home, PROJECT, Service, TOKEN};

/// What a client says that trusts `ca` and asks a server with this certificate and key at `host`.
async fn said_of(server: (String, String), ca: &str, host: &str) -> Result<(), Error> {
    let tls = Tls::from_pem(server.0.as_bytes(), server.1.as_bytes()).unwrap();
    let service = Service::with_options(Options { tls: Some(tls), ..Options::default() }).await;
    service.emulator.create_topic(PROJECT, "a").unwrap();
    service.emulator.create_subscription(PROJECT, "a", "a").unwrap();
    let home = Home::new();
    let ca = home.write("ca.pem", ca);
    let client =
        AmsClient::builder(&format!("https://{host}:{}", service.address.port()), PROJECT.parse().unwrap())
            .token(TOKEN.into())
            .ca_file(ca)
            .no_proxy()
            .build()
            .unwrap();
    client.offsets(&"a".parse().unwrap()).await.map(|_| ())
}

fn named(params: &mut CertificateParams) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "server");
}

#[tokio::test]
async fn of_a_server_it_is_said_what_is_wrong_with_its_certificate() {
    let authority = Authority::new("site CA");
    let other = Authority::new("other CA");
    let ours = |change: fn(&mut CertificateParams)| {
        authority.server_with(&["localhost", "127.0.0.1"], |params| {
            named(params);
            change(params);
        })
    };
    let cases = [
        (
            ours(|_| {}),
            &other.pem,
            "localhost",
            "(CN=server) is of the CA CN=site CA, which is not among the CA file /",
        ),
        (
            ours(|params| {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            }),
            &authority.pem,
            "localhost",
            "(CN=server) expired on 2021-01-01 00:00:00 UTC, and now it is 20",
        ),
        (
            ours(|params| params.not_before = date_time_ymd(2080, 1, 1)),
            &authority.pem,
            "localhost",
            "(CN=server) is valid only from 2080-01-01 00:00:00 UTC on, and here it is 20",
        ),
        (
            authority.server_with(&["ams.example.org", "10.0.0.1"], named),
            &authority.pem,
            "localhost",
            "(CN=server) is not for localhost, but for ams.example.org, 10.0.0.1",
        ),
        (
            authority.server_with(&["localhost"], named),
            &authority.pem,
            "127.0.0.1",
            "(CN=server) is not for 127.0.0.1, but for localhost",
        ),
        (
            authority.server_with(&[], named),
            &authority.pem,
            "localhost",
            "(CN=server) is not for localhost: it has no names that count (subjectAltName)",
        ),
        (
            ours(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            &authority.pem,
            "localhost",
            "(CN=server) is one of a CA, which no server may show",
        ),
        (
            Host::self_signed("CN=alone").pem(),
            &authority.pem,
            "localhost",
            "(CN=alone) signed itself and is not among",
        ),
    ];
    for (server, ca, host, words) in cases {
        let error = said_of(server, ca, host).await.unwrap_err();
        assert_eq!((error.kind(), error.class()), (ErrorKind::Untrusted, "untrusted"), "{error}");
        assert!(!error.may_have_happened(), "{error}");
        let message = error.message();
        assert!(message.starts_with(&format!("{host}:")), "{error}");
        assert!(message.contains(&format!(" is not trusted: the server's certificate {words}")), "{error}");
    }
}

#[tokio::test]
async fn a_server_with_the_certificates_between_it_and_its_ca_is_trusted_and_without_them_not() {
    let authority = Authority::new("site CA");
    let below = authority.below("intermediate");
    let (certificate, key) = below.server_pem(&["localhost"]);
    said_of((format!("{certificate}{}", below.pem), key.clone()), &authority.pem, "localhost").await.unwrap();
    let error = said_of((certificate, key), &authority.pem, "localhost").await.unwrap_err();
    assert!(
        error.message().contains("is of the CA CN=intermediate, which is not among the CA file"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_no_matter_of_trust() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let ca = home.write("ca.pem", &Authority::new("site CA").pem);
    let endpoint = service.endpoint().replace("http://", "https://");
    let client =
        AmsClient::builder(&endpoint, PROJECT.parse().unwrap()).token(TOKEN.into()).ca_file(ca).no_proxy();
    let error = client.build().unwrap().offsets(&"a".parse().unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Transient, "connect"), "{error}");
    assert!(error.message().contains("it does not speak TLS"), "{error}");
}

#[tokio::test]
async fn who_is_turned_away_with_his_certificate_is_told_why() {
    let site = Site::with(&["a"]).await;
    let stranger = Authority::new("unknown CA");
    let hosts = [
        (
            site.authority.expired_host(SUBJECT),
            "does not take the certificate: it expired on 2021-01-01 00:00:00 UTC",
        ),
        (
            site.authority.host_with(SUBJECT, |params| params.not_before = date_time_ymd(2080, 1, 1)),
            "does not take the certificate: it is valid only from 2080-01-01 00:00:00 UTC on, and here it is 20",
        ),
        (
            stranger.host(SUBJECT),
            "does not know the CA CN=unknown CA: a certificate of a CA that it trusts is needed",
        ),
        (Host::self_signed("CN=self"), "it signed itself; one of a CA is needed"),
    ];
    for (host, words) in hosts {
        let (certificate, key) = host.pem();
        let files = [site.home.write("host.pem", &certificate), site.home.write("key.pem", &key)];
        let client = site.builder(&files).build().unwrap();
        let error = client.offsets(&"a".parse().unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.class()), (ErrorKind::Unauthorized, "unauthorized"), "{error}");
        let start = format!(
            "login at {} with the certificate {} (CN=",
            site.authn_endpoint().replace("https://", ""),
            files[0].display()
        );
        assert!(error.message().starts_with(&start) && error.message().contains(words), "{error}");
        assert!(!error.may_have_happened());
    }
}

#[tokio::test]
async fn an_authn_service_that_is_not_trusted_gets_no_certificate() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let authn = LaxAuthn::start(&theirs, 200, "{\"token\":\"x\"}").await;
    let error = log_in(&service, &home, &ours, &authn).await;
    assert_eq!((error.kind(), error.class()), (ErrorKind::Untrusted, "untrusted"), "{error}");
    assert!(error.message().contains("is of the CA CN=theirs, which is not among"), "{error}");
    assert_eq!(authn.asked.lock().unwrap().0, "");
}

/// What comes of a login at this authn service.
async fn log_in(service: &Service, home: &Home, authority: &Authority, authn: &LaxAuthn) -> Error {
    let ca = home.write("ca.pem", &authority.pem);
    let (certificate, key) = authority.host(SUBJECT).pem();
    let client = AmsClient::builder(&service.endpoint(), PROJECT.parse().unwrap())
        .certificate(home.write("host.pem", &certificate), home.write("key.pem", &key))
        .authn_endpoint(&format!("https://localhost:{}/", authn.address.port()))
        .ca_file(ca)
        .no_proxy();
    client.build().unwrap().offsets(&"a".parse().unwrap()).await.unwrap_err()
}

/// The answers of the real service, and what an operator is told to do about each.
#[tokio::test]
async fn every_recorded_refusal_says_what_to_do() {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/11_authn.json");
    let steps: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(recording).unwrap()).unwrap();
    let hints = [
        (
            "Binding was not found",
            "let the service's administrators bind CN=client.example.org,OU=hosts,DC=org+DC=example",
        ),
        ("Host was not found", "it gives no tokens for 127.0.0.1"),
        ("Service-type was not found", "authn_endpoint must be another"),
        ("No certificate provided", "something on the way ends TLS"),
        ("Your certificate is invalid. No CRLDistributionPoints", "names the revocation list of its CA"),
    ];
    let (service, home, authority) = (Service::with(&["a"]).await, Home::new(), Authority::new("site CA"));
    let mut seen = 0;
    for step in &steps {
        let Some(status) = step["response"]["status"].as_u64().filter(|status| *status != 200) else {
            continue;
        };
        let text = step["response"]["text"].as_str().unwrap();
        let authn = LaxAuthn::start(&authority, status, text).await;
        let error = log_in(&service, &home, &authority, &authn).await;
        assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, None), "{error}");
        let (said, hint) = hints.iter().find(|(said, _)| text.contains(said)).unwrap();
        assert!(error.message().contains(&format!("): {status} {said}")), "{error}");
        assert!(error.message().contains(hint), "{error}");
        seen += 1;
    }
    assert_eq!(seen, hints.len());
}

#[tokio::test]
async fn what_is_no_answer_of_an_authn_service_is_tried_again_later_and_not_shown() {
    let (service, home, authority) = (Service::with(&["a"]).await, Home::new(), Authority::new("site CA"));
    for (status, text, kind, said) in [
        (200, "<html>geheim</html>", ErrorKind::Transient, "no answer of an authn service"),
        (200, "{\"token\":\"two geheim words\"}", ErrorKind::Transient, "no answer of an authn service"),
        (200, "{\"secret\":\"geheim\"}", ErrorKind::Transient, "no answer of an authn service"),
        (503, "come back", ErrorKind::Transient, "503 come back"),
        (429, "", ErrorKind::Transient, "429"),
        (404, "404 page not found", ErrorKind::Unauthorized, "is there an authn service at localhost:"),
        (302, "", ErrorKind::Unauthorized, "redirects are not followed"),
    ] {
        let authn = LaxAuthn::start(&authority, status, text).await;
        let error = log_in(&service, &home, &authority, &authn).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(said) && !error.to_string().contains("geheim"), "{error}");
        assert!(!error.may_have_happened());
    }
}

#[test]
fn an_authn_endpoint_is_a_base_url_of_https() {
    let builder = |url: &str| {
        let builder = AmsClient::builder("https://msg.example.org", PROJECT.parse().unwrap());
        builder.certificate("/nonexistent/c", "/nonexistent/k").authn_endpoint(url).build_patient()
    };
    for wrong in
        ["msg.example.org:8443", "http://msg.example.org:8443", "https://u:geheim@a", "https://a/?b", ""]
    {
        let error = builder(wrong).unwrap_err();
        assert!(matches!(error, BuildError::AuthnEndpoint { .. }), "{wrong}: {error}");
        assert!(!error.to_string().contains("geheim"));
    }
    builder("https://msg.example.org:8443/").unwrap();
}
