//! The payload's base64: what publishers really send is accepted, everything else refused whole.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Data that is no base64. The service does not check what publishers send and hands it on unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data is no base64")]
pub struct NotBase64;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Appends the decoded bytes; on an error `out` is as it was. The common case, without white space, takes no
/// copy.
pub(super) fn decode(text: &str, out: &mut Vec<u8>) -> Result<(), NotBase64> {
    let length = out.len();
    if BASE64.decode_vec(text, out).is_ok() {
        return Ok(());
    }
    out.truncate(length);
    if !text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Err(NotBase64);
    }
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode_vec(text, out).map_err(|_| {
        out.truncate(length);
        NotBase64
    })
}

/// Appends the base64 of a payload.
pub(super) fn encode(payload: &[u8], out: &mut String) {
    BASE64.encode_string(payload, out);
}

/// How long the base64 of a payload is.
pub(super) fn encoded_bytes(payload: usize) -> usize {
    payload.div_ceil(3).saturating_mul(4)
}
