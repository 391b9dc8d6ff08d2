//! At the month's end: whether everything adds up, and what a person is told of it.

use crate::Month;
use crate::calendar::Days;
use crate::consumers::{Balances, Consumers};
use crate::planted::Planted;
use crate::reconcile_world::Books;
use crate::shop::owners;
use payments::billing::LineKind;
use payments::currency::Currency;
use payments::id::Mode;
use payments::ledger::Account;
use payments::ledger::audit::compare;
use payments::payout::PayoutStatus;
use payments::reconcile::{Book, Day, Exception, State};
use std::collections::{BTreeMap, BTreeSet};

/// Something that has to hold.
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// Whether it does.
    pub good: bool,
    /// The figures.
    pub detail: String,
}

/// Says that something has to hold.
pub fn finding(what: &'static str, good: bool, detail: impl Into<String>) -> Finding {
    Finding { what, good, detail: detail.into() }
}

/// Holds the month against itself.
pub async fn audit(month: &Month, days: &Days) -> Vec<Finding> {
    let Month { books, consumers, shop, planted, .. } = month;
    let journal = consumers.ledger.read_journal();
    let wrong = compare(&consumers.ledger.balances.borrow(), &journal.rebuild());
    let broken = journal.verify();
    let entries = journal.committed().count();
    let balances = consumers.balances();
    let dead = consumers.ledger.dead.borrow().len();
    let mut findings = vec![
        finding("balances equal a rebuild from the journal", wrong.is_empty(), format!("{entries} entries")),
        finding("every block's hash is right", broken.is_empty(), format!("{} blocks", journal.blocks())),
        finding("every record could be read", dead == 0, format!("{dead} dead letters")),
        finding("each day was reconciled", planted.reconciled == days.all().count(), format!("{}", planted.reconciled)),
        finding("nothing is unexplained", planted.unexplained == 0, format!("{} sums", planted.unexplained)),
        trial_balance(&balances),
        bank(month, &balances).await,
        suspense(&balances),
        exceptions(books, planted),
        refused_messages(month),
        receivable(books, &balances, days),
    ];
    findings.extend(fees(consumers, &balances));
    findings.extend(month.invoices.audit(books, consumers, shop, days));
    findings.extend(payouts(month));
    findings.push(finding("there was a month", shop.payments > 500 && shop.refunds > 40, format!("{}", shop.payments)));
    findings
}

fn trial_balance(balances: &Balances) -> Finding {
    let mut sums = BTreeMap::<Currency, i64>::new();
    for ((_, currency), minor) in balances {
        *sums.entry(*currency).or_default() += minor;
    }
    let good = !sums.is_empty() && sums.values().all(|sum| *sum == 0);
    finding("the ledger closes: debits equal credits in each currency", good, format!("{sums:?}"))
}

async fn bank(month: &Month, balances: &Balances) -> Finding {
    let account = Account::Bank { mode: Mode::Test }.to_string();
    let ours = balances.iter().filter(|((text, _), minor)| *text == account && **minor != 0);
    let ours: BTreeMap<Currency, i64> = ours.map(|((_, currency), minor)| (*currency, *minor)).collect();
    let theirs = match &month.bank {
        Some(bank) => bank.balances().await,
        None => month.consumers.bank.borrow().clone(),
    };
    finding("the bank's balance equals the ledger's bank account", ours == theirs, format!("{ours:?}"))
}

/// Every movement at the bank is known.
fn suspense(balances: &Balances) -> Finding {
    let account = Account::Suspense { mode: Mode::Test }.to_string();
    let held: Vec<_> =
        balances.iter().filter(|((text, _), _)| *text == account).map(|((_, it), sum)| (it, sum)).collect();
    finding("nothing is in suspense", held.is_empty(), format!("{held:?}"))
}

/// What became of the payouts, if there is a bank.
fn payouts(month: &Month) -> Vec<Finding> {
    if month.bank.is_none() {
        return Vec::new();
    }
    let [paid, failed, returned] =
        [PayoutStatus::Paid, PayoutStatus::Failed, PayoutStatus::Returned].map(|status| month.payouts.count(status));
    let all = month.payouts.treasury.payouts.borrow().len();
    let read = month.payouts.treasury.read.borrow();
    let refused = read.values().filter_map(|message| {
        let refused = message.refused.as_ref()?;
        Some(format!("{}, line {}: {}", message.kind, refused.line, refused.reason))
    });
    // The payee whose account is at our bank has statements too, in the same mailbox: another's account, refused whole.
    let refused: BTreeSet<String> = refused.filter(|reason| !reason.contains("not an account of ours")).collect();
    vec![
        finding("every payout is at its end", paid + failed + returned == all, format!("{all} payouts, {paid} paid")),
        finding("one payout was rejected", failed == 1, format!("{failed}")),
        finding("one came back after two days", returned == 1, format!("{returned}")),
        finding("every message of the bank about our accounts was taken", refused.is_empty(), format!("{refused:?}")),
    ]
}

fn exceptions(books: &Books, planted: &Planted) -> Finding {
    let exceptions = exceptions_of(books, false);
    let found: BTreeSet<_> = exceptions.iter().map(|it| (it.kind, it.reference.clone(), it.first_seen)).collect();
    let open = exceptions.iter().all(|exception| exception.state() == State::Open);
    let good = found == planted.expected && open && exceptions.len() == planted.expected.len();
    let kinds: Vec<String> = exceptions.iter().map(|it| format!("{} on {}", it.kind, it.first_seen)).collect();
    finding("exactly the planted exceptions are reported", good, kinds.join(", "))
}

/// Each message that was refused is one exception, however often the mailbox was looked through.
fn refused_messages(month: &Month) -> Finding {
    let read = month.payouts.treasury.read.borrow();
    let refused = read.values().filter(|message| message.refused.is_some());
    let refused: Vec<_> =
        refused.map(|it| (format!("message {}", it.message_id), Day::of(it.read_at), State::Open, 1)).collect();
    let exceptions = exceptions_of(&month.books, true);
    let mut found: Vec<_> =
        exceptions.iter().map(|it| (it.reference.clone(), it.first_seen, it.state(), it.revision)).collect();
    found.sort_by_key(|(reference, ..)| reference.clone());
    let mut expected = refused;
    expected.sort_by_key(|(reference, ..)| reference.clone());
    finding("each refused message of the bank is one exception", found == expected, format!("{}", found.len()))
}

/// The exceptions of our own book, or of the gateway's.
fn exceptions_of(books: &Books, own: bool) -> Vec<Exception> {
    let exceptions = books.exceptions.borrow();
    exceptions.values().filter(|it| (it.book() == Book::own(it.mode)) == own).cloned().collect()
}

/// What reconciliation says the gateway owes is what the ledger says.
fn receivable(books: &Books, balances: &Balances, days: &Days) -> Finding {
    let days_kept = books.days.borrow();
    let last = days_kept.values().find(|record| record.day == days.last() && record.book.mode == Mode::Test);
    let account = "test:gateway:simulated:receivable";
    let totals = last.map(|record| record.totals.clone()).unwrap_or_default();
    let agrees = |(currency, total): (&Currency, &payments::reconcile::Totals)| {
        let ledger = balances.get(&(account.to_owned(), *currency)).copied().unwrap_or(0);
        total.receivable_by_ledger == ledger && total.receivable_by_report == total.funded + total.open
    };
    let good = !totals.is_empty() && totals.iter().all(agrees);
    finding("the receivable by reconciliation is the ledger's account", good, format!("{} currencies", totals.len()))
}

/// Fee lines by merchant, and the ledger's fee account by currency.
fn fees(consumers: &Consumers, balances: &Balances) -> Vec<Finding> {
    let lines = consumers.lines.borrow();
    let mut by_currency = BTreeMap::<Currency, i64>::new();
    for line in lines.values() {
        *by_currency.entry(line.currency).or_default() += i64::try_from(line.fee).unwrap();
    }
    let account = Account::FeeRevenue { mode: Mode::Test }.to_string();
    let ledger: BTreeMap<Currency, i64> =
        balances.iter().filter(|((text, _), _)| *text == account).map(|((_, it), minor)| (*it, -minor)).collect();
    let captures = lines.values().filter(|line| line.kind == LineKind::Capture);
    let basis: BTreeSet<u32> = captures.map(|line| line.terms.basis_points).collect();
    let changed = basis.len() == 2 * owners().len();
    vec![
        finding("fee lines equal the ledger's fee account", by_currency == ledger, format!("{by_currency:?}")),
        finding("the fee plans changed in mid-month", changed, format!("basis points {basis:?}")),
    ]
}

/// Writes the pages and documents of all days into the folder that `MONTH_PAGES` names, if it names one.
pub fn leave_pages(books: &Books) {
    let Some(folder) = std::env::var_os("MONTH_PAGES").map(std::path::PathBuf::from) else { return };
    for (name, text) in books.files.borrow().iter() {
        let place = folder.join(name);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }
    println!("pages: {}", folder.display());
}

/// Says it all, so that a person can see it.
pub fn print(month: &Month, findings: &[Finding], book: &Book) {
    let Month { books, shop, planted, payouts, bank, .. } = month;
    println!(
        "A month of {book}: {} payments ({} declined), {} captured in part, {} refunds",
        shop.payments, shop.declined, shop.partial, shop.refunds
    );
    if bank.is_some() {
        let (all, files) = (payouts.treasury.payouts.borrow().len(), payouts.treasury.files.borrow().len());
        println!("{all} payouts in {files} files to the bank");
    } else {
        println!("no bank: payouts are left out, and what the gateway pays is booked in memory");
    }
    println!("{} days reconciled, {} pages", planted.reconciled, books.files.borrow().len() / 2);
    for exception in exceptions_of(books, false) {
        println!("  {} {} {}: {}", exception.first_seen, exception.kind, exception.reference, exception.detail);
    }
    for finding in findings {
        println!("{} {}: {}", if finding.good { "ok  " } else { "FAIL" }, finding.what, finding.detail);
    }
}
