//! What concerns the daemon as a whole: `[log]`, `[admin]`, `[shutdown]`, `[limits]`.

use std::{net::SocketAddr, time::Duration};

use tracing_subscriber::EnvFilter;

use super::{
    InvalidValue, address,
    schema::nearest,
    section::{Section, Words},
    subscription::MIN_BATCH_BYTES,
};

const GRACE: Duration = Duration::from_secs(25);
const IN_FLIGHT_BYTES: usize = 256 << 20;
const DEAD_LETTER_BYTES: usize = 256 << 20;
const MIN_DEAD_LETTER_BYTES: usize = 64 << 10;
const LONGEST_REPORT: Duration = Duration::from_hours(366 * 24);
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const LEVEL_HINT: &str =
    "off, error, warn, info, debug or trace, or a filter such as \"info,ams_forwarder::pipeline=debug\"";

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// A level, or a filter as `tracing-subscriber` reads it.
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
    /// How often the report that SIGUSR1 asks for is logged by itself.
    pub report_every: Option<Duration>,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Journald under systemd, text on a terminal, JSON otherwise.
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
    /// Straight to journald.
    Journald,
}

/// Metrics, health and status over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens; port 0 picks one.
    pub listen: SocketAddr,
}

static FORMATS: Words<LogFormat> = Words {
    now: &[
        ("auto", LogFormat::Auto),
        ("text", LogFormat::Text),
        ("json", LogFormat::Json),
        ("journald", LogFormat::Journald),
    ],
    later: &[],
};

pub(super) fn log(mut section: Section<'_>) -> LogConfig {
    let level = section.parsed("level", parse_level).unwrap_or_else(|| "info".to_owned());
    let format = section.word("format", &FORMATS).unwrap_or(LogFormat::Auto);
    let bounds = Duration::from_secs(1)..=LONGEST_REPORT;
    let report_every =
        section.has("report_every").then(|| section.duration("report_every", bounds, LONGEST_REPORT));
    section.finish();
    LogConfig { level, format, report_every }
}

pub(super) fn admin(mut section: Section<'_>) -> AdminConfig {
    let listen = section.parsed("listen", address).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9464)));
    section.finish();
    AdminConfig { listen }
}

pub(super) fn grace(mut section: Section<'_>) -> Duration {
    let bounds = Duration::from_secs(1)..=Duration::from_hours(1);
    let grace = section.duration("grace", bounds, GRACE);
    section.finish();
    grace
}

/// `in_flight_bytes` and `dead_letter_bytes`.
pub(super) fn limits(mut section: Section<'_>) -> (usize, usize) {
    let in_flight = section.size("in_flight_bytes", MIN_BATCH_BYTES);
    // A wrong value is a problem already; it must not make others of the batches that are held against it.
    let default = if section.has("in_flight_bytes") { usize::MAX } else { IN_FLIGHT_BYTES };
    let dead_letters = section.size("dead_letter_bytes", MIN_DEAD_LETTER_BYTES);
    section.finish();
    (in_flight.unwrap_or(default), dead_letters.unwrap_or(DEAD_LETTER_BYTES))
}

/// A level or filter for [`LogConfig::level`], checked.
///
/// A filter alone would take a mistyped level for the name of a module, and then log nothing.
pub fn parse_level(text: &str) -> Result<String, InvalidValue> {
    let wrong = |hint: String| InvalidValue::new("is not a level or filter", hint);
    for directive in text.split(',').map(str::trim) {
        let plain = !directive.contains(['=', '[']);
        if plain && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(directive)) {
            return Err(wrong(match nearest(directive, &LEVELS) {
                Some(level) => format!("did you mean \"{level}\"?"),
                None => LEVEL_HINT.to_owned(),
            }));
        }
    }
    EnvFilter::builder().parse(text).map_err(|_| wrong(LEVEL_HINT.to_owned()))?;
    Ok(text.to_owned())
}
