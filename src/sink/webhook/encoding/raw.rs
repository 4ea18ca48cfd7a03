//! Format `raw`: the payload is the body, and what else is known of the message stands in headers.
//!
//! A publisher names its attributes as it likes, so each has a prefix before it: none becomes a header that means
//! something to the receiver.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Content, Unfit, payload};
use crate::sink::Slice;

const PREFIX: &str = "x-ams-attribute-";

/// What no value of a header may hold, and what is put in its place begins with: as for CloudEvents.
const NOT_IN_VALUES: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// All but what the name of a header may hold. The underscore is written as a hyphen: many servers drop headers with it.
const NOT_IN_NAMES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'*')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

#[derive(Debug)]
pub(super) struct Raw {
    subscription: String,
    content_type: String,
}

impl Raw {
    pub(super) fn new(subscription: &str, content_type: &str) -> Self {
        Self { subscription: subscription.to_owned(), content_type: content_type.to_owned() }
    }

    /// The first message.
    pub(super) fn content(&self, slice: &Slice) -> Result<Content, Unfit> {
        let Some(message) = slice.first() else { return Err(Unfit::first("there is no message")) };
        let body = payload(&message).map_err(Unfit::first)?;
        let mut content = Content::new(body, &self.content_type, 1);
        let headers = &mut content.headers;
        add(headers, "x-ams-message-id", &message.id().to_string())?;
        add(headers, "x-ams-publish-time", message.publish_time())?;
        add(headers, "x-ams-subscription", &self.subscription)?;
        for (name, value) in message.attributes() {
            let name = utf8_percent_encode(&name.replace('_', "-"), NOT_IN_NAMES).to_string();
            add(headers, &format!("{PREFIX}{name}"), value)?;
        }
        Ok(content)
    }
}

/// Adds a header, its value percent-encoded where it must be.
pub(super) fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Unfit> {
    let unfit = || Unfit::first("it has an attribute that no header can hold");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
    let value = utf8_percent_encode(value, NOT_IN_VALUES).to_string();
    let value = HeaderValue::from_str(&value).map_err(|_| unfit())?;
    match headers.try_append(name, value) {
        Ok(_) => Ok(()),
        Err(_) => Err(Unfit::first("it has more attributes than a request has headers")),
    }
}
