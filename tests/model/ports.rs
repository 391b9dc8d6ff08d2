//! The ports that act on a payment, each a question on the line.

use crate::line::{Answer, Asked, Line};
use gateways::simulated::Order;
use payments::amount::Amount;
use payments::failure::Unavailable;
use payments::gateway::*;
use payments::id::{CardFingerprint, Mode, OperationId, Owner, PaymentId, TokenId};
use payments::merchant::Merchant;
use payments::payment::Payment;
use payments::ports::*;
use payments::timestamp::Timestamp;
use payments::token::{SealedCard, Token};
use std::time::Duration;

impl Line<'_> {
    async fn payment(&self, asked: Asked) -> Result<Option<Payment>, Unavailable> {
        match self.tell(asked).await? {
            Answer::Payment(payment) => Ok(payment.map(|number| Payment::clone(&self.values.payments.value(number)))),
            other => panic!("no payment is {other:?}"),
        }
    }

    async fn truth(&self, asked: Asked) -> Result<bool, Unavailable> {
        match self.tell(asked).await? {
            Answer::Truth(truth) => Ok(truth),
            other => panic!("no truth is {other:?}"),
        }
    }
}

impl LoadPayment for Line<'_> {
    async fn load(&self, payment_id: &PaymentId) -> Result<Option<Payment>, Unavailable> {
        assert_eq!(*payment_id, self.shop.payment_id, "there is one payment");
        self.payment(Asked::Load).await
    }
}

impl OpenPayment for Line<'_> {
    async fn open(&self, payment: &Payment) -> Result<Opened, Unavailable> {
        let there = self.payment(Asked::Open(self.values.payments.number(payment.clone()))).await?;
        Ok(there.map_or(Opened::New, |there| Opened::Existing(Box::new(there))))
    }
}

impl SavePayment for Line<'_> {
    async fn save(&self, payment: &Payment) -> Result<Saved, Unavailable> {
        match self.tell(Asked::Save(self.values.payments.number(payment.clone()))).await? {
            Answer::Done => Ok(Saved::Done),
            Answer::There => Ok(Saved::There),
            Answer::Conflict => Ok(Saved::Conflict),
            other => panic!("no save ends with {other:?}"),
        }
    }
}

impl DuePayments for Line<'_> {
    /// The moment is the table's: between reading the clock and asking no time passes.
    async fn due(&self, _: Timestamp, _: usize) -> Result<Vec<PaymentId>, Unavailable> {
        let due = self.truth(Asked::Due).await?;
        Ok(due.then(|| self.shop.payment_id.clone()).into_iter().collect())
    }
}

impl Workflow for Line<'_> {
    /// Nobody's patience lasts for any of it.
    async fn run(&self, payment_id: &PaymentId, operation: &OperationId, _: Duration) -> Result<(), Unavailable> {
        self.start(payment_id, operation).await
    }

    async fn start(&self, _: &PaymentId, operation: &OperationId) -> Result<(), Unavailable> {
        self.tell(Asked::Start(self.values.operations.number(operation.clone()))).await.map(drop)
    }
}

impl Turns for Line<'_> {
    async fn take_turn(&self, _: &PaymentId, lasts: Duration) -> Result<bool, Unavailable> {
        self.truth(Asked::Turn(u32::try_from(lasts.as_secs()).expect("a few seconds"))).await
    }
}

impl Merchants for Line<'_> {
    async fn merchant(&self, _: &Owner) -> Result<Option<Merchant>, Unavailable> {
        self.tell(Asked::Merchant).await?;
        Ok(Some(self.shop.merchant.clone()))
    }
}

impl Tokens for Line<'_> {
    async fn token(&self, _: &TokenId) -> Result<Option<Token>, Unavailable> {
        self.tell(Asked::Token).await?;
        Ok(Some(self.shop.token.clone()))
    }
}

impl LoadCard for Line<'_> {
    async fn load(&self, _: &TokenId) -> Result<Option<SealedCard>, Unavailable> {
        self.tell(Asked::Card).await?;
        Ok(Some(self.shop.card.clone()))
    }
}

impl VerificationCodes for Line<'_> {
    async fn keep(&self, _: &TokenId, _: &str) -> Result<(), Unavailable> {
        unreachable!("only `tokenize` keeps codes")
    }

    async fn find(&self, _: &TokenId) -> Result<Option<String>, Unavailable> {
        Ok(self.truth(Asked::FindCode).await?.then(|| "123".to_owned()))
    }

    async fn forget(&self, _: &TokenId) -> Result<(), Unavailable> {
        self.tell(Asked::ForgetCode).await.map(drop)
    }
}

impl Velocity for Line<'_> {
    /// The card's only payment.
    async fn count(&self, _: &Owner, _: &CardFingerprint, _: &PaymentId) -> Result<u32, Unavailable> {
        self.tell(Asked::Count).await?;
        Ok(1)
    }
}

impl Gateway for Line<'_> {
    fn name(&self) -> GatewayName {
        GatewayName("simulated".to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        gateways::simulated::CAPABILITIES
    }

    fn takes(&self, _: Mode, _: Amount) -> bool {
        true
    }

    async fn ping(&self, _: Mode) -> Result<(), NoAnswer> {
        unreachable!("a single gateway is never pinged: there is no choice")
    }

    async fn draft(&self, _: &DraftOrder) -> Result<Drafted, NoAnswer> {
        unreachable!("it takes no drafts")
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        let AuthorizeOrder { key, mode, amount, on, return_url } = order.clone();
        let HoldOn::Card(card) = on else { panic!("it takes no drafts") };
        match self.order(Order::Authorize { key, mode, amount, card, return_url }).await? {
            Some(Effect::Authorized(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
        let CaptureOrder { key, hold_key, amount, last, .. } = order.clone();
        match self.order(Order::Capture { key, hold_key, amount, last }).await? {
            Some(Effect::Captured(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
        let VoidOrder { key, hold_key, captured, .. } = order.clone();
        match self.order(Order::Void { key, hold_key, captured }).await? {
            Some(Effect::Voided(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
        let RefundOrder { key, hold_key, amount, .. } = order.clone();
        match self.order(Order::Refund { key, hold_key, amount }).await? {
            Some(Effect::Refunded(answer)) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    async fn look_up(&self, question: &Question) -> Result<Option<Effect>, NoAnswer> {
        self.order(Order::LookUp { key: question.key.clone() }).await
    }
}
