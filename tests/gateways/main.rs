//! One contract suite for every gateway, over its real adapter, its peer behind a TCP proxy that breaks calls on purpose.
//!
//! `cargo xtask gateways` starts the peers that are processes and runs it. A gateway is one row in [`rows`].
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    async_fn_in_trait,
    reason = "a suite's failure is its panic; it runs on one thread"
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
#[path = "../tasks/world.rs"]
mod world;

mod contract;
mod faults;
mod http;
mod iso8583;
mod proxy;
mod simulated;
mod stripe;

use payments::id::PaymentId;
use payments::ports::Gateway;
use proxy::Proxy;
use std::time::Duration;

/// What really happened at a gateway to one payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Holds that were ever placed.
    pub holds: u64,
    /// Minor units that are held now.
    pub held: u64,
    /// Minor units that were taken.
    pub captured: u64,
    /// Refunds that were made, and minor units in all.
    pub refunds: (u64, u64),
}

/// A gateway whose peer can be asked what really happened.
pub trait Row: 'static + Sized {
    /// The real adapter.
    type Adapter: Gateway;
    /// One with a proxy of its own, whose adapter waits so long for an answer.
    async fn open(patience: Duration) -> Self;
    /// It, over the proxy.
    fn gateway(&self) -> &Self::Adapter;
    /// The proxy.
    fn proxy(&self) -> &Proxy;
    /// A card whose issuer says no, plainly.
    const DECLINED_CARD: &'static str;
    /// A card whose holder has to authenticate and does, and one whose holder fails to.
    const CARDHOLDERS: (&'static str, &'static str) = ("4000002500003155", "4000002500003155");
    /// The cardholder comes to the gateway's page; without the proxy. Never asked of gateways that have none.
    async fn authenticate(&self, payment: &PaymentId, succeeds: bool) {
        panic!("no page: {payment} {succeeds}");
    }
    /// What really happened, asked without the proxy.
    async fn truth(&self, payment: &PaymentId) -> Truth;
}

/// Runs a suite for each gateway: a fourth one is one line here.
macro_rules! rows {
    ($name:ident, $suite:path) => {
        mod $name {
            rows!($suite, simulated, crate::simulated::SimulatedRow);
            rows!($suite, stripe, crate::stripe::StripeRow);
            rows!($suite, iso8583, crate::iso8583::Iso8583Row);
        }
    };
    ($suite:path, $gateway:ident, $row:ty) => {
        #[tokio::test(flavor = "current_thread")]
        async fn $gateway() {
            tokio::task::LocalSet::new().run_until($suite(std::marker::PhantomData::<$row>)).await;
        }
    };
}

rows!(keeps_the_contract, crate::contract::keeps_the_contract);
rows!(has_one_effect_under_every_fault, crate::faults::has_one_effect_under_every_fault);
rows!(refuses_what_comes_after_its_void, crate::faults::refuses_what_comes_after_its_void);
