//! A webhook over HTTPS trusts whom the configuration says, and nobody else: to a receiver that cannot prove who it is,
//! nothing is sent, and nothing is lost by that.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};
use tokio_rustls::server::TlsStream;

use crate::common::{Config, Forwarder, Home, Receiver, Service, eventually};

/// A CA, and what a server for 127.0.0.1 needs that has its certificate from it.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    acceptor: TlsAcceptor,
}

/// What a server shows.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Shown {
    /// A server that asks for a certificate of one of `clients`, or for none.
    fn acceptor(self, clients: Option<&str>) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build().unwrap();
                config.with_client_cert_verifier(verifier)
            }
        };
        TlsAcceptor::from(Arc::new(config.with_single_cert(self.chain, self.key).unwrap()))
    }
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let ca_key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(params, ca_key);
        let acceptor = shown(&issuer).acceptor(None);
        Self { pem: ca.pem(), issuer, acceptor }
    }

    /// One that takes none but hosts with a certificate of this CA.
    fn asking(mut self) -> Self {
        self.acceptor = shown(&self.issuer).acceptor(Some(&self.pem));
        self
    }

    /// Certificate and key of a host, as one file.
    fn host(&self) -> String {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["host.example.org".to_owned()]).unwrap();
        params.signed_by(&key, &self.issuer).unwrap().pem() + &key.serialize_pem()
    }

    async fn receiver(&self) -> Receiver {
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://{}", plain.local_addr().unwrap());
        Receiver::on(Tls { plain, acceptor: self.acceptor.clone() }, origin)
    }
}

fn shown(issuer: &Issuer<'_, KeyPair>) -> Shown {
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Shown { chain: vec![server.der().clone()], key }
}

struct Tls {
    plain: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.plain.accept().await.unwrap();
            // A client that does not trust it leaves.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.plain.local_addr()
    }
}

fn config(home: &Home, service: &Service, sinks: &[(&str, String)]) -> Config {
    sinks.iter().fold(Config::new(home, &service.endpoint()), |config, (name, keys)| {
        let retry = "retry = { initial = \"20ms\", max = \"100ms\" }";
        let sink =
            format!("[subscriptions.{name}.sinks.hook]\ntype = \"webhook\"\nbatch = 4\n{retry}\n{keys}\n");
        config.subscription(name, "", &sink)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_vouched_for_gets_messages_and_nobody_else() {
    let names = ["file", "directory", "wrong", "system"];
    let (service, home) = (Service::with(&names).await, Home::new());
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let receiver = ours.receiver().await;
    let (ours, other) = (home.write("ours.pem", &ours.pem), home.write("other.pem", &other.pem));
    // As it is at a grid site: other authorities, and files that are broken or none of this matter.
    let directory = home.path("certificates");
    std::fs::create_dir(&directory).unwrap();
    std::fs::copy(&ours, directory.join("0a1b2c3d.0")).unwrap();
    std::fs::copy(&other, directory.join("other.pem")).unwrap();
    std::fs::write(directory.join("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    std::fs::write(directory.join("empty.pem"), "").unwrap();
    std::fs::write(directory.join("ours.crl_url"), "http://crl.example.org").unwrap();

    let url = |name: &str| format!("url = \"{}\"", receiver.url(name));
    let file = |path: &std::path::Path| format!("ca_file = \"{}\"", path.display());
    let trusting = |name: &'static str| (name, format!("{}\n{}", url(name), file(&ours)));
    let sinks = [
        trusting("file"),
        ("directory", format!("{}\nca_dir = \"{}\"", url("directory"), directory.display())),
        ("wrong", format!("{}\n{}", url("wrong"), file(&other))),
        ("system", url("system")),
    ];
    let forwarder = Forwarder::start(&home, &config(&home, &service, &sinks));
    for name in names {
        service.publish(name, 0..10).await;
    }
    for name in ["file", "directory"] {
        eventually(&format!("all of {name}"), async || service.is_acknowledged_to(name, 10).await).await;
        receiver.delivered(name).assert_exactly(10);
    }
    forwarder.logs(&["WARN", "hold no usable certificate", "broken.pem"]).await;
    for name in ["wrong", "system"] {
        let refused = [("subscription", name), ("operation", "hook"), ("class", "untrusted")];
        eventually(&format!("several attempts of {name}"), async || {
            forwarder.metrics().await.get("failures_total", &refused) > 2.5
        })
        .await;
        let status = forwarder.is(name, "parked").await;
        let reason = status["reason"].as_str().unwrap();
        assert!(reason.contains("https://127.0.0.1:") && reason.contains(" is not trusted: "), "{reason}");
        assert!(reason.contains("is of the CA CN=ours, which is not among the "), "{reason}");
        assert!(service.is_acknowledged_to(name, 0).await);
        assert_eq!(receiver.requests(name), 0, "nothing is sent to somebody unknown");
    }
    forwarder.stop().await;

    let mended = names.map(trusting);
    let forwarder = Forwarder::start(&home, &config(&home, &service, &mended));
    for name in names {
        eventually(&format!("all of {name}"), async || service.is_acknowledged_to(name, 10).await).await;
    }
    forwarder.stop().await;
    for name in names {
        receiver.delivered(name).assert_exactly(10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_asks_for_a_certificate_gets_it_and_the_new_one_once_it_was_replaced() {
    let names = ["certified", "without"];
    let (service, home) = (Service::with(&names).await, Home::new());
    let (asking, other) = (Authority::new("asking").asking(), Authority::new("other"));
    let receiver = asking.receiver().await;
    let ca = home.write("ca.pem", &asking.pem);
    // Not of a CA that the receiver knows.
    let host = home.write("host.pem", &other.host());
    let url = |name: &str| format!("url = \"{}\"\nca_file = \"{}\"", receiver.url(name), ca.display());
    let certificate = format!("certificate = \"{0}\"\nprivate_key = \"{0}\"", host.display());
    let sinks = [("certified", format!("{}\n{certificate}", url("certified"))), ("without", url("without"))];
    let forwarder = Forwarder::start(&home, &config(&home, &service, &sinks));
    for name in names {
        service.publish(name, 0..10).await;
    }
    for (name, why) in [
        ("certified", "it does not take the certificate"),
        ("without", "it may ask for a certificate, and no `certificate` is set"),
    ] {
        eventually(&format!("{name} to say why"), async || {
            let status = forwarder.status(name).await;
            status.is_some_and(|status| {
                status["state"] == "parked"
                    && status["reason"].as_str().is_some_and(|reason| reason.contains(why))
            })
        })
        .await;
        assert_eq!(receiver.requests(name), 0);
    }
    home.write("host.pem", &asking.host());
    eventually("all", async || service.is_acknowledged_to("certified", 10).await).await;
    receiver.delivered("certified").assert_exactly(10);

    // While the new one is only half there, the old one is shown.
    home.write("host.pem", "-----BEGIN CERTIFICATE-----\n");
    service.publish("certified", 10..20).await;
    eventually("all", async || service.is_acknowledged_to("certified", 20).await).await;
    forwarder.logs(&["WARN", "the certificate at hand is shown on"]).await;
    receiver.delivered("certified").assert_exactly(20);
    assert!(service.is_acknowledged_to("without", 0).await);
    forwarder.stop().await;
}
