//! What reconciliation needs, in memory: the journal as posted, a bank, kept days and exceptions, stored reports; and a
//! gateway whose reports can be altered on their way.

use crate::exceptions_kept::{self, KeptExceptions};
use crate::world::World;
use payments::failure::Unavailable;
use payments::gateway::{GatewayName, NoAnswer};
use payments::id::{Mode, PaymentId};
use payments::ledger::{Account, JournalEntry};
use payments::payment::Payment;
use payments::ports::*;
use payments::reconcile::{Book, DailyReport, Day, DayRecord, DayState, Exception, ExceptionId};
use payments::timestamp::Timestamp;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What is done to a report on its way.
pub type Alteration = Box<dyn Fn(&mut DailyReport)>;

#[derive(Default)]
pub struct Books {
    pub world: World,
    pub journal: RefCell<Vec<JournalEntry>>,
    pub bank: RefCell<BTreeMap<(Mode, Day), Vec<Credited>>>,
    pub days: RefCell<BTreeMap<(Book, Day), DayRecord>>,
    pub exceptions: KeptExceptions,
    pub files: RefCell<BTreeMap<String, String>>,
    /// What is done to the report of a day, in test mode.
    pub altered: RefCell<BTreeMap<Day, Alteration>>,
    /// Texts that replace a report.
    pub replaced: RefCell<BTreeMap<Day, String>>,
    /// Calls to tables and files so far, and the one that fails.
    pub calls: Cell<u32>,
    pub fails: Cell<Option<(u32, crate::world::Fault)>>,
}

pub fn book(mode: Mode) -> Book {
    Book { gateway: GatewayName("simulated".to_owned()), mode }
}

impl Books {
    /// Runs the real handler.
    pub async fn ask(&self, request: serde_json::Value) -> Result<reconcile::Response, reconcile::Error> {
        let request = serde_json::from_value(request).unwrap();
        let ports = reconcile::Ports {
            gateway: self,
            payments: self,
            ledger: self,
            bank: self,
            kept: self,
            files: self,
            clock: self,
        };
        reconcile::handle(&ports, request).await
    }

    /// One call to a table or a file: fails if it is its turn.
    fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Unavailable> {
        use crate::world::Fault;
        let call = self.calls.get();
        self.calls.set(call + 1);
        let planned = self.fails.get().filter(|(number, _)| *number == call).map(|(_, fault)| fault);
        if planned == Some(Fault::Before) {
            return Err(Unavailable::new("the books", "planned, before"));
        }
        let answer = effect();
        if planned == Some(Fault::After) {
            return Err(Unavailable::new("the books", "planned, after"));
        }
        Ok(answer)
    }

    /// The report as the acquirer wrote it.
    pub async fn original(&self, mode: Mode, day: Day) -> Result<String, NoAnswer> {
        let mut text = String::new();
        let mut from_line = 0;
        loop {
            let order = gateways::simulated::Order::Report { mode, day, from_line };
            let world = &self.world;
            let answer = simulated_acquirer::handle(world, world, world, world, order).await;
            let answer = answer.map_err(|error| NoAnswer::Unknown(error.to_string()))?;
            let simulated_acquirer::Answer::Reported(page) = answer else { panic!("{answer:?}") };
            text.push_str(&page.text);
            match page.next {
                Some(next) => from_line = next,
                None => return Ok(text),
            }
        }
    }
}

impl Clock for Books {
    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

impl LoadPayment for Books {
    async fn load(&self, payment_id: &PaymentId) -> Result<Option<Payment>, Unavailable> {
        LoadPayment::load(&self.world, payment_id).await
    }
}

impl ReportDay for Books {
    fn name(&self) -> GatewayName {
        GatewayName("simulated".to_owned())
    }

    async fn daily_report(&self, mode: Mode, day: Day) -> Result<String, NoAnswer> {
        if let Some(text) = self.replaced.borrow().get(&day).filter(|_| mode == Mode::Test) {
            return Ok(text.clone());
        }
        let text = self.original(mode, day).await?;
        let altered = self.altered.borrow();
        let Some(alter) = altered.get(&day).filter(|_| mode == Mode::Test) else { return Ok(text) };
        let mut report = DailyReport::read(&text, &book(mode), day).unwrap();
        let opening = report.balances.iter().map(|(currency, balance)| (*currency, balance.opening)).collect();
        alter(&mut report);
        report.balances = report.sums(&opening);
        Ok(report.write(&book(mode), day))
    }
}

impl LedgerDay for Books {
    async fn entries(&self, account: &Account, day: Day) -> Result<Vec<JournalEntry>, Unavailable> {
        self.call(|| {
            let journal = self.journal.borrow();
            let touches = |entry: &JournalEntry| entry.postings.iter().any(|it| it.account == *account);
            let today = |entry: &&JournalEntry| entry.occurred_at.starts_with(&day.to_string()) && touches(entry);
            journal.iter().filter(today).cloned().collect()
        })
    }
}

impl BankDay for Books {
    async fn credits(&self, mode: Mode, day: Day) -> Result<Vec<Credited>, Unavailable> {
        self.call(|| self.bank.borrow().get(&(mode, day)).cloned().unwrap_or_default())
    }
}

impl Reconciliations for Books {
    async fn day(&self, book: &Book, day: Day) -> Result<Option<DayRecord>, Unavailable> {
        self.call(|| self.days.borrow().get(&(book.clone(), day)).cloned())
    }

    async fn latest_day(&self, book: &Book) -> Result<Option<Day>, Unavailable> {
        self.call(|| {
            let days = self.days.borrow();
            let own = days.values().filter(|it| it.book == *book && it.state == DayState::Reconciled);
            own.map(|record| record.day).max()
        })
    }

    async fn save_day(&self, record: &DayRecord) -> Result<(), Unavailable> {
        // As the table stores it.
        let item: serde_dynamo::Item = serde_dynamo::to_item(record).unwrap();
        let stored: DayRecord = serde_dynamo::from_item(item).unwrap();
        assert_eq!(stored, *record);
        self.call(|| drop(self.days.borrow_mut().insert((record.book.clone(), record.day), stored)))
    }

    async fn exceptions(&self, book: &Book) -> Result<Vec<Exception>, Unavailable> {
        self.call(|| self.exceptions.borrow().values().filter(|it| it.book() == *book).cloned().collect())
    }
}

impl Exceptions for Books {
    async fn exception(&self, book: &Book, id: &ExceptionId) -> Result<Option<Exception>, Unavailable> {
        self.call(|| exceptions_kept::find(&self.exceptions, book, id))
    }

    async fn save_exception(&self, exception: &Exception) -> Result<Saved, Unavailable> {
        self.call(|| exceptions_kept::save(&self.exceptions, exception))
    }
}

impl StoreReport for Books {
    async fn store_report(&self, name: &str, _: &str, text: &str) -> Result<(), Unavailable> {
        self.call(|| drop(self.files.borrow_mut().insert(name.to_owned(), text.to_owned())))
    }
}
