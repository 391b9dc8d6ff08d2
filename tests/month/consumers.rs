//! What follows a payment: `publish`, `post-ledger` and `bill`, with their real handlers. A tenth of what they are sent
//! comes twice.

use crate::reconcile_world::Books;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::currency::Currency;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::id::Mode;
use payments::ledger::{Account, Dead, JournalEntry, Position, Posting, fold};
use payments::ports::{Credited, DeadLetters, Events, FeeLines, Journal};
use payments::posting::FeeLine;
use payments::reconcile::{BankCredit, DailyReport, Day, Funding, Side};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// Partitions of the topic.
const PARTITIONS: usize = 3;

/// A balance by the account's text and the currency.
pub type Balances = BTreeMap<(String, Currency), i64>;

/// The consumers' own memory.
#[derive(Default)]
pub struct Consumers {
    /// How many versions of payments were published.
    published: Cell<usize>,
    sent: RefCell<Vec<Event>>,
    fresh: RefCell<Vec<JournalEntry>>,
    known: RefCell<BTreeSet<String>>,
    /// Balances, folded entry by entry.
    pub balances: RefCell<Balances>,
    /// Fee lines, by event.
    pub lines: RefCell<BTreeMap<String, FeeLine>>,
    /// What nobody could read.
    pub dead: RefCell<Vec<Dead>>,
    /// Deliveries, repeats among them.
    pub deliveries: Cell<usize>,
    /// Fundings by the day on which the bank has them.
    expected: RefCell<BTreeMap<Day, Vec<Funding>>>,
    /// What the bank has on our account.
    pub bank: RefCell<BTreeMap<Currency, i64>>,
}

impl Events for Consumers {
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>> {
        self.sent.borrow_mut().extend_from_slice(events);
        events.iter().map(|_| Ok(())).collect()
    }
}

impl Journal for Consumers {
    async fn post(&self, _: u32, entries: &[JournalEntry]) -> Result<usize, Unavailable> {
        let mut known = self.known.borrow_mut();
        let fresh: Vec<_> = entries.iter().filter(|entry| known.insert(entry.event_id.clone())).cloned().collect();
        for (key, delta) in fold(&fresh) {
            *self.balances.borrow_mut().entry((key.account.to_string(), key.currency)).or_default() += delta.minor;
        }
        self.fresh.borrow_mut().extend_from_slice(&fresh);
        Ok(fresh.len())
    }
}

impl DeadLetters for Consumers {
    async fn bury(&self, dead: &Dead) -> Result<(), Unavailable> {
        self.dead.borrow_mut().push(dead.clone());
        Ok(())
    }
}

impl FeeLines for Consumers {
    async fn add(&self, line: &FeeLine) -> Result<(), Unavailable> {
        self.lines.borrow_mut().entry(line.line_id.clone()).or_insert_with(|| line.clone());
        Ok(())
    }
}

impl Consumers {
    /// Publishes every version that is new, and lets the consumers take all of it.
    pub async fn catch_up(&self, books: &Books) {
        let versions = books.world.versions.borrow()[self.published.get()..].to_vec();
        let stream: Vec<Value> = versions
            .iter()
            .zip(self.published.get()..)
            .map(|(payment, number)| {
                let image: serde_dynamo::Item = serde_dynamo::to_item(payment).unwrap();
                json!({ "dynamodb": { "SequenceNumber": number.to_string(), "NewImage": image.into_inner() } })
            })
            .collect();
        let request = serde_json::from_value(json!({ "Records": stream })).unwrap();
        assert_eq!(publish::handle(self, request).await.unwrap(), publish::Response::default());
        self.published.set(self.published.get() + versions.len());
        let sent = self.sent.take();
        self.deliver(&sent).await;
        let again: Vec<Event> = sent.into_iter().step_by(10).collect();
        self.deliver(&again).await;
        books.journal.borrow_mut().extend(self.fresh.take());
    }

    async fn deliver(&self, events: &[Event]) {
        self.deliveries.set(self.deliveries.get() + events.len());
        let mut records = BTreeMap::<String, Vec<Value>>::new();
        for event in events {
            let partition = event.subject().bytes().map(usize::from).sum::<usize>() % PARTITIONS;
            let value = BASE64.encode(serde_json::to_vec(event).unwrap());
            let place = records.entry(format!("payment-events-{partition}")).or_default();
            let offset = place.len();
            place.push(json!({ "topic": "payment-events", "partition": partition, "offset": offset, "value": value }));
        }
        let request = serde_json::from_value(json!({ "records": records })).unwrap();
        assert_eq!(post_ledger::handle(self, self, request).await.unwrap(), post_ledger::Response::default());
        let messages: Vec<Value> = events
            .iter()
            .map(|event| json!({ "messageId": event.id, "body": json!({ "detail": event }).to_string() }))
            .collect();
        let request = serde_json::from_value(json!({ "Records": messages })).unwrap();
        assert_eq!(bill::handle(self, request).await.unwrap(), bill::Response::default());
    }

    /// The bank books what the gateway pays on that day, and it is posted.
    pub async fn credit(&self, books: &Books, day: Day) {
        let text = books.original(Mode::Test, day).await.unwrap();
        let book = crate::reconcile_world::book(Mode::Test);
        for funding in DailyReport::read(&text, &book, day).unwrap().fundings {
            self.expected.borrow_mut().entry(funding.value_date).or_default().push(funding);
        }
        for funding in self.expected.borrow_mut().remove(&day).unwrap_or_default() {
            let Funding { reference, amount, currency, .. } = funding;
            let id = format!("bnk-{reference}");
            let minor = i64::try_from(amount).unwrap();
            *self.bank.borrow_mut().entry(currency).or_default() += minor;
            let receivable = Account::GatewayReceivable { gateway: book.gateway.clone(), mode: Mode::Test };
            let entry = JournalEntry {
                event_id: id.clone(),
                reference: Some(reference.clone()),
                occurred_at: format!("{day}T20:00:00Z"),
                position: Position { partition: 0, offset: 0 },
                postings: vec![
                    Posting::debit(Account::Bank { mode: Mode::Test }, currency, amount),
                    Posting::credit(receivable, currency, amount),
                ],
            };
            self.post(0, &[entry]).await.unwrap();
            let credit = BankCredit { id, reference, side: Side { amount: minor, cost: 0, currency } };
            let credited = Credited { gateway: Some(book.gateway.clone()), credit };
            books.bank.borrow_mut().entry((Mode::Test, day)).or_default().push(credited);
        }
        books.journal.borrow_mut().extend(self.fresh.take());
    }
}
