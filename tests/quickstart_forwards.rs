//! The first command of the README, in an empty directory: it forwards within 5 s, shows and keeps and counts the
//! messages, and ends in order on Ctrl-C.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{Home, Launch, PATIENCE, until};

/// From the start to the first message in the file.
const MOST: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_forwards_within_five_seconds_and_ends_in_order_with_everything_acknowledged() {
    let home = Home::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/quickstart.toml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    // Ports of its own, for it shares this machine with the other tests; all else is as it is shipped.
    let own = shipped.replace("listen = \"127.0.0.1:8538\"", "listen = \"127.0.0.1:0\"");
    assert_ne!(own, shipped);
    home.write("quickstart.toml", &format!("admin = {{ listen = \"127.0.0.1:0\" }}\n{own}"));

    let started = Instant::now();
    let mut forwarder = Launch::new(&home).start_file("quickstart.toml");
    let file =
        until("the first message in the file", async || a_file_with_a_line(&home.path("quickstart/out")))
            .await;
    until("the first message on the console", async || lines(&home.path("stdout")).checked_sub(1)).await;
    assert!(started.elapsed() < MOST, "it took {:?}", started.elapsed());

    let before = lines(&file);
    until("the file to grow", async || (lines(&file) > before + 3).then_some(())).await;
    let acknowledged = forwarder.counted("metrics", "messages_acknowledged_total", 4).await;
    let metrics = forwarder.metrics().await;
    for sink in ["archive", "show"] {
        let labels = [("subscription", "metrics"), ("sink", sink)];
        assert!(metrics.get("messages_delivered_total", &labels) >= acknowledged as f64, "{sink}");
    }
    assert_eq!(forwarder.get("/readyz?strict").await.unwrap().status, 200);

    forwarder.signal(Signal::INT).await;
    assert_eq!(forwarder.wait(PATIENCE).await, Some(0));
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        std::fs::read_to_string(home.path("stdout")).unwrap(),
        kept,
        "the console shows what the file has"
    );
    forwarder
        .logs(&[
            "stopped",
            &format!("\"next\":{},", kept.lines().count()),
            "\"delivered_not_acknowledged\":0",
        ])
        .await;
    for line in kept.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["data"].as_str().is_some_and(|data| data.contains("status")),
            "no monitoring result: {line}"
        );
    }
}

fn a_file_with_a_line(directory: &Path) -> Option<PathBuf> {
    let of_subscription = std::fs::read_dir(directory.join("metrics")).ok()?;
    of_subscription.flatten().map(|entry| entry.path()).find(|path| lines(path) > 0)
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.matches('\n').count())
}
