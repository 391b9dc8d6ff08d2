//! A month in virtual time: every function's real handler over ports in memory, the real acquirer behind them, day by day.
//!
//! In process, because the deployed functions read the machine's clock: a month on the stack would take a month. What is
//! played is what is deployed, from the API's handler to the pages of `reconcile`; what is not is in docs/architecture.md.
//! Exit code 1 unless everything adds up. `cargo xtask month` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "a play's failure is its panic"
)]
#![allow(dead_code, reason = "it shares its world with the tasks")]

#[path = "../tasks/bills_world.rs"]
mod bills_world;
#[path = "../tasks/exceptions_kept.rs"]
mod exceptions_kept;
#[path = "../tasks/health.rs"]
mod health;
#[path = "../tasks/machine.rs"]
mod machine;
#[path = "../tasks/network.rs"]
mod network;
#[path = "../tasks/reconcile_world.rs"]
mod reconcile_world;
#[path = "../tasks/schemas.rs"]
mod schemas;
#[path = "../tasks/world.rs"]
mod world;

mod audit;
mod bank;
mod calendar;
mod consumers;
mod invoices;
mod payouts;
mod planted;
mod profiles;
mod shop;
mod treasury;

use bank::Bank;
use calendar::Days;
use consumers::Consumers;
use invoices::Invoices;
use payments::id::Mode;
use payments::reconcile::Day;
use payouts::Payouts;
use planted::Planted;
use reconcile_world::{Books, book};
use shop::Shop;

/// The month, by its first day.
const MONTH: &str = "2026-11-01";

/// Working days of the month on which something goes wrong at the bank, counted from the first.
const REJECTED_ON: usize = 9;
const GIVEN_BACK_FROM: usize = 12;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let books = Books { world: world::World::new(), ..Books::default() };
    books.world.runs.set(true);
    let mut month = Month {
        consumers: Consumers::default(),
        shop: Shop::open(&books.world),
        planted: Planted::default(),
        payouts: Payouts::default(),
        invoices: Invoices::default(),
        bank: Bank::from_env().await,
        books,
    };
    let days = Days::of(MONTH);
    let mut working = 0;
    for day in days.all() {
        working += usize::from(calendar::is_working(day));
        month.play(&days, day, working).await;
    }
    month.invoices.make(&month.books, &month.consumers, &days).await;
    let findings = audit::audit(&month, &days).await;
    audit::leave_pages(&month.books);
    audit::print(&month, &findings, &book(Mode::Test));
    if findings.iter().all(|finding| finding.good) {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    }
}

/// Everybody who takes part.
pub struct Month {
    books: Books,
    consumers: Consumers,
    shop: Shop,
    planted: Planted,
    payouts: Payouts,
    invoices: Invoices,
    /// The bank, if one is there: without it nobody is paid out.
    bank: Option<Bank>,
}

impl Month {
    async fn play(&mut self, days: &Days, day: Day, working: usize) {
        let Self { books, consumers, shop, planted, payouts, bank, .. } = self;
        calendar::set_clock(&books.world, day, 8);
        let fundings = consumers.fundings_of(day);
        if let Some(bank) = bank {
            bank.advance(day).await;
            payouts.read(books, consumers, bank).await;
            for funding in &fundings {
                bank.credit(funding).await;
            }
            if calendar::is_working(day) {
                payouts.pay(books, consumers, bank, day).await;
                bank.reject(working == REJECTED_ON).await;
                if working == GIVEN_BACK_FROM {
                    payouts.choose_return(bank, day, "EUR".parse().unwrap()).await;
                }
                payouts.send(books, consumers, bank, day).await;
            }
        } else {
            consumers.credit(books, day, fundings).await;
        }
        calendar::set_clock(&books.world, day, 10);
        if day == days.nth(15) {
            shop.change_fee_plans(&books.world, day);
        }
        shop.sell(&books.world, day).await;
        consumers.catch_up(books).await;
        calendar::set_clock(&books.world, day, 22);
        if let Some(bank) = bank {
            payouts.read(books, consumers, bank).await;
        }
        calendar::set_clock(&books.world, day.next(), 6);
        consumers.expect_fundings(books, day).await;
        planted.plant(books, days, day).await;
        let answer = books.ask(serde_json::json!({ "detail-type": "Scheduled Event" })).await.unwrap();
        planted.note(&answer, day);
    }
}
