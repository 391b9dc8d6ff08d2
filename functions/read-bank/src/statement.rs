//! Statements and notifications (camt.053, camt.054): a movement pays a payout, brings one back, is a gateway's money, or
//! is nothing that we know. A notification and the statement tell of the same movements: each is applied once.

use crate::{MAX_TRIES, NotApplied, Ports, claim};
use gateways::bank::FileError;
use gateways::bank::camt::{self, AccountReport, Direction, Entry};
use payments::bank::{BankMovement, BookedMovement};
use payments::bank_account::OwnAccount;
use payments::failure::Unavailable;
use payments::gateway::GatewayName;
use payments::id::BankMovementId;
use payments::payout::item::Told;
use payments::payout::message::Waiting;
use payments::payout::{Payout, PayoutFailure};
use payments::ports::{BankMovements, Clock, FindPayout, LoadPayout, ReadMessages, SavePayout, Saved};
use payments::timestamp::Timestamp;

/// Gateways whose payments to us name them: what they write, or their reference, begins with `FUND-<gateway>-`.
const GATEWAYS: [&str; 1] = ["simulated"];

pub(crate) async fn apply<Bank, Store, Files, Book, Bucket, Kept, System>(
    ports: &Ports<'_, Bank, Store, Files, Book, Bucket, Kept, System>,
    waiting: &Waiting,
    bytes: &[u8],
) -> Result<(), NotApplied>
where
    Store: LoadPayout + SavePayout + FindPayout,
    Book: ReadMessages + BankMovements,
    System: Clock,
{
    let is_statement = waiting.kind == camt::STATEMENT;
    let reports = if is_statement { camt::read_statements(bytes)? } else { camt::read_notifications(bytes)? };
    let mut ours = Vec::with_capacity(reports.len());
    for report in &reports {
        let own = ports.accounts.stated(&report.account, report.currency);
        let foreign = || FileError::new(report.line, "Acct: this is not an account of ours in that currency");
        ours.push(own.ok_or_else(foreign)?);
    }
    if let Some(first) = reports.first() {
        claim(ports.read, &format!("message {}", first.message_id), waiting, 1).await?;
    }
    for (report, own) in reports.iter().zip(&ours) {
        let kind = if is_statement { "statement" } else { "notification" };
        let name = format!("{kind} {} of {}#{}", report.id, own.mode, own.currency);
        claim(ports.read, &name, waiting, report.line).await?;
    }
    for (report, own) in reports.iter().zip(&ours) {
        for entry in &report.entries {
            book(ports, own, report, entry).await?;
        }
    }
    Ok(())
}

async fn book<Bank, Store, Files, Book, Bucket, Kept, System>(
    ports: &Ports<'_, Bank, Store, Files, Book, Bucket, Kept, System>,
    own: &OwnAccount,
    report: &AccountReport,
    entry: &Entry,
) -> Result<(), Unavailable>
where
    Store: LoadPayout + SavePayout + FindPayout,
    Book: BankMovements,
    System: Clock,
{
    let movement_id = BankMovementId::derive(&report.account, &entry.bank_reference);
    if ports.read.has_movement(&movement_id).await? {
        return Ok(());
    }
    if tell_payout(ports.payouts, ports.clock, own, entry).await? {
        return Ok(());
    }
    let movement = movement(movement_id.clone(), report, entry);
    if movement.gateway.is_none() {
        let (reference, line) = (&entry.bank_reference, entry.line);
        tracing::error!(target: "florin", %movement_id, reference, line, "a movement at the bank that nobody knows");
    }
    let booked = BookedMovement { movement_id, mode: own.mode, read_at: ports.clock.now(), movement };
    ports.read.add_movement(&booked).await
}

/// Tells the payout that the entry is about; false if there is none, or the entry cannot be true of it.
async fn tell_payout(
    store: &(impl LoadPayout + SavePayout + FindPayout),
    clock: &impl Clock,
    own: &OwnAccount,
    entry: &Entry,
) -> Result<bool, Unavailable> {
    let Some(reference) = &entry.reference else { return Ok(false) };
    if entry.direction == Direction::Credit && entry.returned.is_none() {
        return Ok(false);
    }
    let Some(key) = store.find_payout(reference).await? else { return Ok(false) };
    for _ in 0..MAX_TRIES {
        let payout = store.payout(&key).await?;
        // In the other world, or in another currency, it is not this payout.
        let Some(payout) = payout.filter(|payout| payout.owner.mode == own.mode) else { return Ok(false) };
        match told(payout, entry, clock.now()) {
            Told::Known => return Ok(true),
            Told::Impossible => return Ok(false),
            Told::Next(next) => {
                if store.save_payout(&next).await? == Saved::Done {
                    return Ok(true);
                }
            }
        }
    }
    Err(Unavailable::new("the payouts table", "others are changing this payout"))
}

fn told(payout: Payout, entry: &Entry, now: Timestamp) -> Told {
    match (&entry.returned, entry.direction) {
        (None, Direction::Debit) => payout.pay(entry.amount, &entry.bank_reference, &entry.day, now),
        (Some(code), Direction::Credit) => {
            let detail = "the receiver's bank sent it back".to_owned();
            let failure = PayoutFailure { code: code.clone(), detail, due_again: entry.day.clone() };
            payout.give_back(entry.amount, &entry.bank_reference, failure, now)
        }
        (None, Direction::Credit) | (Some(_), Direction::Debit) => Told::Impossible,
    }
}

fn movement(id: BankMovementId, report: &AccountReport, entry: &Entry) -> BankMovement {
    let named = |text: &String| {
        let text = text.to_lowercase();
        GATEWAYS.into_iter().find(|name| text.starts_with(&format!("fund-{name}-")))
    };
    let gateway = entry.remittance.iter().chain(&entry.reference).find_map(named);
    let known = gateway.filter(|_| entry.returned.is_none()).map(|name| GatewayName(name.to_owned()));
    BankMovement {
        id,
        direction: match entry.direction {
            Direction::Credit => payments::bank::Direction::Credit,
            Direction::Debit => payments::bank::Direction::Debit,
        },
        amount: entry.amount,
        account: report.account.clone(),
        booked_on: entry.day.clone(),
        reference: entry.reference.clone().unwrap_or_else(|| entry.bank_reference.clone()),
        statement: report.id.clone(),
        gateway: known,
        remittance: entry.remittance.clone(),
    }
}
