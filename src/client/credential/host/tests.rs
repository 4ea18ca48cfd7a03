use super::*;
use crate::client::{AmsClient, credential::Credential};
use crate::emulator::{Authn as Desk, Emulator, Fault, Options, Role, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;

const DAY: Duration = Duration::from_hours(24);

#[test]
fn a_token_is_got_again_while_the_certificate_still_holds_and_never_after() {
    let now = SystemTime::now();
    assert_eq!(renewal(now, 100 * DAY), Some(now + 90 * DAY));
    assert_eq!(renewal(now, 10 * DAY), Some(now + 9 * DAY));
    assert_eq!(renewal(now, Duration::from_secs(1)), Some(now + RENEW_AGAIN), "not again and again");
    assert_eq!(renewal(now, Duration::ZERO), None);
    assert_eq!(renewal(now, Duration::MAX), None);
}

fn params(names: &[&str], subject: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params
}

/// A login of the host `client` at an emulator, with the files in `folder`.
async fn login(folder: &std::path::Path) -> (Arc<HostLogin>, Emulator) {
    let mut ca = params(&[], "ca");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(ca, key);
    let signed = |names: &[&str], subject: &str| {
        let key = KeyPair::generate().unwrap();
        (params(names, subject).signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let (server, server_key) = signed(&["localhost"], "server");
    let (certificate, key) = signed(&[], "client");
    for (name, text) in [("ca", &ca_pem), ("certificate", &certificate), ("key", &key)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let emulator = Emulator::new(Options::default());
    emulator.create_project("P", "").unwrap();
    emulator.create_member("P", "con", &[Role::Consumer]).unwrap();
    let tls = Tls::from_pem(server.as_bytes(), server_key.as_bytes()).unwrap();
    let desk = Desk::new(&tls, ca_pem.as_bytes()).unwrap().bind("CN=client", "con");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let giving = emulator.clone();
    tokio::spawn(async move { giving.run_authn(listener, desk, std::future::pending()).await });
    let client = AmsClient::builder("https://localhost", "P".parse().unwrap())
        .certificate(folder.join("certificate"), folder.join("key"))
        .authn_endpoint(&endpoint)
        .ca_file(folder.join("ca"))
        .no_proxy()
        .build()
        .unwrap();
    let Credential::Host(login) = &client.0.inner.credential else { panic!("another credential") };
    (Arc::clone(login), emulator)
}

fn set_due(login: &HostLogin) {
    login.held.lock().unwrap().as_mut().unwrap().renew_at = Some(SystemTime::now());
}

#[tokio::test]
async fn when_it_is_due_a_token_is_got_again_and_if_that_fails_the_one_at_hand_is_used_on() {
    let folder = tempfile::tempdir().unwrap();
    let (login, emulator) = login(folder.path()).await;
    let first = login.current().await.unwrap();
    assert!(Arc::ptr_eq(&login.current().await.unwrap(), &first), "nothing is due");
    set_due(&login);
    let second = login.current().await.unwrap();
    assert!(!Arc::ptr_eq(&second, &first) && second.is(&first));

    let down = emulator.inject(Fault::status(503).on("*:authx509")).unwrap();
    set_due(&login);
    for _ in 0..3 {
        assert!(Arc::ptr_eq(&login.current().await.unwrap(), &second));
    }
    assert_eq!(emulator.fault_hits(down), Some(1), "it is not tried again at once");
}
