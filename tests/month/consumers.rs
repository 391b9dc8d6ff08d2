//! What follows a payment: `publish`, `post-ledger` and `bill`, with their real handlers. A tenth of what they are sent
//! comes twice.

use crate::reconcile_world::Books;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bench::tables::Tables;
use payments::amount::Amount;
use payments::bank::{BankMovement, BookedMovement, Direction};
use payments::billing::{FeeLine, SettlementLine};
use payments::currency::Currency;
use payments::event::Event;
use payments::failure::Unavailable;
use payments::id::{BankMovementId, Mode};
use payments::ports::{Clock, Credited, DueBalances, Events, FeeLines, PostedEvents, SettlementLines};
use payments::reconcile::{BankCredit, DailyReport, Day, Funding, Side};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use task::queue::ItemsAnswer;

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
    /// The ledger's tables.
    pub ledger: Tables,
    /// Fee lines, by event.
    pub lines: RefCell<BTreeMap<String, FeeLine>>,
    pub settlements: RefCell<BTreeMap<String, SettlementLine>>,
    /// Deliveries, repeats among them.
    pub deliveries: Cell<usize>,
    /// Fundings by the day on which the bank has them.
    expected: RefCell<BTreeMap<Day, Vec<Funding>>>,
    /// What the bank has on our account.
    pub bank: RefCell<BTreeMap<Currency, i64>>,
}

impl Events for Consumers {
    async fn send(&self, events: &[Event]) -> Vec<Result<(), Unavailable>> {
        events.iter().for_each(crate::schemas::check_event);
        self.sent.borrow_mut().extend_from_slice(events);
        events.iter().map(|_| Ok(())).collect()
    }
}

impl SettlementLines for Consumers {
    async fn add(&self, line: &SettlementLine) -> Result<(), Unavailable> {
        self.settlements.borrow_mut().insert(line.settlement_id.clone(), line.clone());
        Ok(())
    }
}

impl FeeLines for Consumers {
    async fn add(&self, line: &FeeLine) -> Result<(), Unavailable> {
        self.lines.borrow_mut().entry(line.line_id.clone()).or_insert_with(|| line.clone());
        Ok(())
    }
}

impl DueBalances for Consumers {
    async fn due_until(
        &self,
        account: &str,
        currency: Currency,
        day: &str,
    ) -> Result<BTreeMap<String, i64>, Unavailable> {
        let mut sums = BTreeMap::<String, i64>::new();
        for ((text, shard), total) in self.ledger.balances.borrow().iter() {
            // A shard is `EUR#2`, or `EUR#2026-11-25#2` of what is due on a day.
            let parts: Vec<&str> = shard.split('#').collect();
            if let [code, due, _] = parts[..]
                && (text.as_str(), code) == (account, currency.code())
                && due <= day
            {
                *sums.entry(due.to_owned()).or_default() += i64::try_from(total.minor).unwrap();
            }
        }
        Ok(sums)
    }
}

impl PostedEvents for Consumers {
    async fn is_posted(&self, event_id: &str) -> Result<bool, Unavailable> {
        let journal = self.ledger.journal.borrow();
        let Some(place) = journal.get(event_id).map(|placed| placed.place) else { return Ok(false) };
        Ok(self.ledger.blocks.borrow().get(&place).is_some_and(|block| block.listed().contains(event_id)))
    }
}

impl Consumers {
    /// Publishes every version that is new, and lets the consumers take all of it.
    pub async fn catch_up(&self, books: &Books) {
        let versions = books.world.versions.borrow()[self.published.get()..].to_vec();
        self.published.set(self.published.get() + versions.len());
        let image = |payment| json!(serde_dynamo::to_item::<_, serde_dynamo::Item>(payment).unwrap().into_inner());
        self.publish(books, versions.iter().map(image).collect()).await;
    }

    /// Publishes items as they became, as a table's stream carries them, and lets the consumers take all of it.
    pub async fn publish(&self, books: &Books, images: Vec<Value>) {
        let record = |(image, number): (Value, usize)| json!({ "dynamodb": { "SequenceNumber": number.to_string(), "NewImage": image } });
        let stream: Vec<Value> = images.into_iter().zip(100..).map(record).collect();
        let request = serde_json::from_value(json!({ "Records": stream })).unwrap();
        assert_eq!(publish::handle(self, request).await.unwrap(), ItemsAnswer::default());
        let sent = self.sent.take();
        self.deliver(&sent).await;
        let again: Vec<Event> = sent.into_iter().step_by(10).collect();
        self.deliver(&again).await;
        let journal = self.ledger.read_journal();
        books.journal.replace(journal.committed().map(|(_, entry)| entry.clone()).collect());
    }

    /// Every account's balance by currency: the sum of its shards.
    pub fn balances(&self) -> Balances {
        let mut sums = Balances::new();
        for ((account, shard), total) in self.ledger.balances.borrow().iter() {
            let currency = shard.split('#').next().unwrap().parse().unwrap();
            *sums.entry((account.clone(), currency)).or_default() += i64::try_from(total.minor).unwrap();
        }
        sums
    }

    async fn deliver(&self, events: &[Event]) {
        self.deliveries.set(self.deliveries.get() + events.len());
        let mut records = BTreeMap::<String, Vec<Value>>::new();
        for event in events {
            let partition = event.subject().bytes().map(usize::from).sum::<usize>() % PARTITIONS;
            let value = BASE64.encode(serde_json::to_vec(event).unwrap());
            let place = records.entry(format!("payment-events-{partition}")).or_default();
            let offset = self.deliveries.get() + place.len();
            place.push(json!({ "topic": "payment-events", "partition": partition, "offset": offset, "value": value }));
        }
        let request = serde_json::from_value(json!({ "records": records })).unwrap();
        assert_eq!(
            post_ledger::handle(&self.ledger, &self.ledger, request).await.unwrap(),
            task::kafka::KafkaAnswer::default()
        );
        let messages: Vec<Value> = events
            .iter()
            .map(|event| json!({ "messageId": event.id, "body": json!({ "detail": event }).to_string() }))
            .collect();
        let request = serde_json::from_value(json!({ "Records": messages })).unwrap();
        assert_eq!(bill::handle(self, self, request).await.unwrap(), ItemsAnswer::default());
    }

    /// The gateway's report of a day that is over says what it will pay, and when.
    pub async fn expect_fundings(&self, books: &Books, day: Day) {
        let text = books.original(Mode::Test, day).await.unwrap();
        let book = crate::reconcile_world::book(Mode::Test);
        for funding in DailyReport::read(&text, &book, day).unwrap().fundings {
            self.expected.borrow_mut().entry(funding.value_date).or_default().push(funding);
        }
    }

    /// What the gateway pays on that day.
    pub fn fundings_of(&self, day: Day) -> Vec<Funding> {
        self.expected.borrow_mut().remove(&day).unwrap_or_default()
    }

    /// Without a bank, what the gateway pays is booked here.
    pub async fn credit(&self, books: &Books, day: Day, fundings: Vec<Funding>) {
        let book = crate::reconcile_world::book(Mode::Test);
        let mut images = Vec::new();
        for Funding { reference, amount, currency, .. } in fundings {
            let minor = i64::try_from(amount).unwrap();
            *self.bank.borrow_mut().entry(currency).or_default() += minor;
            let id = BankMovementId::derive("memory", &reference);
            let movement = BankMovement {
                id: id.clone(),
                direction: Direction::Credit,
                amount: Amount::try_new(amount, currency).unwrap(),
                account: "memory".to_owned(),
                booked_on: day.to_string(),
                reference: reference.clone(),
                statement: day.to_string(),
                gateway: Some(book.gateway.clone()),
                remittance: Some(reference.clone()),
            };
            let booked =
                BookedMovement { movement_id: id.clone(), mode: Mode::Test, read_at: books.world.now(), movement };
            images.push(json!(serde_dynamo::to_item::<_, serde_dynamo::Item>(&booked).unwrap().into_inner()));
            let side = Side { amount: minor, cost: 0, currency };
            let credit = BankCredit { id: id.to_string(), reference, side };
            let credited = Credited { gateway: Some(book.gateway.clone()), credit };
            books.bank.borrow_mut().entry((Mode::Test, day)).or_default().push(credited);
        }
        self.publish(books, images).await;
    }
}
