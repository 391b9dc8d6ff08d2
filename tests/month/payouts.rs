//! A day's payouts: balances are closed, files go to the bank, and what the bank says is read, with the real handlers.

use crate::bank::Bank;
use crate::consumers::Consumers;
use crate::reconcile_world::Books;
use crate::shop::owners;
use crate::treasury::Treasury;
use payments::bank::{BookedMovement, Direction};
use payments::currency::Currency;
use payments::id::Mode;
use payments::payout::PayoutStatus;
use payments::ports::Credited;
use payments::reconcile::{BankCredit, Day, Side};
use serde_json::{Value, json};

/// What became of the month's payouts.
#[derive(Default)]
pub struct Payouts {
    /// The tables.
    pub treasury: Treasury,
}

impl Payouts {
    /// Closes what is due on that day and takes it to the bank.
    pub async fn pay(&self, books: &Books, consumers: &Consumers, bank: &Bank, day: Day) {
        for _ in 0..2 {
            self.close(books, consumers, bank, day).await;
        }
        self.publish(books, consumers).await;
    }

    async fn close(&self, books: &Books, consumers: &Consumers, bank: &Bank, day: Day) {
        let store = &self.treasury;
        for owner in owners() {
            let request = json!({ "merchant_id": owner.merchant_id, "mode": owner.mode, "day": day });
            let ports = close_payout::Ports {
                profiles: books,
                balances: consumers,
                posted: consumers,
                payouts: store,
                accounts: &bank.accounts,
                clock: &books.world,
            };
            close_payout::handle(&ports, serde_json::from_value(request).unwrap()).await.unwrap();
            self.publish(books, consumers).await;
        }
    }

    /// The files of that day; the bank answers at once.
    pub async fn send(&self, books: &Books, consumers: &Consumers, bank: &Bank, day: Day) {
        let store = &self.treasury;
        let ports = send_payouts::Ports {
            payouts: store,
            files: store,
            documents: store,
            bank: &bank.host,
            accounts: &bank.accounts,
            clock: &books.world,
        };
        for _ in 0..2 {
            let request = serde_json::from_value(json!({ "day": day })).unwrap();
            send_payouts::handle(&ports, request).await.unwrap();
        }
        self.read(books, consumers, bank).await;
    }

    /// What the bank has said since; twice, and the second time nothing is new.
    pub async fn read(&self, books: &Books, consumers: &Consumers, bank: &Bank) {
        let store = &self.treasury;
        let ports = read_bank::Ports {
            bank: &bank.host,
            payouts: store,
            files: store,
            read: store,
            documents: store,
            exceptions: books,
            accounts: &bank.accounts,
            clock: &books.world,
        };
        read_bank::handle(&ports, Value::Null).await.unwrap();
        assert_eq!(read_bank::handle(&ports, Value::Null).await.unwrap(), read_bank::Response::default());
        self.publish(books, consumers).await;
    }

    /// Every new version of a payout and every new movement, to the consumers and to those who read statements.
    async fn publish(&self, books: &Books, consumers: &Consumers) {
        let movements = self.treasury.movements.take();
        for booked in &movements {
            let day: Day = booked.movement.booked_on.parse().unwrap();
            books.bank.borrow_mut().entry((booked.mode, day)).or_default().extend(credited(booked));
        }
        let image = |item: serde_dynamo::Item| json!(item.into_inner());
        let mut images: Vec<Value> = Vec::new();
        for payout in self.treasury.versions.take() {
            images.push(image(serde_dynamo::to_item(&payout).unwrap()));
        }
        images.extend(movements.iter().map(|booked| image(serde_dynamo::to_item(booked).unwrap())));
        consumers.publish(books, images).await;
    }

    /// Names one payout of that day, in that currency, as the one that comes back.
    pub async fn choose_return(&self, bank: &Bank, day: Day, currency: Currency) {
        let payouts = self.treasury.payouts.borrow().values().cloned().collect::<Vec<_>>();
        let mut today =
            payouts.iter().filter(|payout| payout.day == day.to_string() && payout.amount.currency() == currency);
        // Not the one whose payee's bank is ours.
        if let Some(payout) = today.find(|payout| payout.owner.merchant_id.as_str() == "mer_harbour_books") {
            bank.give_back(Some(&payout.reference)).await;
        }
    }

    /// How many payouts ended in each way.
    pub fn count(&self, status: PayoutStatus) -> usize {
        self.treasury.payouts.borrow().values().filter(|payout| payout.stage.status() == status).count()
    }
}

/// A movement as the bank's statement has it, if money came in.
fn credited(booked: &BookedMovement) -> Option<Credited> {
    let movement = &booked.movement;
    let amount = i64::try_from(movement.amount.minor()).unwrap();
    let side = Side { amount, cost: 0, currency: movement.amount.currency() };
    let reference = movement.payer_reference().to_owned();
    let credit = BankCredit { id: movement.id.to_string(), reference, side };
    let mode_is_test = booked.mode == Mode::Test;
    (movement.direction == Direction::Credit && mode_is_test)
        .then(|| Credited { gateway: movement.gateway.clone(), credit })
}
