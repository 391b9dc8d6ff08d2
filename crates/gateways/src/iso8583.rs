//! A classic acquirer, by ISO 8583:1987 over TCP: 0100 places a hold, 0220 tells of a capture, 0420 of its reversal, 0200
//! asks for a refund, 0800 whether anybody is there.
//!
//! There is no look-up. What stands in for it: a hold's name is drafted here, before the intent, so that whatever becomes of
//! the answer the hold can be reversed by its original data elements; a lost answer *is* reversed, once the payment has been
//! given up, and never before (docs/gateways.md); what follows a hold is told again, in the same words, until it is
//! acknowledged. The card number is in 0100 only: what follows names the hold by its references.

mod currency;
mod function;
mod line;
mod message;
mod name;
mod response;

pub use function::{AcquirerFunction, Order, UNAVAILABLE};
pub use line::{Address, Line, NotAnAddress};
pub use message::{InvalidMessage, MAX_MESSAGE, Message};
pub use name::retrieval_reference;

use crate::https::{NotAnswered, Timeouts};
use currency::{number, sayable};
use name::{HoldName, is_approval, trace, transmission};
use payments::amount::Amount;
use payments::gateway::{
    Authorization, AuthorizeOrder, Capabilities, CaptureAnswer, CaptureOrder, DraftOrder, Drafted, Effect, GatewayKey,
    GatewayName, HoldOn, NoAnswer, Question, RefundAnswer, RefundOrder, VoidAnswer, VoidOrder,
};
use payments::id::Mode;
use payments::ports::{Clock, Gateway, OpenCard};
use payments::timestamp::Timestamp;
use payments_aws::{StartError, System, VaultKeys, variable};
use std::time::Duration;

/// What it can do, and what is asked of the acquirer: that a reversal whose hold comes later is kept for it.
pub const CAPABILITIES: Capabilities = Capabilities {
    several_captures: false,
    partial_refund: true,
    look_up: false,
    refuses_late_orders: true,
    authentication: false,
    drafts: true,
    draft_forgets_card: true,
};
/// How long we wait for the acquirer, for each message.
pub const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(6) };

/// Message types.
const AUTHORIZATION: u16 = 100;
const REFUND: u16 = 200;
const CAPTURE_ADVICE: u16 = 220;
const REVERSAL_ADVICE: u16 = 420;
/// Field 3: a purchase, and a refund.
const PURCHASE: &str = "000000";
const MONEY_BACK: &str = "200000";
/// Field 22: the number came over the internet, and there is no PIN.
const OVER_THE_INTERNET: &str = "812";
/// How often an advice is sent in one go; the lifecycle tries it again.
const SENDINGS: u32 = 2;

/// Who we are to the acquirer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptor {
    acquirer: String,
    terminal: String,
    merchant: String,
    mode: Mode,
}

/// That setting has not its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAcceptor(&'static str);

impl Acceptor {
    /// Field 32, 41 and 42, and whether the acquirer's money is real.
    pub fn new(acquirer: &str, terminal: &str, merchant: &str, mode: Mode) -> Result<Self, InvalidAcceptor> {
        let letters = |text: &str, length: usize| {
            (1..=length).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !(letters(acquirer, 11) && acquirer.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(InvalidAcceptor("the acquirer's id is not up to 11 digits"));
        }
        if !letters(terminal, 8) {
            return Err(InvalidAcceptor("the terminal's id is not up to 8 letters and digits"));
        }
        if !letters(merchant, 15) {
            return Err(InvalidAcceptor("the merchant's id is not up to 15 letters and digits"));
        }
        let [acquirer, terminal, merchant] = [acquirer, terminal, merchant].map(str::to_owned);
        Ok(Self { acquirer, terminal, merchant, mode })
    }
}

/// The acquirer. `Cards` opens cards in this process; `System` is the clock.
#[derive(Clone, Debug)]
pub struct Iso8583Gateway<Cards, System> {
    line: Line,
    acceptor: Acceptor,
    cards: Cards,
    system: System,
}

impl Iso8583Gateway<VaultKeys, System> {
    /// From `ISO8583_ENDPOINT`, `ISO8583_ACQUIRER`, `ISO8583_TERMINAL`, `ISO8583_MERCHANT`, `ISO8583_MODE` and `VAULT_KEY`.
    pub async fn from_env() -> Result<Self, StartError> {
        let name = "ISO8583_ENDPOINT";
        let expected = "expected tls://<host>:<port>, or tcp://127.0.0.1:<port>";
        let address = Address::parse(&variable(name)?).map_err(|_| StartError::VariableWrong { name, expected })?;
        let [acquirer, terminal, merchant] =
            [variable("ISO8583_ACQUIRER")?, variable("ISO8583_TERMINAL")?, variable("ISO8583_MERCHANT")?];
        let mode = function::mode_of_env()?;
        let acceptor = Acceptor::new(&acquirer, &terminal, &merchant, mode)
            .map_err(|InvalidAcceptor(expected)| StartError::VariableWrong { name: "ISO8583_*", expected })?;
        Ok(Self::new(Line::new(address, TIMEOUTS)?, acceptor, VaultKeys::from_env().await?, System))
    }
}

impl<Cards: OpenCard, System: Clock> Iso8583Gateway<Cards, System> {
    /// Over that line.
    pub fn new(line: Line, acceptor: Acceptor, cards: Cards, system: System) -> Self {
        Self { line, acceptor, cards, system }
    }

    /// What every order says.
    fn order(&self, kind: u16, processing: &str, amount: Amount, key: &GatewayKey, at: Timestamp) -> Message {
        let currency = number(amount.currency()).unwrap_or_default();
        Message::new(kind)
            .with(3, processing)
            .with(4, &format!("{:012}", amount.minor()))
            .with(7, &transmission(at))
            .with(11, &trace(key))
            .with(32, &self.acceptor.acquirer)
            .with(41, &self.acceptor.terminal)
            .with(42, &self.acceptor.merchant)
            .with(49, currency)
    }

    /// What follows a hold names it by its approval and its original data elements.
    fn following(&self, order: Message, hold: &HoldName) -> Message {
        let order = order.with(90, &hold.original(&self.acceptor.acquirer));
        match &hold.approval {
            Some(approval) => order.with(38, approval),
            None => order,
        }
    }

    /// Sends it once; answers field 39, and field 38.
    async fn ask(&self, order: &Message, now: Timestamp) -> Result<(String, Option<String>), NoAnswer> {
        let answer = self.line.exchange(order, now).await.map_err(|error| match error {
            NotAnswered::NotSent(_) => NoAnswer::Unavailable(error.to_string()),
            NotAnswered::Lost(_) => NoAnswer::Unknown(error.to_string()),
        })?;
        if answer.field(4).is_some_and(|amount| order.field(4) != Some(amount)) {
            return Err(NoAnswer::Unknown("an answer of another amount".to_owned()));
        }
        let code = answer.field(39).ok_or_else(|| NoAnswer::Unknown("an answer without its code".to_owned()))?;
        Ok((code.to_owned(), answer.field(38).filter(|text| is_approval(text)).map(str::to_owned)))
    }

    /// Sends an advice, and says so when it is a repeat. One that was ever sent may have been carried out.
    async fn advise(&self, order: Message, now: Timestamp) -> Result<String, NoAnswer> {
        let mut lost = match self.ask(&order, now).await {
            Err(lost @ NoAnswer::Unknown(_)) => lost,
            answer => return answer.map(|(code, _)| code),
        };
        let repeat = order.repeated();
        for _ in 1..SENDINGS {
            match self.ask(&repeat, now).await {
                Ok((code, _)) => return Ok(code),
                Err(NoAnswer::Unavailable(reason) | NoAnswer::Unknown(reason)) => lost = NoAnswer::Unknown(reason),
            }
        }
        Err(lost)
    }
}

impl<Cards: OpenCard, System: Clock> Gateway for Iso8583Gateway<Cards, System> {
    fn name(&self) -> GatewayName {
        GatewayName("iso8583".to_owned())
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn takes(&self, mode: Mode, amount: Amount) -> bool {
        mode == self.acceptor.mode && sayable(amount)
    }

    async fn ping(&self, _: Mode) -> Result<(), NoAnswer> {
        let late = |_| NoAnswer::Unknown("no answer to an echo".to_owned());
        let answered =
            tokio::time::timeout(crate::PING_PATIENCE, self.line.echo(self.system.now())).await.map_err(late)?;
        answered.map_err(|error| NoAnswer::Unknown(error.to_string()))
    }

    /// Nobody is told: the name is ours.
    async fn draft(&self, order: &DraftOrder) -> Result<Drafted, NoAnswer> {
        drafted(order, self.acceptor.mode, self.system.now())
    }

    async fn authorize(&self, order: &AuthorizeOrder) -> Result<Authorization, NoAnswer> {
        let unavailable = |reason: &str| NoAnswer::Unavailable(reason.to_owned());
        let HoldOn::DraftedCard { draft, card } = &order.on else {
            return Err(unavailable("an order without its draft or its card"));
        };
        let hold: HoldName = draft.parse().map_err(|_| unavailable("no name of a hold"))?;
        if hold.reference != retrieval_reference(&order.key) || hold.amount != order.amount {
            return Err(unavailable("a draft of another order"));
        }
        if order.mode != self.acceptor.mode {
            return Err(unavailable("the acquirer is not for this mode"));
        }
        let opened = self.cards.open(card).await;
        let (number, _) = opened.map_err(|_| unavailable("the card could not be opened"))?;
        let now = self.system.now();
        let (date, time) = hold.transmission.split_at(4);
        let message = self
            .order(AUTHORIZATION, PURCHASE, hold.amount, &order.key, now)
            .with(2, number.expose())
            .with(7, &hold.transmission)
            .with(12, time)
            .with(13, date)
            .with(14, &format!("{:02}{:02}", card.expiry.year % 100, card.expiry.month))
            .with(22, OVER_THE_INTERNET)
            .with(37, &hold.reference);
        let (code, approval) = self.ask(&message, now).await?;
        response::authorization(&code, || HoldName { approval, ..hold }.to_string())
    }

    async fn capture(&self, order: &CaptureOrder) -> Result<CaptureAnswer, NoAnswer> {
        let Some(hold) = named(order.hold_reference.as_deref())? else { return Ok(CaptureAnswer::Refused) };
        let too_much = order.amount.currency() != hold.amount.currency() || order.amount.minor() > hold.amount.minor();
        // What is left of the hold goes with the first capture: an order that wants to keep it is not for this gateway.
        let keeps_rest = !order.last && order.amount != hold.amount;
        if too_much || keeps_rest {
            return Ok(CaptureAnswer::Refused);
        }
        let now = self.system.now();
        let message = self.order(CAPTURE_ADVICE, PURCHASE, order.amount, &order.key, now).with(37, &hold.reference);
        let code = self.advise(self.following(message, &hold), now).await?;
        response::capture(&code, &hold.reference)
    }

    async fn void(&self, order: &VoidOrder) -> Result<VoidAnswer, NoAnswer> {
        // Nothing is held without a draft, and nothing ever will be. Nor is anything after a capture, which lets the rest go.
        let hold = match named(order.hold_reference.as_deref())? {
            Some(hold) if order.captured.minor() == 0 => hold,
            _ => return Ok(VoidAnswer::Voided),
        };
        let now = self.system.now();
        let message = self.order(REVERSAL_ADVICE, PURCHASE, hold.amount, &order.key, now).with(37, &hold.reference);
        let code = self.advise(self.following(message, &hold), now).await?;
        response::void(&code, &hold.reference)
    }

    async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, NoAnswer> {
        let Some(hold) = named(order.hold_reference.as_deref())? else { return Ok(RefundAnswer::Refused) };
        if order.amount.currency() != hold.amount.currency() || order.amount.minor() > hold.amount.minor() {
            return Ok(RefundAnswer::Refused);
        }
        let (now, reference) = (self.system.now(), retrieval_reference(&order.key));
        let message = self.order(REFUND, MONEY_BACK, order.amount, &order.key, now).with(37, &reference);
        let (code, _) = self.ask(&self.following(message, &hold), now).await?;
        response::refund(&code, &reference)
    }

    async fn look_up(&self, _: &Question) -> Result<Option<Effect>, NoAnswer> {
        Err(NoAnswer::Unknown("it cannot be asked".to_owned()))
    }
}

/// The name of the hold that is about to be placed.
fn drafted(order: &DraftOrder, mode: Mode, now: Timestamp) -> Result<Drafted, NoAnswer> {
    if order.mode != mode {
        return Err(NoAnswer::Unavailable(format!("the acquirer is not for {} mode", order.mode)));
    }
    if !sayable(order.amount) {
        return Err(NoAnswer::Unavailable(format!("it takes no such amount of {}", order.amount.currency())));
    }
    Ok(Drafted::Ready { reference: HoldName::new(&order.key, order.amount, now).to_string() })
}

/// The hold's name, if there is one.
fn named(reference: Option<&str>) -> Result<Option<HoldName>, NoAnswer> {
    reference.map(str::parse).transpose().map_err(|_| NoAnswer::Unavailable("no name of a hold".to_owned()))
}
