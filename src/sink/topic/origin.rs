//! Attributes that say where a message came from.

use std::borrow::Cow;

use crate::client::{Message, RawMessage, Unpublishable};
use crate::sink::Source;

/// The attributes, in the order in which they are added. See [`crate::config::SinkKind::Topic`].
const NAMES: [&str; 4] =
    ["ams_origin_project", "ams_origin_subscription", "ams_origin_message_id", "ams_origin_publish_time"];

/// The subscription that messages come from.
#[derive(Debug)]
pub(super) struct Origin {
    project: String,
    subscription: String,
}

/// What `message` is published as.
pub(super) fn record<'a>(
    origin: Option<&'a Origin>,
    message: Message<'a>,
) -> Result<RawMessage<'a>, Unpublishable> {
    match origin {
        Some(origin) => origin.mark(message),
        None => RawMessage::new(message),
    }
}

impl Origin {
    pub(super) fn new(source: &Source) -> Self {
        Self { project: source.project.to_string(), subscription: source.subscription.to_string() }
    }

    /// One that names an origin already came through another forwarder, and keeps it:
    /// the first one is where it came from.
    fn mark<'a>(&'a self, message: Message<'a>) -> Result<RawMessage<'a>, Unpublishable> {
        if message.attributes().any(|(key, _)| NAMES.contains(&key)) {
            return RawMessage::new(message);
        }
        let [project, subscription, message_id, publish_time] = NAMES;
        RawMessage::with_attributes(
            message,
            vec![
                (project, Cow::Borrowed(&self.project)),
                (subscription, Cow::Borrowed(&self.subscription)),
                (message_id, Cow::Owned(message.id().to_string())),
                (publish_time, Cow::Borrowed(message.publish_time())),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::{slice_of, source};

    #[test]
    fn a_message_gets_its_origin_and_keeps_an_older_one() {
        let origin = Origin::new(&source());
        for (attributes, expected) in [
            (
                "{}",
                r#"{"ams_origin_project":"P","ams_origin_subscription":"S","ams_origin_message_id":"7","ams_origin_publish_time":"T"}"#,
            ),
            (r#"{"ams_origin_project":"far away","k":"v"}"#, r#"{"ams_origin_project":"far away","k":"v"}"#),
        ] {
            let message =
                format!(r#"{{"messageId":"7","data":"","publishTime":"T","attributes":{attributes}}}"#);
            let slice = slice_of(&message, 0);
            let marked = record(Some(&origin), slice.first().unwrap()).unwrap();
            let shown: Vec<_> =
                marked.attributes().map(|(key, value)| format!("{key:?}:{value:?}")).collect();
            assert_eq!(format!("{{{}}}", shown.join(",")), expected);
        }
    }
}
