//! The ports that the handlers' signatures ask for and nobody here uses: what comes is a bug of the model.

use crate::line::Line;
use payments::billing::SettlementLine;
use payments::breaker::{Breaker, Call};
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::gateway::{GatewayKey, GatewayName};
use payments::id::{CardFingerprint, InvoiceId, KeyId, Mode, Owner};
use payments::invoice::Invoice;
use payments::ledger;
use payments::listing::{Cursor, ListFilter};
use payments::month::Month;
use payments::ports::*;
use payments::retry::Declines;
use payments::timestamp::Timestamp;
use std::collections::BTreeMap;

impl RateLimit for Line<'_> {
    async fn admit(&self, _: &KeyId, _: u32) -> Result<Admission, Unavailable> {
        Ok(Admission::Admitted)
    }
}

impl Breakers for Line<'_> {
    async fn ask(&self, _: &GatewayName, _: Mode, _: Timestamp) -> Result<Breaker, Unavailable> {
        unreachable!("a single gateway has no breaker: there is no choice")
    }

    async fn is_open(&self, _: &GatewayName, _: Mode, _: Timestamp) -> Result<bool, Unavailable> {
        unreachable!("a single gateway has no breaker: there is no choice")
    }

    async fn record(&self, _: &GatewayName, _: Mode, _: Call, _: Timestamp) -> Result<(), Unavailable> {
        unreachable!("a single gateway has no breaker: there is no choice")
    }
}

impl DeclinedCards for Line<'_> {
    async fn declined(
        &self,
        _: &Owner,
        _: &CardFingerprint,
        _: &GatewayKey,
        _: Timestamp,
    ) -> Result<Declines, Unavailable> {
        unreachable!("no card here is declined softly")
    }
}

impl Volumes for Line<'_> {
    async fn volume(&self, _: &Owner, _: Month) -> Result<Option<BTreeMap<Currency, u64>>, Unavailable> {
        unreachable!("the merchant's plan has no tiers")
    }
}

impl ListPayments for Line<'_> {
    async fn list(&self, _: &Owner, _: &ListFilter, _: Option<&Cursor>) -> Result<Page, Unavailable> {
        unreachable!("nobody lists")
    }
}

impl Balances for Line<'_> {
    async fn balances(&self, _: &ledger::Account) -> Result<BTreeMap<Currency, i64>, Unavailable> {
        unreachable!("nobody asks for balances")
    }
}

impl ListSettlements for Line<'_> {
    async fn settlements(&self, _: &Owner, _: Option<&str>, _: usize) -> Result<Vec<SettlementLine>, Unavailable> {
        unreachable!("nobody asks for settlements")
    }
}

impl LoadInvoice for Line<'_> {
    async fn invoice(&self, _: &Owner, _: &InvoiceId) -> Result<Option<Invoice>, Unavailable> {
        unreachable!("nobody asks for invoices")
    }
}

impl ListInvoices for Line<'_> {
    async fn invoices(&self, _: &Owner, _: Option<&InvoiceId>, _: usize) -> Result<Vec<Invoice>, Unavailable> {
        unreachable!("nobody asks for invoices")
    }
}

impl InvoiceLinks for Line<'_> {
    async fn link(&self, _: &Invoice, _: u32) -> Result<String, Unavailable> {
        unreachable!("nobody asks for invoices")
    }
}
