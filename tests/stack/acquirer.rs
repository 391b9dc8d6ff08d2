//! The acquirer of the local stack, by its real adapter: no function of ours is its client yet. What is broken before it is
//! broken for real.

use crate::shop::{Shop, alone, now};
use gateways::https::Timeouts;
use gateways::iso8583::{Acceptor, Address, Iso8583Gateway, Line};
use payments::gateway::*;
use payments::id::Mode;
use payments::payment::Payment;
use payments::ports::{Clock, Gateway, OpenCard};
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use payments::token::PresentedCard;
use std::time::Duration;
use xtask::fault::{self, Fault};

const APPROVED: &str = "4242424242424242";

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// Every card is the approved one.
struct OneCard;

impl OpenCard for OneCard {
    async fn open(
        &self,
        _: &PresentedCard,
    ) -> Result<(Secret, Option<Secret>), Box<dyn std::error::Error + Send + Sync>> {
        Ok((Secret::new(APPROVED.to_owned()), None))
    }
}

type Acquirer = Iso8583Gateway<OneCard, WallClock>;

fn acquirer(shop: &Shop) -> Acquirer {
    let address = Address::parse(&shop.stack.state.acquirer().unwrap()).unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(1), total: Duration::from_secs(3) };
    let acceptor = Acceptor::new("123456", "TERM0001", "FLORIN", Mode::Test).unwrap();
    Iso8583Gateway::new(Line::new(address, timeouts).unwrap(), acceptor, OneCard, WallClock)
}

async fn authorize(acquirer: &Acquirer, payment: &Payment, card: &PresentedCard) -> Result<Authorization, NoAnswer> {
    let key = payment.gateway_key(GatewayOperation::Authorize, 1);
    let (mode, amount) = (Mode::Test, payment.amount);
    let draft = DraftOrder { key: key.clone(), mode, amount, card: card.clone() };
    let Drafted::Ready { reference: draft } = acquirer.draft(&draft).await? else { panic!("declined") };
    let on = HoldOn::DraftedCard { draft, card: card.clone() };
    acquirer.authorize(&AuthorizeOrder { key, mode, amount, on, return_url: None }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_before_the_acquirer_is_told_for_what_it_is() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    let payment = shop.opened(APPROVED).await;
    let card = crate::stripe::presented(&shop, &payment).await;
    for (fault, expected) in [
        (Fault::None, "answered"),
        (Fault::Down, "unavailable"),
        (Fault::Slow, "unknown"),
        (Fault::CutBefore, "unknown"),
        (Fault::CutAfter, "unknown"),
        (Fault::CutWithin, "unknown"),
        (Fault::Duplicate, "answered"),
        (Fault::None, "answered"),
    ] {
        let acquirer = acquirer(&shop);
        fault::set(&shop.stack.state, fault::Gateway::Iso8583, fault).await.unwrap();
        let answer = authorize(&acquirer, &payment, &card).await;
        fault::set(&shop.stack.state, fault::Gateway::Iso8583, Fault::None).await.unwrap();
        let told = match &answer {
            Ok(Authorization::Approved { .. }) => "answered",
            Ok(other) => panic!("{other:?}"),
            Err(NoAnswer::Unavailable(_)) => "unavailable",
            Err(NoAnswer::Unknown(_)) => "unknown",
        };
        assert_eq!(told, expected, "{fault}: {answer:?}");
    }
}
