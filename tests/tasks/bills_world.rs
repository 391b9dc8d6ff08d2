//! The world's bills in memory: what the consumers of events make of every version, and the ports that read it.

use crate::exceptions_kept::{self, KeptExceptions};
use crate::world::World;
use payments::billing::{FeeLine, SettlementLine, lines};
use payments::currency::Currency;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::id::{InvoiceId, Owner};
use payments::invoice::Invoice;
use payments::ledger::{Account, JournalEntry, Position, fold};
use payments::merchant::Merchant;
use payments::month::Month;
use payments::ports::*;
use payments::posting::{fee_earned, journal_entry};
use payments::reconcile::{Book, Exception, ExceptionId};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What is made of events and of months.
#[derive(Default)]
pub struct Kept {
    pub entries: RefCell<Vec<JournalEntry>>,
    pub fee_lines: RefCell<Vec<FeeLine>>,
    pub settlements: RefCell<BTreeMap<(Owner, String), SettlementLine>>,
    pub invoices: RefCell<BTreeMap<(Owner, InvoiceId), Invoice>>,
    pub files: RefCell<BTreeMap<String, Vec<u8>>>,
    pub exceptions: KeptExceptions,
}

impl World {
    /// Posts and bills every version that there is, from nothing; then checks that the books are sound.
    pub fn keep_books(&self) {
        let kept = &self.kept;
        kept.entries.borrow_mut().clear();
        kept.fee_lines.borrow_mut().clear();
        kept.settlements.borrow_mut().clear();
        for (payment, offset) in self.versions.borrow().iter().zip(0..) {
            let event = Event::of(payment);
            let entry = journal_entry(&event, Position { partition: 0, offset }).unwrap();
            kept.entries.borrow_mut().extend(entry);
            let lines = lines(&event).unwrap();
            kept.fee_lines.borrow_mut().extend(lines.fee);
            let settlements = lines.settlements.into_iter();
            let keyed = settlements.map(|line| ((line.owner.clone(), line.settlement_id.clone()), line));
            kept.settlements.borrow_mut().extend(keyed);
        }
        self.check_books();
    }

    /// Design, invariants 1 and 7, by account, currency and due date.
    fn check_books(&self) {
        let entries = self.kept.entries.borrow();
        let balances = fold(entries.iter());
        let mut sums = BTreeMap::<Currency, i64>::new();
        let (mut revenue, mut cost, mut due) = (0, 0, BTreeMap::<(bool, String), i64>::new());
        for (key, delta) in &balances {
            *sums.entry(key.currency).or_default() += delta.minor;
            match key.account {
                Account::FeeRevenue { .. } => revenue -= delta.minor,
                Account::GatewayCost { .. } => cost += delta.minor,
                Account::MerchantPayable { .. } | Account::MerchantReserve { .. } => {
                    let held = matches!(key.account, Account::MerchantReserve { .. });
                    *due.entry((held, key.due.unwrap().to_owned())).or_default() -= delta.minor;
                }
                _ => {}
            }
        }
        assert!(sums.values().all(|sum| *sum == 0), "the ledger sums to zero: {sums:?}");
        let billed: u64 = self.kept.fee_lines.borrow().iter().map(|line| line.fee).sum();
        assert_eq!(i64::try_from(billed).unwrap(), revenue, "fee lines are the fee account");
        let holds = self.holds.borrow();
        let taken: u64 = holds.values().flat_map(|hold| &hold.bookings).map(|booking| booking.cost).sum();
        assert_eq!(i64::try_from(taken).unwrap(), cost, "the acquirer's own costs are ours");
        let mut settled = BTreeMap::<(bool, String), i64>::new();
        for line in self.kept.settlements.borrow().values() {
            assert_eq!(line.gross, line.fee + line.reserve + line.net, "{line:?}");
            let release = line.kind == payments::billing::LineKind::ReserveRelease;
            *settled.entry((release, line.date.clone())).or_default() += line.net;
        }
        due.retain(|_, sum| *sum != 0);
        settled.retain(|_, sum| *sum != 0);
        assert_eq!(settled, due, "settlement lines are what is due");
    }
}

impl Profiles for World {
    async fn profile(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        self.merchant(owner).await
    }

    async fn save_profile(&self, _: &Merchant) -> Result<(), Unavailable> {
        unimplemented!("nobody here saves settings")
    }

    async fn profiles(&self, after: Option<&Owner>, limit: usize) -> Result<Vec<Merchant>, Unavailable> {
        self.call(|| {
            let merchants = self.merchants.borrow();
            let behind = merchants.values().filter(|merchant| after.is_none_or(|after| merchant.owner() > *after));
            behind.take(limit).cloned().collect()
        })
        .await
    }
}

impl Bills for World {
    async fn bill(&self, owner: &Owner, month: Month) -> Result<Vec<FeeLine>, Unavailable> {
        let bill = payments::billing::bill_of(owner, month);
        self.call(|| self.kept.fee_lines.borrow().iter().filter(|line| line.bill == bill).cloned().collect()).await
    }
}

impl EarnedFees for World {
    async fn earned(&self, month: Month) -> Result<BTreeMap<Owner, BTreeMap<Currency, i64>>, Unavailable> {
        self.call(|| {
            let mut earned = BTreeMap::<Owner, BTreeMap<Currency, i64>>::new();
            let entries = self.kept.entries.borrow();
            let of_month = entries.iter().filter(|entry| entry.occurred_at.starts_with(&month.to_string()));
            for (owner, currency, minor) in of_month.filter_map(|entry| fee_earned(&entry.postings)) {
                *earned.entry(owner).or_default().entry(currency).or_default() += minor;
            }
            earned
        })
        .await
    }
}

impl LoadInvoice for World {
    async fn invoice(&self, owner: &Owner, invoice_id: &InvoiceId) -> Result<Option<Invoice>, Unavailable> {
        self.call(|| self.kept.invoices.borrow().get(&(owner.clone(), invoice_id.clone())).cloned()).await
    }
}

impl ListInvoices for World {
    async fn invoices(
        &self,
        owner: &Owner,
        after: Option<&InvoiceId>,
        limit: usize,
    ) -> Result<Vec<Invoice>, Unavailable> {
        self.call(|| {
            let invoices = self.kept.invoices.borrow();
            let own = invoices.iter().rev().filter(|((whose, id), _)| whose == owner && after.is_none_or(|it| id < it));
            own.map(|(_, invoice)| invoice.clone()).take(limit).collect()
        })
        .await
    }
}

impl IssueInvoice for World {
    async fn last_sequence(&self, owner: &Owner) -> Result<u32, Unavailable> {
        self.call(|| last_sequence(self, owner)).await
    }

    async fn issue(&self, invoice: &Invoice) -> Result<Saved, Unavailable> {
        self.call(|| {
            let key = (invoice.owner.clone(), invoice.invoice_id.clone());
            let next = last_sequence(self, &invoice.owner) + 1 == invoice.sequence;
            if !next || self.kept.invoices.borrow().contains_key(&key) {
                return Saved::Conflict;
            }
            self.kept.invoices.borrow_mut().insert(key, invoice.clone());
            Saved::Done
        })
        .await
    }
}

fn last_sequence(world: &World, owner: &Owner) -> u32 {
    let invoices = world.kept.invoices.borrow();
    invoices.values().filter(|invoice| invoice.owner == *owner).map(|invoice| invoice.sequence).max().unwrap_or(0)
}

impl Exceptions for World {
    async fn exception(&self, book: &Book, id: &ExceptionId) -> Result<Option<Exception>, Unavailable> {
        self.call(|| exceptions_kept::find(&self.kept.exceptions, book, id)).await
    }

    async fn save_exception(&self, exception: &Exception) -> Result<Saved, Unavailable> {
        self.call(|| exceptions_kept::save(&self.kept.exceptions, exception)).await
    }
}

impl InvoiceFiles for World {
    async fn put(&self, invoice: &Invoice, file: InvoiceFile, bytes: Vec<u8>) -> Result<(), Unavailable> {
        let name = format!("{}.{file:?}", invoice.invoice_id);
        self.call(|| drop(self.kept.files.borrow_mut().insert(name, bytes))).await
    }
}

impl InvoiceLinks for World {
    async fn link(&self, invoice: &Invoice, seconds: u32) -> Result<String, Unavailable> {
        self.call(|| format!("https://files/{}?{seconds}", invoice.invoice_id)).await
    }
}

impl ListSettlements for World {
    async fn settlements(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<SettlementLine>, Unavailable> {
        self.call(|| {
            let lines = self.kept.settlements.borrow();
            let own = lines
                .iter()
                .rev()
                .filter(|((whose, id), _)| whose == owner && after.is_none_or(|after| id.as_str() < after));
            own.map(|(_, line)| line.clone()).take(limit).collect()
        })
        .await
    }
}
