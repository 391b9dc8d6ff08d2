//! Monthly invoices: the fee lines of a closed month, grouped, numbered without gaps, and equal to what the ledger's fee
//! account earned from them. An invoice is made once and never changed.

use crate::billing::{FeeLine, LineKind};
use crate::currency::Currency;
use crate::fee::FeeTerms;
use crate::id::{InvoiceId, MerchantId, Mode, Owner};
use crate::merchant::Merchant;
use crate::month::Month;
use crate::region::CardClass;
use crate::timestamp::{Timestamp, iso_date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An invoice, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Whose.
    pub owner: Owner,
    /// Derived from owner and month; its order is that of the months.
    pub invoice_id: InvoiceId,
    /// 1, 2, 3 ... per owner, without gaps, in the order of making.
    pub sequence: u32,
    /// The month (UTC).
    pub month: Month,
    /// The day on which it was made, `YYYY-MM-DD`.
    pub issued_on: String,
    /// Who is paid: name, address, registrations, line by line.
    pub seller: Vec<String>,
    /// Who pays, when the invoice was made.
    pub buyer: String,
    /// What was billed.
    pub lines: Vec<InvoiceLine>,
    /// The sums, by currency.
    pub totals: Vec<Total>,
    /// What is to be said about value-added tax.
    pub vat_note: String,
}

/// What invoices say about us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    /// Name, address, registrations, line by line.
    pub lines: Vec<String>,
    /// What is to be said about value-added tax.
    pub vat_note: String,
}

/// Fee lines that are alike but for their payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The currency.
    pub currency: Currency,
    /// Captures or refunds.
    #[serde(rename = "type")]
    pub kind: LineKind,
    /// The kind of card.
    #[serde(flatten)]
    pub card: CardClass,
    /// What each fee was made of.
    pub terms: FeeTerms,
    /// How many.
    pub count: u64,
    /// What was captured or given back, in minor units.
    pub gross: u64,
    /// The fees, in minor units.
    pub fee: u64,
}

/// The sums of one currency, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// The currency.
    pub currency: Currency,
    /// What was captured: the month's volume.
    pub captured: u64,
    /// What was given back.
    pub refunded: u64,
    /// The fees.
    pub fee: u64,
}

/// Why no invoice is made. Nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotInvoiced {
    /// The ledger's fee account earned something else from the owner's events of the month.
    #[error("{currency}: the fee lines sum to {billed}, the ledger's fee account earned {earned}")]
    LedgerDiffers {
        /// In which currency.
        currency: Currency,
        /// By the fee lines, in minor units.
        billed: i128,
        /// By the ledger.
        earned: i128,
    },
    /// A sum is beyond 64 bits.
    #[error("a sum is beyond 64 bits")]
    TooLarge,
}

/// The invoice of an owner's fee lines of that month; `None` if there is nothing to bill. `earned` is what the ledger's fee
/// account earned from the owner's events of the month, by currency.
pub fn invoice(
    merchant: &Merchant,
    month: Month,
    lines: &[FeeLine],
    earned: &BTreeMap<Currency, i64>,
    seller: &Seller,
    (sequence, now): (u32, Timestamp),
) -> Result<Option<Invoice>, NotInvoiced> {
    let grouped = group(lines)?;
    let totals = totals(&grouped)?;
    compare(&totals, earned)?;
    let owner = merchant.owner();
    Ok((!grouped.is_empty()).then(|| Invoice {
        invoice_id: InvoiceId::derive(&owner, month),
        owner,
        sequence,
        month,
        issued_on: iso_date(now.date()),
        seller: seller.lines.clone(),
        buyer: merchant.name.clone(),
        lines: grouped,
        totals,
        vat_note: seller.vat_note.clone(),
    }))
}

impl Invoice {
    /// Its number: the merchant's id and the sequence, in test mode marked as such.
    pub fn number(&self) -> String {
        let Owner { merchant_id, mode } = &self.owner;
        let name = merchant_id.as_str().trim_start_matches("mer_").to_uppercase();
        let mark = if *mode == Mode::Test { "TEST-" } else { "" };
        format!("{mark}{name}-{:04}", self.sequence)
    }

    /// What was captured in its month, by currency.
    pub fn volume(&self) -> BTreeMap<Currency, u64> {
        self.totals.iter().map(|total| (total.currency, total.captured)).collect()
    }

    /// What its merchant sees.
    pub fn view(&self) -> InvoiceView {
        InvoiceView {
            id: self.invoice_id.clone(),
            number: self.number(),
            merchant_id: self.owner.merchant_id.clone(),
            mode: self.owner.mode,
            month: self.month,
            issued_on: self.issued_on.clone(),
            seller: self.seller.clone(),
            buyer: self.buyer.clone(),
            lines: self.lines.clone(),
            totals: self.totals.clone(),
            vat_note: self.vat_note.clone(),
        }
    }
}

/// An invoice as its merchant sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each field is the invoice's own of its name")]
pub struct InvoiceView {
    pub id: InvoiceId,
    pub number: String,
    pub merchant_id: MerchantId,
    pub mode: Mode,
    pub month: Month,
    pub issued_on: String,
    pub seller: Vec<String>,
    pub buyer: String,
    pub lines: Vec<InvoiceLine>,
    pub totals: Vec<Total>,
    pub vat_note: String,
}

fn group(lines: &[FeeLine]) -> Result<Vec<InvoiceLine>, NotInvoiced> {
    let mut groups = BTreeMap::<(Currency, LineKind, CardClass, FeeTerms), (u64, u64, u64)>::new();
    for line in lines {
        let (count, gross, fee) = groups.entry((line.currency, line.kind, line.card, line.terms)).or_default();
        *count += 1;
        *gross = gross.checked_add(line.gross).ok_or(NotInvoiced::TooLarge)?;
        *fee = fee.checked_add(line.fee).ok_or(NotInvoiced::TooLarge)?;
    }
    let line = |((currency, kind, card, terms), (count, gross, fee))| InvoiceLine {
        currency,
        kind,
        card,
        terms,
        count,
        gross,
        fee,
    };
    Ok(groups.into_iter().map(line).collect())
}

fn totals(lines: &[InvoiceLine]) -> Result<Vec<Total>, NotInvoiced> {
    let mut totals = BTreeMap::<Currency, Total>::new();
    for line in lines {
        let currency = line.currency;
        let empty = Total { currency, captured: 0, refunded: 0, fee: 0 };
        let total = totals.entry(currency).or_insert(empty);
        let moved = match line.kind {
            LineKind::Capture => &mut total.captured,
            LineKind::Refund | LineKind::ReserveRelease => &mut total.refunded,
        };
        *moved = moved.checked_add(line.gross).ok_or(NotInvoiced::TooLarge)?;
        total.fee = total.fee.checked_add(line.fee).ok_or(NotInvoiced::TooLarge)?;
    }
    Ok(totals.into_values().collect())
}

/// What is billed has to be what the ledger has earned, in every currency that either knows.
fn compare(totals: &[Total], earned: &BTreeMap<Currency, i64>) -> Result<(), NotInvoiced> {
    let mut differences: BTreeMap<Currency, (i128, i128)> =
        earned.iter().map(|(currency, earned)| (*currency, (0, i128::from(*earned)))).collect();
    for total in totals {
        differences.entry(total.currency).or_default().0 = i128::from(total.fee);
    }
    match differences.into_iter().find(|(_, (billed, earned))| billed != earned) {
        Some((currency, (billed, earned))) => Err(NotInvoiced::LedgerDiffers { currency, billed, earned }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::bill_of;
    use crate::card::Brand;
    use crate::fee::FeePlan;
    use crate::id::digest;
    use crate::region::Region;

    fn merchant() -> Merchant {
        Merchant {
            merchant_id: "mer_a_b".parse().expect("an id"),
            mode: Mode::Test,
            name: "A".to_owned(),
            active: true,
            currencies: BTreeMap::new(),
            fee_plan: FeePlan::flat(0, BTreeMap::new()),
            risk: crate::fraud::RiskRules::default(),
            bank_accounts: BTreeMap::new(),
            routing: crate::routing::Routing::default(),
            requests_per_second: 1,
        }
    }

    fn line(place: u8, code: &str, brand: Brand, basis_points: u32, gross: u64, fee: u64) -> FeeLine {
        let month: Month = "2026-11".parse().expect("a month");
        let id = format!("pay_{}", hex::encode(&digest(&[&[place]])[..16]));
        FeeLine {
            bill: bill_of(&merchant().owner(), month),
            line_id: format!("{id}:6"),
            merchant_id: merchant().merchant_id,
            mode: Mode::Test,
            month,
            payment_id: id.parse().expect("an id"),
            kind: LineKind::Capture,
            card: CardClass { brand, region: Region::Domestic },
            currency: code.parse().expect("listed"),
            gross,
            fee,
            terms: FeeTerms { basis_points, fixed_minor: 0, minimum_minor: 0 },
        }
    }

    fn made(lines: &[FeeLine], earned: &[(&str, i64)]) -> Result<Option<Invoice>, NotInvoiced> {
        let earned = earned.iter().map(|(code, minor)| (code.parse().expect("listed"), *minor)).collect();
        let seller = Seller { lines: vec!["Florin".to_owned()], vat_note: "none".to_owned() };
        let now = Timestamp::parse_rfc3339("2026-12-01T03:00:00Z").expect("a moment");
        invoice(&merchant(), "2026-11".parse().expect("a month"), lines, &earned, &seller, (7, now))
    }

    #[test]
    fn alike_lines_are_one_and_the_sums_are_the_ledger_s() {
        let lines = [
            line(1, "EUR", Brand::Visa, 290, 1_000, 29),
            line(2, "EUR", Brand::Visa, 290, 2_000, 58),
            line(3, "EUR", Brand::Visa, 250, 2_000, 50), // after a change of the plan
            line(4, "EUR", Brand::Discover, 290, 1_000, 29),
            line(5, "JPY", Brand::Visa, 290, 100, 3),
        ];
        let invoice = made(&lines, &[("EUR", 166), ("JPY", 3)]).expect("equal").expect("something to bill");
        let found: Vec<_> = invoice
            .lines
            .iter()
            .map(|line| {
                (line.currency.code(), line.card.brand, line.terms.basis_points, line.count, line.gross, line.fee)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("EUR", Brand::Visa, 250, 1, 2_000, 50),
                ("EUR", Brand::Visa, 290, 2, 3_000, 87),
                ("EUR", Brand::Discover, 290, 1, 1_000, 29),
                ("JPY", Brand::Visa, 290, 1, 100, 3),
            ]
        );
        assert_eq!(
            invoice.totals.iter().map(|total| (total.captured, total.fee)).collect::<Vec<_>>(),
            [(6_000, 166), (100, 3)]
        );
        assert_eq!((invoice.number().as_str(), invoice.issued_on.as_str()), ("TEST-A_B-0007", "2026-12-01"));
        assert!(invoice.invoice_id.as_str().starts_with("inv_202611"));
    }

    #[test]
    fn what_the_ledger_does_not_know_is_not_billed() {
        let lines = [line(1, "EUR", Brand::Visa, 290, 1_000, 29)];
        let differs = |code: &str, billed, earned| {
            Err(NotInvoiced::LedgerDiffers { currency: code.parse().expect("listed"), billed, earned })
        };
        assert_eq!(made(&lines, &[]), differs("EUR", 29, 0));
        assert_eq!(made(&lines, &[("EUR", 30)]), differs("EUR", 29, 30));
        assert_eq!(made(&lines, &[("EUR", 29), ("USD", 1)]), differs("USD", 0, 1));
        assert_eq!(made(&[], &[("EUR", 1)]), differs("EUR", 0, 1));
        assert_eq!(made(&[], &[]), Ok(None));
    }
}
