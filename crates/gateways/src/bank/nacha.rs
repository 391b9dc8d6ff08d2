//! NACHA: records of 94 characters in blocks of ten; a batch per class of holder (CCD for companies, PPD for persons),
//! control records with counts, sums and the entry hash.

use super::text::plain;
use super::{CreditTransfer, PaymentOrder, Unwritable};
use payments::bank_account::{AccountKind, AccountNumber, BankAccount, HolderKind, RoutingNumber};

/// The most cents that an entry has room for.
pub const MAX_MINOR: u64 = 9_999_999_999;

/// Records in a block.
const BLOCK: usize = 10;
/// Credits only.
const SERVICE_CLASS: &str = "220";
/// Ten digits of the entry hash are kept.
const HASH: u64 = 10_000_000_000;
/// What tells two files of the same minute apart.
const MODIFIERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Who sends, as the records name us.
struct Sender<'a> {
    name: &'a str,
    company_id: String,
    routing: &'a RoutingNumber,
}

/// A transfer to an account in the United States.
struct Entry<'a> {
    transfer: &'a CreditTransfer,
    name: &'a str,
    routing: &'a RoutingNumber,
    account: &'a AccountNumber,
    kind: AccountKind,
}

/// Counts and sums of what was written so far.
#[derive(Clone, Copy, Default)]
struct Totals {
    entries: u64,
    hash: u64,
    cents: u64,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.hash += other.hash;
        self.cents += other.cents;
    }
}

/// What the bank calls the file: who, when, which of that minute.
pub(super) fn identity(order: &PaymentOrder) -> Result<String, Unwritable> {
    let (date, time) = stamp(order);
    Ok(format!("{}-{date}{time}{}", sender(order)?.company_id, modifier(order)))
}

/// The file. The caller has held the order to the rail's limits.
pub(super) fn write(order: &PaymentOrder) -> Result<Vec<u8>, Unwritable> {
    let sender = sender(order)?;
    let mut records = vec![file_header(order, &sender)];
    let mut file = Totals::default();
    let mut batches = 0;
    for (holder, class) in [(HolderKind::Company, "CCD"), (HolderKind::Person, "PPD")] {
        let entries: Vec<Entry<'_>> = order.transfers.iter().filter_map(|transfer| entry(transfer, holder)).collect();
        if entries.is_empty() {
            continue;
        }
        batches += 1;
        file.add(batch(&mut records, order, &sender, class, batches, &entries)?);
    }
    if file.cents > 999_999_999_999 {
        return Err(Unwritable::OwnAccount("a file carries at most 9,999,999,999.99 dollars"));
    }
    let blocks = (records.len() + 1).div_ceil(BLOCK);
    let Totals { entries, hash, cents } = file;
    let hash = hash % HASH;
    records.push(format!("9{batches:06}{blocks:06}{entries:08}{hash:010}{:012}{cents:012}{:39}", 0, ""));
    while records.len() % BLOCK != 0 {
        records.push("9".repeat(94));
    }
    Ok((records.join("\n") + "\n").into_bytes())
}

fn batch(
    records: &mut Vec<String>,
    order: &PaymentOrder,
    sender: &Sender<'_>,
    class: &str,
    number: u64,
    entries: &[Entry<'_>],
) -> Result<Totals, Unwritable> {
    let odfi = &sender.routing.as_str()[..8];
    let company = sender.company_id.as_str();
    let day: String = order.day.chars().filter(char::is_ascii_digit).skip(2).collect();
    let name = field(sender.name, 16);
    records.push(format!(
        "5{SERVICE_CLASS}{name}{:20}{company}{class}{:10}{day}{day}{:3}1{odfi}{number:07}",
        "", "PAYOUT", ""
    ));
    let mut totals = Totals::default();
    for (index, entry) in entries.iter().enumerate() {
        let sequence = number * 100_000 + index as u64 + 1;
        records.push(entry_detail(entry, odfi, sequence));
        totals.entries += 1;
        totals.hash += entry.routing.as_str()[..8].parse::<u64>().expect("a routing number is nine digits");
        totals.cents += entry.transfer.amount.minor();
    }
    if totals.cents > 999_999_999_999 {
        return Err(Unwritable::OwnAccount("a batch carries at most 9,999,999,999.99 dollars"));
    }
    let Totals { entries, hash, cents } = totals;
    let hash = hash % HASH;
    records.push(format!(
        "8{SERVICE_CLASS}{entries:06}{hash:010}{:012}{cents:012}{company}{:19}{:6}{odfi}{number:07}",
        0, "", ""
    ));
    Ok(totals)
}

fn file_header(order: &PaymentOrder, sender: &Sender<'_>) -> String {
    let (date, time) = stamp(order);
    let routing = sender.routing;
    let name = field(sender.name, 23);
    let company = &sender.company_id;
    format!("101 {routing}{company}{date}{time}{}094101{:23}{name}{:8}", modifier(order), "", "")
}

fn entry_detail(entry: &Entry<'_>, odfi: &str, sequence: u64) -> String {
    let code = match entry.kind {
        AccountKind::Checking => "22",
        AccountKind::Savings => "32",
    };
    let Entry { transfer, routing, account, .. } = entry;
    let (cents, reference) = (transfer.amount.minor(), field(&transfer.reference, 15));
    let (account, name) = (account.as_str(), field(entry.name, 22));
    format!("6{code}{routing}{account:17}{cents:010}{reference}{name}{:2}0{odfi}{sequence:07}", "")
}

fn entry(transfer: &CreditTransfer, wanted: HolderKind) -> Option<Entry<'_>> {
    match &transfer.to {
        BankAccount::Ach { name, routing_number, account_number, account_kind, holder_kind }
            if *holder_kind == wanted =>
        {
            Some(Entry { transfer, name, routing: routing_number, account: account_number, kind: *account_kind })
        }
        BankAccount::Ach { .. } | BankAccount::Iban { .. } => None,
    }
}

fn sender(order: &PaymentOrder) -> Result<Sender<'_>, Unwritable> {
    let BankAccount::Ach { name, routing_number, .. } = &order.from.account else {
        return Err(Unwritable::OwnAccount("NACHA files leave from an ACH account"));
    };
    let company_id = order.from.company_id.as_deref().unwrap_or_default();
    if company_id.len() != 10 || !company_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Unwritable::OwnAccount("company_id: expected ten letters or digits"));
    }
    Ok(Sender { name, company_id: company_id.to_owned(), routing: routing_number })
}

/// `YYMMDD` and `HHMM` of the order's making.
fn stamp(order: &PaymentOrder) -> (String, String) {
    let digits: String = order.created_at.to_rfc3339().chars().filter(char::is_ascii_digit).take(12).collect();
    (digits[2..8].to_owned(), digits[8..12].to_owned())
}

fn modifier(order: &PaymentOrder) -> char {
    let index = order.number.saturating_sub(1) as usize % MODIFIERS.len();
    char::from(MODIFIERS[index])
}

fn field(text: &str, width: usize) -> String {
    format!("{:width$}", plain(text, width).to_ascii_uppercase())
}
