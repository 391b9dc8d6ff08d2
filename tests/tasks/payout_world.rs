//! Payouts in memory: merchants, a ledger that posts what is published, the tables, a bank with a mailbox, and planned
//! failures before and after each call.

use crate::exceptions_kept::KeptExceptions;
use crate::world::Fault;
use payments::bank::BookedMovement;
use payments::bank_account::OwnAccounts;
use payments::currency::Currency;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::id::{BankMovementId, Mode, Owner};
use payments::ledger::{JournalEntry, Position, Posting};
use payments::merchant::Merchant;
use payments::payout::bank_file::BankFile;
use payments::payout::message::{ReadMessage, Waiting};
use payments::payout::{Payout, PayoutKey, PayoutStatus};
use payments::ports::*;
use payments::posting::journal_entry;
use payments::timestamp::Timestamp;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Tuesday, 2026-11-24, 09:00.
const START: &str = "2026-11-24T09:00:00Z";
/// Our account in euros.
pub const OURS: &str = "NL62MOCK0000000011";
const OWN: &str = "test:EUR:NL62MOCK0000000011:MOCKNL2A,\
    test:USD:999999992:1234567890:1234567890:NL35MOCK0000000012";

#[derive(Default)]
pub struct Desk {
    pub calls: Cell<u32>,
    /// Which call fails, and how.
    pub fault: Cell<Option<(u32, Fault)>>,
    pub now: Cell<i64>,
    pub merchants: RefCell<BTreeMap<String, Merchant>>,
    /// Every posting of the ledger, and the events that were posted.
    pub journal: RefCell<BTreeMap<String, JournalEntry>>,
    pub payouts: RefCell<BTreeMap<PayoutKey, Payout>>,
    pub versions: RefCell<Vec<Payout>>,
    pub files: RefCell<BTreeMap<(String, u32), BankFile>>,
    pub documents: RefCell<BTreeMap<String, Vec<u8>>>,
    /// What the bank took, by the name of the file, and how often it was handed over.
    pub taken: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    pub mailbox: RefCell<Vec<(Waiting, Vec<u8>)>>,
    pub read: RefCell<BTreeMap<String, ReadMessage>>,
    pub names: RefCell<BTreeMap<String, String>>,
    pub movements: RefCell<BTreeMap<BankMovementId, BookedMovement>>,
    pub exceptions: KeptExceptions,
}

pub fn owner(merchant: &str) -> Owner {
    Owner { merchant_id: merchant.parse().unwrap(), mode: Mode::Test }
}

pub fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

impl Desk {
    pub fn new() -> Self {
        let desk = Self::default();
        desk.now.set(Timestamp::parse_rfc3339(START).unwrap().as_millis());
        desk
    }

    /// A merchant with a bank account in euros and one in dollars.
    pub fn merchant(&self, id: &str, iban: &str) {
        let settings = json!({
            "name": "Müller & Söhne", "active": true, "currencies": { "EUR": { "min": 1, "max": 1000000 } },
            "fee_plan": { "basis_points": 0 },
            "bank_accounts": {
                "EUR": { "type": "iban", "name": "Müller & Söhne", "iban": iban, "bic": "MOCKNL2A" },
                "USD": {
                    "type": "ach", "name": "Müller & Söhne", "routing_number": "021000021",
                    "account_number": "12345678", "holder_kind": "person",
                },
            },
        });
        let owner = owner(id);
        self.merchants.borrow_mut().insert(owner.to_string(), Merchant::read(&owner, &settings).unwrap());
    }

    /// Puts a balance there: what we owe the merchant is a credit.
    pub fn owe(&self, merchant: &str, code: &str, due: &str, minor: i64) {
        let account = format!("test:merchant:{merchant}:payable").parse().unwrap();
        let receivable = "test:gateway:simulated:receivable".parse().unwrap();
        let posting = |account, minor, due: Option<&str>| Posting {
            account,
            currency: currency(code),
            minor,
            due: due.map(str::to_owned),
        };
        let mut journal = self.journal.borrow_mut();
        let event_id = format!("pay_{}:1", journal.len());
        let postings = vec![posting(account, -minor, Some(due)), posting(receivable, minor, None)];
        let entry =
            JournalEntry::balanced(&any_event(&event_id), Position { partition: 0, offset: 0 }, postings).unwrap();
        journal.insert(event_id, entry);
    }

    /// Posts what the streams carry, each event once.
    pub fn post(&self) {
        let payouts = self.versions.borrow().iter().map(Event::of_payout).collect::<Vec<_>>();
        let movements = self.movements.borrow().values().map(Event::of_movement).collect::<Vec<_>>();
        for event in payouts.into_iter().chain(movements) {
            // As the topic carries it.
            let event = Event::read(serde_json::to_string(&event).unwrap().as_bytes()).unwrap();
            if let Some(entry) = journal_entry(&event, Position { partition: 0, offset: 0 }).unwrap() {
                self.journal.borrow_mut().entry(event.id.clone()).or_insert(entry);
            }
        }
    }

    /// An account's balance in euros.
    pub fn balance(&self, account: &str) -> i64 {
        let journal = self.journal.borrow();
        let postings = journal.values().flat_map(|entry| &entry.postings);
        let mine = postings.filter(|it| it.account.to_string() == account && it.currency == currency("EUR"));
        mine.map(|posting| posting.minor).sum()
    }

    /// What all accounts sum to, in all currencies.
    pub fn sum(&self) -> i64 {
        self.journal.borrow().values().flat_map(|entry| &entry.postings).map(|posting| posting.minor).sum()
    }

    pub fn statuses(&self) -> Vec<PayoutStatus> {
        self.payouts.borrow().values().map(|payout| payout.stage.status()).collect()
    }

    pub fn accounts() -> OwnAccounts {
        OwnAccounts::read(OWN, "Florin").unwrap()
    }

    /// One run of the machine for a day; false if a step gave up.
    pub async fn run(&self, day: &str) -> bool {
        let accounts = Self::accounts();
        let ports = list_payees::Ports { profiles: self, documents: self, accounts: &accounts, clock: self };
        let request = list_payees::Request { day: Some(day.to_owned()) };
        let Ok(list) = list_payees::handle(&ports, request).await else { return false };
        let lines = String::from_utf8(self.documents.borrow()[&list.key].clone()).unwrap();
        let mut good = true;
        for line in lines.lines() {
            let request = serde_json::from_str(line).unwrap();
            let (profiles, balances, posted, payouts) = (self, self, self, self);
            let ports = close_payout::Ports { profiles, balances, posted, payouts, accounts: &accounts, clock: self };
            good &= close_payout::handle(&ports, request).await.is_ok();
        }
        let (payouts, files, documents, bank) = (self, self, self, self);
        let ports = send_payouts::Ports { payouts, files, documents, bank, accounts: &accounts, clock: self };
        good &= send_payouts::handle(&ports, send_payouts::Request { day: day.to_owned() }).await.is_ok();
        good && self.listen().await.is_some()
    }

    /// One run of `read-bank`: applied and refused.
    pub async fn listen(&self) -> Option<(u32, u32)> {
        let accounts = Self::accounts();
        let (bank, payouts, files, read, documents, exceptions) = (self, self, self, self, self, self);
        let accounts = &accounts;
        let ports = read_bank::Ports { bank, payouts, files, read, documents, exceptions, accounts, clock: self };
        let answer = read_bank::handle(&ports, Value::Null).await.ok()?;
        Some((answer.applied, answer.refused))
    }

    /// Runs the day until it went through.
    pub async fn settle(&self, day: &str) {
        for _ in 0..40 {
            if self.run(day).await {
                return;
            }
        }
        panic!("the day does not go through");
    }

    /// A message arrives.
    pub fn arrives(&self, kind: &str, body: &str) {
        let mut mailbox = self.mailbox.borrow_mut();
        let waiting = Waiting { id: (mailbox.len() + 1).to_string(), kind: kind.to_owned() };
        mailbox.push((waiting, body.as_bytes().to_vec()));
    }

    pub async fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Unavailable> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let planned = self.fault.get().filter(|(at, _)| *at == call).map(|(_, fault)| fault);
        if planned == Some(Fault::Before) {
            return Err(Unavailable::new("the desk", "planned, before"));
        }
        let answer = effect();
        if planned == Some(Fault::After) {
            return Err(Unavailable::new("the desk", "planned, after"));
        }
        Ok(answer)
    }
}

fn any_event(id: &str) -> Event {
    let event = json!({
        "id": id, "type": "bank.unmatched", "version": 1, "occurred_at": START, "mode": "test",
        "data": {
            "id": format!("bnk_{}", "0".repeat(32)), "direction": "credit", "amount": 1, "currency": "EUR",
            "account": "a", "booked_on": "2026-11-23", "reference": "1", "statement": "s",
        },
    });
    Event::read(event.to_string().as_bytes()).unwrap()
}

impl Clock for Desk {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }
}

impl Profiles for Desk {
    async fn profile(&self, owner: &Owner) -> Result<Option<Merchant>, Unavailable> {
        self.call(|| self.merchants.borrow().get(&owner.to_string()).cloned()).await
    }

    async fn save_profile(&self, _merchant: &Merchant) -> Result<(), Unavailable> {
        unreachable!("payouts change no settings")
    }

    async fn profiles(&self, after: Option<&Owner>, limit: usize) -> Result<Vec<Merchant>, Unavailable> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        self.call(|| {
            let merchants = self.merchants.borrow();
            merchants.iter().filter(|(id, _)| **id > after).take(limit).map(|(_, it)| it.clone()).collect()
        })
        .await
    }
}

impl DueBalances for Desk {
    async fn due_until(
        &self,
        account: &str,
        currency: Currency,
        day: &str,
    ) -> Result<BTreeMap<String, i64>, Unavailable> {
        self.call(|| {
            let mut sums = BTreeMap::new();
            for posting in self.journal.borrow().values().flat_map(|entry| &entry.postings) {
                let due = posting.due.as_ref().filter(|due| due.as_str() <= day);
                let mine = posting.account.to_string() == account && posting.currency == currency;
                if let Some(due) = due.filter(|_| mine) {
                    *sums.entry(due.clone()).or_default() += posting.minor;
                }
            }
            sums
        })
        .await
    }
}

impl PostedEvents for Desk {
    async fn is_posted(&self, event_id: &str) -> Result<bool, Unavailable> {
        self.call(|| self.journal.borrow().contains_key(event_id)).await
    }
}

impl OpenPayout for Desk {
    async fn latest_payout(&self, owner: &Owner, currency: Currency) -> Result<Option<Payout>, Unavailable> {
        let partition = PayoutKey::partition(owner, currency);
        self.call(|| self.payouts.borrow().values().rfind(|it| it.key.owner_currency == partition).cloned()).await
    }

    async fn open_payout(&self, payout: &Payout) -> Result<Saved, Unavailable> {
        self.call(|| {
            if self.payouts.borrow().get(&payout.key).is_some_and(|there| there != payout) {
                return Saved::Conflict;
            }
            if self.payouts.borrow_mut().insert(payout.key.clone(), payout.clone()).is_none() {
                self.versions.borrow_mut().push(payout.clone());
            }
            Saved::Done
        })
        .await
    }
}

impl LoadPayout for Desk {
    async fn payout(&self, key: &PayoutKey) -> Result<Option<Payout>, Unavailable> {
        self.call(|| self.payouts.borrow().get(key).cloned()).await
    }
}

impl SavePayout for Desk {
    async fn save_payout(&self, payout: &Payout) -> Result<Saved, Unavailable> {
        self.call(|| {
            if self.payouts.borrow()[&payout.key].version + 1 != payout.version {
                return Saved::Conflict;
            }
            self.payouts.borrow_mut().insert(payout.key.clone(), payout.clone());
            self.versions.borrow_mut().push(payout.clone());
            Saved::Done
        })
        .await
    }
}

impl PayoutsToSend for Desk {
    async fn payouts_to_send(
        &self,
        mode: Mode,
        currency: Currency,
        limit: usize,
    ) -> Result<Vec<PayoutKey>, Unavailable> {
        let wanted = format!("{mode}#{currency}");
        self.call(|| {
            let payouts = self.payouts.borrow();
            payouts
                .values()
                .filter(|it| it.to_send.as_ref() == Some(&wanted))
                .take(limit)
                .map(|it| it.key.clone())
                .collect()
        })
        .await
    }
}

impl FindPayout for Desk {
    async fn find_payout(&self, reference: &str) -> Result<Option<PayoutKey>, Unavailable> {
        self.call(|| self.payouts.borrow().values().find(|it| it.reference == reference).map(|it| it.key.clone())).await
    }
}

impl BankFiles for Desk {
    async fn latest_file(&self, mode: Mode, currency: Currency) -> Result<Option<BankFile>, Unavailable> {
        let account = BankFile::account(mode, currency);
        self.call(|| self.files.borrow().values().rfind(|file| file.account == account).cloned()).await
    }

    async fn begin_file(&self, file: &BankFile) -> Result<Saved, Unavailable> {
        self.call(|| {
            let mut files = self.files.borrow_mut();
            let there = files.entry((file.account.clone(), file.number)).or_insert_with(|| file.clone());
            if there == file { Saved::Done } else { Saved::Conflict }
        })
        .await
    }

    async fn end_file(&self, file: &BankFile) -> Result<(), Unavailable> {
        self.call(|| drop(self.files.borrow_mut().insert((file.account.clone(), file.number), file.clone()))).await
    }
}

impl FindBankFile for Desk {
    async fn find_file(&self, name: &str) -> Result<Option<BankFile>, Unavailable> {
        self.call(|| self.files.borrow().values().find(|file| file.name == name).cloned()).await
    }
}

impl Documents for Desk {
    async fn put_document(&self, key: &str, _media_type: &str, bytes: &[u8]) -> Result<(), Unavailable> {
        self.call(|| drop(self.documents.borrow_mut().insert(key.to_owned(), bytes.to_vec()))).await
    }
}
