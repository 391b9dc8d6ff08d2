//! The simulated gateway's row: its real adapter, and the acquirer's real handler behind a loopback that speaks as much of
//! Lambda as an invocation needs.

use crate::http::{self, Message};
use crate::proxy::{Peer, Protocol, Proxy};
use crate::world::World;
use crate::{Row, Truth};
use gateways::SimulatedGateway;
use payments::failure::Failure;
use payments::id::PaymentId;
use payments::reconcile::RowKind;
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;

pub struct SimulatedRow {
    network: Rc<World>,
    gateway: SimulatedGateway,
    proxy: Proxy,
}

/// One invocation, as Lambda answers it.
async fn invoke(network: Rc<World>, request: Message) -> Message {
    let network = network.as_ref();
    let order = serde_json::from_slice(request.body()).unwrap();
    match simulated_acquirer::handle(network, network, network, network, order).await {
        Ok(effect) => http::answer("200 OK", "", &serde_json::to_vec(&effect).unwrap()),
        Err(error) => {
            let body = json!({ "errorType": error.name(), "errorMessage": error.to_string() }).to_string();
            http::answer("200 OK", "x-amz-function-error: Unhandled\r\n", body.as_bytes())
        }
    }
}

impl Row for SimulatedRow {
    type Adapter = SimulatedGateway;
    const DECLINED_CARD: &'static str = "4000000000000002";

    async fn open(patience: Duration) -> Self {
        let network = Rc::new(World::new());
        let acquirer = network.clone();
        let peer: Peer = Rc::new(move |request| Box::pin(invoke(acquirer.clone(), request)));
        let proxy = Proxy::open(Protocol::Http, peer).await;
        let config = xtask::aws::sdk_config(&proxy.endpoint());
        let gateway = SimulatedGateway::new(&config, "simulated-acquirer".to_owned(), patience);
        Self { network, gateway, proxy }
    }

    const CARDHOLDERS: (&'static str, &'static str) = ("4000002500003155", "4000009900000806");

    /// The card's number decides what its holder does; it takes them some seconds.
    async fn authenticate(&self, _: &PaymentId, _: bool) {
        self.network.now.set(self.network.now.get() + 5_000);
    }

    fn gateway(&self) -> &SimulatedGateway {
        &self.gateway
    }

    fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    async fn truth(&self, payment: &PaymentId) -> Truth {
        let Some(entry) = self.network.hold(payment) else { return Truth::default() };
        let refunds: Vec<u64> =
            entry.bookings.iter().filter(|booked| booked.kind == RowKind::Refund).map(|booked| booked.minor).collect();
        assert_eq!(refunds.iter().sum::<u64>(), entry.refunded);
        Truth {
            holds: u64::from(entry.approved),
            held: entry.held(),
            captured: entry.captured,
            refunds: (u64::try_from(refunds.len()).unwrap(), entry.refunded),
        }
    }
}
