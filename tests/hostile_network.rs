//! Whatever a service in trouble, a proxy or the network does: the daemon tries again with pauses, says so, is not
//! parked, and once all is well everything is delivered, each message once.

use std::time::{Duration, Instant};

use ams_forwarder::emulator::Fault;

use crate::common::{Config, Delivered, FaultProxy, Forwarder, Home, Network, Service, eventually, until};

const RETRY: &str = "retry = { initial = \"100ms\", max = \"200ms\" }";

/// What a wait is at least: half of `initial`.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// Requests at most in one try: to look, to pull, to acknowledge, and to find out what became of that.
const REQUESTS_OF_A_TRY: u64 = 4;

/// How often the daemon must have failed before all is well again.
const ENOUGH: u64 = 4;

const PROXY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";

/// A daemon that forwards `a` through a network, with the first messages delivered and acknowledged.
struct Site {
    service: Service,
    network: FaultProxy,
    home: Home,
    forwarder: Forwarder,
}

impl Site {
    async fn new() -> Self {
        let service = Service::with(&["a"]).await;
        let network = FaultProxy::before(service.address).await;
        let home = Home::new();
        let config = Config::new(&home, &network.endpoint()).impatient().file_with("a", RETRY);
        let forwarder = Forwarder::start(&home, &config);
        service.publish("a", 0..20).await;
        eventually("the first", async || service.is_acknowledged_to("a", 20).await).await;
        Self { service, network, home, forwarder }
    }

    /// While it is broken: messages come, the daemon fails again and again, each time with one of `classes`, and
    /// waits for at least `wait` in between.
    async fn fails_patiently(&self, since: Instant, classes: &[&str], wait: Duration) {
        let before = self.network.requests();
        self.service.publish("a", 20..50).await;
        let failures = until(&format!("{ENOUGH} failures of {classes:?}"), async || {
            let metrics = self.forwarder.metrics().await;
            let of = |class: &&str| {
                let labels = [("subscription", "a"), ("class", *class)];
                metrics.find("failures_total", &labels).unwrap_or_default()
            };
            Some(classes.iter().map(of).sum::<f64>()).filter(|failures| *failures >= ENOUGH as f64)
        })
        .await;
        let status = self.forwarder.is("a", "retrying").await;
        assert!(!status["reason"].as_str().unwrap().is_empty(), "{status}");
        let all = self.forwarder.metrics().await.get("failures_total", &[("subscription", "a")]);
        let (requests, elapsed) = (self.network.requests() - before, since.elapsed());
        let tries = elapsed.div_duration_f64(wait) + 1.0;
        let most = tries * REQUESTS_OF_A_TRY as f64;
        // An acknowledgement that failed counts, and so does the question what became of it.
        assert!(
            all <= tries * 2.0,
            "{all} failures in {elapsed:?} are a busy loop, {failures} of {classes:?}"
        );
        assert!((requests as f64) <= most, "{requests} requests in {elapsed:?} are a busy loop");
        println!("{classes:?}: {:.1} requests a second", requests as f64 / elapsed.as_secs_f64());
        assert_eq!(self.forwarder.metrics().await.of("a", "restarts_total"), 0);
    }

    /// All is well again: every message arrives once.
    async fn delivers(self) {
        eventually("all", async || self.service.is_acknowledged_to("a", 50).await).await;
        self.forwarder.is("a", "running").await;
        assert_eq!(self.forwarder.counted("a", "messages_acknowledged_total", 50).await, 50);
        self.forwarder.stop().await;
        Delivered::in_file(&self.home.out("a")).assert_exactly(50);
    }
}

const ALL: &str = "*/subscriptions/a:*";
const ACKNOWLEDGEMENTS: &str = "*/subscriptions/a:acknowledge";

/// The service does this to every request about the subscription, and then to its acknowledgements alone.
async fn bears(fault: Fault, class: &str) {
    bears_with(&[ALL, ACKNOWLEDGEMENTS], fault, class, SHORTEST_WAIT).await;
}

/// The same for requests of which none is to be answered: one that is carried out may only be asked about then.
async fn bears_to_all(fault: Fault, class: &str) {
    bears_with(&[ALL], fault, class, SHORTEST_WAIT).await;
}

async fn bears_with(routes: &[&str], fault: Fault, class: &str, wait: Duration) {
    for route in routes {
        let site = Site::new().await;
        let since = Instant::now();
        let fault = site.service.emulator.inject(fault.clone().on(route)).unwrap();
        site.fails_patiently(since, &[class], wait).await;
        assert!(site.service.emulator.fault_hits(fault).unwrap() >= ENOUGH);
        site.service.emulator.clear_faults();
        site.delivers().await;
    }
}

async fn bears_network(network: Network, class: &str) {
    let site = Site::new().await;
    let since = Instant::now();
    site.network.set(network).await;
    site.fails_patiently(since, &[class], SHORTEST_WAIT).await;
    site.network.set(Network::Good).await;
    site.delivers().await;
}

macro_rules! it {
    ($($name:ident: $how:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $how.await;
        })*
    };
}

it! {
    bears_500: bears(Fault::status(500), "transient");
    bears_502_as_html_of_a_proxy: bears(Fault::status(502).body(PROXY_PAGE).content_type("text/html"), "transient");
    bears_503: bears(Fault::status(503), "transient");
    bears_504: bears(Fault::status(504).body(""), "transient");
    bears_a_login_page_that_says_200: bears(Fault::status(200).body(PROXY_PAGE), "transient");
    bears_a_service_that_resets: bears(Fault::reset(), "transient");
    bears_half_a_body: bears_to_all(Fault::truncate(), "transient");
    bears_lost_answers: bears_to_all(Fault::lost_answer(), "transient");
    bears_a_service_that_hangs: bears(Fault::hang(), "timeout");
    bears_408: bears_to_all(Fault::status(408), "transient");
    bears_408_of_a_proxy: bears(Fault::status(408).body(PROXY_PAGE), "transient");
    bears_429_and_waits_as_long_as_it_says: bears_with(
        &[ALL, ACKNOWLEDGEMENTS],
        Fault::status(429).header("retry-after", "1"),
        "transient",
        Duration::from_secs(1),
    );
    bears_a_network_that_refuses: bears_network(Network::Refuses, "connect");
    bears_a_network_that_resets: bears_network(Network::Resets, "transient");
    bears_a_network_that_hangs: bears_network(Network::Hangs, "timeout");
    bears_a_network_that_cuts_answers: bears_network(Network::CutsAfter(140), "transient");
    bears_a_network_that_is_too_slow: bears_network(Network::BytesPerSecond(60), "timeout");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bears_a_name_that_is_unknown() {
    let service = Service::with(&["a"]).await;
    let home = Home::new();
    let nowhere = Config::new(&home, "http://nosuch.invalid").impatient().file_with("a", RETRY);
    let since = Instant::now();
    let forwarder = Forwarder::start(&home, &nowhere);
    service.publish("a", 0..30).await;
    let status = forwarder.is("a", "retrying").await;
    assert!(status["reason"].as_str().unwrap().contains("nosuch.invalid"), "{status}");
    let failures = until("failures to connect", async || {
        let labels = [("subscription", "a"), ("operation", "pull"), ("class", "connect")];
        forwarder.metrics().await.find("failures_total", &labels).filter(|count| *count >= ENOUGH as f64)
    })
    .await;
    assert!(failures <= since.elapsed().div_duration_f64(SHORTEST_WAIT) + 1.0, "a busy loop");
    forwarder.stop().await;

    let config = Config::new(&home, &service.endpoint()).file("a");
    let forwarder = Forwarder::start(&home, &config);
    eventually("all", async || service.is_acknowledged_to("a", 30).await).await;
    forwarder.stop().await;
    Delivered::in_file(&home.out("a")).assert_exactly(30);
}

/// The network itself: what it is set to do, it does.
#[tokio::test]
async fn a_network_is_as_bad_as_it_is_made() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let service = Service::start().await;
    let proxy = FaultProxy::before(service.address).await;
    let ask = async || {
        let mut stream = tokio::net::TcpStream::connect(proxy.address).await?;
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        let asked = Instant::now();
        let read = tokio::time::timeout(Duration::from_millis(300), stream.read_to_end(&mut answer)).await;
        Ok::<_, std::io::Error>((
            read.map(|read| read.map_err(|error| error.kind())),
            answer.len(),
            asked.elapsed(),
        ))
    };
    let (_, whole, _) = ask().await.unwrap();
    assert!(whole > 100);
    proxy.set(Network::Refuses).await;
    assert_eq!(ask().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    proxy.set(Network::Hangs).await;
    assert!(ask().await.unwrap().0.is_err(), "an answer came");
    proxy.set(Network::CutsAfter(50)).await;
    assert_eq!(ask().await.unwrap().1, 50);
    proxy.set(Network::BytesPerSecond(whole * 8)).await;
    let (_, length, took) = ask().await.unwrap();
    assert!(length == whole && took >= Duration::from_millis(60), "{length} in {took:?}");
    proxy.set(Network::Resets).await;
    let reset = ask().await.map_or_else(|error| error.kind(), |(read, ..)| read.unwrap().unwrap_err());
    assert_eq!(reset, std::io::ErrorKind::ConnectionReset);
    proxy.set(Network::Good).await;
    assert_eq!(ask().await.unwrap().1, whole);
    assert_eq!((proxy.requests(), proxy.connections()), (5, 6));
}
