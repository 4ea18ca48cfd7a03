//! Sinks that write to files of a directory.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use super::super::source;
use super::{Opener, Promise, Subject, Weather, conforms};
use crate::client::AmsClient;
use crate::config::sink_for_test;
use crate::sink::Outlet;

/// A file sink and its directory.
pub(in crate::sink) struct Files {
    keys: String,
    dir: TempDir,
    /// The ids in one file.
    read: fn(&[u8]) -> Vec<u64>,
    /// The payload of a message.
    pub(in crate::sink) payload: fn(u64) -> Vec<u8>,
    /// What makes a message one that cannot be written; whether there is such a thing.
    pub(in crate::sink) spoil: fn(&mut Value) -> bool,
}

impl Files {
    /// `keys` are those of the sink besides its type, with `{out}` where its directory is to stand, and `{dir}` for the one
    /// above that. `read` finds the ids in the content of a file.
    pub(in crate::sink) fn new(keys: &str, read: fn(&[u8]) -> Vec<u64>) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        let keys = keys.replace("{out}", "{dir}/out").replace("{dir}", dir.path().to_str().unwrap());
        let payload = |id: u64| id.to_string().into_bytes();
        Self { keys: format!("type = \"file\"\n{keys}"), dir, read, payload, spoil: |_| false }
    }

    fn paths(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path().join("out")).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort_by_key(|path| age(path));
        paths
    }
}

/// Rotated files come by their stamps and numbers, and before the one that is still written to; the others by the number
/// or the text that they are called.
fn age(path: &Path) -> (bool, String, u64) {
    let name = path.file_stem().unwrap().to_str().unwrap();
    match (name.split_once('.'), name.parse()) {
        (Some((_, stamp)), _) => {
            let (second, number) = stamp.split_once('Z').unwrap();
            (false, second.to_owned(), number.strip_prefix('-').map_or(1, |number| number.parse().unwrap()))
        }
        (None, Ok(number)) => (true, String::new(), number),
        (None, Err(_)) => (true, name.to_owned(), 0),
    }
}

impl Subject for Files {
    fn promise(&self) -> Promise {
        Promise { order: true, again: 0 }
    }

    fn start(&self) -> Opener {
        let own = AmsClient::builder("http://127.0.0.1:1", "P".parse().unwrap()).token("T".into());
        let outlet = Outlet::new(&sink_for_test(&self.keys), &own.build().unwrap(), &[].into()).unwrap();
        Box::new(move |notebook| outlet.open(&source(), notebook))
    }

    fn arrived(&self) -> Vec<u64> {
        self.paths().iter().flat_map(|path| (self.read)(&fs::read(path).unwrap())).collect()
    }

    /// Nothing can be opened where something stands in the way; what is open already is not there any more.
    fn weather(&self, weather: Weather) {
        let (out, aside) = (self.dir.path().join("out"), self.dir.path().join("aside"));
        if weather == Weather::Good {
            fs::remove_file(&out).unwrap();
            fs::rename(aside, out).unwrap();
        } else {
            fs::rename(&out, aside).unwrap();
            fs::write(out, "in the way").unwrap();
        }
    }

    fn payload(&self, id: u64) -> Vec<u8> {
        (self.payload)(id)
    }

    fn spoil(&self, message: &mut Value) -> bool {
        (self.spoil)(message)
    }
}

/// The ids in lines of JSON.
pub(in crate::sink) fn ids_of_jsonl(content: &[u8]) -> Vec<u64> {
    let id = |line| serde_json::from_str::<Value>(line).unwrap()["messageId"].as_str().unwrap().parse();
    str::from_utf8(content).unwrap().lines().map(|line| id(line).unwrap()).collect()
}

/// The ids in lines that are payloads.
fn ids_of_payloads(content: &[u8]) -> Vec<u64> {
    str::from_utf8(content).unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

/// No base64 can be written as a payload.
pub(super) fn spoil_base64(message: &mut Value) -> bool {
    message["data"] = "no base64!".into();
    true
}

#[tokio::test]
async fn a_file_conforms() {
    conforms(async || Files::new("path = \"{out}/a.jsonl\"", ids_of_jsonl)).await;
}

#[tokio::test]
async fn files_by_date_conform() {
    conforms(async || Files::new("path = \"{out}/{date}.jsonl\"", ids_of_jsonl)).await;
}

#[tokio::test]
async fn more_files_than_may_be_open_conform() {
    let keys = "path = \"{out}/{attribute.id}.jsonl\"\nmax_open_files = 2";
    conforms(async || Files::new(keys, ids_of_jsonl)).await;
}

#[tokio::test]
async fn a_file_of_payloads_conforms() {
    let keys = "path = \"{out}/a.txt\"\nformat = \"raw\"";
    conforms(async || Files { spoil: spoil_base64, ..Files::new(keys, ids_of_payloads) }).await;
}

#[tokio::test]
async fn a_file_that_is_rotated_all_the_time_conforms() {
    let keys = "path = \"{out}/a.jsonl\"\nrotate = { size = \"4KiB\" }";
    let payload = |id: u64| format!("{id:01000}").into_bytes();
    conforms(async || Files { payload, ..Files::new(keys, ids_of_jsonl) }).await;
}

#[tokio::test]
async fn files_that_are_synced_later_or_never_conform() {
    for sync in ["interval", "never"] {
        let keys = format!("path = \"{{out}}/a.jsonl\"\nsync = \"{sync}\"");
        conforms(async || Files::new(&keys, ids_of_jsonl)).await;
    }
}

/// Datums of the schema `"string"`.
fn ids_of_avro(content: &[u8]) -> Vec<u64> {
    if content.is_empty() {
        return Vec::new();
    }
    let id = |value| match value {
        apache_avro::types::Value::String(id) => id.parse().unwrap(),
        other => panic!("no id: {other:?}"),
    };
    apache_avro::Reader::new(content).unwrap().map(|value| id(value.unwrap())).collect()
}

/// Its length is more than there is.
fn spoil_datum(message: &mut Value) -> bool {
    message["data"] = STANDARD.encode("\u{8}x").into();
    true
}

/// A sink of datums of the schema `"string"`, with these keys besides.
fn avro(keys: &str, payload: fn(u64) -> Vec<u8>) -> Files {
    let keys =
        format!("path = \"{{out}}/a.avro\"\nformat = \"avro\"\nschema_file = \"{{dir}}/id.avsc\"\n{keys}");
    let files = Files { payload, spoil: spoil_datum, ..Files::new(&keys, ids_of_avro) };
    fs::write(files.dir.path().join("id.avsc"), "\"string\"").unwrap();
    files
}

fn datum(text: &str) -> Vec<u8> {
    let twice = 2 * text.len();
    let length = if twice < 128 { vec![twice] } else { vec![twice % 128 + 128, twice / 128] };
    length.into_iter().map(|byte| u8::try_from(byte).unwrap()).chain(text.bytes()).collect()
}

#[tokio::test]
async fn a_file_of_avro_conforms() {
    conforms(async || avro("codec = \"deflate\"", |id| datum(&id.to_string()))).await;
}

#[tokio::test]
async fn a_file_of_avro_that_is_rotated_all_the_time_conforms() {
    let keys = "codec = \"null\"\nrotate = { size = \"4KiB\" }";
    conforms(async || avro(keys, |id| datum(&format!("{id:01000}")))).await;
}
