//! Standard output, in each of its formats.

use std::io::{self, Write};
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::Value;

use super::super::source;
use super::files::spoil_base64;
use super::{Opener, Promise, Subject, Weather, conforms};
use crate::config::{Color, OnClosed, StdoutConfig, StdoutFormat};
use crate::sink::stdout::{StdoutSink, Torn};
use crate::sink::{Arc, Sink};

/// What standard output leads to.
#[derive(Clone)]
struct Pipe(Arc<Mutex<Reader>>);

#[derive(Default)]
struct Reader {
    written: String,
    /// So many lines more fit, of those that begin with no space, and half of the next one.
    room: Option<usize>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut reader = self.0.lock().unwrap();
        let line = str::from_utf8(bytes).unwrap().split_inclusive('\n').next().unwrap_or_default();
        let fits = match reader.room {
            Some(0) => return Err(io::ErrorKind::StorageFull.into()),
            Some(1) if !line.starts_with(' ') => &line[..line.len() / 2],
            _ => line,
        };
        reader.room = reader.room.map(|room| room.saturating_sub(usize::from(!line.starts_with(' '))));
        reader.written.push_str(fits);
        Ok(fits.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Console {
    format: StdoutFormat,
    pipe: Pipe,
    /// The id in a line, if it is a whole one that has one.
    read: fn(&str) -> Option<u64>,
    payload: fn(u64) -> String,
    spoil: fn(&mut Value) -> bool,
}

impl Console {
    fn new(format: StdoutFormat, read: fn(&str) -> Option<u64>) -> Self {
        let payload = |id: u64| id.to_string();
        Self { format, pipe: Pipe(Arc::default()), read, payload, spoil: |_| false }
    }
}

impl Subject for Console {
    /// What did not go through whole is written again.
    fn promise(&self) -> Promise {
        Promise { order: true, again: usize::MAX }
    }

    fn start(&self) -> Opener {
        let config = StdoutConfig { format: self.format, color: Color::Never, on_closed: OnClosed::Disable };
        let (pipe, torn) = (self.pipe.clone(), Torn::default());
        Box::new(move |_| -> Box<dyn Sink> {
            Box::new(StdoutSink::on(pipe.clone(), torn.clone(), config, false, &source()))
        })
    }

    fn arrived(&self) -> Vec<u64> {
        self.pipe.0.lock().unwrap().written.lines().filter_map(self.read).collect()
    }

    fn weather(&self, weather: Weather) {
        self.pipe.0.lock().unwrap().room = match weather {
            Weather::Good => None,
            Weather::BadAfter(messages) => Some(messages + 1),
        };
    }

    fn payload(&self, id: u64) -> Vec<u8> {
        (self.payload)(id).into_bytes()
    }

    fn spoil(&self, message: &mut Value) -> bool {
        (self.spoil)(message)
    }
}

#[tokio::test]
async fn standard_output_conforms() {
    let id_of_jsonl = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(message) => message["messageId"].as_str().unwrap().parse().ok(),
        Err(_) => None,
    };
    conforms(async || Console::new(StdoutFormat::Jsonl, id_of_jsonl)).await;
}

#[tokio::test]
async fn payloads_on_standard_output_conform() {
    let payload = |id: u64| format!("<{id}>");
    let read = |line: &str| line.strip_prefix('<')?.strip_suffix('>')?.parse().ok();
    let raw = || Console { payload, spoil: spoil_base64, ..Console::new(StdoutFormat::Raw, read) };
    conforms(async || raw()).await;
}

#[tokio::test]
async fn text_on_standard_output_conforms() {
    // It is in the line about the message; the payload is below that.
    let id_of_text = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        [time, "key", id, _] if time.parse::<Timestamp>().is_ok() => id.parse().ok(),
        _ => None,
    };
    conforms(async || Console::new(StdoutFormat::Text, id_of_text)).await;
}
