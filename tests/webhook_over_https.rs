//! A webhook over HTTPS trusts whom the configuration says, and nobody else: to a receiver that cannot prove who it is,
//! nothing is sent, and nothing is lost by that.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::common::{Config, Forwarder, Home, Receiver, Service, eventually};

/// A CA, and what a server for 127.0.0.1 needs that has its certificate from it.
struct Authority {
    pem: String,
    acceptor: TlsAcceptor,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let ca_key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&ca_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(params, ca_key);
        let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let server = server.signed_by(&key, &issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![server.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        Self { pem: ca.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    async fn receiver(&self) -> Receiver {
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://{}", plain.local_addr().unwrap());
        Receiver::on(Tls { plain, acceptor: self.acceptor.clone() }, origin)
    }
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
