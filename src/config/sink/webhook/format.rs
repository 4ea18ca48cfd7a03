//! What the requests of a webhook hold: `format`, and the keys that belong to some formats alone.

use reqwest::header::HeaderValue;

use super::template::Template;
use crate::config::{
    InvalidValue,
    section::{Section, Words},
};

const CONTENT_TYPE_HINT: &str = "a media type such as \"text/plain; charset=utf-8\"";
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// What a request holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookFormat {
    /// What the push service of AMS sends.
    Ams,
    /// Events after CloudEvents 1.0.
    CloudEvents {
        /// How they are put into a request.
        mode: CloudEventsMode,
        /// The media type of payloads that do not name theirs.
        content_type: Option<String>,
    },
    /// The payload of one message.
    Raw {
        /// Its media type.
        content_type: String,
    },
    /// What a template makes of the messages.
    Template {
        /// The template.
        template: Template,
        /// The media type of what it makes.
        content_type: String,
    },
}

/// How events are put into a request: the content modes of the HTTP binding of CloudEvents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudEventsMode {
    /// One event, as JSON.
    Structured,
    /// A list of such events.
    Batched,
    /// One event: its attributes are headers, and the payload is the body.
    Binary,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Ams,
    CloudEvents,
    Raw,
    Template,
}

static FORMATS: Words<Kind> = Words {
    now: &[
        ("ams", Kind::Ams),
        ("cloudevents", Kind::CloudEvents),
        ("raw", Kind::Raw),
        ("template", Kind::Template),
    ],
    later: &[],
};
static MODES: Words<CloudEventsMode> = Words {
    now: &[
        ("structured", CloudEventsMode::Structured),
        ("batched", CloudEventsMode::Batched),
        ("binary", CloudEventsMode::Binary),
    ],
    later: &[],
};

/// The keys that some formats have and others do not.
static KEYS: [(&str, &[&str], &[Kind]); 4] = [
    ("mode", &["cloudevents"], &[Kind::CloudEvents]),
    ("content_type", &["cloudevents", "raw", "template"], &[Kind::CloudEvents, Kind::Raw, Kind::Template]),
    ("template", &["template"], &[Kind::Template]),
    ("template_file", &["template"], &[Kind::Template]),
];

/// Reads the format of requests with at most `batch` messages.
pub(super) fn read(section: &mut Section<'_>, batch: u32) -> Option<WebhookFormat> {
    let kind = if section.has("format") { section.word("format", &FORMATS)? } else { Kind::Ams };
    for (key, words, _) in KEYS.iter().filter(|(_, _, kinds)| !kinds.contains(&kind)) {
        if section.has(key) {
            let formats: Vec<_> = words.iter().map(|word| format!("format = \"{word}\"")).collect();
            section.problem(key, format!("belongs to {}", formats.join(" or ")), format!("no {key}"));
            section.pass_over(key);
        }
    }
    let mode = match kind {
        Kind::CloudEvents => section.word("mode", &MODES).unwrap_or(CloudEventsMode::Structured),
        _ => CloudEventsMode::Structured,
    };
    let content_type = match kind {
        Kind::Ams => None,
        _ => section.parsed("content_type", parse_content_type),
    };
    let one_each = match kind {
        Kind::Ams | Kind::Template => false,
        Kind::CloudEvents => mode != CloudEventsMode::Batched,
        Kind::Raw => true,
    };
    if one_each && batch > 1 {
        let (what, hint) = match kind {
            Kind::CloudEvents => ("of one event each", "mode = \"batched\", or no batch"),
            _ => ("of one message each", "no batch"),
        };
        section.problem("batch", format!("{batch} is for another format: these requests are {what}"), hint);
    }
    match kind {
        Kind::Ams => Some(WebhookFormat::Ams),
        Kind::CloudEvents => Some(WebhookFormat::CloudEvents { mode, content_type }),
        Kind::Raw => {
            Some(WebhookFormat::Raw { content_type: content_type.unwrap_or_else(|| BYTES.to_owned()) })
        }
        Kind::Template => {
            let content_type = content_type.unwrap_or_else(|| JSON.to_owned());
            let template = read_template(section, is_json(&content_type), batch)?;
            Some(WebhookFormat::Template { template, content_type })
        }
    }
}

fn read_template(section: &mut Section<'_>, json: bool, batch: u32) -> Option<Template> {
    let compile = |text: &str| Template::compile(text, json, batch > 1);
    // Not shown: it may have variables of the environment in it.
    let inline = section.secret("template", compile);
    let file = section.parsed("template_file", |path| {
        let text = std::fs::read_to_string(path).map_err(|error| {
            InvalidValue::new(format!("cannot be read: {error}"), "a file with a template")
        })?;
        compile(&text)
    });
    match (section.has("template"), section.has("template_file")) {
        (true, true) => section.problem("template_file", "stands beside template", "one of the two"),
        (false, false) => {
            section.missing("template", "template = '{\"text\": {{ message.data }}}', or template_file")
        }
        _ => {}
    }
    inline.or(file)
}

fn parse_content_type(text: &str) -> Result<String, InvalidValue> {
    if !is_media_type(text) {
        return Err(InvalidValue::new("is no media type", CONTENT_TYPE_HINT));
    }
    Ok(text.to_owned())
}

/// Whether this can stand in the header `Content-Type`.
pub(crate) fn is_media_type(text: &str) -> bool {
    let (kind, rest) = text.split_once('/').unwrap_or_default();
    let token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && b != b',');
    token(kind)
        && token(rest.split([';', ' ']).next().unwrap_or_default())
        && text.is_ascii()
        && HeaderValue::from_str(text).is_ok()
}

/// Whether that is the media type of JSON.
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), JSON | "text/json") || essence.ends_with("+json")
}
