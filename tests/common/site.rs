//! A site: an AMS over TLS with its authn service, and a host whose certificate is bound to a consumer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ams_forwarder::client::{AmsClient, AmsClientBuilder};
use ams_forwarder::emulator::{Authn, Emulator, Fault, Options, Role};
use rcgen::CertificateParams;
use tokio::net::TcpListener;

use super::pki::{Authority, connect, exchange};
use super::{Home, PROJECT};

/// The host's subject, as the service writes it.
pub(crate) const SUBJECT: &str = "CN=client.example.org,OU=hosts,DC=org+DC=example";

/// Files are in the home: `ca.pem`, and what [`Site::host`] writes.
pub(crate) struct Site {
    pub(crate) home: Home,
    pub(crate) authority: Authority,
    pub(crate) emulator: Emulator,
    pub(crate) ams: SocketAddr,
    pub(crate) authn: SocketAddr,
    /// What the consumer had at the start.
    pub(crate) token: String,
}

impl Site {
    /// With topics and subscriptions of these names.
    pub(crate) async fn with(names: &[&str]) -> Self {
        let authority = Authority::new("site CA");
        let tls = authority.server(&["localhost", "127.0.0.1"]);
        let emulator = Emulator::new(Options { tls: Some(tls.clone()), ..Options::default() });
        emulator.create_project(PROJECT, "").unwrap();
        let token = emulator.create_member(PROJECT, "con", &[Role::Consumer]).unwrap();
        for name in names {
            emulator.create_topic(PROJECT, name).unwrap();
            emulator.create_subscription(PROJECT, name, name).unwrap();
            emulator.set_subscription_acl(PROJECT, name, &["con"]).unwrap();
        }
        let desk = Authn::new(&tls, authority.pem.as_bytes()).unwrap().bind(SUBJECT, "con");
        let [(ams, one), (authn, other)] = [listen().await, listen().await];
        let (serving, giving) = (emulator.clone(), emulator.clone());
        tokio::spawn(async move { serving.run(one, std::future::pending()).await });
        tokio::spawn(async move { giving.run_authn(other, desk, std::future::pending()).await });
        let home = Home::new();
        home.write("ca.pem", &authority.pem);
        Self { home, authority, emulator, ams, authn, token }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.ams.port())
    }

    pub(crate) fn authn_endpoint(&self) -> String {
        format!("https://localhost:{}", self.authn.port())
    }

    /// Writes `host.pem` and `key.pem`, of a host of this subject.
    pub(crate) fn host(&self, subject: &str) -> [PathBuf; 2] {
        self.host_with(subject, |_| {})
    }

    pub(crate) fn host_with(
        &self,
        subject: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> [PathBuf; 2] {
        let (certificate, key) = self.authority.host_with(subject, change).pem();
        [self.home.write("host.pem", &certificate), self.home.write("key.pem", &key)]
    }

    /// A client that logs in with these files.
    pub(crate) fn builder(&self, [certificate, key]: &[PathBuf; 2]) -> AmsClientBuilder {
        AmsClient::builder(&self.endpoint(), PROJECT.parse().unwrap())
            .certificate(certificate, key)
            .authn_endpoint(&self.authn_endpoint())
            .ca_file(self.home.path("ca.pem"))
            .no_proxy()
    }

    /// A client that may do everything.
    pub(crate) fn admin(&self) -> AmsClient {
        AmsClient::builder(&self.endpoint(), PROJECT.parse().unwrap())
            .token(Options::default().token.into())
            .ca_file(self.home.path("ca.pem"))
            .no_proxy()
            .build()
            .unwrap()
    }

    /// Takes away the token that the consumer has, as an administrator does who gives a new one.
    pub(crate) async fn refresh_token(&self) {
        let token = Options::default().token;
        let mut stream = connect(self.ams, &self.authority.pem, None).await.unwrap();
        let (text, _) = exchange(&mut stream, "POST", "/v1/users/con:refreshToken", &token, "").await;
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    }

    /// Counts the logins from now on.
    pub(crate) fn count_logins(&self) -> impl Fn() -> u64 + use<> {
        let emulator = self.emulator.clone();
        let id = emulator.inject(Fault::latency(Duration::from_millis(1)).on("*:authx509")).unwrap();
        move || emulator.fault_hits(id).unwrap()
    }
}

async fn listen() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), listener)
}
