//! Messages as they are published, and how the body of a publish is read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::attributes::{self, Attributes, Poison};
use super::json;

/// One message of a publish. Its id and publish time are the service's, whatever the client sent.
#[derive(Debug, Default)]
pub(crate) struct NewMessage<'a> {
    attributes: Attributes,
    /// As it came: the service does not look whether it is base64.
    data: Cow<'a, str>,
}

/// A message that is ready to be appended: all but its id and time is written.
#[derive(Clone, Debug)]
pub(crate) enum Prepared<'a> {
    /// A good record: the attribute object as a pull shows it, and the escaped data.
    Good { attributes: Vec<u8>, data: Cow<'a, [u8]>, data_bytes: u64 },
    /// A record that takes its place in the log and makes pulls fail.
    Poisoned { poison: Poison, data_bytes: u64 },
}

impl Prepared<'_> {
    /// The length of the data as it was sent: what the metrics count.
    pub(crate) fn data_bytes(&self) -> u64 {
        match self {
            Self::Good { data_bytes, .. } | Self::Poisoned { data_bytes, .. } => *data_bytes,
        }
    }
}

impl NewMessage<'_> {
    pub(crate) fn data(&self) -> &str {
        &self.data
    }

    /// Does, outside of any lock, what depends on the message alone.
    pub(crate) fn prepare(&self) -> Prepared<'_> {
        let data_bytes = self.data_bytes();
        match attributes::render(&self.attributes) {
            Ok(attributes) => Prepared::Good { attributes, data: json::escaped(&self.data), data_bytes },
            Err(poison) => Prepared::Poisoned { poison, data_bytes },
        }
    }

    /// The length of the data as it was sent.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data.len() as u64
    }
}

/// Reads the body of a publish; `None` if the service would refuse it.
pub(crate) fn parse_publish(text: &str) -> Option<Vec<NewMessage<'_>>> {
    let request = serde_json::from_str::<Option<PublishRequest<'_>>>(text).ok()?;
    let messages = request.unwrap_or_default().messages;
    Some(messages.into_iter().map(Option::unwrap_or_default).collect())
}

#[derive(Default)]
struct PublishRequest<'a> {
    messages: Vec<Option<NewMessage<'a>>>,
}

impl<'de> Deserialize<'de> for PublishRequest<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = PublishRequest<'de>;

            fn expecting(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
                form.write_str("an object with messages")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut request = PublishRequest::default();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    if key.0.eq_ignore_ascii_case("messages") {
                        if let Some(messages) = map.next_value()? {
                            request.messages = messages;
                        }
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(request)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for NewMessage<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = NewMessage<'de>;

            fn expecting(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
                form.write_str("a message")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                type Given = std::collections::BTreeMap<String, Option<String>>;
                let mut message = NewMessage::default();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    let key = &*key.0;
                    if key.eq_ignore_ascii_case("data") {
                        if let Some(data) = map.next_value::<Option<Text<'de>>>()? {
                            message.data = data.0;
                        }
                    } else if key.eq_ignore_ascii_case("attributes") {
                        if let Some(given) = map.next_value::<Option<Given>>()? {
                            let given =
                                given.into_iter().map(|(key, value)| (key, value.unwrap_or_default()));
                            message.attributes.extend(given);
                        }
                    } else if key.eq_ignore_ascii_case("messageId") || key.eq_ignore_ascii_case("publishTime")
                    {
                        map.next_value::<Option<Text<'de>>>()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(message)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A string, borrowed from the body where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
                form.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_read_as_leniently_as_the_service_does() {
        for (body, count) in [
            ("null", 0),
            ("{}", 0),
            (r#"{"messages":null}"#, 0),
            (r#"{"Messages":[{},null,{"data":null,"attributes":null,"other":[1]}]}"#, 3),
            (r#"{"messages":[{"messageId":"7","publishTime":"never"}],"x":{"y":1}}"#, 1),
        ] {
            assert_eq!(parse_publish(body).map(|messages| messages.len()), Some(count), "{body}");
        }
    }

    #[test]
    fn values_of_a_wrong_type_are_refused() {
        for body in [
            "",
            "{",
            "[]",
            r#"{"messages":{}}"#,
            r#"{"messages":[5]}"#,
            r#"{"messages":[{"data":5}]}"#,
            r#"{"messages":[{"messageId":5}]}"#,
            r#"{"messages":[{"publishTime":true}]}"#,
            r#"{"messages":[{"attributes":""}]}"#,
            r#"{"messages":[{"attributes":{"n":5}}]}"#,
            "{\"messages\":[]} x",
        ] {
            assert!(parse_publish(body).is_none(), "{body}");
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts() {
        let messages = parse_publish(r#"{"messages":[{"data":"a","DATA":"b"}]}"#).unwrap();
        assert_eq!(messages[0].data, "b");
    }
}
