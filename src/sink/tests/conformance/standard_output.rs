//! Standard output, in each of its formats.

use std::io::{self, Write};
use std::sync::Mutex;

use serde_json::Value;

use super::super::source;
use super::files::{ids_of_jsonl, ids_of_payloads, spoil_base64};
use super::{Opener, Promise, Subject, Weather, conforms};
use crate::config::{Color, OnClosed, StdoutConfig, StdoutFormat};
use crate::sink::stdout::StdoutSink;
use crate::sink::{Arc, Sink};

/// What standard output leads to.
#[derive(Clone)]
struct Pipe(Arc<Mutex<Reader>>);

struct Reader {
    written: Vec<u8>,
    /// So many lines more fit, of those that begin with no space.
    room: usize,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut reader = self.0.lock().unwrap();
        let is_of_the_one_before = bytes.starts_with(b" ");
        let Some(room) = reader.room.checked_sub(usize::from(!is_of_the_one_before)) else {
            return Err(io::ErrorKind::StorageFull.into());
        };
        let line = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        reader.written.extend(line);
        reader.room = room;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Console {
    format: StdoutFormat,
    pipe: Pipe,
    read: fn(&[u8]) -> Vec<u64>,
    spoil: fn(&mut Value) -> bool,
}

impl Console {
    fn new(format: StdoutFormat, read: fn(&[u8]) -> Vec<u64>) -> Self {
        let pipe = Pipe(Arc::new(Mutex::new(Reader { written: Vec::new(), room: usize::MAX })));
        Self { format, pipe, read, spoil: |_| false }
    }
}

impl Subject for Console {
    /// What did not go through whole is written again.
    fn promise(&self) -> Promise {
        Promise { order: true, again: usize::MAX }
    }

    fn start(&self) -> Opener {
        let config = StdoutConfig { format: self.format, color: Color::Never, on_closed: OnClosed::Disable };
        let pipe = self.pipe.clone();
        Box::new(move |_| -> Box<dyn Sink> {
            Box::new(StdoutSink::on(pipe.clone(), config, false, &source()))
        })
    }

    fn arrived(&self) -> Vec<u64> {
        (self.read)(&self.pipe.0.lock().unwrap().written)
    }

    fn weather(&self, weather: Weather) {
        self.pipe.0.lock().unwrap().room = match weather {
            Weather::Good => usize::MAX,
            Weather::BadAfter(messages) => messages,
        };
    }

    fn spoil(&self, message: &mut Value) -> bool {
        (self.spoil)(message)
    }
}

#[tokio::test]
async fn standard_output_conforms() {
    conforms(async || Console::new(StdoutFormat::Jsonl, ids_of_jsonl)).await;
}

#[tokio::test]
async fn payloads_on_standard_output_conform() {
    conforms(async || Console { spoil: spoil_base64, ..Console::new(StdoutFormat::Raw, ids_of_payloads) })
        .await;
}

/// The ids in the lines about messages; the payloads are below them.
fn ids_of_text(content: &[u8]) -> Vec<u64> {
    let heads = str::from_utf8(content).unwrap().lines().filter(|line| !line.starts_with(' '));
    heads.map(|line| line.split(' ').nth(2).unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn text_on_standard_output_conforms() {
    conforms(async || Console::new(StdoutFormat::Text, ids_of_text)).await;
}
