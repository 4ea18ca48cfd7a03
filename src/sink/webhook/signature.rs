//! Signatures after Standard Webhooks: whoever knows the secret can tell that a request is ours, whole, and new.
//!
//! Signed are the id, the time of the attempt and the body as it is sent, compressed if it is. With several secrets there is
//! a signature of each, so that the receiver may know the old or the new one.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue};
use ring::hmac;

use crate::config::SigningSecret;

/// Adds the headers of a request with this id and body, sent now, unless there is nothing to sign with.
pub(super) fn sign(
    secrets: &[SigningSecret],
    id: &str,
    body: &[u8],
    now: SystemTime,
    headers: &mut HeaderMap,
) {
    if secrets.is_empty() {
        return;
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let signatures: Vec<_> = secrets.iter().map(|secret| signature(secret, id, &now, body)).collect();
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", &now), ("webhook-signature", &signatures.join(" "))]
    {
        // All of them are visible ASCII.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}

fn signature(secret: &SigningSecret, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.key()));
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        signing.update(part);
    }
    format!("v1,{}", STANDARD.encode(signing.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SinkKind, sink_for_test};
    use std::time::Duration;

    fn secrets(list: &str) -> Vec<SigningSecret> {
        let keys = format!("type = \"webhook\"\nurl = \"https://h\"\nsigning_secrets = {list}");
        let SinkKind::Webhook(webhook) = sink_for_test(&keys).kind else { panic!("{keys}") };
        webhook.signing_secrets
    }

    /// The vector that the libraries of Standard Webhooks are tested with.
    #[test]
    fn the_known_example_has_its_signature_and_each_secret_signs() {
        let known = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let at = UNIX_EPOCH + Duration::from_millis(1_614_265_330_900);
        let signed = |list: &str| {
            let mut headers = HeaderMap::new();
            sign(
                &secrets(list),
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                br#"{"test": 2432232314}"#,
                at,
                &mut headers,
            );
            headers
        };
        let one = signed(&format!("[{known:?}]"));
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(one["webhook-signature"], expected);
        assert_eq!(
            (&one["webhook-id"], &one["webhook-timestamp"]),
            (
                &HeaderValue::from_static("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                &HeaderValue::from_static("1614265330")
            )
        );
        let two = signed(&format!("[{other:?}, {known:?}]"));
        let (first, second) = two["webhook-signature"].to_str().unwrap().split_once(' ').unwrap();
        assert!(first.starts_with("v1,") && first != second && second == expected, "{two:?}");
        let mut none = HeaderMap::new();
        sign(&[], "id", b"", at, &mut none);
        assert!(none.is_empty());
    }
}
