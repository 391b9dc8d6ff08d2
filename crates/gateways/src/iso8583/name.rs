//! What an order is called there. Its trace number and its retrieval reference come of its key, so that every sending has the
//! same; a hold's name has, besides, what its reversal has to repeat of it.

use payments::amount::Amount;
use payments::gateway::GatewayKey;
use payments::id::digest;
use payments::timestamp::Timestamp;
use std::fmt;
use std::str::FromStr;

/// The signs of a retrieval reference: five bits each.
const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// A trace number has six digits, and is not zero.
const TRACES: u32 = 999_999;

/// Field 37: twelve letters and digits, 60 bits of the key's digest.
pub fn retrieval_reference(key: &GatewayKey) -> String {
    let digest = digest(&[b"iso8583 retrieval reference", key.as_str().as_bytes()]);
    digest[..12].iter().map(|byte| char::from(SIGNS[usize::from(byte & 31)])).collect()
}

/// Field 11. Two orders of a day may share one; with field 37 they do not.
pub(super) fn trace(key: &GatewayKey) -> String {
    let digest = digest(&[b"iso8583 trace", key.as_str().as_bytes()]);
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    format!("{:06}", number % TRACES + 1)
}

/// Field 7: `MMDDhhmmss`, in UTC.
pub(super) fn transmission(now: Timestamp) -> String {
    let (date, second) = (now.date(), now.as_seconds().rem_euclid(86_400));
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{:02}{:02}{hour:02}{minute:02}{:02}", u8::from(date.month()), date.day(), second % 60)
}

/// A hold, by what its acquirer knows of it. It is made before the hold is, and kept with our intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HoldName {
    /// Field 37.
    pub(super) reference: String,
    /// Field 11.
    pub(super) trace: String,
    /// Field 7.
    pub(super) transmission: String,
    /// Fields 4 and 49.
    pub(super) amount: Amount,
    /// Field 38, once it was approved.
    pub(super) approval: Option<String>,
}

impl HoldName {
    /// Of the hold that is about to be placed under that key.
    pub(super) fn new(key: &GatewayKey, amount: Amount, now: Timestamp) -> Self {
        let (reference, trace) = (retrieval_reference(key), trace(key));
        Self { reference, trace, transmission: transmission(now), amount, approval: None }
    }

    /// Field 90: the original's type, trace number and transmission, its acquirer, and nobody who forwarded it.
    pub(super) fn original(&self, acquirer: &str) -> String {
        format!("0100{}{}{acquirer:0>11}{:011}", self.trace, self.transmission, 0)
    }
}

impl fmt::Display for HoldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reference, trace, transmission, amount, approval } = self;
        write!(f, "{reference}.{trace}.{transmission}.{}.{}", amount.minor(), amount.currency())?;
        approval.iter().try_for_each(|approval| write!(f, ".{approval}"))
    }
}

/// Whether it can stand in a name: up to six letters and digits.
pub(super) fn is_approval(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// No name of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no name of a hold")]
pub(super) struct NotAName;

impl FromStr for HoldName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let parts: Vec<&str> = text.splitn(7, '.').collect();
        let (name, approval) = match parts.as_slice() {
            [name @ .., approval] if name.len() == 5 => (name, Some((*approval).to_owned())),
            name => (name, None),
        };
        let [reference, trace, transmission, minor, currency] = name else { return Err(NotAName) };
        let currency = currency.parse().map_err(|_| NotAName)?;
        let amount = Amount::try_new(minor.parse().map_err(|_| NotAName)?, currency).map_err(|_| NotAName)?;
        let name = Self {
            reference: (*reference).to_owned(),
            trace: (*trace).to_owned(),
            transmission: (*transmission).to_owned(),
            amount,
            approval,
        };
        let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        let good = name.reference.len() == 12
            && name.reference.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && digits(&name.trace, 6)
            && digits(&name.transmission, 10)
            && name.approval.as_deref().is_none_or(is_approval);
        if good { Ok(name) } else { Err(NotAName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payments::gateway::GatewayOperation;
    use std::collections::BTreeSet;

    fn key(attempt: u32) -> GatewayKey {
        let payment = "pay_0123456789abcdef0123456789abcdef".parse().expect("an id");
        GatewayKey::new(&payment, GatewayOperation::Authorize, attempt)
    }

    #[test]
    fn a_key_has_one_name_and_another_key_another() {
        let names: BTreeSet<String> = (1..=1000).map(|attempt| retrieval_reference(&key(attempt))).collect();
        assert_eq!(names.len(), 1000);
        assert_eq!(retrieval_reference(&key(1)), retrieval_reference(&key(1)));
        for attempt in 1..=1000 {
            let trace = trace(&key(attempt));
            assert!(trace.len() == 6 && trace != "000000", "{trace}");
        }
    }

    #[test]
    fn a_hold_is_named_and_its_name_is_read_back() {
        let now = Timestamp::parse_rfc3339("2026-11-05T03:51:08.999Z").expect("a moment");
        let amount = Amount::try_new(1999, "EUR".parse().expect("a currency")).expect("an amount");
        let mut name = HoldName::new(&key(1), amount, now);
        assert_eq!(name.transmission, "1105035108");
        for approval in [None, Some("A00042".to_owned())] {
            name.approval = approval;
            assert_eq!(name.to_string().parse(), Ok(name.clone()));
        }
        let original = name.original("123456");
        assert_eq!(original, format!("0100{}110503510800000123456{:011}", name.trace, 0));
        assert_eq!(original.len(), 42);
        let text = name.to_string();
        for wrong in
            ["", "pi_123", &text[1..], &format!("{text}.B"), &text.replace("EUR", "EUX"), &text.replace('A', "-")]
        {
            assert_eq!(wrong.parse::<HoldName>(), Err(NotAName), "{wrong}");
        }
    }
}
