//! Whatever a webhook's receiver, the service of a topic or the network before them does: the daemon tries again with
//! pauses, says so, is not parked, and once all is well everything has arrived, in order.
//!
//! One daemon bears all of it at once, with a subscription for each fault.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ams_forwarder::emulator::Fault;

use crate::common::{
    Answers, Config, FaultProxy, Forwarder, Home, Metrics, Network, Receiver, Service, eventually,
};

const RETRY: &str = "retry = { initial = \"100ms\", max = \"200ms\" }";

/// What a wait is at least: half of `initial`.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// How often each sink must have failed before all is well again.
const ENOUGH: f64 = 4.0;

const PAGE: &str = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";

/// What is wrong with the way to a sink, and how its failures are to be counted.
struct Row<F> {
    name: &'static str,
    fault: F,
    classes: &'static [&'static str],
    wait: Duration,
}

fn row<F>(name: &'static str, fault: F, classes: &'static [&'static str]) -> Row<F> {
    Row { name, fault, classes, wait: SHORTEST_WAIT }
}

fn waits<F>(row: Row<F>, wait: Duration) -> Row<F> {
    Row { wait, ..row }
}

/// The same for every kind of sink.
fn networks() -> Vec<Row<Network>> {
    vec![
        row("refuses", Network::Refuses, &["connect"]),
        row("resets", Network::Resets, &["connect", "transient"]),
        row("network_hangs", Network::Hangs, &["timeout"]),
        row("cuts", Network::CutsAfter(20), &["transient"]),
        row("slow", Network::BytesPerSecond(60), &["timeout"]),
    ]
}

fn names<F>(rows: &[Row<F>]) -> impl Iterator<Item = &'static str> {
    rows.iter().map(|row| row.name)
}

/// The first messages of each, which arrive while all is well.
async fn begin(service: &Service, forwarder: &Forwarder, names: &[&str]) {
    for name in names {
        service.publish(name, 0..20).await;
    }
    for name in names {
        eventually(&format!("the first of {name}"), async || service.is_acknowledged_to(name, 20).await)
            .await;
        forwarder.is(name, "running").await;
    }
}

/// Messages come while all is broken.
async fn publish_more(service: &Service, names: &[&str]) {
    for name in names {
        service.publish(name, 20..50).await;
    }
}

/// All is well again.
async fn all_arrive(service: &Service, forwarder: Forwarder, names: &[&str]) {
    for name in names {
        eventually(&format!("all of {name}"), async || service.is_acknowledged_to(name, 50).await).await;
        forwarder.is(name, "running").await;
    }
    forwarder.stop().await;
}

fn failures(metrics: &Metrics, name: &str, classes: &[&str]) -> f64 {
    let of = |class: &&str| {
        metrics.find("failures_total", &[("subscription", name), ("operation", "out"), ("class", *class)])
    };
    classes.iter().filter_map(of).sum()
}

/// Each fails again and again in its way, with a pause in between. `requests` are those that came since then.
async fn fail_patiently<F>(
    forwarder: &Forwarder,
    since: Instant,
    rows: &[Row<F>],
    requests: impl Fn(&Row<F>) -> usize,
) {
    for row in rows {
        eventually(&format!("{ENOUGH} failures of {}: {:?}", row.name, row.classes), async || {
            failures(&forwarder.metrics().await, row.name, row.classes) >= ENOUGH
        })
        .await;
        let status = forwarder.is(row.name, "retrying").await;
        assert!(status["reason"].as_str().unwrap().starts_with("sink out: "), "{}: {status}", row.name);
        let metrics = forwarder.metrics().await;
        let all = metrics.get("failures_total", &[("subscription", row.name)]);
        let came = requests(row);
        let elapsed = since.elapsed();
        let tries = elapsed.div_duration_f64(row.wait) + 1.0;
        assert!(all <= tries, "{}: {all} failures in {elapsed:?} are a busy loop", row.name);
        assert!(came as f64 <= tries, "{}: {came} requests in {elapsed:?} are too many", row.name);
        println!("{}: {:.1} requests a second", row.name, came as f64 / elapsed.as_secs_f64());
        assert_eq!(metrics.of(row.name, "restarts_total"), 0);
    }
}

fn webhook(name: &str, url: &str) -> String {
    format!(
        "[subscriptions.{name}.sinks.out]\ntype = \"webhook\"\nurl = \"{url}\"\nbatch = 7\ntimeout = \"500ms\"\n{RETRY}\n"
    )
}

fn receivers() -> Vec<Row<Answers>> {
    let later = Answers::Says(429, ("retry-after", "1"), "");
    vec![
        row("s500", Answers::status(500), &["transient"]),
        row("s502", Answers::Says(502, ("content-type", "text/html"), PAGE), &["transient"]),
        row("s503", Answers::status(503), &["transient"]),
        row("s504", Answers::status(504), &["transient"]),
        row("s408", Answers::status(408), &["transient"]),
        row("s425", Answers::status(425), &["transient"]),
        row("s429", Answers::status(429), &["transient"]),
        waits(row("s429_later", later, &["transient"]), Duration::from_secs(1)),
        row("hangs", Answers::Hangs, &["timeout"]),
        row("hangs_up", Answers::HangsUp, &["transient"]),
        row("loses", Answers::TakesAndHangsUp, &["transient"]),
        row("half", Answers::TakesAndSaysHalf, &["transient"]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_bears_its_receiver_and_the_network() {
    let (receivers, networks) = (receivers(), networks());
    let all: Vec<_> = names(&receivers).chain(names(&networks)).collect();
    let (service, home, receiver) = (Service::with(&all).await, Home::new(), Receiver::start().await);
    let mut config = Config::new(&home, &service.endpoint());
    for name in names(&receivers) {
        config = config.subscription(name, "", &webhook(name, &receiver.url(name)));
    }
    let mut proxies = BTreeMap::new();
    for name in names(&networks) {
        let proxy = FaultProxy::before(receiver.address()).await;
        config = config.subscription(name, "", &webhook(name, &format!("{}/{name}", proxy.endpoint())));
        proxies.insert(name, proxy);
    }
    let forwarder = Forwarder::start(&home, &config);
    begin(&service, &forwarder, &all).await;

    let before: BTreeMap<_, _> = names(&receivers).map(|name| (name, receiver.requests(name))).collect();
    let before_in: BTreeMap<_, _> = names(&networks).map(|name| (name, proxies[name].requests())).collect();
    let since = Instant::now();
    for row in &receivers {
        receiver.tell(row.name, row.fault);
    }
    for row in &networks {
        proxies[row.name].set(row.fault).await;
    }
    publish_more(&service, &all).await;
    fail_patiently(&forwarder, since, &receivers, |row| receiver.requests(row.name) - before[row.name]).await;
    fail_patiently(&forwarder, since, &networks, |row| proxies[row.name].requests() - before_in[row.name])
        .await;

    for row in &receivers {
        receiver.tell(row.name, Answers::Takes);
    }
    for proxy in proxies.values() {
        proxy.set(Network::Good).await;
    }
    all_arrive(&service, forwarder, &all).await;
    for name in all {
        receiver.delivered(name).assert_exactly(50);
    }
}

fn services() -> Vec<Row<Fault>> {
    let page = |status| Fault::status(status).body(PAGE).content_type("text/html");
    let later = Fault::status(429).header("retry-after", "1");
    vec![
        row("s500", Fault::status(500), &["transient"]),
        row("s502", page(502), &["transient"]),
        row("s503", Fault::status(503), &["transient"]),
        row("s504", Fault::status(504).body(""), &["transient"]),
        row("s408", Fault::status(408), &["transient"]),
        row("s408_page", page(408), &["transient"]),
        waits(row("s429_later", later, &["transient"]), Duration::from_secs(1)),
        row("login_page", page(200), &["transient"]),
        row("hangs", Fault::hang(), &["timeout"]),
        row("service_resets", Fault::reset(), &["transient"]),
        row("loses", Fault::lost_answer(), &["transient"]),
        row("half", Fault::truncate(), &["transient"]),
    ]
}

fn topic(name: &str, connection: &str) -> String {
    format!(
        "[subscriptions.{name}.sinks.out]\ntype = \"topic\"\nconnection = \"{connection}\"\ntopic = \"{name}\"\nbatch = 7\n{RETRY}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_bears_its_service_and_the_network() {
    let (services, networks) = (services(), networks());
    let all: Vec<_> = names(&services).chain(names(&networks)).collect();
    let (service, target, home) = (Service::with(&all).await, Service::with(&all).await, Home::new());
    let token = home.path("token");
    let mut config = Config::new(&home, &service.endpoint()).connection("lab", &target.endpoint(), &token);
    for name in names(&services) {
        config = config.subscription(name, "connection = \"main\"", &topic(name, "lab"));
    }
    let mut proxies = BTreeMap::new();
    for name in names(&networks) {
        let proxy = FaultProxy::before(target.address).await;
        config = config.connection(name, &proxy.endpoint(), &token);
        config = config.subscription(name, "connection = \"main\"", &topic(name, name));
        proxies.insert(name, proxy);
    }
    let forwarder = Forwarder::start(&home, &config.impatient());
    begin(&service, &forwarder, &all).await;

    let before: BTreeMap<_, _> = names(&networks).map(|name| (name, proxies[name].requests())).collect();
    let since = Instant::now();
    let mut hits = BTreeMap::new();
    for row in &services {
        let fault = row.fault.clone().on(&format!("*/topics/{}:publish", row.name));
        hits.insert(row.name, target.emulator.inject(fault).unwrap());
    }
    for row in &networks {
        proxies[row.name].set(row.fault).await;
    }
    publish_more(&service, &all).await;
    fail_patiently(&forwarder, since, &services, |row| {
        usize::try_from(target.emulator.fault_hits(hits[row.name]).unwrap()).unwrap()
    })
    .await;
    fail_patiently(&forwarder, since, &networks, |row| proxies[row.name].requests() - before[row.name]).await;

    target.emulator.clear_faults();
    for proxy in proxies.values() {
        proxy.set(Network::Good).await;
    }
    all_arrive(&service, forwarder, &all).await;
    for name in all {
        let arrived = target.take_all(name).await;
        // What was carried out without an answer came again.
        if ["loses", "half", "cuts", "slow"].contains(&name) {
            arrived.assert_complete(50);
        } else {
            arrived.assert_exactly(50);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_and_a_topic_bear_a_name_that_is_unknown() {
    let rows = ["hook", "copy"].map(|name| row(name, (), &["connect", "timeout"]));
    let names: Vec<_> = names(&rows).collect();
    let (service, target, home) = (Service::with(&names).await, Service::with(&["copy"]).await, Home::new());
    let receiver = Receiver::start().await;
    let config = |hook: &str, endpoint: &str| {
        Config::new(&home, &service.endpoint())
            .connection("lab", endpoint, &home.path("token"))
            .subscription("hook", "connection = \"main\"", &webhook("hook", hook))
            .subscription("copy", "connection = \"main\"", &topic("copy", "lab"))
            .impatient()
    };
    let since = Instant::now();
    let forwarder = Forwarder::start(&home, &config("http://nosuch.invalid/hook", "http://nosuch.invalid"));
    for name in &names {
        service.publish(name, 0..50).await;
    }
    fail_patiently(&forwarder, since, &rows, |_| 0).await;
    for name in &names {
        let status = forwarder.status(name).await.unwrap();
        assert!(status["reason"].as_str().unwrap().contains("nosuch.invalid"), "{status}");
    }
    forwarder.stop().await;

    let forwarder = Forwarder::start(&home, &config(&receiver.url("hook"), &target.endpoint()));
    all_arrive(&service, forwarder, &names).await;
    receiver.delivered("hook").assert_exactly(50);
    target.take_all("copy").await.assert_exactly(50);
}
