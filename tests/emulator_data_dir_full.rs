//! Where the disk of the data directory is full, a publish gets the service's `Backend Error` and is not in the log, an
//! acknowledgement is not accepted, what is there can be pulled, and all of it goes on when there is room.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{EmulatorProcess, Namespace, PROJECT, Reply, Wire, find_running};

/// Mounts a small file system of its own on the first argument and becomes the program that is the rest.
const ON_A_SMALL_DISK: &str = "mount -t tmpfs -o size=2m,mode=0700 small \"$0\" && exec \"$@\"";

const PULL: &str = r#"{"maxMessages":"100","returnImmediately":"true"}"#;

fn publish(wire: &mut Wire, size: usize) -> Reply {
    let body = format!("{{\"messages\":[{{\"data\":\"{}\"}}]}}", "x".repeat(size));
    wire.ask("POST", "topics/t:publish", &body)
}

fn offsets(wire: &mut Wire) -> (u64, u64) {
    let offsets: Value = serde_json::from_str(&wire.ask("GET", "subscriptions/s:offsets", "").text).unwrap();
    (offsets["current"].as_u64().unwrap(), offsets["max"].as_u64().unwrap())
}

fn acknowledge(wire: &mut Wire, id: u64) -> u16 {
    assert_eq!(wire.ask("POST", "subscriptions/s:pull", PULL).status, 200);
    let body = format!("{{\"ackIds\":[\"projects/{PROJECT}/subscriptions/s:{id}\"]}}");
    wire.ask("POST", "subscriptions/s:acknowledge", &body).status
}

fn assert_backend_error(reply: &Reply) {
    assert_eq!(reply.status, 500, "{}", reply.text);
    assert!(reply.text.contains("\"message\": \"Backend Error\""), "{}", reply.text);
}

/// Takes all the room that is left. Returns the file that has it.
fn fill(path: &Path) -> PathBuf {
    let mut file = File::create(path).unwrap();
    while file.write_all(&[b'x'; 4096]).is_ok() {}
    path.to_owned()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_full_disk_refuses_and_forgets_nothing() {
    let Some(namespace) = Namespace::Mounts.command() else { return };
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    let mut command = Command::new(&namespace[0]);
    command.args(&namespace[1..]).args(["sh", "-c", ON_A_SMALL_DISK]).arg(&data_dir);
    command.arg(env!("CARGO_BIN_EXE_ams")).args(EmulatorProcess::arguments(&data_dir));
    let emulator = EmulatorProcess::start_by(&mut command);
    let process = find_running(Path::new(env!("CARGO_BIN_EXE_ams")), emulator.id()).unwrap();
    // As the emulator sees it: nobody else does.
    let seen = PathBuf::from(format!("/proc/{process}/root{}", data_dir.display()));
    let mut wire = emulator.wire();
    assert_eq!(wire.ask("PUT", "topics/t", "").status, 200);
    let topic = format!("{{\"topic\":\"projects/{PROJECT}/topics/t\"}}");
    assert_eq!(wire.ask("PUT", "subscriptions/s", &topic).status, 200);

    let mut published = 0;
    let refused = loop {
        let reply = publish(&mut wire, 100_000);
        if reply.status != 200 {
            break reply;
        }
        published += 1;
    };
    assert_backend_error(&refused);
    assert!((10..=20).contains(&published), "{published} of 100 kB on 2 MB");
    assert_eq!(offsets(&mut wire), (0, published), "what was refused is not there");
    assert_eq!(acknowledge(&mut wire, 3), 200, "there is room for that yet");

    let filler = fill(&seen.join("filler"));
    let mut acknowledged = 4;
    // Until the last block of the journal is full.
    while acknowledge(&mut wire, acknowledged % published) == 200 {
        acknowledged += 1;
        if acknowledged == published {
            assert_eq!(wire.ask("POST", "subscriptions/s:modifyOffset", r#"{"offset":1}"#).status, 200);
            acknowledged = 1;
        }
    }
    assert_eq!(offsets(&mut wire), (acknowledged, published), "what was refused is not so");
    let offset = format!("{{\"offset\":{published}}}");
    assert_backend_error(&wire.ask("POST", "subscriptions/s:modifyOffset", &offset));
    assert_backend_error(&publish(&mut wire, 10_000));
    assert_backend_error(&wire.ask("PUT", "topics/other", ""));
    assert_eq!(offsets(&mut wire), (acknowledged, published));

    std::fs::remove_file(filler).unwrap();
    assert_eq!(publish(&mut wire, 10_000).status, 200);
    assert_eq!(acknowledge(&mut wire, acknowledged), 200);
    let whole = (acknowledged + 1, published + 1);
    assert_eq!(offsets(&mut wire), whole);
    let elsewhere = directory.path().join("copy");
    copy(&seen, &elsewhere);
    let said = emulator.stop();
    assert!(said.contains("No space left") && said.contains("publishes are refused"), "{said}");

    let emulator = EmulatorProcess::start(&elsewhere);
    assert_eq!(offsets(&mut emulator.wire()), whole);
    assert_eq!(emulator.stop(), "");
}
