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

#[path = "../tasks/machine.rs"]
mod machine;
#[path = "../tasks/reconcile_world.rs"]
mod reconcile_world;
#[path = "../tasks/world.rs"]
mod world;

mod audit;
mod calendar;
mod consumers;
mod planted;
mod shop;

use calendar::Days;
use consumers::Consumers;
use payments::id::Mode;
use planted::Planted;
use reconcile_world::{Books, book};
use shop::Shop;

/// The month, by its first day.
const MONTH: &str = "2026-11-01";

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let books = Books { world: world::World::new(), ..Books::default() };
    books.world.runs.set(true);
    let consumers = Consumers::default();
    let mut shop = Shop::open(&books.world);
    let mut planted = Planted::default();
    let days = Days::of(MONTH);
    for day in days.all() {
        calendar::set_clock(&books.world, day, 10);
        if day == days.nth(15) {
            shop.change_fee_plans(&books.world);
        }
        shop.sell(&books.world, day).await;
        consumers.catch_up(&books).await;
        calendar::set_clock(&books.world, day.next(), 6);
        planted.plant(&books, &days, day).await;
        consumers.credit(&books, day).await;
        let answer = books.ask(serde_json::json!({ "detail-type": "Scheduled Event" })).await.unwrap();
        planted.note(&answer, day);
    }
    let findings = audit::audit(&books, &consumers, &shop, &planted, &days);
    audit::leave_pages(&books);
    audit::print(&books, &shop, &planted, &findings, &book(Mode::Test));
    if findings.iter().all(|finding| finding.good) {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    }
}
