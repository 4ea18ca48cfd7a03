//! Certificates and keys of every kind that sites have are shown to the authn service, and of those that cannot be used
//! it is said what is wrong with them.

use std::path::{Path, PathBuf};
use std::process::Command;

use ams_forwarder::client::{AmsClient, AmsClientBuilder, ErrorKind};

use crate::common::lax_authn::LaxAuthn;
use crate::common::pki::Authority;
use crate::common::{Home, PROJECT, Service, TOKEN, is_there};

const SUBJECT: &str = "/DC=org/DC=example/OU=hosts/CN=client.example.org";

/// An AMS, an authn service that takes any certificate, and a folder with a CA.
struct Site {
    home: Home,
    authority: Authority,
    service: Service,
    authn: LaxAuthn,
}

impl Site {
    async fn start() -> Self {
        let authority = Authority::new("site CA");
        let home = Home::new();
        home.write("ca.pem", &authority.pem);
        home.write("ca-key.pem", &authority.key_pem);
        let authn = LaxAuthn::start(&authority, 200, &format!("{{\"token\": \"{TOKEN}\"}}")).await;
        Self { home, authority, service: Service::with(&["a"]).await, authn }
    }

    /// Runs openssl in the folder.
    fn openssl(&self, arguments: &str) {
        let arguments = arguments.split(' ').map(|argument| argument.replace("SUBJECT", SUBJECT));
        let output = Command::new("openssl").args(arguments).current_dir(self.home.dir()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A certificate of the CA for the key in `key`, both named.
    fn certify(&self, key: &str, certificate: &str) -> [PathBuf; 2] {
        self.openssl(&format!("req -new -key {key} -subj SUBJECT -passin pass:x -out request.pem"));
        self.openssl(&format!(
            "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -set_serial 7 -days 2 -out {certificate}"
        ));
        [self.home.path(certificate), self.home.path(key)]
    }

    fn builder(&self, [certificate, key]: &[PathBuf; 2]) -> AmsClientBuilder {
        AmsClient::builder(&self.service.endpoint(), PROJECT.parse().unwrap())
            .certificate(certificate, key)
            .authn_endpoint(&format!("https://localhost:{}", self.authn.address.port()))
            .ca_file(self.home.path("ca.pem"))
            .no_proxy()
    }

    /// Logs in with these files. How many certificates were shown.
    async fn log_in(&self, files: &[PathBuf; 2]) -> usize {
        let client = self.builder(files).build().unwrap_or_else(|error| panic!("{files:?}: {error}"));
        client.offsets(&"a".parse().unwrap()).await.unwrap_or_else(|error| panic!("{files:?}: {error}"));
        let (line, shown) = self.authn.asked.lock().unwrap().clone();
        assert_eq!(line, "GET /v1/service-types/ams/hosts/127.0.0.1:authx509 HTTP/1.1");
        shown
    }

    fn refused(&self, files: &[PathBuf; 2]) -> String {
        self.builder(files).build().unwrap_err().to_string()
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn keys_of_every_kind_are_taken() {
    if !is_there("openssl") {
        return;
    }
    let site = Site::start().await;
    for (command, begins) in [
        ("genrsa -traditional -out key.pem 2048", "-----BEGIN RSA PRIVATE KEY-----"),
        ("genpkey -algorithm RSA -out key.pem", "-----BEGIN PRIVATE KEY-----"),
        ("ecparam -genkey -noout -name prime256v1 -out key.pem", "-----BEGIN EC PRIVATE KEY-----"),
        ("ecparam -genkey -name secp384r1 -out key.pem", "-----BEGIN EC PARAMETERS-----"),
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
            "-----BEGIN PRIVATE KEY-----",
        ),
        ("genpkey -algorithm ED25519 -out key.pem", "-----BEGIN PRIVATE KEY-----"),
    ] {
        site.openssl(command);
        let files = site.certify("key.pem", "cert.pem");
        assert!(text(&files[1]).starts_with(begins), "{command}");
        assert_eq!(site.log_in(&files).await, 1, "{command}");
    }
}

#[tokio::test]
async fn a_chain_in_the_file_is_shown_and_key_and_certificate_may_share_one() {
    if !is_there("openssl") {
        return;
    }
    let site = Site::start().await;
    site.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
    let [certificate, key] = site.certify("key.pem", "cert.pem");
    let below = site.authority.below("intermediate");
    let both = format!("{}{}{}", text(&certificate), text(&key), below.pem);
    let file = site.home.write("both.pem", &both);
    assert_eq!(site.log_in(&[file.clone(), file]).await, 2);
}

#[tokio::test]
async fn a_proxy_certificate_of_the_grid_is_shown() {
    if !is_there("openssl") {
        return;
    }
    let site = Site::start().await;
    for key in ["key.pem", "proxy-key.pem"] {
        site.openssl(&format!("genpkey -algorithm RSA -out {key}"));
    }
    let [certificate, _] = site.certify("key.pem", "cert.pem");
    site.openssl(&format!("req -new -key proxy-key.pem -subj {SUBJECT}/CN=1234 -out request.pem"));
    site.home.write(
        "proxy.conf",
        "proxyCertInfo=critical,language:id-ppl-inheritAll\nkeyUsage=critical,digitalSignature\n",
    );
    site.openssl(
        "x509 -req -in request.pem -CA cert.pem -CAkey key.pem -set_serial 1234 -days 1 -extfile proxy.conf \
         -out proxy-cert.pem",
    );
    // As grid-proxy-init writes it: proxy, key, and the certificate it is of.
    let [proxy, key] = ["proxy-cert.pem", "proxy-key.pem"].map(|name| text(&site.home.path(name)));
    let file = site.home.write("x509up", &format!("{proxy}{key}{}", text(&certificate)));
    assert_eq!(site.log_in(&[file.clone(), file]).await, 2);
}

#[tokio::test]
async fn what_cannot_be_used_is_named_with_the_way_out() {
    if !is_there("openssl") {
        return;
    }
    let site = Site::start().await;
    for key in ["key.pem", "other.pem"] {
        site.openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key}"));
    }
    let good = site.certify("key.pem", "cert.pem");
    site.openssl("pkcs8 -topk8 -in key.pem -passout pass:x -out encrypted.pem");
    site.openssl("ec -in key.pem -aes256 -passout pass:x -out old-encrypted.pem");
    site.openssl("x509 -in cert.pem -outform DER -out cert.der");
    site.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.pem");
    let short = site.certify("short.pem", "short-cert.pem");
    site.home.write("empty.pem", "");
    site.home.write("torn.pem", &text(&good[1]).replace("-----END", "-----EN"));
    let path = |name: &str| site.home.path(name);
    let with_key = |name: &str| [good[0].clone(), path(name)];
    let with_certificate = |name: &str| [path(name), good[1].clone()];
    for (files, at_fault, what) in [
        (with_key("nosuch.pem"), "private key", "No such file"),
        (with_key("empty.pem"), "private key", "no private key in it; PEM is expected: PKCS#8"),
        (with_key("torn.pem"), "private key", "the private key in it is damaged"),
        (with_key("encrypted.pem"), "private key", "it is encrypted, and there is nobody to ask"),
        (with_key("old-encrypted.pem"), "private key", "it is encrypted, and there is nobody to ask"),
        (with_key("other.pem"), "private key", "it does not belong to the first certificate in"),
        (with_key("cert.pem"), "private key", "no private key in it"),
        (short, "private key", "RSA of 2048 to 8192 bits"),
        (with_certificate("nosuch.pem"), "certificate", "No such file"),
        (with_certificate("empty.pem"), "certificate", "no certificate in it; PEM is expected"),
        (with_certificate("key.pem"), "certificate", "no certificate in it; PEM is expected"),
        (with_certificate("cert.der"), "certificate", "it is binary"),
    ] {
        let error = site.refused(&files);
        let file = if at_fault == "certificate" { &files[0] } else { &files[1] };
        let expected = format!("{at_fault} {}: ", file.display());
        assert!(error.starts_with(&expected) && error.contains(what), "{error}");
        // Where it must start all the same, the first request says so.
        let client = site.builder(&files).build_patient().unwrap();
        let late = client.offsets(&"a".parse().unwrap()).await.unwrap_err();
        assert_eq!((late.kind(), late.message()), (ErrorKind::Unauthorized, error.as_str()));
    }
    assert_eq!(site.log_in(&good).await, 1);
}
