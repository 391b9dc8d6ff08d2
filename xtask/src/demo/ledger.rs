//! The audit of the money in the books: journal, balances and fee lines against what the payments moved.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{ACQUIRER, Books, Entry, Money, Movement};

/// Sums by account and currency.
pub type Sums = BTreeMap<(String, String), i128>;

/// Adds every disagreement to `found`.
pub fn check(books: &Books, found: &mut Vec<String>) {
    check_entries(books, found);
    check_balances(books, found);
    check_fee_lines(books, found);
    check_fees(books, found);
    check_payables(books, found);
    check_receivables(books, found);
    check_costs(books, found);
}

/// Whether the movement has a line on the merchant's bill: each capture, and a refund that costs a fee.
pub fn is_billed(movement: &Movement<'_>) -> bool {
    matches!(movement.money, Money::Captured { .. } | Money::Refunded { fee: 1.., .. })
}

/// One entry for each movement of money, none for anything else, each summing to zero and posted as it moved.
fn check_entries(books: &Books, found: &mut Vec<String>) {
    let made = books.entries.iter().map(|entry| entry.event_id.clone());
    compare_events("journal", books.movements(), made, found);
    let due: BTreeMap<String, Movement<'_>> =
        books.movements().map(|movement| (movement.event.clone(), movement)).collect();
    for entry in &books.entries {
        let mut sums = BTreeMap::<&str, i128>::new();
        for posting in &entry.postings {
            *sums.entry(&posting.currency).or_default() += i128::from(posting.minor);
        }
        for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
            found.push(format!("{}: its postings in {currency} sum to {sum}", entry.event_id));
        }
        if let Some(movement) = due.get(&entry.event_id) {
            let (is, should) = (posted(entry), expected(movement));
            if is != should {
                found.push(format!("{}: posted {is:?}, moved {should:?}", entry.event_id));
            }
        }
    }
}

/// An entry's sums by account; all gateways' receivables are one.
fn posted(entry: &Entry) -> Sums {
    let mut sums = Sums::new();
    for posting in &entry.postings {
        let account = any_gateway(&posting.account);
        *sums.entry((account, posting.currency.clone())).or_default() += i128::from(posting.minor);
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// `test:gateway:simulated:receivable` is `test:gateways:receivable`, and so is `test:own:gateway-cost`: what a gateway
/// keeps for itself was owed by it before.
fn any_gateway(account: &str) -> String {
    match (account.split_once(":gateway:"), account.split_once(":own:")) {
        (Some((mode, _)), _) if account.ends_with(":receivable") => receivable(mode),
        (_, Some((mode, "gateway-cost"))) => receivable(mode),
        _ => account.to_owned(),
    }
}

fn receivable(mode: &str) -> String {
    format!("{mode}:gateways:receivable")
}

/// What a movement does to the accounts; debits are positive.
fn expected(movement: &Movement<'_>) -> Sums {
    let payment = movement.payment;
    let key = |account: String| (account, payment.currency.clone());
    let payable = key(format!("{}:merchant:{}:payable", payment.mode(), payment.merchant()));
    let receivable = key(receivable(payment.mode()));
    let revenue = key(format!("{}:own:fee-revenue", payment.mode()));
    let held = key(format!("{}:merchant:{}:reserve", payment.mode(), payment.merchant()));
    let mut sums = match movement.money {
        Money::Captured { gross, fee, reserve, net } => Sums::from([
            (receivable, gross.into()),
            (payable, -i128::from(net)),
            (held, -i128::from(reserve)),
            (revenue, -i128::from(fee)),
        ]),
        Money::Refunded { amount, fee } => Sums::from([
            (payable, i128::from(amount) + i128::from(fee)),
            (receivable, -i128::from(amount)),
            (revenue, -i128::from(fee)),
        ]),
    };
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn compare_events<'a>(
    table: &str,
    movements: impl Iterator<Item = Movement<'a>>,
    made: impl Iterator<Item = String>,
    found: &mut Vec<String>,
) {
    let mut made_once = BTreeSet::new();
    for event in made {
        if made_once.contains(&event) {
            found.push(format!("{event}: twice in {table}"));
        }
        made_once.insert(event);
    }
    let mut due = BTreeSet::new();
    for movement in movements {
        if due.contains(&movement.event) {
            found.push(format!("{}: two movements of money, one event for {table}", movement.event));
        }
        due.insert(movement.event);
    }
    for event in due.difference(&made_once) {
        found.push(format!("{event}: moved money, but is not in {table}"));
    }
    for event in made_once.difference(&due) {
        found.push(format!("{event}: in {table}, but no payment moved money with it"));
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

/// One fee line for each capture, none for anything else, with its fee.
fn check_fee_lines(books: &Books, found: &mut Vec<String>) {
    let made = books.fee_lines.iter().map(|line| line.line_id.clone());
    compare_events("fee-lines", books.movements().filter(is_billed), made, found);
    let due: BTreeMap<String, Movement<'_>> =
        books.movements().map(|movement| (movement.event.clone(), movement)).collect();
    for line in &books.fee_lines {
        let Some(Movement { payment, money, .. }) = due.get(&line.line_id) else { continue };
        let (Money::Captured { fee, .. } | Money::Refunded { fee, .. }) = *money;
        let is = (line.merchant_id.as_str(), line.fee, &line.currency);
        let should = (payment.merchant(), fee, &payment.currency);
        if is != should {
            found.push(format!("{}: fee line {is:?}, settlement {should:?}", line.line_id));
        }
    }
}

/// What settlements charge is what fee lines bill and what the fee account has earned.
fn check_fees(books: &Books, found: &mut Vec<String>) {
    let settled = credited(books, |account| account.ends_with(":own:fee-revenue"));
    let mut billed = Sums::new();
    for line in &books.fee_lines {
        let account = format!("{}:own:fee-revenue", line.mode);
        let key = (account, line.currency.clone());
        *billed.entry(key).or_default() += i128::from(line.fee);
    }
    let earned = credits(books, |account| account.ends_with(":own:fee-revenue"));
    compare("fee lines", &billed, "settlements", &settled, found);
    compare("credit balance", &earned, "settlements' fees", &settled, found);
}

/// What we owe each merchant is the net of its captures less its refunds.
fn check_payables(books: &Books, found: &mut Vec<String>) {
    let is_payable = |account: &str| account.contains(":merchant:") && account.ends_with(":payable");
    let (owed, payable) = (credited(books, is_payable), credits(books, is_payable));
    compare("credit balance", &payable, "net less refunds", &owed, found);
}

/// What the gateways owe us, with what they took for themselves, is what was captured less what was refunded.
fn check_receivables(books: &Books, found: &mut Vec<String>) {
    let is_receivable = |account: &str| account.ends_with(":receivable") || account.ends_with(":own:gateway-cost");
    let negated = |sums: Sums| sums.into_iter().map(|(key, sum)| (key, -sum)).collect::<Sums>();
    let due = negated(credited(books, is_receivable));
    let mut receivable = Sums::new();
    for ((account, currency), sum) in negated(credits(books, is_receivable)) {
        *receivable.entry((any_gateway(&account), currency)).or_default() += sum;
    }
    compare("debit balance", &receivable, "gross less refunds", &due, found);
}

/// What we think the network costs us is what it took for itself, by its own account. It knows test cards only, and what other
/// gateways take is in no account here.
fn check_costs(books: &Books, found: &mut Vec<String>) {
    let account = "test:own:gateway-cost";
    let mut posted = Sums::new();
    let receivable = format!("test:gateway:{ACQUIRER}:receivable");
    let of_acquirer = |entry: &&Entry| entry.postings.iter().any(|posting| posting.account == receivable);
    let postings = books.entries.iter().filter(of_acquirer).flat_map(|entry| &entry.postings);
    for posting in postings.filter(|posting| posting.account == account) {
        *posted.entry((account.to_owned(), posting.currency.clone())).or_default() -= i128::from(posting.minor);
    }
    let mut taken = Sums::new();
    for hold in &books.holds {
        let cost: i128 = hold.bookings.iter().map(|booking| i128::from(booking.cost)).sum();
        *taken.entry((account.to_owned(), hold.currency.clone())).or_default() -= cost;
    }
    compare("credit balance", &posted, "the acquirer's costs", &taken, found);
}

/// The accounts' credits as the balances have them.
fn credits(books: &Books, of: impl Fn(&str) -> bool) -> Sums {
    let balances = balance_sums(books).into_iter();
    balances.filter(|((account, _), _)| of(account)).map(|(key, sum)| (key, -sum)).collect()
}

/// The accounts' credits as the payments' movements make them.
fn credited(books: &Books, of: impl Fn(&str) -> bool) -> Sums {
    let mut sums = Sums::new();
    for ((account, currency), sum) in books.movements().flat_map(|movement| expected(&movement)) {
        if of(&account) {
            *sums.entry((account, currency)).or_default() -= sum;
        }
    }
    sums
}
