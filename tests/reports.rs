//! The report in the log: when SIGUSR1 asks, and by itself with `log.report_every`; each says since when it counts.

use rustix::process::Signal;

use crate::common::{Config, Forwarder, Home, Service, eventually, until};

/// What the reports of a log say that the sink of `a` was delivered, in order, and since when.
fn delivered(log: &str) -> Vec<(u64, String)> {
    let counted = |line: &str| {
        let (_, said) = line.split_once("sink archive: ")?.1.split_once("delivered ")?;
        let (count, since) = said.split_once(" since ")?;
        let end = since.find('Z')?;
        Some((count.parse().ok()?, since[..=end].to_owned()))
    };
    log.lines().filter(|line| line.contains("report: a is")).filter_map(counted).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn periodic_reports_and_the_last_one_count_every_message_once() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let config = Config::new(&home, &service.endpoint()).file("a").set("log = { report_every = \"1s\" }");
    let forwarder = Forwarder::start(&home, &config);
    for (start, end) in [(0, 20), (20, 50)] {
        service.publish("a", start..end).await;
        let reports = delivered(&forwarder.log()).len();
        eventually("a report", async || delivered(&forwarder.log()).len() > reports).await;
    }
    eventually("all of it", async || service.is_acknowledged_to("a", 50).await).await;
    let reports = delivered(&forwarder.stop().await);
    assert_eq!(reports.iter().map(|(count, _)| count).sum::<u64>(), 50, "{reports:?}");
    assert!(reports.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{reports:?}");
    assert_ne!(reports.first().unwrap().1, reports.last().unwrap().1, "each has a beginning of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_asked_for_counts_from_the_start_and_begins_nothing_anew() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let config = Config::new(&home, &service.endpoint()).file("a");
    let mut forwarder = Forwarder::start(&home, &config);
    let mut since = Vec::new();
    for end in [10, 30] {
        service.publish("a", since.len() as u64 * 10..end).await;
        eventually("all of it", async || service.is_acknowledged_to("a", end).await).await;
        let before = since.len();
        forwarder.signal(Signal::USR1).await;
        let reports = until("the report", async || {
            Some(delivered(&forwarder.log())).filter(|reports| reports.len() > before)
        })
        .await;
        assert_eq!(reports.last().unwrap().0, end);
        since = reports;
    }
    let log = forwarder.stop().await;
    assert_eq!(delivered(&log).len(), 2, "none was logged that nobody asked for");
    assert_eq!(since[0].1, since[1].1);
}
