//! What is wrong on purpose: one row of the gateway's reports is missing, and one is too many.

use crate::calendar::Days;
use crate::reconcile_world::{Books, book};
use payments::gateway::{GatewayKey, GatewayOperation};
use payments::id::{Mode, OperationId, Owner, PaymentId};
use payments::reconcile::{DailyReport, Day, ExceptionKind, Row, movement_reference};
use std::collections::BTreeSet;

/// What was planted, and what was found.
#[derive(Default)]
pub struct Planted {
    /// Kind, reference and day of what has to be found.
    pub expected: BTreeSet<(ExceptionKind, String, Day)>,
    /// Days that were worked through.
    pub reconciled: usize,
    /// Days whose sums leave something that no exception explains.
    pub unexplained: usize,
}

impl Planted {
    /// Plants what is due in the report of a day that is over.
    pub async fn plant(&mut self, books: &Books, days: &Days, day: Day) {
        if day == days.nth(10) {
            let text = books.original(Mode::Test, day).await.unwrap();
            let report = DailyReport::read(&text, &book(Mode::Test), day).unwrap();
            let row = report.rows[0].clone();
            self.expected.insert((ExceptionKind::MissingThere, movement_reference(&row.key).1, day));
            books.altered.borrow_mut().insert(day, Box::new(move |report| report.rows.retain(|it| it.id != row.id)));
        }
        if day == days.nth(18) {
            let row = stranger(day);
            self.expected.insert((ExceptionKind::MissingHere, movement_reference(&row.key).1, day));
            books.altered.borrow_mut().insert(day, Box::new(move |report| report.rows.push(row.clone())));
        }
    }

    /// Notes how the days of a run came out.
    pub fn note(&mut self, answer: &reconcile::Response, day: Day) {
        for document in answer.days.iter().map(|day| &day.document).filter(|document| document.mode == Mode::Test) {
            assert_eq!(document.day, day, "each morning reconciles the day before");
            self.reconciled += 1;
            let faults = document.totals.values().filter(|totals| totals.unexplained != 0).count();
            self.unexplained += faults;
        }
    }
}

/// A capture of a payment that never was.
fn stranger(day: Day) -> Row {
    let owner = Owner { merchant_id: "mer_atelier_roux".parse().unwrap(), mode: Mode::Test };
    let payment = PaymentId::derive(&owner, &"never".parse().unwrap());
    Row {
        id: "bk_stranger".to_owned(),
        key: GatewayKey::new(&payment, GatewayOperation::Capture(&OperationId::pay()), 1),
        kind: payments::reconcile::RowKind::Capture,
        amount: 4_200,
        cost: 0,
        currency: "EUR".parse().unwrap(),
        booked_on: day,
        reference: "capture_stranger".to_owned(),
    }
}
