//! A webhook's receiver that was away: soon after it is back, all that waited is there, and the rest as it comes.
//!
//! `AMS_AWAY` is how many seconds it is away. How long all of it takes is printed, and not judged: that depends on the
//! machine.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::common::{Config, FaultProxy, Forwarder, Home, Network, Receiver, Service, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_was_away_gets_all_of_it_soon_after_it_is_back() {
    let away = std::env::var("AMS_AWAY").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let away = Duration::from_secs(away);
    let (service, home, receiver) = (Service::with(&["a"]).await, Home::new(), Receiver::start().await);
    let proxy = FaultProxy::before(receiver.address()).await;
    // With the pauses that there are unless something is set.
    let sinks = format!(
        "[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{}/a\"\nbatch = 100\n",
        proxy.endpoint()
    );
    let config = Config::new(&home, &service.endpoint()).subscription("a", "", &sinks);
    let forwarder = Forwarder::start(&home, &config);
    let publisher = service.keep_publishing("a");
    eventually("some messages", async || receiver.requests("a") > 10).await;

    proxy.set(Network::Refuses).await;
    let gone = Instant::now();
    let refused = async || {
        let refused = [("subscription", "a"), ("operation", "hook"), ("class", "connect")];
        forwarder.metrics().await.get("failures_total", &refused)
    };
    eventually("attempts", async || refused().await > 2.5).await;
    tokio::time::sleep(away.saturating_sub(gone.elapsed())).await;
    let attempts = refused().await;

    let before = receiver.requests("a");
    proxy.set(Network::Good).await;
    let (away, back) = (gone.elapsed(), Instant::now());
    eventually("a request", async || receiver.requests("a") > before).await;
    let found = back.elapsed();
    let end = publisher.stop().await;
    eventually("all", async || service.is_acknowledged_to("a", end).await).await;
    let all = back.elapsed();
    forwarder.stop().await;
    receiver.delivered("a").assert_exactly(end);
    // Past the harness, which shows what is printed by tests that fail only.
    let _ = writeln!(
        std::io::stderr(),
        "away for {away:.1?}, {attempts} attempts: found {found:.1?} after it was back, all {end} messages there after \
         {all:.1?}"
    );
}
