//! Where the log goes and what a line looks like. Always standard error or journald: standard output belongs to the
//! sink of that name.
//!
//! Standard error may stop being read (a terminal that was halted, a full pipe). The log then drops lines: a daemon
//! that waits to complain neither forwards nor stops.

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use super::supervisor::panic_reason;
use crate::config::{self, InvalidValue, LogConfig, LogFormat};

/// Lines that wait for standard error before further ones are dropped.
const BUFFERED_LINES: usize = 10_000;

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The configuration or the command line holds no filter.
    #[error("log.level is no filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something in this process logs already.
    #[error("the log was set up before")]
    Twice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Text { colours: bool },
    Json,
    Journald,
}

/// What standard error is connected to.
#[derive(Debug, Clone, Copy)]
struct Stderr {
    journal: bool,
    terminal: bool,
    colours: bool,
}

/// A level or filter that wins over the configuration's, checked. An empty one, as of a variable that is set to
/// nothing, is none.
pub fn log_level(text: &str) -> Result<String, InvalidValue> {
    if text.is_empty() { Ok(String::new()) } else { config::parse_level(text) }
}

/// What writes the log. Dropped, it writes what is left, for a second or so at most.
#[must_use = "without it nothing more is written"]
pub(crate) struct Log {
    _writer: WorkerGuard,
}

/// Sets up the log of this process, panics included. `level` wins over the configuration's unless it is empty. To be
/// called once.
pub(crate) fn init(config: &LogConfig, level: Option<&str>) -> Result<Log, LoggingError> {
    let level = level.filter(|level| !level.is_empty()).unwrap_or(&config.level);
    let filter = EnvFilter::builder().parse(level)?;
    let stderr = Stderr::look();
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(BUFFERED_LINES)
        .thread_name("log")
        .finish(io::stderr());
    let (layer, trouble) = match choose(config.format, stderr) {
        Output::Journald => match tracing_journald::layer() {
            Ok(layer) => (layer.with_syslog_identifier("ams-forwarder".to_owned()).boxed(), None),
            Err(error) => (text(stderr.colours, writer), Some(error)),
        },
        Output::Json => (json(writer), None),
        Output::Text { colours } => (text(colours, writer), None),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|_| LoggingError::Twice)?;
    if let Some(error) = trouble {
        tracing::warn!("journald cannot be reached, logging text to standard error: {error}");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!("a defect at {place}: {}", panic_reason(panic.payload()));
    }));
    Ok(Log { _writer: guard })
}

fn choose(format: LogFormat, stderr: Stderr) -> Output {
    match format {
        LogFormat::Auto if stderr.journal => Output::Journald,
        LogFormat::Auto if !stderr.terminal => Output::Json,
        LogFormat::Auto | LogFormat::Text => Output::Text { colours: stderr.colours },
        LogFormat::Json => Output::Json,
        LogFormat::Journald => Output::Journald,
    }
}

impl Stderr {
    fn look() -> Self {
        let terminal = io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let journal = std::env::var("JOURNAL_STREAM")
            .is_ok_and(|stream| identity().is_ok_and(|(device, inode)| names(&stream, device, inode)));
        Self { journal, terminal, colours: terminal && !plain }
    }
}

/// Device and inode of standard error.
fn identity() -> io::Result<(u64, u64)> {
    let file = std::fs::File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether `JOURNAL_STREAM`, as systemd sets it, names this file: a program that was started by a service inherits
/// the variable, but may have its standard error elsewhere.
fn names(stream: &str, device: u64, inode: u64) -> bool {
    stream.split_once(':').is_some_and(|(d, i)| d.parse() == Ok(device) && i.parse() == Ok(inode))
}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

fn text(colours: bool, writer: NonBlocking) -> Boxed {
    fmt::layer().with_writer(writer).with_ansi(colours).boxed()
}

fn json(writer: NonBlocking) -> Boxed {
    fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer).boxed()
}
