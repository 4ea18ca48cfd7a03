//! Where nothing can be written, nothing is acknowledged; log and status name the path and the reason, other
//! subscriptions go on, and it recovers by itself, with no line torn or doubled.

use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::common::{
    Config, Delivered, Forwarder, Home, Launch, Namespace, Service, eventually, file_sink, is_there,
};

/// Mounts a small file system of its own on the first argument, with a file of the text in the second, and becomes the
/// program that is the rest.
const ON_A_SMALL_DISK: &str = "mount -t tmpfs -o size=512k,mode=0777 small \"$0\" && printf %s \"$1\" \
                               >\"$0/full.jsonl\" && shift && exec \"$@\"";

/// What a kill in the middle of a line leaves.
const TORN: &str = "{\"messageId\":\"0\",\"publ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_acknowledged_or_torn_and_it_goes_on_when_there_is_room() {
    let Some(small) = SmallDisk::new().await else { return };
    let SmallDisk { service, home, forwarder, .. } = &small;
    service.publish("full", 0..10).await;
    eventually("the first messages", async || service.is_acknowledged_to("full", 10).await).await;

    let filler = fill(&small.seen.join("filler"));
    service.publish_sized("full", 10..50, 1000).await;
    service.publish("good", 0..20).await;
    eventually("the others to go on", async || service.is_acknowledged_to("good", 20).await).await;
    let status = forwarder.is("full", "retrying").await;
    assert_named(forwarder, &status, &home.path("disk/full.jsonl"), "No space left").await;
    failed_as(forwarder, "full", "full").await;
    assert_eq!(service.offsets("full").await.current, 10, "nothing more is acknowledged");
    let file = small.seen.join("full.jsonl");
    let delivered = Delivered::in_file(&file);
    assert_eq!((delivered.numbers.len(), delivered.torn.len()), (10, 1), "a part of a batch is in the file");

    std::fs::remove_file(filler).unwrap();
    eventually("the rest", async || service.is_acknowledged_to("full", 50).await).await;
    forwarder.is("full", "running").await;
    assert_all_after_a_torn_line(&file, 50);
    small.forwarder.stop().await;
    Delivered::in_file(&small.home.out("good")).assert_exactly(20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_line_stays_ended_when_the_first_batch_after_it_does_not_fit() {
    let Some(small) = SmallDisk::new().await else { return };
    let SmallDisk { service, forwarder, .. } = &small;
    let filler = fill(&small.seen.join("filler"));
    service.publish_sized("full", 0..40, 1000).await;
    forwarder.is("full", "retrying").await;
    failed_as(forwarder, "full", "full").await;

    std::fs::remove_file(filler).unwrap();
    eventually("all of it", async || service.is_acknowledged_to("full", 40).await).await;
    assert_all_after_a_torn_line(&small.seen.join("full.jsonl"), 40);
    small.forwarder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_ledger_does_not_fit_on_its_disk_nothing_is_acknowledged_and_nothing_comes_twice_afterwards()
 {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let config = Config::new(&home, &service.endpoint()).file_with("a", "max_messages = 5");
    let Some(small) = SmallDisk::at("state", service, home, &config).await else { return };
    let SmallDisk { service, forwarder, .. } = &small;
    service.publish("a", 0..10).await;
    eventually("the first messages", async || service.is_acknowledged_to("a", 10).await).await;

    let filler = fill(&small.seen.join("filler"));
    service.publish("a", 10..1000).await;
    let status = forwarder.is("a", "retrying").await;
    let reason = status["reason"].as_str().unwrap();
    assert!(reason.contains(".journal cannot be written: No space left"), "{reason}");
    let (acknowledged, written) =
        (service.offsets("a").await.current, Delivered::in_file(&small.home.out("a")));
    assert!(acknowledged < 1000 && written.numbers.len() < 1000, "{acknowledged} {}", written.numbers.len());

    std::fs::remove_file(filler).unwrap();
    eventually("the rest", async || service.is_acknowledged_to("a", 1000).await).await;
    forwarder.is("a", "running").await;
    small.forwarder.stop().await;
    Delivered::in_file(&small.home.out("a")).assert_exactly(1000);
}

fn assert_all_after_a_torn_line(file: &Path, end: u64) {
    let delivered = Delivered::in_file(file);
    delivered.assert_complete(end);
    assert_eq!(delivered.repeated(), 0);
    assert_eq!(delivered.torn, [format!("{TORN}\n")]);
}

/// A daemon with the subscription `full` to a disk of its own, and `good` to another.
struct SmallDisk {
    forwarder: Forwarder,
    service: Service,
    home: Home,
    /// The disk, as the daemon sees it: nobody else does.
    seen: PathBuf,
}

impl SmallDisk {
    /// `None` where there can be none.
    async fn new() -> Option<Self> {
        let (service, home) = (Service::with(&["full", "good"]).await, Home::new());
        let sink = file_sink("full", &home.path("disk/{subscription}.jsonl"));
        let config = Config::new(&home, &service.endpoint()).subscription("full", "", &sink).file("good");
        Self::at("disk", service, home, &config).await
    }

    /// The disk is at `name` in the home.
    async fn at(name: &str, service: Service, home: Home, config: &Config) -> Option<Self> {
        let namespace = Namespace::Mounts.command()?;
        let disk = home.path(name);
        std::fs::create_dir(&disk).unwrap();
        let directory = disk.display().to_string();
        let small = ["sh", "-c", ON_A_SMALL_DISK, &directory, TORN].map(ToOwned::to_owned);
        let mut forwarder = Launch::new(&home).under(namespace.into_iter().chain(small)).start(config);
        forwarder.is_up().await;
        let seen = PathBuf::from(format!("/proc/{}/root{directory}", forwarder.process().await));
        Some(Self { forwarder, service, home, seen })
    }
}

/// Fills a disk but for a little, so that a large batch is written in part. Returns the file that takes the room.
fn fill(path: &Path) -> PathBuf {
    let mut file = File::create(path).unwrap();
    let block = [b'x'; 4096];
    let mut blocks = 0;
    let error = loop {
        match file.write_all(&block) {
            Ok(()) => blocks += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    file.set_len((blocks - 2) * 4096).unwrap();
    path.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unwritable_directory_parks_and_it_goes_on_when_it_is_writable() {
    let (service, home) = (Service::with(&["bad", "good"]).await, Home::new());
    let directory = home.path("out/forbidden");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, Permissions::from_mode(0o555)).unwrap();
    let config = Config::new(&home, &service.endpoint()).file("good").subscription(
        "bad",
        "",
        &file_sink("bad", &directory.join("bad.jsonl")),
    );
    let Some(launch) = without_root(&home, &["", "out", "out/forbidden"]) else { return };
    let forwarder = launch.start(&config);
    parked_for(&service, &forwarder, &directory, "Permission denied").await;
    failed_as(&forwarder, "bad", "permission").await;

    std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    recovers(&service, &home, forwarder, &directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_directory_whose_name_cannot_be_made_durable_parks_for_as_long_as_that_is_so() {
    let (service, home) = (Service::with(&["bad", "good"]).await, Home::new());
    let directory = home.path("out/unreadable");
    std::fs::create_dir(&directory).unwrap();
    // A directory can be made in it, and it cannot be synced.
    std::fs::set_permissions(&directory, Permissions::from_mode(0o333)).unwrap();
    let file = directory.join("new/bad.jsonl");
    let config = Config::new(&home, &service.endpoint()).file("good").subscription(
        "bad",
        "",
        &file_sink("bad", &file),
    );
    let Some(launch) = without_root(&home, &["", "out", "out/unreadable"]) else { return };
    let forwarder = launch.start(&config);
    parked_for(&service, &forwarder, &directory, "Permission denied").await;
    let attempts = [("subscription", "bad"), ("operation", "archive")];
    let more = async || forwarder.metrics().await.get("failures_total", &attempts) > 3.5;
    eventually("more attempts", more).await;
    assert_eq!(service.offsets("bad").await.current, 0, "nothing is acknowledged");

    std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    recovers(&service, &home, forwarder, &directory.join("new")).await;
}

/// A launch as somebody who may not write everywhere, and to whom these paths of the home belong. `None` where that is
/// impossible.
fn without_root<'a>(home: &'a Home, owned: &[&str]) -> Option<Launch<'a>> {
    let launch = Launch::new(home);
    if !rustix::process::geteuid().is_root() {
        return Some(launch);
    }
    if !is_there("setpriv") {
        return None;
    }
    for path in owned {
        chown(home.path(path), Some(65534), Some(65534)).unwrap();
    }
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    Some(launch.reachable_for_others().under(nobody))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_where_a_directory_should_be_parks_and_it_goes_on_when_it_is_gone() {
    let (service, home) = (Service::with(&["bad", "good"]).await, Home::new());
    let directory = home.write("out/file", "in the way");
    let config = Config::new(&home, &service.endpoint()).file("good").subscription(
        "bad",
        "",
        &file_sink("bad", &directory.join("bad.jsonl")),
    );
    let forwarder = Forwarder::start(&home, &config);
    parked_for(&service, &forwarder, &directory, "Not a directory").await;
    failed_as(&forwarder, "bad", "io").await;

    std::fs::remove_file(&directory).unwrap();
    recovers(&service, &home, forwarder, &directory).await;
}

/// Publishes 10 messages to `bad`, which cannot write them below `directory`, and 20 to `good`.
async fn parked_for(service: &Service, forwarder: &Forwarder, directory: &Path, why: &str) {
    service.publish("bad", 0..10).await;
    service.publish("good", 0..20).await;
    eventually("the others to go on", async || service.is_acknowledged_to("good", 20).await).await;
    let status = forwarder.is("bad", "parked").await;
    assert_named(forwarder, &status, directory, why).await;
    let ready = forwarder.get("/readyz?strict").await.unwrap();
    assert!(ready.status == 503 && ready.body.contains("parked: bad: "), "{}", ready.body);
    assert_eq!(service.offsets("bad").await.current, 0, "nothing is acknowledged");
}

/// Log and status say which path it is, and why.
async fn assert_named(forwarder: &Forwarder, status: &serde_json::Value, path: &Path, why: &str) {
    let path = path.display().to_string();
    let reason = status["reason"].as_str().unwrap();
    assert!(reason.contains(&path) && reason.contains(why), "{reason}");
    let error = status["sinks"]["archive"]["error"].as_str().unwrap();
    assert!(error.contains(&path) && error.contains(why), "{error}");
    forwarder.logs(&["archive", &path, why]).await;
}

async fn failed_as(forwarder: &Forwarder, subscription: &str, class: &str) {
    let labels = [("subscription", subscription), ("operation", "archive"), ("class", class)];
    assert!(forwarder.metrics().await.get("failures_total", &labels) > 0.5, "not counted as {class}");
}

async fn recovers(service: &Service, home: &Home, forwarder: Forwarder, directory: &Path) {
    eventually("it to go on", async || service.is_acknowledged_to("bad", 10).await).await;
    let status = forwarder.is("bad", "running").await;
    assert!(status["sinks"]["archive"]["error"].is_null(), "{status}");
    forwarder.stop().await;
    Delivered::in_file(&directory.join("bad.jsonl")).assert_exactly(10);
    Delivered::in_file(&home.out("good")).assert_exactly(20);
}
