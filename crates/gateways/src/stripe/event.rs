//! What Stripe tells us by itself: <https://docs.stripe.com/webhooks>. An event is signed, and even so nothing that it says is
//! taken for true: it only names the order of ours that it is about, so that Stripe can be asked.

use super::wire::KEY_FIELD;
use hmac::{Hmac, KeyInit, Mac};
use payments::id::PaymentId;
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use serde::Deserialize;
use sha2::Sha256;
use std::collections::BTreeMap;

/// The longest event that is read: several times the longest that Stripe has shown.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// How far the signature's clock may be from ours, either way, as Stripe's own libraries have it.
const TOLERANCE_SECONDS: i64 = 300;
/// The most signatures that are looked at: one for each secret while the endpoint's secret is rotated.
const MAX_SIGNATURES: usize = 8;
/// What a PaymentIntent is while it waits for its cardholder or for us: nothing to ask about.
const NO_NEWS: [&str; 2] = ["requires_action", "requires_confirmation"];

/// Why an event is not taken. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// No signature, or one that cannot be read.
    #[error("expected Stripe-Signature with t and v1")]
    Unsigned,
    /// The signature is too old, or from the future.
    #[error("expected a signature of the last {TOLERANCE_SECONDS} seconds")]
    OutOfTime,
    /// None of the signatures is by a secret of ours.
    #[error("expected a signature by this endpoint's secret")]
    Forged,
    /// Signed, and no event.
    #[error("expected an event of Stripe's")]
    NoEvent,
}

/// The payment that an event of Stripe's is about; `None` if there is nothing to ask about. `header` is its `Stripe-Signature`,
/// `secrets` those of the endpoint: more than one while they are rotated.
pub fn hear(header: &str, body: &[u8], secrets: &[Secret], now: Timestamp) -> Result<Option<PaymentId>, NotHeard> {
    verify(header, body, secrets, now)?;
    let event: Event = serde_json::from_slice(body).map_err(|_| NotHeard::NoEvent)?;
    let Subject { status, metadata } = event.data.object;
    let no_news = status.is_some_and(|status| NO_NEWS.contains(&status.as_str()));
    let key = metadata.and_then(|mut metadata| metadata.remove(KEY_FIELD)).filter(|_| !no_news);
    // The key of an order is `payment:operation:attempt`.
    Ok(key.and_then(|key| key.split(':').next()?.parse().ok()))
}

/// One of the signatures is HMAC-SHA256 by one of the secrets over `t.body`, and it is fresh. Each is compared in constant time.
fn verify(header: &str, body: &[u8], secrets: &[Secret], now: Timestamp) -> Result<(), NotHeard> {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let signed_at = fields().find(|(name, _)| *name == "t").map(|(_, seconds)| seconds).ok_or(NotHeard::Unsigned)?;
    let plain = !signed_at.is_empty() && signed_at.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = signed_at.parse::<i64>().ok().filter(|_| plain).ok_or(NotHeard::Unsigned)?;
    let signatures: Vec<Vec<u8>> = fields()
        .filter(|(name, _)| *name == "v1")
        .take(MAX_SIGNATURES)
        .filter_map(|(_, signature)| hex::decode(signature).ok())
        .collect();
    if signatures.is_empty() {
        return Err(NotHeard::Unsigned);
    }
    if now.as_seconds().abs_diff(seconds) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(NotHeard::OutOfTime);
    }
    let by = |secret: &Secret| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("a key of any length will do");
        for part in [signed_at.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    };
    // An empty secret is none: anybody could sign by it.
    let mut macs = secrets.iter().filter(|secret| !secret.expose().is_empty()).map(by);
    let genuine = macs.any(|mac| signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok()));
    if genuine { Ok(()) } else { Err(NotHeard::Forged) }
}

/// An event, as far as we listen.
#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Subject,
}

/// What it is about: a PaymentIntent, a charge, a refund, or what we have no orders for.
#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SIGNED_AT: i64 = 1_795_000_000;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn signature(secret: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(format!("{seconds}.").as_bytes());
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    fn payment() -> PaymentId {
        format!("pay_{}", "1".repeat(32)).parse().expect("an id")
    }

    fn event(status: &str, key: Option<&str>) -> Vec<u8> {
        let metadata = key.map(|key| json!({ KEY_FIELD: key }));
        let object = json!({ "id": "pi_1", "object": "payment_intent", "status": status, "metadata": metadata });
        json!({ "id": "evt_1", "type": "payment_intent.amount_capturable_updated", "data": { "object": object } })
            .to_string()
            .into_bytes()
    }

    #[test]
    fn a_signature_counts_while_it_is_fresh_and_by_any_secret_of_the_endpoint() {
        let body = event("requires_capture", Some(&format!("{}:authorize:1", payment())));
        let by = |secret: &str| signature(secret, SIGNED_AT, &body);
        let (old, new, other) = (by("whsec_old"), by("whsec_new"), by("whsec_other"));
        let check = |header: &str, secrets: &[&str], now: i64, expected: Result<(), NotHeard>| {
            let secrets: Vec<Secret> = secrets.iter().map(|text| secret(text)).collect();
            let heard = hear(header, &body, &secrets, Timestamp::from_millis(now * 1000));
            assert_eq!(heard, expected.map(|()| Some(payment())), "{header}");
        };
        let t = format!("t={SIGNED_AT}");
        let good = format!("{t},v1={new}");
        check(&good, &["whsec_new"], SIGNED_AT, Ok(()));
        check(&format!("{t},v1={old},v1={new},v0=6ffb"), &["whsec_new"], SIGNED_AT, Ok(()));
        check(&good, &["whsec_old", "whsec_new"], SIGNED_AT, Ok(()));
        check(&good, &["whsec_new"], SIGNED_AT + 300, Ok(()));
        check(&good, &["whsec_new"], SIGNED_AT + 301, Err(NotHeard::OutOfTime));
        check(&good, &["whsec_new"], SIGNED_AT - 301, Err(NotHeard::OutOfTime));
        check(&format!("{t},v1={other}"), &["whsec_old", "whsec_new"], SIGNED_AT, Err(NotHeard::Forged));
        check(&format!("{t},v1={}", &new[..32]), &["whsec_new"], SIGNED_AT, Err(NotHeard::Forged));
        check(&format!("{t},v1={}", by("")), &[""], SIGNED_AT, Err(NotHeard::Forged));
        check(&good, &[], SIGNED_AT, Err(NotHeard::Forged));
        // Another moment than the signed one.
        check(&format!("t={},v1={new}", SIGNED_AT + 1), &["whsec_new"], SIGNED_AT, Err(NotHeard::Forged));
        for header in ["", "v1=00", &t, &format!("{t},v1=zz"), &format!("t=+1,v1={new}"), &format!("t=,v1={new}")] {
            check(header, &["whsec_new"], SIGNED_AT, Err(NotHeard::Unsigned));
        }
    }

    #[test]
    fn an_event_names_a_payment_or_there_is_nothing_to_ask_about() {
        let check = |body: &[u8], expected: Result<Option<PaymentId>, NotHeard>| {
            let header = format!("t={SIGNED_AT},v1={}", signature("whsec_a", SIGNED_AT, body));
            let heard = hear(&header, body, &[secret("whsec_a")], Timestamp::from_millis(SIGNED_AT * 1000));
            assert_eq!(heard, expected, "{}", String::from_utf8_lossy(body));
        };
        let key = format!("{}:ref_{}:1", payment(), "2".repeat(32));
        check(&event("succeeded", Some(&key)), Ok(Some(payment())));
        check(&event("requires_payment_method", Some(&key)), Ok(Some(payment())));
        check(&event("requires_action", Some(&key)), Ok(None));
        check(&event("succeeded", None), Ok(None));
        check(&event("succeeded", Some("another shop's")), Ok(None));
        check(br#"{"type":"balance.available","data":{"object":{"object":"balance"}}}"#, Ok(None));
        check(br#"{"type":"v2"}"#, Err(NotHeard::NoEvent));
        check(b"<html>", Err(NotHeard::NoEvent));
    }
}
