//! How a message becomes a line: JSON with everything known about it, or the raw payload.

use std::borrow::Cow;
use std::sync::Arc;

use super::avro;
use crate::client::{JsonLines, Message};
use crate::config::{AvroSchema, FileFormat, Format};

/// Turns messages of one subscription into lines, reusing its buffers.
pub(crate) enum Encoder {
    Jsonl(JsonLines),
    Raw,
    /// Not a line, but a datum without any end.
    Avro(Arc<AvroSchema>),
}

/// Why a message cannot be written in this format.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) Cow<'static, str>);

impl Encoder {
    /// `subscription` is the full name, `projects/P/subscriptions/S`.
    pub(crate) fn new(format: Format, subscription: &str) -> Self {
        match format {
            Format::Jsonl => Self::Jsonl(JsonLines::new(subscription)),
            Format::Raw => Self::Raw,
        }
    }

    /// The same, for files.
    pub(crate) fn of_file(format: &FileFormat, subscription: &str) -> Self {
        match format {
            FileFormat::Lines(format) => Self::new(*format, subscription),
            FileFormat::Avro(avro) => Self::Avro(Arc::clone(&avro.schema)),
        }
    }

    /// Appends the line of `message` to `out`; on an error `out` is as it was.
    pub(crate) fn encode(&mut self, message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match self {
            Self::Jsonl(lines) => lines.push(message, out),
            Self::Raw => {
                let unfit = |_| Unfit("its data is not base64, so format raw cannot write it".into());
                message.decode_data(out).map_err(unfit)?;
                out.push(b'\n');
            }
            Self::Avro(schema) => avro::encode(schema, message, out)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::batch;

    #[test]
    fn format_raw_writes_payloads_and_refuses_what_is_no_base64() {
        let raw = |data: &str| {
            let batch = batch(&format!(r#"{{"messageId":"7","data":"{data}"}}"#));
            let mut out = Vec::new();
            Encoder::new(Format::Raw, "").encode(&batch.get(0).unwrap(), &mut out).map(|()| out)
        };
        assert_eq!(raw("b25l"), Ok(b"one\n".to_vec()));
        assert!(raw("not base64 !!").is_err());
    }
}
