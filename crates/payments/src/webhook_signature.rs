//! Signatures by the Standard Webhooks specification: HMAC-SHA256 over `id.timestamp.body`, under secrets that are
//! written `whsec_<base64>`.

use crate::secret::Secret;
use crate::timestamp::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret's text begins with.
const PREFIX: &str = "whsec_";

/// The text is no secret. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected whsec_ and base64")]
pub struct InvalidSecret;

/// A new secret of 256 random bits, as its merchant writes it.
pub fn new_secret(bits: [[u8; 16]; 2]) -> Secret {
    let bits = Zeroizing::new(bits);
    Secret::new(format!("{PREFIX}{}", BASE64.encode(bits.as_flattened())))
}

/// The headers of one attempt, in the specification's names.
pub fn headers(
    event_id: &str,
    now: Timestamp,
    body: &str,
    secrets: &[Secret],
) -> Result<[(&'static str, String); 3], InvalidSecret> {
    let timestamp = now.as_seconds().to_string();
    let signed = secrets.iter().map(|secret| sign(secret, event_id, &timestamp, body));
    let signatures = signed.collect::<Result<Vec<String>, InvalidSecret>>()?.join(" ");
    Ok([("webhook-id", event_id.to_owned()), ("webhook-timestamp", timestamp), ("webhook-signature", signatures)])
}

/// `v1,<base64>`.
pub fn sign(secret: &Secret, event_id: &str, timestamp: &str, body: &str) -> Result<String, InvalidSecret> {
    let key = secret.expose().strip_prefix(PREFIX).ok_or(InvalidSecret)?;
    let key = Zeroizing::new(BASE64.decode(key).map_err(|_| InvalidSecret)?);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| InvalidSecret)?;
    for part in [event_id, ".", timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    Ok(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the specification's libraries share.
    #[test]
    fn the_specifications_example_is_signed_as_it_says() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signed.as_deref(), Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn two_secrets_make_two_signatures_and_each_part_counts() {
        let [one, two] = [[1; 16], [2; 16]].map(|bits| new_secret([bits, bits]));
        let now = Timestamp::from_millis(1_700_000_000_999);
        let [id, timestamp, signature] = headers("pay_1:2", now, "{}", &[one.clone(), two.clone()]).expect("headers");
        assert_eq!((id.1.as_str(), timestamp.1.as_str()), ("pay_1:2", "1700000000"));
        let both = [&one, &two].map(|secret| sign(secret, "pay_1:2", "1700000000", "{}").expect("signed"));
        assert_eq!(signature.1, both.join(" "));
        for (id, timestamp, body) in
            [("pay_1:3", "1700000000", "{}"), ("pay_1:2", "1", "{}"), ("pay_1:2", "1700000000", "")]
        {
            assert_ne!(sign(&one, id, timestamp, body).expect("signed"), both[0]);
        }
    }

    #[test]
    fn a_secret_that_is_none_signs_nothing() {
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_???"] {
            assert_eq!(sign(&Secret::new(text.to_owned()), "a", "1", ""), Err(InvalidSecret));
        }
    }
}
