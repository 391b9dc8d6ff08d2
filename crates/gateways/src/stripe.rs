//! Stripe, by PaymentIntents captured by hand: <https://docs.stripe.com/payments/place-a-hold-on-a-payment-method>.
//!
//! A PaymentIntent that nobody confirmed holds nothing. It is the draft: made before our intent, named by it, and confirmed
//! after it. So the question what became of an order is always a read of one PaymentIntent by its name, which is never stale,
//! and a canceled one can never be confirmed by an order that comes late. Each call carries our key as `Idempotency-Key`;
//! nothing leans on it alone, for Stripe forgets it after a day: what changes a PaymentIntent looks at it first, and a
//! refund, of which one PaymentIntent can have many, looks for itself in the list (docs/gateways.md).

mod amount;
mod api;
mod cards;
mod decline;
pub mod event;
mod form;
mod function;
mod wire;

pub use cards::{CheckKey, OpenedCards, PresentCard, Presented};
pub use function::{Order, PresentCardFunction, STRIPE_UNAVAILABLE};

use crate::https::{EXPECTED, Endpoint, HttpsClient, Timeouts};
use amount::to_stripe;
use api::{Api, Reply};
use form::Form;
use payments::amount::Amount;
use payments::gateway::{
    Authorization, AuthorizeOrder, Capabilities, CaptureAnswer, CaptureOrder, DeclineCode, DraftOrder, Drafted, Effect,
    GatewayName, HoldOn, NoAnswer, OrderKind, Question, RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use payments::id::Mode;
use payments::ports::{Gateway, GatewaySecret};
use payments_aws::{SecretPerMode, StartError, variable};
use std::time::Duration;
use wire::{Intent, KEY_FIELD, Refund, Refunds, State, refundable};

/// What Stripe can do. Several captures of one hold are for some of its accounts and some cards only.
pub const CAPABILITIES: Capabilities = Capabilities {
    several_captures: false,
    partial_refund: true,
    look_up: true,
    refuses_late_orders: true,
    authentication: true,
    drafts: true,
    draft_forgets_card: false,
};
/// How long we wait for Stripe: an issuer may take seconds.
pub const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(8) };
/// How long we wait for it to take a card: no issuer is asked.
const CARD_TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(4) };
/// Refunds of one payment: Stripe's largest page, and more than a payment takes operations.
const MAX_REFUNDS: usize = 100;

/// Stripe. `Key` reads the restricted keys, `Cards` shows it the cards.
#[derive(Clone, Debug)]
pub struct StripeGateway<Key, Cards> {
    api: Api<Key>,
    cards: Cards,
}

/// The variable that says where Stripe is.
const ENDPOINT: &str = "STRIPE_ENDPOINT";
/// The variables that name the secrets, by their ARNs.
const TEST_SECRET: &str = "STRIPE_TEST_SECRET_ARN";
const LIVE_SECRET: &str = "STRIPE_LIVE_SECRET_ARN";

/// Where Stripe is, from `STRIPE_ENDPOINT`.
fn connection(timeouts: Timeouts) -> Result<HttpsClient, StartError> {
    let wrong = |_| StartError::VariableWrong { name: ENDPOINT, expected: EXPECTED };
    HttpsClient::new("Stripe", Endpoint::parse(&variable(ENDPOINT)?).map_err(wrong)?, timeouts)
}

impl StripeGateway<SecretPerMode, PresentCardFunction> {
    /// From `STRIPE_ENDPOINT`, `STRIPE_TEST_SECRET_ARN` and `STRIPE_LIVE_SECRET_ARN`, of which one may be empty, and
    /// `PRESENT_CARD_FUNCTION`. `None` where neither secret is named: this deployment has no Stripe.
    pub async fn deployed() -> Result<Option<Self>, StartError> {
        let Some(keys) = SecretPerMode::from_env(TEST_SECRET, LIVE_SECRET)? else {
            return Ok(None);
        };
        Ok(Some(Self::new(connection(TIMEOUTS)?, keys, PresentCardFunction::from_env().await?)))
    }
}

impl<Key: GatewaySecret, Cards: PresentCard> StripeGateway<Key, Cards> {
    /// Over that connection, by those keys.
    pub fn new(http: HttpsClient, key: Key, cards: Cards) -> Self {
        Self { api: Api::new(http, key), cards }
    }

    /// The PaymentIntent of that name, with what the issuer checked.
    async fn read(&self, mode: Mode, reference: &str) -> Result<Intent, NoAnswer> {
        let path = format!("/v1/payment_intents/{}?expand[]=latest_charge", named(reference)?);
        match self.api.get(mode, &path).await? {
            Reply::Done(intent) => Ok(intent),
            Reply::Refused(error) => Err(error.not_done()),
        }
    }

    /// Tells the PaymentIntent to confirm, capture or cancel itself. However it refuses, it is read: where it is now says what
    /// became of this order or of one like it.
    async fn tell(&self, order: Telling<'_>, verb: &str, form: Form) -> Result<Told, NoAnswer> {
        let Telling { mode, reference, key } = order;
        let path = format!("/v1/payment_intents/{}/{verb}", named(reference)?);
        let form = form.field("expand[]", "latest_charge");
        match self.api.post(mode, &path, key, form).await? {
            Reply::Done(intent) => Ok(Told { intent, refused: None }),
            Reply::Refused(error) => {
                // A read that is lost leaves the order's outcome open, even if it was not sent.
                let intent = self.read(mode, reference).await.map_err(|error| NoAnswer::Unknown(error.to_string()))?;
                Ok(Told { intent, refused: Some(error) })
            }
        }
    }

    /// Confirms it, with the way back for a cardholder who has to authenticate. A way back that is not taken does not stand in
    /// the way of a card that needs none: a PaymentIntent is confirmed once, however often it is told to.
    async fn confirm(&self, reference: &str, order: &AuthorizeOrder) -> Result<Told, NoAnswer> {
        let (mode, key) = (order.mode, order.key.as_str());
        let plain = Telling { mode, reference, key };
        let Some(url) = &order.return_url else { return self.tell(plain, "confirm", Form::new()).await };
        let back = Telling { key: &format!("{key}:return"), ..plain };
        let told = self.tell(back, "confirm", Form::new().field("return_url", url.as_str())).await?;
        let refused = told.refused.as_ref().is_some_and(|error| !error.is_of_card());
        if refused && told.intent.state() == State::Draft {
            return self.tell(plain, "confirm", Form::new()).await;
        }
        Ok(told)
    }

    async fn refunds(&self, mode: Mode, reference: &str) -> Result<Vec<Refund>, NoAnswer> {
        let path = format!("/v1/refunds?payment_intent={}&limit={MAX_REFUNDS}", named(reference)?);
        match self.api.get::<Refunds>(mode, &path).await? {
            Reply::Done(page) if page.has_more => Err(NoAnswer::Unknown(format!("more than {MAX_REFUNDS} refunds"))),
            Reply::Done(page) => Ok(page.data),
            Reply::Refused(error) => Err(error.not_done()),
        }
    }
}

/// Which PaymentIntent is told something, and under which key.
#[derive(Clone, Copy)]
struct Telling<'a> {
    mode: Mode,
    reference: &'a str,
    key: &'a str,
}

/// What a PaymentIntent came to when it was told something.
struct Told {
    intent: Intent,
    refused: Option<wire::StripeError>,
}

impl Told {
    /// It is not where it was told to go: refused for good, or nobody knows.
    fn stayed<A>(self, refused: impl FnOnce(wire::StripeError) -> Result<A, NoAnswer>) -> Result<A, NoAnswer> {
        match (self.intent.state(), self.refused) {
            (State::Undecided, _) | (_, None) => Err(undecided(&self.intent)),
            (_, Some(error)) => refused(error),
        }
    }
}

impl<Key: GatewaySecret, Cards: PresentCard> Gateway for StripeGateway<Key, Cards> {
    fn name(&self) -> GatewayName {
        GatewayName("stripe".to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn takes(&self, mode: Mode, amount: Amount) -> bool {
        self.api.has_key(mode) && to_stripe(amount).is_some()
    }

    /// Reads a PaymentIntent that is not there: what every order does too, by the same key.
    async fn ping(&self, mode: Mode) -> Result<(), NoAnswer> {
        let read = self.api.get::<Intent>(mode, "/v1/payment_intents/pi_ping");
        let late = |_| NoAnswer::Unknown("no answer to a ping".to_owned());
        tokio::time::timeout(crate::PING_PATIENCE, read).await.map_err(late)?.map(drop)
    }

    async fn draft(&self, order: &DraftOrder) -> Result<Drafted, NoAnswer> {
        // Before a card is opened for nothing.
        self.api.key(order.mode).await?;
        let unwritable = || NoAnswer::Unavailable(format!("it takes no such amount of {}", order.amount.currency()));
        let amount = to_stripe(order.amount).ok_or_else(unwritable)?;
        let method = match self.cards.present(&order.key, order.mode, &order.card).await? {
            Presented::Method(name) => name,
            Presented::Declined(code) => return Ok(Drafted::Declined { code }),
        };
        let form = Form::new()
            .field("amount", &amount.to_string())
            .field("currency", &order.amount.currency().code().to_ascii_lowercase())
            .field("capture_method", "manual")
            .field("payment_method", &method)
            .field("payment_method_types[]", "card")
            .field(&format!("metadata[{KEY_FIELD}]"), order.key.as_str());
        // By the card's name too: with another PaymentMethod it is another request, and one draft more harms nobody.
        let key = format!("{}:{method}", order.key);
        match self.api.post::<Intent>(order.mode, "/v1/payment_intents", &key, form).await? {
            Reply::Done(intent) => Ok(Drafted::Ready { reference: intent.id }),
            Reply::Refused(error) if error.is_of_card() => Ok(Drafted::Declined { code: error.decline() }),
            Reply::Refused(error) => Ok(Drafted::NotTaken { reason: error.not_done().to_string() }),
        }
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        let HoldOn::Draft(reference) = &order.on else {
            return Err(NoAnswer::Unavailable("an order without its draft".to_owned()));
        };
        let told = self.confirm(reference, order).await?;
        match told.intent.authorization() {
            Some(answer) => Ok(answer),
            None if told.intent.state() == State::Canceled => {
                Ok(Authorization::Declined { code: DeclineCode::DoNotHonor })
            }
            None => told.stayed(|error| match error.is_of_card() {
                true => Ok(Authorization::Declined { code: error.decline() }),
                false => Err(error.not_done()),
            }),
        }
    }

    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
        let (reference, intent) = match &order.hold_reference {
            Some(reference) => (reference, self.read(order.mode, reference).await?),
            None => return Ok(CaptureAnswer::Refused),
        };
        match intent.state() {
            State::Taken => return Ok(CaptureAnswer::Captured { reference: intent.charge() }),
            State::Undecided => return Err(undecided(&intent)),
            State::Draft | State::Declined(_) | State::ActionRequired | State::Canceled => {
                return Ok(CaptureAnswer::Refused);
            }
            State::Held => {}
        }
        let Some(amount) = to_stripe(order.amount).filter(|amount| *amount <= intent.amount) else {
            return Ok(CaptureAnswer::Refused);
        };
        // What is left of the hold goes with the first capture: an order that wants to keep it is not for this gateway.
        if !order.last && amount < intent.amount {
            return Ok(CaptureAnswer::Refused);
        }
        let form = Form::new().field("amount_to_capture", &amount.to_string());
        let told = self.tell(Telling { mode: order.mode, reference, key: order.key.as_str() }, "capture", form).await?;
        if told.intent.state() == State::Taken {
            return Ok(CaptureAnswer::Captured { reference: told.intent.charge() });
        }
        told.stayed(|_| Ok(CaptureAnswer::Refused))
    }

    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
        // Nothing is held without a draft, and nothing ever will be.
        let Some(reference) = &order.hold_reference else {
            return Ok(VoidAnswer::Voided);
        };
        let intent = self.read(order.mode, reference).await?;
        match intent.state() {
            State::Canceled => return Ok(VoidAnswer::Voided),
            State::Taken => return Ok(voided_after_capture(&intent, order)),
            State::Undecided => return Err(undecided(&intent)),
            State::Draft | State::Declined(_) | State::ActionRequired | State::Held => {}
        }
        // By where it was found, too: Stripe would answer a later cancel as it did one that came at a bad moment.
        let key = format!("{}:{}", order.key, intent.status);
        let told = self.tell(Telling { mode: order.mode, reference, key: &key }, "cancel", Form::new()).await?;
        match told.intent.state() {
            State::Canceled => Ok(VoidAnswer::Voided),
            State::Taken => Ok(voided_after_capture(&told.intent, order)),
            State::Draft | State::Declined(_) | State::ActionRequired | State::Held | State::Undecided => {
                told.stayed(|error| Err(error.not_done()))
            }
        }
    }

    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
        let (reference, intent) = match &order.hold_reference {
            Some(reference) => (reference, self.read(order.mode, reference).await?),
            None => return Ok(RefundAnswer::Refused),
        };
        match intent.state() {
            State::Taken => {}
            State::Undecided => return Err(undecided(&intent)),
            State::Draft | State::Declined(_) | State::ActionRequired | State::Held | State::Canceled => {
                return Ok(RefundAnswer::Refused);
            }
        }
        let refunds = self.refunds(order.mode, reference).await?;
        if let Some(done) = refunds.iter().find(|refund| refund.is_of(order.key.as_str())) {
            return Ok(given_back(done));
        }
        let left = refundable(&intent, &refunds);
        let Some(amount) = to_stripe(order.amount).filter(|amount| *amount <= left) else {
            return Ok(RefundAnswer::Refused);
        };
        let form = Form::new()
            .field("payment_intent", reference)
            .field("amount", &amount.to_string())
            .field(&format!("metadata[{KEY_FIELD}]"), order.key.as_str());
        match self.api.post::<Refund>(order.mode, "/v1/refunds", order.key.as_str(), form).await? {
            Reply::Done(refund) => Ok(given_back(&refund)),
            // Nothing is left to give back: perhaps by this very order, sent twice at once.
            Reply::Refused(_) => {
                let refunds = self.refunds(order.mode, reference).await;
                let refunds = refunds.map_err(|error| NoAnswer::Unknown(error.to_string()))?;
                let done = refunds.iter().find(|refund| refund.is_of(order.key.as_str()));
                Ok(done.map_or(RefundAnswer::Refused, given_back))
            }
        }
    }

    async fn look_up(&self, question: &Question) -> Result<Option<Effect>, NoAnswer> {
        let Some(reference) = &question.reference else {
            return Ok(None);
        };
        let intent = self.read(question.mode, reference).await?;
        let state = intent.state();
        if state == State::Undecided {
            return Err(undecided(&intent));
        }
        Ok(match question.order {
            OrderKind::Authorize => intent.authorization().map(Effect::Authorized),
            OrderKind::Capture if state == State::Taken => {
                Some(Effect::Captured(CaptureAnswer::Captured { reference: intent.charge() }))
            }
            OrderKind::Void if state == State::Canceled => Some(Effect::Voided(VoidAnswer::Voided)),
            OrderKind::Refund if state == State::Taken => {
                let refunds = self.refunds(question.mode, reference).await?;
                let done = refunds.iter().find(|refund| refund.is_of(question.key.as_str()));
                done.map(|refund| Effect::Refunded(given_back(refund)))
            }
            OrderKind::Capture | OrderKind::Void | OrderKind::Refund => None,
        })
    }
}

/// A capture lets the rest go with it: there is nothing to void. One that the order does not know of is named.
fn voided_after_capture(intent: &Intent, order: &VoidOrder) -> VoidAnswer {
    match order.captured.minor() {
        0 => VoidAnswer::AlreadyCaptured { reference: intent.charge() },
        _ => VoidAnswer::Voided,
    }
}

fn given_back(refund: &Refund) -> RefundAnswer {
    if refund.is_off() { RefundAnswer::Refused } else { RefundAnswer::Refunded { reference: refund.id.clone() } }
}

fn undecided(intent: &Intent) -> NoAnswer {
    let status = intent.status.chars().filter(|sign| sign.is_ascii_lowercase() || *sign == '_').take(40);
    NoAnswer::Unknown(format!("the payment intent is {}", status.collect::<String>()))
}

/// The name, if it is one: it becomes part of a path.
fn named(reference: &str) -> Result<&str, NoAnswer> {
    let plain = !reference.is_empty() && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { Ok(reference) } else { Err(NoAnswer::Unavailable("no name of a payment intent".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        let check = |name: &str, good: bool| assert_eq!(named(name).is_ok(), good, "{name}");
        check("pi_3MtwBwLkdIwHu7ix28a3tqPa", true);
        check("", false);
        check("pi_1/../../v1/refunds", false);
        check("pi_1?amount=1", false);
    }
}
