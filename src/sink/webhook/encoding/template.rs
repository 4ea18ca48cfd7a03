//! Format `template`: what the operator's template makes of the messages.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;
use serde::de::IgnoredAny;

use super::{Content, LARGEST_BODY, Unfit};
use crate::client::Message;
use crate::config::{Template, is_json};
use crate::sink::{Slice, Source};

#[derive(Debug)]
pub(super) struct Rendering {
    template: Template,
    content_type: String,
    project: String,
    subscription: String,
}

/// What a template knows.
#[derive(Serialize)]
struct Context<'a> {
    project: &'a str,
    subscription: &'a str,
    messages: Vec<&'a Known<'a>>,
    /// Where there is just one.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a Known<'a>>,
}

/// What a template knows of a message. What is missing is undefined in the template, and using it an error.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Known<'a> {
    message_id: String,
    publish_time: &'a str,
    attributes: BTreeMap<&'a str, &'a str>,
    /// The payload where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    /// As it was published.
    #[serde(rename = "data_base64")]
    data_base64: &'a str,
    /// The payload where it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<serde_json::Value>,
}

impl Rendering {
    pub(super) fn new(source: &Source, template: Template, content_type: &str) -> Self {
        Self {
            template,
            content_type: content_type.to_owned(),
            project: source.project.to_string(),
            subscription: source.subscription.to_string(),
        }
    }

    pub(super) fn content(&self, slice: &Slice, wanted: usize) -> Result<Content, Unfit> {
        let mut bytes = 0;
        let fits = |message: &Message<'_>| {
            let first = bytes == 0;
            bytes += message.data_text().len().max(1);
            first || bytes <= LARGEST_BODY
        };
        let known: Vec<_> = slice.messages().take(wanted).take_while(fits).map(Known::new).collect();
        let context = Context {
            project: &self.project,
            subscription: &self.subscription,
            messages: known.iter().collect(),
            message: known.first().filter(|_| wanted == 1),
        };
        let unfit = |reason: String| Unfit { messages: known.len(), reason: reason.into() };
        let body = self.template.render(Value::from(Serde(&context))).map_err(unfit)?;
        if is_json(&self.content_type)
            && let Err(error) = serde_json::from_str::<IgnoredAny>(&body)
        {
            let (line, column) = (error.line(), error.column());
            return Err(unfit(format!("the template makes no JSON: see line {line}, column {column} of it")));
        }
        Ok(Content::new(body.into_bytes(), &self.content_type, known.len()))
    }
}

impl<'a> Known<'a> {
    fn new(message: Message<'a>) -> Self {
        let mut payload = Vec::new();
        let decoded = message.decode_data(&mut payload).is_ok();
        let data = String::from_utf8(payload).ok().filter(|_| decoded);
        let json = data.as_deref().and_then(|text| serde_json::from_str(text).ok());
        Self {
            message_id: message.id().to_string(),
            publish_time: message.publish_time(),
            attributes: message.attributes().collect(),
            data,
            data_base64: message.data_text(),
            json,
        }
    }
}
