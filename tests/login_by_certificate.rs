//! A client logs in with the certificate of its host, at the emulator as at the service: over TLS on both sides, with
//! whatever kind of key, and again when there is a reason.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ams_forwarder::client::{AmsClient, AmsClientBuilder, ErrorKind, Offsets, Result};
use ams_forwarder::emulator::{Authn, Emulator, Fault, Options, Role};
use tokio::net::TcpListener;

use crate::common::pki::{Authority, connect, exchange};
use crate::common::{Home, PROJECT, ams};

const SUBJECT: &str = "CN=client.example.org,OU=hosts,DC=org+DC=example";

/// An AMS with a consumer whom a host is bound to, and its authn service; both over TLS.
struct Site {
    home: Home,
    authority: Authority,
    emulator: Emulator,
    ams: SocketAddr,
    authn: SocketAddr,
}

impl Site {
    async fn start() -> Self {
        let authority = Authority::new("site CA");
        let tls = authority.server(&["localhost", "127.0.0.1"]);
        let emulator = Emulator::new(Options { tls: Some(tls.clone()), ..Options::default() });
        emulator.create_project(PROJECT, "").unwrap();
        emulator.create_topic(PROJECT, "a").unwrap();
        emulator.create_subscription(PROJECT, "a", "a").unwrap();
        emulator.create_member(PROJECT, "con", &[Role::Consumer]).unwrap();
        let authn = Authn::new(&tls, authority.pem.as_bytes()).unwrap().bind(SUBJECT, "con");
        let [(ams, one), (desk, other)] = [listen().await, listen().await];
        let (serving, giving) = (emulator.clone(), emulator.clone());
        tokio::spawn(async move { serving.run(one, std::future::pending()).await });
        tokio::spawn(async move { giving.run_authn(other, authn, std::future::pending()).await });
        let home = Home::new();
        home.write("ca.pem", &authority.pem);
        Self { home, authority, emulator, ams, authn: desk }
    }

    fn host(&self, subject: &str) -> [PathBuf; 2] {
        let (certificate, key) = self.authority.host(subject).pem();
        [self.home.write("host.pem", &certificate), self.home.write("key.pem", &key)]
    }

    fn builder(&self, [certificate, key]: &[PathBuf; 2]) -> AmsClientBuilder {
        AmsClient::builder(&format!("https://localhost:{}", self.ams.port()), PROJECT.parse().unwrap())
            .certificate(certificate, key)
            .authn_endpoint(&format!("https://localhost:{}", self.authn.port()))
            .ca_file(self.home.path("ca.pem"))
            .no_proxy()
    }
}

async fn listen() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), listener)
}

async fn ask(client: &AmsClient) -> Result<Offsets> {
    client.offsets(&"a".parse().unwrap()).await
}

#[tokio::test]
async fn a_host_gets_the_token_of_the_user_its_subject_is_bound_to() {
    let site = Site::start().await;
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    assert_eq!(ask(&client).await.unwrap().max, 0);
    let stranger = site.builder(&site.host("CN=stranger,DC=org+DC=example")).build().unwrap();
    let error = ask(&stranger).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status(), error.may_have_happened()),
        (ErrorKind::Unauthorized, None, false)
    );
    let bind = "404 Binding was not found; let the service's administrators bind CN=stranger,DC=org+DC=example to a user";
    assert!(error.message().ends_with(bind), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_logs_in_by_options_or_variables() {
    let site = Site::start().await;
    let [certificate, key] = site.host(SUBJECT);
    let offsets = |set: &dyn Fn(&mut Command)| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ams"));
        command.args(["subscription", "offsets", "a"]).env_clear();
        command.env("AMS_ENDPOINT", format!("https://localhost:{}", site.ams.port()));
        command.env("AMS_AUTHN_ENDPOINT", format!("https://localhost:{}", site.authn.port()));
        command.env("AMS_PROJECT", PROJECT).env("AMS_CA_FILE", site.home.path("ca.pem"));
        set(&mut command);
        ams::run(command, "")
    };
    let by_options = offsets(&|command| {
        // The option wins over another kind of credential in the environment.
        command.env("AMS_TOKEN", "wrong");
        command.arg("--certificate").arg(&certificate).arg("--private-key").arg(&key);
    });
    let by_variables = offsets(&|command| {
        command.env("AMS_CERTIFICATE", &certificate).env("AMS_PRIVATE_KEY", &key);
    });
    for output in [by_options.await, by_variables.await] {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("backlog  0"));
    }
}

impl Site {
    /// Takes away the token that the user has, as an administrator does who gives a new one.
    async fn refresh_token(&self) {
        let token = Options::default().token;
        let mut stream = connect(self.ams, &self.authority.pem, None).await.unwrap();
        let (text, _) = exchange(&mut stream, "POST", "/v1/users/con:refreshToken", &token, "").await;
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    }

    /// Counts the logins from now on.
    fn count_logins(&self) -> impl Fn() -> u64 {
        let emulator = self.emulator.clone();
        let id = emulator.inject(Fault::latency(Duration::from_millis(1)).on("*:authx509")).unwrap();
        move || emulator.fault_hits(id).unwrap()
    }
}

#[tokio::test]
async fn a_refused_token_is_got_again_once_for_all_who_were_refused() {
    let site = Site::start().await;
    let logins = site.count_logins();
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    let together = async || {
        let asking: Vec<_> = (0..20)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { ask(&client).await })
            })
            .collect();
        for one in asking {
            one.await.unwrap().unwrap();
        }
    };
    together().await;
    assert_eq!(logins(), 1);
    site.refresh_token().await;
    together().await;
    assert_eq!(logins(), 2);
    together().await;
    assert_eq!(logins(), 2);
}

#[tokio::test]
async fn who_gets_the_same_token_again_is_refused_and_asks_once_for_each_refusal() {
    let site = Site::start().await;
    let logins = site.count_logins();
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    ask(&client).await.unwrap();
    site.emulator.inject(Fault::status(401).on("*:offsets")).unwrap();
    for expected in [2, 3] {
        let error = ask(&client).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(401)));
        assert_eq!(logins(), expected);
    }
}

#[tokio::test]
async fn while_the_authn_service_is_down_a_refused_token_is_no_reason_to_give_up() {
    let site = Site::start().await;
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    ask(&client).await.unwrap();
    site.refresh_token().await;
    site.emulator.inject(Fault::status(503).header("retry-after", "7").on("*:authx509").times(1)).unwrap();
    let error = ask(&client).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Transient, Some(401)), "{error}");
    assert_eq!((error.retry_after(), error.may_have_happened()), (Some(Duration::from_secs(7)), false));
    assert!(
        error.message().contains("Unauthorized, and there is no other token: login at localhost:"),
        "{error}"
    );
    ask(&client).await.unwrap();
}

#[tokio::test]
async fn files_that_changed_are_read_again_and_broken_ones_take_nothing_away() {
    let site = Site::start().await;
    let logins = site.count_logins();
    let files = site.host(SUBJECT);
    let client = site.builder(&files).build().unwrap();
    ask(&client).await.unwrap();
    let ends = client.certificate_expiry().unwrap();

    site.home.write("host.pem", "half of a cert");
    for _ in 0..3 {
        ask(&client).await.unwrap();
    }
    assert_eq!((logins(), client.certificate_expiry()), (1, Some(ends)));

    // Bound to nobody: the token at hand is still good.
    site.host("CN=stranger,DC=org+DC=example");
    ask(&client).await.unwrap();
    assert_eq!(logins(), 2);
    site.host(SUBJECT);
    ask(&client).await.unwrap();
    ask(&client).await.unwrap();
    assert_eq!(logins(), 3);
}
