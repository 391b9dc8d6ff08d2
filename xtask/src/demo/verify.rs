//! The audit: whether the tables agree with what merchants were told and with one another, by own summation.
//!
//! It reads no event and calls no code of the app. Each disagreement is a sentence with the ids that it is about.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{Books, Payment};

/// What a merchant was told of one payment.
#[derive(Clone, Debug)]
pub struct Told {
    /// The file's line.
    pub line: String,
    /// The payment.
    pub payment_id: String,
    /// Its status.
    pub status: String,
    /// Whose.
    pub merchant: String,
    /// Minor units.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: String,
}

/// Sums by account and currency.
pub type Sums = BTreeMap<(String, String), i128>;

/// Every disagreement.
pub fn verify(told: &[Told], books: &Books) -> Vec<String> {
    let mut found = Vec::new();
    check_payments(told, books, &mut found);
    check_entries(books, &mut found);
    check_balances(books, &mut found);
    check_fee_lines(books, &mut found);
    check_fees(books, &mut found);
    check_payables(books, &mut found);
    check_holds(books, &mut found);
    found
}

/// Each payment of the file is there once, as it was told.
fn check_payments(told: &[Told], books: &Books, found: &mut Vec<String>) {
    let mut stored = BTreeMap::<&str, Vec<&Payment>>::new();
    for payment in &books.payments {
        let same = stored.entry(payment.payment_id.as_str()).or_default();
        same.push(payment);
    }
    let mut lines = BTreeMap::new();
    for told in told {
        let id = &told.payment_id;
        if let Some(other) = lines.insert(id, &told.line) {
            found.push(format!("{id}: told for both {other} and {}", told.line));
        }
        let same = stored.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        let [payment] = same else {
            let count = same.len();
            found.push(format!("{id} ({}): {count} times in payments, not once", told.line));
            continue;
        };
        let (status, line) = (payment.status(), &told.line);
        if status == "processing" {
            found.push(format!("{id} ({line}): still {}, not at rest", payment.stage.name));
        }
        if status != told.status {
            found.push(format!("{id} ({line}): told {}, stored {status}", told.status));
        }
        let is = (&payment.merchant_id, payment.amount, &payment.currency);
        let asked = (&told.merchant, told.amount, &told.currency);
        if is != asked {
            found.push(format!("{id} ({line}): asked for {asked:?}, stored {is:?}"));
        }
    }
}

/// One entry for each succeeded payment, none for others, each summing to zero.
fn check_entries(books: &Books, found: &mut Vec<String>) {
    let made = books.entries.iter().map(|entry| entry.event_id.clone());
    compare_events("journal", books, made, found);
    for entry in &books.entries {
        let mut sums = BTreeMap::<&str, i128>::new();
        for posting in &entry.postings {
            *sums.entry(&posting.currency).or_default() += i128::from(posting.minor);
        }
        for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
            found.push(format!("{}: its postings in {currency} sum to {sum}", entry.event_id));
        }
    }
}

fn compare_events(table: &str, books: &Books, made: impl Iterator<Item = String>, found: &mut Vec<String>) {
    let mut made_once = BTreeSet::new();
    for event in made {
        if made_once.contains(&event) {
            found.push(format!("{event}: twice in {table}"));
        }
        made_once.insert(event);
    }
    let due: BTreeSet<String> = books.payments.iter().filter_map(Payment::money_event).collect();
    for event in due.difference(&made_once) {
        found.push(format!("{event}: succeeded, but not in {table}"));
    }
    for event in made_once.difference(&due) {
        found.push(format!("{event}: in {table}, but no payment succeeded with it"));
    }
}

/// The journal's postings by account and currency.
pub fn journal_sums(books: &Books) -> Sums {
    let mut sums = Sums::new();
    for posting in books.entries.iter().flat_map(|entry| &entry.postings) {
        let account = (posting.account.clone(), posting.currency.clone());
        *sums.entry(account).or_default() += i128::from(posting.minor);
    }
    sums
}

/// The balances with their shards added up.
pub fn balance_sums(books: &Books) -> Sums {
    let mut sums = Sums::new();
    for balance in &books.balances {
        let account = (balance.account.clone(), balance.currency.clone());
        *sums.entry(account).or_default() += i128::from(balance.minor);
    }
    sums
}

/// How many postings the balances are still behind the journal.
pub fn postings_behind(books: &Books) -> i128 {
    let posted = books.entries.iter().map(|entry| entry.postings.len() as i128);
    let folded = books.balances.iter().map(|balance| i128::from(balance.postings));
    posted.sum::<i128>() - folded.sum::<i128>()
}

/// Balances sum to zero per currency and are the journal's fold.
fn check_balances(books: &Books, found: &mut Vec<String>) {
    let (balances, journal) = (balance_sums(books), journal_sums(books));
    let mut currencies = BTreeMap::<&str, i128>::new();
    for ((_, currency), sum) in &balances {
        *currencies.entry(currency).or_default() += sum;
    }
    for (currency, sum) in currencies.into_iter().filter(|(_, sum)| *sum != 0) {
        found.push(format!("{currency}: the balances sum to {sum}, not zero"));
    }
    compare("balance", &balances, "the journal's fold", &journal, found);
    let behind = postings_behind(books);
    if behind != 0 {
        found.push(format!("the balances hold {behind} postings fewer than the journal"));
    }
}

/// Every difference of two sums; what is absent is zero.
fn compare(what: &str, left: &Sums, against: &str, right: &Sums, found: &mut Vec<String>) {
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    for key in keys {
        let sum = |sums: &Sums| sums.get(key).copied().unwrap_or_default();
        let (is, should) = (sum(left), sum(right));
        if is != should {
            let (name, currency) = key;
            found.push(format!("{name} {currency}: {what} {is}, {against} {should}"));
        }
    }
}

/// One fee line for each succeeded payment, none for others, with its fee.
fn check_fee_lines(books: &Books, found: &mut Vec<String>) {
    let made = books.fee_lines.iter().map(|line| line.line_id.clone());
    compare_events("fee-lines", books, made, found);
    let fees = books.payments.iter().filter_map(|payment| {
        let event = payment.money_event()?;
        Some((event, payment))
    });
    let fees: BTreeMap<String, &Payment> = fees.collect();
    for line in &books.fee_lines {
        let Some(payment) = fees.get(&line.line_id) else {
            continue;
        };
        let is = (&line.merchant_id, line.fee, &line.currency);
        let should = (&payment.merchant_id, payment.fee(), &payment.currency);
        if is != should {
            found.push(format!("{}: fee line {is:?}, settlement {should:?}", line.line_id));
        }
    }
    for payment in fees.values() {
        let Some(settlement) = &payment.stage.settlement else {
            found.push(format!("{}: succeeded without a settlement", payment.payment_id));
            continue;
        };
        let parts = i128::from(settlement.fee) + i128::from(settlement.net);
        if settlement.gross != payment.amount || i128::from(settlement.gross) != parts {
            found.push(format!(
                "{}: amount {}, gross {}, fee {} and net {} do not add up",
                payment.payment_id, payment.amount, settlement.gross, settlement.fee, settlement.net,
            ));
        }
    }
}

/// What settlements charge is what fee lines bill and what the fee account has earned.
fn check_fees(books: &Books, found: &mut Vec<String>) {
    let mut settled = Sums::new();
    let mut billed = Sums::new();
    for payment in &books.payments {
        let account = format!("{}:own:fee-revenue", payment.mode);
        let key = (account, payment.currency.clone());
        *settled.entry(key).or_default() += i128::from(payment.fee());
    }
    for line in &books.fee_lines {
        let account = format!("{}:own:fee-revenue", line.mode);
        let key = (account, line.currency.clone());
        *billed.entry(key).or_default() += i128::from(line.fee);
    }
    let earned = credits(books, |account| account.ends_with(":own:fee-revenue"));
    compare("fee lines", &billed, "settlements", &settled, found);
    compare("credit balance", &earned, "settlements' fees", &settled, found);
}

fn credits(books: &Books, of: impl Fn(&str) -> bool) -> Sums {
    let balances = balance_sums(books).into_iter();
    balances.filter(|((account, _), _)| of(account)).map(|(key, sum)| (key, -sum)).collect()
}

/// What we owe each merchant is gross less fee of its payments.
fn check_payables(books: &Books, found: &mut Vec<String>) {
    let mut owed = Sums::new();
    for payment in &books.payments {
        let account = format!("{}:merchant:{}:payable", payment.mode, payment.merchant_id);
        let key = (account, payment.currency.clone());
        *owed.entry(key).or_default() += i128::from(payment.gross()) - i128::from(payment.fee());
    }
    let payable = credits(books, |account| account.contains(":merchant:") && account.ends_with(":payable"));
    compare("credit balance", &payable, "gross less fee", &owed, found);
}

/// The acquirer has taken what succeeded and nothing else, and blocks no money for nothing.
fn check_holds(books: &Books, found: &mut Vec<String>) {
    let mut taken = BTreeMap::<(&str, &str), i128>::new();
    for hold in books.holds.iter().filter(|hold| hold.captured > 0) {
        let sum = taken.entry((hold.payment_id(), &hold.currency)).or_default();
        *sum += i128::from(hold.captured);
    }
    for payment in &books.payments {
        let id = payment.payment_id.as_str();
        let sum = taken.remove(&(id, &payment.currency)).unwrap_or_default();
        let due = match payment.status() {
            "succeeded" => i128::from(payment.gross()),
            _ => 0,
        };
        if sum != due {
            let status = payment.status();
            found.push(format!("{id}: {status}, due {due}, the acquirer captured {sum}"));
        }
    }
    for ((id, currency), sum) in taken {
        found.push(format!("{id}: the acquirer captured {sum} {currency}, no payment is for it"));
    }
    let waiting = |payment: &&Payment| matches!(payment.status(), "requires_capture" | "in_review");
    let waiting = books.payments.iter().filter(waiting);
    let waiting: BTreeSet<&str> = waiting.map(|payment| payment.payment_id.as_str()).collect();
    for hold in books.holds.iter().filter(|hold| hold.is_open()) {
        if !waiting.contains(hold.payment_id()) {
            found.push(format!("{}: an open hold that nobody waits for", hold.hold_key));
        }
    }
}
