//! The settlement instruction: what the merchant is owed for a captured payment, and when.

use crate::amount::{Amount, AmountError};
use crate::calendar::business_days_after;
use crate::fee::FeeTerms;
use crate::timestamp::{Timestamp, iso_date};
use serde::{Deserialize, Serialize};

/// Business days between the capture and the settlement.
pub const SETTLEMENT_DAYS: u32 = 2;

/// Gross, fee and net of one captured payment; gross = fee + net.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// What was captured, in minor units of the payment's currency.
    pub gross: u64,
    /// What we keep.
    pub fee: u64,
    /// What the merchant gets.
    pub net: u64,
    /// What the fee was made of.
    pub terms: FeeTerms,
    /// The day on which it is settled, `YYYY-MM-DD`.
    pub date: String,
}

/// Works out the instruction for an amount captured at `captured_at`.
pub fn settle(gross: Amount, terms: FeeTerms, captured_at: Timestamp) -> Result<Settlement, AmountError> {
    let fee = terms.fee(gross)?;
    let net = gross.checked_sub(fee)?;
    let date = iso_date(business_days_after(gross.currency(), captured_at.date(), SETTLEMENT_DAYS));
    Ok(Settlement { gross: gross.minor(), fee: fee.minor(), net: net.minor(), terms, date })
}
