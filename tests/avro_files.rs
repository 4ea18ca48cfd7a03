//! Format `avro`: what is written is read by the libraries of others; what does not fit is rejected by name; a file that
//! is there already is gone on with, or left alone.

use std::path::Path;
use std::process::Command;

use ams_forwarder::client::NewMessage;

use crate::common::avro::{METRIC_DATA, metric, metrics_in};
use crate::common::{Config, Forwarder, Home, Service, eventually, python_runs};
use crate::dead_letters::letters;

/// By the two libraries, the one or the other.
const NEEDED: &str = r"
import avro, fastavro, cramjam, snappy, zstandard
try:
    import compression.zstd
except ImportError:
    import backports.zstd
";

const READERS: &str = r#"
import json, sys
import avro.datafile, avro.io, fastavro
path = sys.argv[1]
with open(path, "rb") as file:
    fast = list(fastavro.reader(file))
with open(path, "rb") as file:
    apache = list(avro.datafile.DataFileReader(file, avro.io.DatumReader()))
assert fast == apache, "they do not agree"
print(json.dumps(fast))
"#;

/// A subscription `a` to the file `out/a.avro`.
fn config(home: &Home, service: &Service, settings: &str) -> Config {
    let schema = home.write("metric_data.avsc", METRIC_DATA);
    let sink = format!(
        "[subscriptions.a.sinks.archive]\ntype = \"file\"\npath = \"{}\"\nformat = \"avro\"\n\
         schema_file = \"{}\"\nretry = {{ initial = \"20ms\", max = \"200ms\" }}\n{settings}\n",
        file_of(home).display(),
        schema.display()
    );
    Config::new(home, &service.endpoint()).subscription("a", "max_messages = 50", &sink)
}

fn file_of(home: &Home) -> std::path::PathBuf {
    home.out("a").with_extension("avro")
}

async fn publish(service: &Service, messages: impl Iterator<Item = Vec<u8>>) {
    let messages: Vec<_> = messages.map(NewMessage::new).collect();
    service.client.publish(&"a".parse().unwrap(), &messages).await.unwrap();
}

async fn all_is_acknowledged(service: &Service, end: u64) {
    eventually("all to be acknowledged", async || service.is_acknowledged_to("a", end).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_every_codec_are_read_by_the_libraries_of_python() {
    if !python_runs(NEEDED, "'avro[snappy,zstandard]' 'fastavro[codecs]'") {
        return;
    }
    for codec in ["null", "deflate", "snappy", "zstandard"] {
        let (service, home) = (Service::with(&["a"]).await, Home::new());
        let config = config(&home, &service, &format!("codec = \"{codec}\""));
        // Two runs, so that a file is gone on with.
        for start in [0, 200] {
            publish(&service, (start..start + 200).map(metric)).await;
            let forwarder = Forwarder::start(&home, &config);
            all_is_acknowledged(&service, start + 200).await;
            forwarder.stop().await;
        }
        let read = Command::new("python3").args(["-c", READERS]).arg(file_of(&home)).output().unwrap();
        assert!(read.status.success(), "{codec}: {}", String::from_utf8_lossy(&read.stderr));
        let metrics: Vec<serde_json::Value> = serde_json::from_slice(&read.stdout).unwrap();
        let numbers: Vec<u64> =
            metrics.iter().map(|metric| metric["summary"].as_str().unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (0..400).collect::<Vec<_>>(), "{codec}");
        assert_eq!(metrics[1]["tags"], serde_json::json!({"vo": "ops", "φυλή": null}), "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_the_schema_is_a_dead_letter_by_name_and_the_others_arrive() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let forwarder = Forwarder::start(&home, &config(&home, &service, ""));
    let cut = |number| metric(number)[..60].to_vec();
    let longer = |number| [metric(number), b"secret".to_vec()].concat();
    publish(&service, [metric(0), cut(1), metric(2), longer(3), b"secret".to_vec(), metric(5)].into_iter())
        .await;
    all_is_acknowledged(&service, 6).await;
    assert_eq!(metrics_in(&file_of(&home)), [0, 2, 5]);
    let reasons: Vec<_> = letters(&home)
        .iter()
        .map(|letter| letter["deadLetter"]["reason"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "its data does not fit schema_file: status at byte 60: the data ends in the middle of it",
        "its data does not fit schema_file: at byte 146: more data follows its end",
        "its data does not fit schema_file: timestamp at byte 0: the length is negative",
    ];
    assert_eq!(reasons, expected);
    assert!(!forwarder.stop().await.contains("secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_another_schema_is_left_alone_until_it_is_moved_away() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let file = file_of(&home);
    let config = config(&home, &service, "");
    publish(&service, (0..10).map(metric)).await;
    let forwarder = Forwarder::start(&home, &config);
    all_is_acknowledged(&service, 10).await;
    forwarder.stop().await;

    home.write("metric_data.avsc", &METRIC_DATA.replace("\"status\"", "\"state\""));
    publish(&service, (10..20).map(metric)).await;
    let forwarder = Forwarder::start(&home, &config);
    forwarder.is("a", "parked").await;
    let before = std::fs::read(&file).unwrap();
    let log = forwarder.logs(&["another schema than schema_file", "move it away", "a.avro"]).await;
    assert!(!log.contains("se.example.org"), "{log}");
    let old = file.with_extension("old");
    std::fs::rename(&file, &old).unwrap();
    all_is_acknowledged(&service, 20).await;
    forwarder.stop().await;
    assert_eq!(std::fs::read(&old).unwrap(), before);
    assert_eq!((metrics_in(&old), metrics_in(&file)), ((0..10).collect(), (10..20).collect()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_end_without_its_ledger_is_kept_aside_and_nothing_is_appended_behind_it() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let file = file_of(&home);
    let config = config(&home, &service, "");
    publish(&service, (0..60).map(metric)).await;
    let forwarder = Forwarder::start(&home, &config);
    all_is_acknowledged(&service, 60).await;
    forwarder.stop().await;

    std::fs::remove_dir_all(home.path("state")).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let torn = &whole[..whole.len() - 7];
    std::fs::write(&file, torn).unwrap();
    publish(&service, (60..70).map(metric)).await;
    let forwarder = Forwarder::start(&home, &config);
    all_is_acknowledged(&service, 70).await;
    let log = forwarder.stop().await;
    let aside = std::fs::read(aside(&file)).unwrap();
    assert!(log.contains("is set aside as") && log.contains("a.avro.torn.1"), "{log}");
    assert_eq!(metrics_in(&file), (0..50).chain(60..70).collect::<Vec<_>>());
    assert!(
        torn.ends_with(&aside)
            && whole[..torn.len() - aside.len()] == std::fs::read(&file).unwrap()[..torn.len() - aside.len()]
    );
}

fn aside(file: &Path) -> std::path::PathBuf {
    file.with_extension("avro.torn.1")
}
