//! Names of things: each its own type, parsed at the edge, never a bare string inside.

use crate::currency::Currency;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The text is not an identifier of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct InvalidId(pub &'static str);

/// Serialises a type by its `Display` and reads it by its `FromStr`.
macro_rules! string_serde {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use string_serde;

/// A checked string: `accepts` says which texts are one, and `pattern` says the same to others. Its clones share the text:
/// ids go into every posting.
macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $pattern:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("pattern" = $pattern)))]
        pub struct $name(Arc<str>);

        impl $name {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(text) { Ok(Self(text.into())) } else { Err(InvalidId($expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        string_serde!($name);
    };
}

fn prefixed_hex(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

string_id!(
    /// A payment: `pay_` and 32 hexadecimal digits, derived from (merchant, mode, Idempotency-Key).
    PaymentId, "pay_ and 32 lower-case hexadecimal digits", "^pay_[0-9a-f]{32}$", |text| prefixed_hex(text, "pay_")
);
string_id!(
    /// A card in the vault: `tok_` and 32 hexadecimal digits, random.
    TokenId, "tok_ and 32 lower-case hexadecimal digits, as POST /v1/tokens gave it", "^tok_[0-9a-f]{32}$", |text| prefixed_hex(text, "tok_")
);
string_id!(
    /// A webhook endpoint: `wep_` and 32 hexadecimal digits, random.
    EndpointId, "wep_ and 32 lower-case hexadecimal digits", "^wep_[0-9a-f]{32}$", |text| prefixed_hex(text, "wep_")
);
string_id!(
    /// A webhook's delivery: `del_` and 32 hexadecimal digits, of which the first 12 are the event's time.
    DeliveryId, "del_ and 32 lower-case hexadecimal digits", "^del_[0-9a-f]{32}$", |text| prefixed_hex(text, "del_")
);
string_id!(
    /// A payout: `po_` and 32 hexadecimal digits, derived from (merchant, mode, currency, day).
    PayoutId, "po_ and 32 lower-case hexadecimal digits", "^po_[0-9a-f]{32}$", |text| prefixed_hex(text, "po_")
);
string_id!(
    /// A movement on our bank account: `bnk_` and 32 hexadecimal digits, derived from the statement's line.
    BankMovementId, "bnk_ and 32 lower-case hexadecimal digits", "^bnk_[0-9a-f]{32}$", |text| prefixed_hex(text, "bnk_")
);
string_id!(
    /// A merchant: `mer_` and 1 to 32 lower-case letters, digits or underscores.
    MerchantId, "mer_ and 1 to 32 lower-case letters, digits or underscores", "^mer_[a-z0-9_]{1,32}$", |text| {
        text.strip_prefix("mer_").is_some_and(|rest| {
            (1..=32).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
    }
);
string_id!(
    /// An API key, by a name that opens nothing: `key_` and 32 hexadecimal digits, derived from the key's hash.
    KeyId, "key_ and 32 lower-case hexadecimal digits", "^key_[0-9a-f]{32}$", |text| prefixed_hex(text, "key_")
);
string_id!(
    /// The client's `Idempotency-Key`: 1 to 255 visible ASCII characters.
    IdempotencyKey, "1 to 255 visible ASCII characters", "^[!-~]{1,255}$", |text| {
        (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    }
);
string_id!(
    /// The keyed MAC of a card number: the same for the same card, useless for finding the number (PCI DSS 3.5.1.1).
    CardFingerprint, "32 lower-case hexadecimal digits", "^[0-9a-f]{32}$", |text| prefixed_hex(text, "")
);

string_id!(
    /// An invoice: `inv_`, its month and 26 hexadecimal digits, derived from (merchant, mode, month).
    InvoiceId, "inv_ and 32 lower-case hexadecimal digits", "^inv_[0-9a-f]{32}$", |text| prefixed_hex(text, "inv_")
);

impl InvoiceId {
    /// The id of the one invoice that the owner can ever get for that month.
    pub fn derive(owner: &Owner, month: crate::month::Month) -> Self {
        let month = month.to_string();
        let bits = digest(&[b"invoice", owner.to_string().as_bytes(), month.as_bytes()]);
        Self(format!("inv_{}{}", month.replace('-', ""), hex::encode(&bits[..13])).into())
    }
}

/// What an operation does to its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKind {
    /// The payment itself, from validation to settlement.
    Pay,
    /// Its undo, when it expired or could not be resolved.
    Reverse,
    /// Taking money of its hold, because the merchant said so.
    Capture,
    /// Letting its hold, or the rest of it, go.
    Cancel,
    /// Giving money back.
    Refund,
    /// A person's decision on it.
    Review,
    /// Asking the gateway whether its cardholder has authenticated.
    Confirm,
}

impl OperationKind {
    /// What an id of this kind begins with; the whole id of the two that are not the merchant's.
    fn prefix(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Reverse => "reverse",
            Self::Capture => "cap_",
            Self::Cancel => "can_",
            Self::Refund => "ref_",
            Self::Review => "rev_",
            Self::Confirm => "con_",
        }
    }
}

/// An operation on a payment: `pay` or `reverse`, or `cap_`, `can_`, `con_`, `ref_` or `rev_` and 32 hexadecimal digits derived
/// from (payment, kind, Idempotency-Key).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId {
    kind: OperationKind,
    text: String,
}

impl OperationId {
    /// The payment itself.
    pub fn pay() -> Self {
        Self::whole(OperationKind::Pay)
    }

    /// The payment's undo.
    pub fn reverse() -> Self {
        Self::whole(OperationKind::Reverse)
    }

    /// The one operation of that kind that (payment, Idempotency-Key) can ever make.
    pub fn derive(payment: &PaymentId, kind: OperationKind, key: &IdempotencyKey) -> Self {
        let parts = [payment.as_str(), kind.prefix(), key.as_str()].map(str::as_bytes);
        let [payment, word, key] = parts;
        let digits = hex::encode(&digest(&[b"operation", payment, word, key])[..16]);
        Self { kind, text: format!("{}{digits}", kind.prefix()) }
    }

    /// What it does.
    pub fn kind(&self) -> OperationKind {
        self.kind
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn whole(kind: OperationKind) -> Self {
        Self { kind, text: kind.prefix().to_owned() }
    }
}

impl FromStr for OperationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let whole = [OperationKind::Pay, OperationKind::Reverse].into_iter().find(|kind| kind.prefix() == text);
        let derived = [
            OperationKind::Capture,
            OperationKind::Cancel,
            OperationKind::Confirm,
            OperationKind::Refund,
            OperationKind::Review,
        ];
        let derived = derived.into_iter().find(|kind| prefixed_hex(text, kind.prefix()));
        let kind = whole
            .or(derived)
            .ok_or(InvalidId("pay, reverse, or cap_, can_, con_, ref_ or rev_ and 32 lower-case hexadecimal digits"))?;
        Ok(Self { kind, text: text.to_owned() })
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

string_serde!(OperationId);

/// Test or live: two worlds that never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Cards are test numbers, the network is the simulated acquirer.
    Test,
    /// Real cards, real money.
    Live,
}

impl Mode {
    /// `test` or `live`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asks: every record belongs to one, and nothing reads another's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The merchant.
    pub merchant_id: MerchantId,
    /// Which of its two worlds.
    pub mode: Mode,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.merchant_id, self.mode)
    }
}

impl FromStr for Owner {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected = InvalidId("a merchant's id, # and test or live");
        let (merchant_id, mode) = text.split_once('#').ok_or_else(|| expected.clone())?;
        let mode = [Mode::Test, Mode::Live].into_iter().find(|known| known.as_str() == mode).ok_or(expected)?;
        Ok(Self { merchant_id: merchant_id.parse()?, mode })
    }
}

string_serde!(Owner);

/// SHA-256 over the parts, each behind its length, so that no two lists of parts run into one another.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl PaymentId {
    /// The one payment that (merchant, mode, Idempotency-Key) can ever make.
    pub fn derive(owner: &Owner, key: &IdempotencyKey) -> Self {
        let parts = [owner.merchant_id.as_str(), owner.mode.as_str(), key.as_str()];
        let [merchant, mode, key] = parts.map(str::as_bytes);
        Self(format!("pay_{}", hex::encode(&digest(&[b"payment", merchant, mode, key])[..16])).into())
    }
}

impl PayoutId {
    /// The one payout that an owner can ever get for that day (`YYYY-MM-DD`) in that currency.
    pub fn derive(owner: &Owner, currency: Currency, day: &str) -> Self {
        let currency = currency.to_string();
        let parts = [owner.merchant_id.as_str(), owner.mode.as_str(), &currency, day].map(str::as_bytes);
        let [merchant, mode, currency, day] = parts;
        Self(format!("po_{}", hex::encode(&digest(&[b"payout", merchant, mode, currency, day])[..16])).into())
    }
}

impl BankMovementId {
    /// The one movement that the line of that reference in that account can ever be.
    pub fn derive(account: &str, reference: &str) -> Self {
        let hash = digest(&[b"bank movement", account.as_bytes(), reference.as_bytes()]);
        Self(format!("bnk_{}", hex::encode(&hash[..16])).into())
    }
}

impl KeyId {
    /// The name of the key of that hash.
    pub fn derive(key_hash: &str) -> Self {
        Self(format!("key_{}", hex::encode(&digest(&[b"key id", key_hash.as_bytes()])[..16])).into())
    }
}

impl TokenId {
    /// A token named by 128 random bits.
    pub fn from_random(bits: [u8; 16]) -> Self {
        Self(format!("tok_{}", hex::encode(bits)).into())
    }
}

impl EndpointId {
    /// An endpoint named by 128 random bits.
    pub fn from_random(bits: [u8; 16]) -> Self {
        Self(format!("wep_{}", hex::encode(bits)).into())
    }
}

impl DeliveryId {
    /// The one delivery of that event to that endpoint. Ids sort by the event's time.
    pub fn derive(endpoint_id: &EndpointId, event_id: &str, occurred_at_millis: i64) -> Self {
        let hash = digest(&[b"delivery", endpoint_id.as_str().as_bytes(), event_id.as_bytes()]);
        let millis = occurred_at_millis.clamp(0, (1 << 48) - 1);
        Self(format!("del_{millis:012x}{}", hex::encode(&hash[..10])).into())
    }
}

impl CardFingerprint {
    /// The first 128 bits of a MAC.
    pub fn from_mac(mac: &[u8; 32]) -> Self {
        Self(hex::encode(&mac[..16]).into())
    }
}

#[cfg(test)]
#[path = "id_tests.rs"]
mod tests;
