//! What a merchant is billed and settled: one fee line per event that costs something, and a settlement line for each day
//! on which an event moves what the merchant is owed. Each line's name comes from its event, so an event that comes twice
//! makes the same lines.

use crate::currency::Currency;
use crate::event::Event;
use crate::fee::FeeTerms;
use crate::id::{MerchantId, Mode, Owner, PaymentId};
use crate::month::Month;
use crate::posting::{Money, Unpostable, money_of};
use crate::region::CardClass;
use crate::timestamp::Timestamp;
use crate::view::PaymentView;
use serde::{Deserialize, Serialize};

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LineKind {
    /// Money that was taken.
    Capture,
    /// Money that was given back.
    Refund,
    /// Money that was held back, and is paid.
    ReserveRelease,
}

/// A line of a merchant's bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeLine {
    /// Whose bill of which month, `<merchant>#<mode>#<month>`: the partition that an invoice is read from.
    pub bill: String,
    /// The event that it comes from: one line per event.
    pub line_id: String,
    /// Who pays.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// The month (UTC) in which the event happened.
    pub month: Month,
    /// For which payment.
    pub payment_id: PaymentId,
    /// For what: a capture or a refund.
    pub kind: LineKind,
    /// The kind of card.
    #[serde(flatten)]
    pub card: CardClass,
    /// Its currency.
    pub currency: Currency,
    /// What was captured or given back.
    pub gross: u64,
    /// What it costs.
    pub fee: u64,
    /// What the fee was made of.
    pub terms: FeeTerms,
}

/// The partition of an owner's bill of that month.
pub fn bill_of(owner: &Owner, month: Month) -> String {
    format!("{owner}#{month}")
}

/// A line of what a merchant is paid on a day. Amounts are signed minor units, as they change what is paid:
/// net = gross - fee - reserve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementLine {
    /// Whose.
    pub owner: Owner,
    /// `<date>#<event id>`, with `#reserve` for a release: in the order of the days.
    pub settlement_id: String,
    /// The day on which it is paid or deducted, `YYYY-MM-DD`.
    pub date: String,
    /// What it is about.
    pub kind: LineKind,
    /// Which payment's money it is.
    pub payment_id: PaymentId,
    /// Its currency.
    pub currency: Currency,
    /// What was captured; negative: given back; none for a release.
    pub gross: i64,
    /// What we keep.
    pub fee: i64,
    /// What we hold back; negative: what is released.
    pub reserve: i64,
    /// What is paid; negative: deducted.
    pub net: i64,
}

impl SettlementLine {
    /// What its merchant sees.
    pub fn view(&self) -> SettlementView<'_> {
        SettlementView {
            id: &self.settlement_id,
            date: &self.date,
            kind: self.kind,
            payment_id: &self.payment_id,
            currency: self.currency,
            gross: self.gross,
            fee: self.fee,
            reserve: self.reserve,
            net: self.net,
        }
    }
}

/// A settlement line as its merchant sees it.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "each field is the line's own of its name")]
pub struct SettlementView<'a> {
    pub id: &'a str,
    pub date: &'a str,
    #[serde(rename = "type")]
    pub kind: LineKind,
    pub payment_id: &'a PaymentId,
    pub currency: Currency,
    pub gross: i64,
    pub fee: i64,
    pub reserve: i64,
    pub net: i64,
}

/// What an event leaves to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// On the bill, if it costs something.
    pub fee: Option<FeeLine>,
    /// On the days on which it is settled.
    pub settlements: Vec<SettlementLine>,
}

/// The lines of an event; none if it moves no money.
pub fn lines(event: &Event) -> Result<Lines, Unpostable> {
    let (Some(payment), Some(owner)) = (event.payment(), event.owner()) else { return Ok(Lines::default()) };
    let line = |kind, date: &str, currency, parts| line(event, (&owner, payment), kind, date, currency, parts);
    let (kind, fee, terms, gross, settlements) = match money_of(event, payment)? {
        Money::Captured { gross, settlement } => {
            let (taken, held) = (signed(settlement.fee)?, signed(settlement.reserve)?);
            let mut lines = vec![line(
                LineKind::Capture,
                &settlement.date,
                gross.currency(),
                [signed(gross.minor())?, taken, held],
            )];
            if let Some(release) = &settlement.reserve_release_date {
                lines.push(line(LineKind::ReserveRelease, release, gross.currency(), [0, 0, -held]));
            }
            (LineKind::Capture, settlement.fee, settlement.terms, gross, lines)
        }
        Money::Refunded { amount, deduction } => {
            let parts = [-signed(amount.minor())?, signed(deduction.fee)?, 0];
            let lines = vec![line(LineKind::Refund, &deduction.date, amount.currency(), parts)];
            let terms = FeeTerms { basis_points: 0, fixed_minor: deduction.fee, minimum_minor: 0 };
            (LineKind::Refund, deduction.fee, terms, amount, lines)
        }
        Money::None => return Ok(Lines::default()),
    };
    let month = Month::of(Timestamp::parse_rfc3339(&event.occurred_at).map_err(|_| Unpostable::Incomplete)?);
    let fee = (kind == LineKind::Capture || fee > 0).then(|| FeeLine {
        bill: bill_of(&owner, month),
        line_id: event.id.clone(),
        merchant_id: owner.merchant_id.clone(),
        mode: owner.mode,
        month,
        payment_id: payment.id.clone(),
        kind,
        card: CardClass::of(&payment.card),
        currency: gross.currency(),
        gross: gross.minor(),
        fee,
        terms,
    });
    Ok(Lines { fee, settlements })
}

/// A settlement line of [gross, fee, reserve].
fn line(
    event: &Event,
    (owner, payment): (&Owner, &PaymentView),
    kind: LineKind,
    date: &str,
    currency: Currency,
    [gross, fee, reserve]: [i64; 3],
) -> SettlementLine {
    let suffix = if kind == LineKind::ReserveRelease { "#reserve" } else { "" };
    SettlementLine {
        owner: owner.clone(),
        settlement_id: format!("{date}#{}{suffix}", event.id),
        date: date.to_owned(),
        kind,
        payment_id: payment.id.clone(),
        currency,
        gross,
        fee,
        reserve,
        net: gross - fee - reserve,
    }
}

fn signed(minor: u64) -> Result<i64, Unpostable> {
    i64::try_from(minor).map_err(|_| Unpostable::Contradiction)
}
