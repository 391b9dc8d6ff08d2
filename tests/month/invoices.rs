//! Invoices: the real handler, asked for a month that is open, and then, twice, for the closed one. At the end each is held
//! against the fee lines and against the journal, which is read here anew, by the payment of each entry.

use crate::audit::{Finding, finding};
use crate::calendar::{Days, set_clock};
use crate::consumers::Consumers;
use crate::reconcile_world::Books;
use crate::shop::{Shop, owners};
use payments::billing::LineKind;
use payments::currency::Currency;
use payments::id::{Owner, PaymentId};
use payments::invoice::Seller;
use payments::ledger::Account;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Minor units by merchant and currency.
type Sums = BTreeMap<(Owner, Currency), i64>;

/// What came of invoicing.
#[derive(Default)]
pub struct Invoices {
    /// What was answered while the month was open.
    open: Option<Result<usize, String>>,
    /// How many each of two runs made.
    made: Vec<usize>,
    /// Who was refused one, and why.
    refused: Vec<String>,
}

impl Invoices {
    /// In the month's last hour there is none; in the second night after it they are made, twice.
    pub async fn make(&mut self, books: &Books, consumers: &Consumers, days: &Days) {
        let world = &books.world;
        world.kept.entries.replace(books.journal.borrow().clone());
        world.kept.fee_lines.replace(consumers.lines.borrow().values().cloned().collect());
        let month = &days.last().to_string()[..7];
        set_clock(world, days.last(), 23);
        let open = ask(books, json!({ "month": month })).await;
        self.open = Some(open.map(|answer| answer.made).map_err(|error| error.to_string()));
        set_clock(world, days.last().next().next(), 1);
        for _ in 0..2 {
            let answer = ask(books, json!({ "detail-type": "Scheduled Event" })).await.unwrap();
            assert_eq!(answer.month.to_string(), month);
            self.made.push(answer.made);
            self.refused.extend(answer.refused.into_iter().map(|it| format!("{}: {}", it.owner, it.reason)));
        }
    }

    /// Holds the invoices against the bill and the ledger.
    pub fn audit(&self, books: &Books, consumers: &Consumers, shop: &Shop, days: &Days) -> Vec<Finding> {
        let invoices = books.world.kept.invoices.borrow();
        let (mut invoiced, mut billed) = (Sums::new(), Sums::new());
        let (mut refunds, mut refund_fees) = (0, 0);
        for invoice in invoices.values() {
            for total in &invoice.totals {
                add(&mut invoiced, &invoice.owner, total.currency, i64::try_from(total.fee).unwrap());
            }
            for line in invoice.lines.iter().filter(|line| line.kind == LineKind::Refund) {
                refunds += usize::try_from(line.count).unwrap();
                refund_fees += line.fee;
            }
        }
        for line in consumers.lines.borrow().values() {
            let owner = Owner { merchant_id: line.merchant_id.clone(), mode: line.mode };
            add(&mut billed, &owner, line.currency, i64::try_from(line.fee).unwrap());
        }
        let earned = earned(books, consumers, days);
        let all = owners().len();
        let said: Vec<String> = earned
            .iter()
            .map(|((owner, currency), minor)| format!("{} {minor} {currency}", owner.merchant_id))
            .collect();
        let equal = invoiced == billed && billed == earned && earned.len() == all && self.refused.is_empty();
        let detail = if equal {
            said.join(", ")
        } else {
            let refused = &self.refused;
            format!("refused {refused:?}; invoiced {invoiced:?}; fee lines {billed:?}; journal {earned:?}")
        };
        let with_refunds = refunds == shop.refunds && refund_fees > 0;
        let open = match &self.open {
            Some(Err(reason)) => (true, reason.clone()),
            answer => (false, format!("{answer:?}")),
        };
        vec![
            finding("invoices equal the ledger's fee account", equal, detail),
            finding(
                "each is made once, however often it is asked for",
                self.made == [all, 0],
                format!("{:?}", self.made),
            ),
            finding(
                "refunds' fees are on them",
                with_refunds,
                format!("{refunds} refunds, {refund_fees} in minor units"),
            ),
            finding("an open month is not invoiced", open.0, open.1),
        ]
    }
}

/// What the fee account earned in the month, by whose payment each entry of the journal is about.
fn earned(books: &Books, consumers: &Consumers, days: &Days) -> Sums {
    let mut earned = Sums::new();
    for (_, entry) in consumers.ledger.read_journal().committed() {
        let of_month = days.all().any(|day| entry.occurred_at.starts_with(&day.to_string()));
        let fees = entry.postings.iter().filter(|posting| matches!(posting.account, Account::FeeRevenue { .. }));
        for posting in fees.filter(|_| of_month) {
            let (id, _) = entry.event_id.split_once(':').unwrap();
            let payment = books.world.payment(&id.parse::<PaymentId>().unwrap());
            add(&mut earned, &payment.owner, posting.currency, -posting.minor);
        }
    }
    earned
}

fn add(sums: &mut Sums, owner: &Owner, currency: Currency, minor: i64) {
    *sums.entry((owner.clone(), currency)).or_default() += minor;
}

async fn ask(books: &Books, request: Value) -> Result<invoice::Response, invoice::Error> {
    let world = &books.world;
    let seller = Seller { lines: vec!["Florin Payments".to_owned()], vat_note: "VAT: exempt".to_owned() };
    let ports = invoice::Ports {
        profiles: world,
        bills: world,
        ledger: world,
        invoices: world,
        files: world,
        exceptions: books,
        clock: world,
        seller: &seller,
    };
    invoice::handle(&ports, serde_json::from_value(request).unwrap()).await
}
