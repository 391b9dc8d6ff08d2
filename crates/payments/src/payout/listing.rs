//! Lists of payouts: what is asked for, and the cursor that says where a page ends.

use super::{Payout, PayoutKey, PayoutStatus};
use crate::currency::Currency;
use crate::id::{Owner, digest};
use crate::listing::{DEFAULT_PAGE, MAX_PAGE};
use crate::problem::FieldError;
use crate::timestamp::Timestamp;
use std::collections::BTreeMap;

/// The parameters of the list.
const KNOWN: [&str; 6] = ["limit", "cursor", "status", "currency", "day_from", "day_before"];
/// Every status, by its name.
const STATUSES: [PayoutStatus; 6] = [
    PayoutStatus::Created,
    PayoutStatus::Sent,
    PayoutStatus::Accepted,
    PayoutStatus::Paid,
    PayoutStatus::Failed,
    PayoutStatus::Returned,
];

/// Which payouts are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutFilter {
    /// At most so many, up to [`MAX_PAGE`].
    pub limit: usize,
    /// Only those with this status now.
    pub status: Option<PayoutStatus>,
    /// Only those in this currency.
    pub currency: Option<Currency>,
    /// Only those of this day or a later one.
    pub day_from: Option<String>,
    /// Only those of a day before this one.
    pub day_before: Option<String>,
}

impl PayoutFilter {
    /// Whether the payout is wanted. Whose it is has to be checked apart.
    pub fn takes(&self, payout: &Payout) -> bool {
        self.status.is_none_or(|status| status == payout.stage.status())
            && self.currency.is_none_or(|currency| currency == payout.amount.currency())
            && self.day_from.as_ref().is_none_or(|from| payout.day >= *from)
            && self.day_before.as_ref().is_none_or(|before| payout.day < *before)
    }
}

/// The last payout of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutCursor {
    /// When it was created.
    pub created_at: Timestamp,
    /// Its currency.
    pub currency: Currency,
    /// Its number among those of its owner and currency.
    pub number: u32,
}

impl PayoutCursor {
    /// Behind that payout.
    pub fn behind(payout: &Payout) -> Self {
        Self { created_at: payout.created_at, currency: payout.amount.currency(), number: payout.key.number }
    }

    /// The payout's place in the table.
    pub fn key(&self, owner: &Owner) -> PayoutKey {
        PayoutKey::new(owner, self.currency, self.number)
    }

    /// Its text, for that owner only: `<currency>.<number>.<milliseconds>.<check>`.
    pub fn write(&self, owner: &Owner) -> String {
        format!("{}.{}.{}.{}", self.currency, self.number, self.created_at.as_millis(), self.check(owner))
    }

    /// Reads a cursor that this API gave to that owner; `None` for any other text.
    pub fn read(text: &str, owner: &Owner) -> Option<Self> {
        let mut parts = text.split('.');
        let (currency, number, millis) = (parts.next()?, parts.next()?, parts.next()?);
        let created_at = Timestamp::from_millis(millis.parse().ok()?);
        let cursor = Self { created_at, currency: currency.parse().ok()?, number: number.parse().ok()? };
        (cursor.write(owner) == text).then_some(cursor)
    }

    /// Not a secret: it tells a mistyped or foreign cursor from one of ours.
    fn check(&self, owner: &Owner) -> String {
        let parts = [owner.to_string(), self.currency.to_string(), self.number.to_string()];
        let [owner, currency, number] = parts.each_ref().map(|part| part.as_bytes());
        let millis = self.created_at.as_millis().to_be_bytes();
        hex::encode(&digest(&[b"payout cursor", owner, currency, number, &millis])[..4])
    }
}

/// Reads the list's parameters; every wrong one is named.
pub fn list(
    query: &BTreeMap<String, String>,
    owner: &Owner,
) -> Result<(PayoutFilter, Option<PayoutCursor>), Vec<FieldError>> {
    let mut errors = Vec::new();
    for name in query.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
        errors.push(FieldError::new(crate::fields::shown(name), "this list knows no such parameter"));
    }
    let mut read = |name: &str, expected: &str, good: &dyn Fn(&str) -> bool| {
        let text = query.get(name)?;
        if !good(text) {
            errors.push(FieldError::new(name, expected));
        }
        Some(text.as_str()).filter(|text| good(text))
    };
    let size = |text: &str| text.parse().ok().filter(|size| (1..=MAX_PAGE).contains(size));
    let status = |text: &str| STATUSES.into_iter().find(|status| status.to_string() == text);
    let expected = format!("expected a whole number from 1 to {MAX_PAGE}");
    let limit = read("limit", &expected, &|text| size(text).is_some()).and_then(size).unwrap_or(DEFAULT_PAGE);
    let expected = "expected created, sent, accepted, paid, failed or returned";
    let status = read("status", expected, &|text| status(text).is_some()).and_then(status);
    let expected = "expected a three-letter ISO 4217 code in capitals, such as EUR";
    let currency =
        read("currency", expected, &|text| text.parse::<Currency>().is_ok()).and_then(|text| text.parse().ok());
    let day_from = read("day_from", "expected a date, YYYY-MM-DD", &is_day).map(str::to_owned);
    let day_before = read("day_before", "expected a date, YYYY-MM-DD", &is_day).map(str::to_owned);
    let expected = "expected the next_cursor of the page before";
    let cursor = |text: &str| PayoutCursor::read(text, owner);
    let after = read("cursor", expected, &|text| cursor(text).is_some()).and_then(cursor);
    if errors.is_empty() {
        Ok((PayoutFilter { limit, status, currency, day_from, day_before }, after))
    } else {
        Err(errors)
    }
}

/// Whether the text is a day, `YYYY-MM-DD`.
pub fn is_day(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}
