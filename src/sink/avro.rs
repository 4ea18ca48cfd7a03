//! Avro: payloads that are datums of one schema, in object container files. Each is held against the schema, then its very
//! bytes are put into blocks.

#[cfg(test)]
pub(super) mod arbitrary;
mod container;
mod datum;
mod header;
mod long;
mod packer;
#[cfg(test)]
mod tests;

use crate::client::Message;
use crate::config::AvroSchema;

use super::jsonl::Unfit;
pub(super) use container::Container;

/// Appends the payload of `message`, which must be a datum of `schema`; on an error `out` is as it was.
pub(super) fn encode(schema: &AvroSchema, message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let unfit = |_| Unfit("its data is not base64, so format avro cannot write it".into());
    let start = out.len();
    message.decode_data(out).map_err(unfit)?;
    datum::check(schema, &out[start..]).map_err(|misfit| {
        out.truncate(start);
        Unfit(format!("its data does not fit schema_file: {misfit}").into())
    })
}
