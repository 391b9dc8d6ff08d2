//! Lists: what is asked for, and the cursor that says where a page ends.

use crate::id::{Owner, PaymentId, digest};
use crate::payment::{Payment, Status};
use crate::timestamp::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// The longest page.
pub const MAX_PAGE: usize = 100;
/// The page of a client that does not say.
pub const DEFAULT_PAGE: usize = 20;

/// Which payments are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFilter {
    /// At most so many, up to [`MAX_PAGE`].
    pub limit: usize,
    /// Only those with this status now.
    pub status: Option<Status>,
    /// Only those with this reference.
    pub reference: Option<String>,
    /// Only those opened at or after this moment.
    pub created_from: Option<Timestamp>,
    /// Only those opened before this moment.
    pub created_before: Option<Timestamp>,
}

impl ListFilter {
    /// Whether the payment is wanted. Whose it is has to be checked apart.
    pub fn takes(&self, payment: &Payment) -> bool {
        self.status.is_none_or(|status| status == payment.status())
            && self.reference.as_ref().is_none_or(|wanted| payment.reference.as_ref() == Some(wanted))
            && self.created_from.is_none_or(|from| payment.created_at >= from)
            && self.created_before.is_none_or(|before| payment.created_at < before)
    }
}

/// The last payment of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When it was opened.
    pub created_at: Timestamp,
    /// Its id.
    pub payment_id: PaymentId,
}

impl Cursor {
    /// Its text, for that owner only: `<id>.<milliseconds>.<check>`.
    pub fn write(&self, owner: &Owner) -> String {
        format!("{}.{}.{}", self.payment_id, self.created_at.as_millis(), self.check(owner))
    }

    /// Reads a cursor that this API gave to that owner; `None` for any other text.
    pub fn read(text: &str, owner: &Owner) -> Option<Self> {
        let mut parts = text.split('.');
        let (id, millis, check) = (parts.next()?, parts.next()?, parts.next()?);
        let created_at = Timestamp::from_millis(millis.parse().ok()?);
        let cursor = Self { created_at, payment_id: id.parse().ok()? };
        (parts.next().is_none() && cursor.check(owner) == check && cursor.write(owner) == text).then_some(cursor)
    }

    /// Not a secret: it tells a mistyped or foreign cursor from one of ours.
    fn check(&self, owner: &Owner) -> String {
        let millis = self.created_at.as_millis().to_be_bytes();
        hex::encode(
            &digest(&[b"cursor", owner.to_string().as_bytes(), self.payment_id.as_str().as_bytes(), &millis])[..4],
        )
    }
}

/// Where a page of a list other than the payments' ends, for that owner only: `<base64 of the last id>.<check>`.
pub fn write_place(list: &str, owner: &Owner, id: &str) -> String {
    let check = digest(&[b"place", list.as_bytes(), owner.to_string().as_bytes(), id.as_bytes()]);
    format!("{}.{}", BASE64.encode(id), hex::encode(&check[..4]))
}

/// The last id of a page that this API gave to that owner; `None` for any other text.
pub fn read_place(list: &str, owner: &Owner, text: &str) -> Option<String> {
    let (id, _) = text.split_once('.')?;
    let id = String::from_utf8(BASE64.decode(id).ok()?).ok()?;
    (write_place(list, owner, &id) == text).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Mode;

    #[test]
    fn a_cursor_is_read_by_its_owner_only() {
        let owner = |mode| Owner { merchant_id: "mer_a".parse().expect("an id"), mode };
        let payment_id: PaymentId = format!("pay_{}", "0".repeat(32)).parse().expect("an id");
        let cursor = Cursor { created_at: Timestamp::from_millis(1_795_000_000_000), payment_id };
        let text = cursor.write(&owner(Mode::Test));
        assert_eq!(Cursor::read(&text, &owner(Mode::Test)), Some(cursor));
        assert_eq!(Cursor::read(&text, &owner(Mode::Live)), None);
        let place = write_place("settlements", &owner(Mode::Test), "2026-11-25#pay_1:6");
        assert_eq!(read_place("settlements", &owner(Mode::Test), &place).as_deref(), Some("2026-11-25#pay_1:6"));
        assert_eq!(read_place("invoices", &owner(Mode::Test), &place), None);
        assert_eq!(read_place("settlements", &owner(Mode::Live), &place), None);
        for wrong in ["", "x", &text[1..], &text.replace("1795", "1796"), &format!("{text}.")] {
            assert_eq!(Cursor::read(wrong, &owner(Mode::Test)), None, "{wrong}");
        }
    }
}
