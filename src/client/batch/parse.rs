//! From the body of an answer to spans, in one pass.
//!
//! `serde_json` hands a string without escapes out as a slice of its input, from which the span follows; one
//! with escapes comes as a temporary and is copied behind the others. Nothing here builds a value per
//! message.

use super::{Batch, Entry, NotABatch, Span};
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::fmt;

/// The largest answer that can be read. Spans are 32 bits, and the second buffer is never longer than the
/// first.
pub(in crate::client) const LARGEST_BODY: usize = (u32::MAX / 2) as usize;

pub(super) fn parse(body: Vec<u8>) -> Result<Batch, NotABatch> {
    if body.len() > LARGEST_BODY {
        return Err(NotABatch(format!("larger than {LARGEST_BODY} bytes")));
    }
    let body = String::from_utf8(body)
        .map_err(|error| NotABatch(format!("no UTF-8 at byte {}", error.utf8_error().valid_up_to())))?;
    let mut found = Found { body: body.as_bytes(), ..Found::default() };
    let mut json = serde_json::Deserializer::from_str(&body);
    let outcome = Answer(&mut found).deserialize(&mut json).and_then(|()| json.end());
    if let Err(error) = outcome {
        return Err(NotABatch(place(&error)));
    }
    let Found { unescaped, entries, attributes, .. } = found;
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].id >= pair[1].id) {
        return Err(NotABatch(format!("message {} comes after {}", pair[1].id, pair[0].id)));
    }
    Ok(Batch { body, unescaped, entries, attributes })
}

/// Where a parse failed. The error's own text may quote what stands there, which can be a payload.
pub(in crate::client) fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "JSON that ends too early",
        serde_json::error::Category::Data => "JSON of another form",
        _ => "no JSON",
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

#[derive(Default)]
struct Found<'b> {
    body: &'b [u8],
    unescaped: String,
    entries: Vec<Entry>,
    attributes: Vec<(Span, Span)>,
}

fn narrow<E: Error>(number: usize) -> Result<u32, E> {
    u32::try_from(number).map_err(|_| E::custom("too many"))
}

/// One kind of JSON value, to be read into a [`Found`].
macro_rules! seed {
    ($name:ident -> $value:ty, $method:ident, $expecting:literal, { $($body:tt)* }) => {
        struct $name<'a, 'b>(&'a mut Found<'b>);

        impl<'de> DeserializeSeed<'de> for $name<'_, '_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<$value, D::Error> {
                json.$method(self)
            }
        }

        impl<'de> Visitor<'de> for $name<'_, '_> {
            type Value = $value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expecting)
            }

            $($body)*
        }
    };
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum AnswerField {
    ReceivedMessages,
    #[serde(other)]
    Other,
}

seed!(Answer -> (), deserialize_map, "an answer to a pull", {
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(field) = map.next_key()? {
            match field {
                AnswerField::ReceivedMessages => {
                    map.next_value_seed(List(self.0))?;
                    seen = true;
                }
                AnswerField::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if seen { Ok(()) } else { Err(A::Error::missing_field("receivedMessages")) }
    }
});

// `null` is how a Go program may write an empty list.
seed!(List -> (), deserialize_any, "a list of messages", {
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Received(self.0))?.is_some() {}
        Ok(())
    }
});

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ReceivedField {
    Message,
    #[serde(other)]
    Other,
}

seed!(Received -> (), deserialize_map, "a received message", {
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut message = None;
        while let Some(field) = map.next_key()? {
            match field {
                ReceivedField::Message => message = Some(map.next_value_seed(Content(self.0))?),
                ReceivedField::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        self.0.entries.push(message.ok_or_else(|| A::Error::missing_field("message"))?);
        Ok(())
    }
});

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ContentField {
    MessageId,
    Attributes,
    Data,
    PublishTime,
    #[serde(other)]
    Other,
}

seed!(Content -> Entry, deserialize_map, "a message", {
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut entry = Entry::default();
        let mut id = None;
        while let Some(field) = map.next_key()? {
            match field {
                ContentField::MessageId => id = Some(map.next_value_seed(Id)?),
                ContentField::Data => entry.data = map.next_value_seed(Text(self.0))?,
                ContentField::PublishTime => entry.publish_time = map.next_value_seed(Text(self.0))?,
                ContentField::Attributes => {
                    entry.first_attribute = narrow(self.0.attributes.len())?;
                    map.next_value_seed(AttributeMap(self.0))?;
                    entry.end_of_attributes = narrow(self.0.attributes.len())?;
                }
                ContentField::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        entry.id = id.ok_or_else(|| A::Error::missing_field("messageId"))?;
        Ok(entry)
    }
});

seed!(AttributeMap -> (), deserialize_any, "attributes", {
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Text(self.0))? {
            let value = map.next_value_seed(Text(self.0))?;
            self.0.attributes.push((key, value));
        }
        Ok(())
    }
});

seed!(Text -> Span, deserialize_any, "a string", {
    fn visit_unit<E>(self) -> Result<Span, E> {
        Ok(Span::default())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Span, E> {
        let start = text.as_ptr().addr() - self.0.body.as_ptr().addr();
        Ok(Span { start: narrow(start)?, len: narrow(text.len())? })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        let start = self.0.body.len() + self.0.unescaped.len();
        self.0.unescaped.push_str(text);
        Ok(Span { start: narrow(start)?, len: narrow(text.len())? })
    }
});

/// A message id: a decimal string.
struct Id;

impl<'de> DeserializeSeed<'de> for Id {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<u64, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Id {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map_err(|_| E::custom("no message id"))
    }
}
