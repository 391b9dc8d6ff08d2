//! The one place where a card number leaves for Stripe: a sealed card in, the name of Stripe's PaymentMethod out. Whoever runs
//! this opens cards; whoever runs [`super::StripeGateway`] knows names only (ADR 0008).

use super::api::{Api, Reply};
use super::form::Form;
use super::wire::Named;
use super::{CARD_TIMEOUTS, LIVE_SECRET, TEST_SECRET, connection};
use crate::https::HttpsClient;
use payments::gateway::{DeclineCode, GatewayKey, NoAnswer};
use payments::id::Mode;
use payments::ports::{GatewaySecret, OpenCard};
use payments::token::PresentedCard;
use payments_aws::{SecretPerMode, StartError, VaultKeys};
use serde::{Deserialize, Serialize};

/// What became of a card that was shown to Stripe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presented {
    /// Stripe has it, under this name.
    Method(String),
    /// Stripe will not have it.
    Declined(DeclineCode),
}

/// Shows a card to Stripe.
pub trait PresentCard {
    /// The PaymentMethod of the card, for the hold of that key: nothing is held by it.
    async fn present(&self, key: &GatewayKey, mode: Mode, card: &PresentedCard) -> Result<Presented, NoAnswer>;
}

/// Asks Stripe whether it knows us.
pub trait CheckKey {
    /// The mode's key is there, and Stripe takes it. Nothing is made by it.
    async fn check(&self, mode: Mode) -> Result<(), NoAnswer>;
}

/// Opens the card in this process and sends it over TLS. The key needs to be allowed to write PaymentMethods, and nothing else.
#[derive(Clone, Debug)]
pub struct OpenedCards<Cards, Key> {
    api: Api<Key>,
    cards: Cards,
}

impl OpenedCards<VaultKeys, SecretPerMode> {
    /// From `STRIPE_ENDPOINT`, `STRIPE_TEST_SECRET_ARN`, `STRIPE_LIVE_SECRET_ARN`, of which one may be empty, and `VAULT_KEY`.
    pub async fn from_env() -> Result<Self, StartError> {
        let keys = SecretPerMode::from_env(TEST_SECRET, LIVE_SECRET)?;
        let keys = keys.ok_or(StartError::VariableMissing(TEST_SECRET))?;
        Ok(Self::new(connection(CARD_TIMEOUTS)?, keys, VaultKeys::from_env().await?))
    }
}

impl<Cards: OpenCard, Key: GatewaySecret> OpenedCards<Cards, Key> {
    /// Over that connection, by those keys.
    pub fn new(http: HttpsClient, key: Key, cards: Cards) -> Self {
        Self { api: Api::new(http, key), cards }
    }
}

impl<Cards: OpenCard, Key: GatewaySecret> PresentCard for OpenedCards<Cards, Key> {
    async fn present(&self, key: &GatewayKey, mode: Mode, card: &PresentedCard) -> Result<Presented, NoAnswer> {
        // Before a card is opened for nothing.
        self.api.key(mode).await?;
        let opened = self.cards.open(card).await;
        let (number, code) = opened.map_err(|_| NoAnswer::Unavailable("the card could not be opened".to_owned()))?;
        let expiry = card.expiry;
        let form = Form::new()
            .field("type", "card")
            .field("card[number]", number.expose())
            .field("card[exp_month]", &expiry.month.to_string())
            .field("card[exp_year]", &expiry.year.to_string());
        // A card whose code was forgotten in between is another request: the key says which of the two it is.
        let (form, with) = match &code {
            Some(code) => (form.field("card[cvc]", code.expose()), "card-and-code"),
            None => (form, "card"),
        };
        let key = format!("{key}:{with}");
        match self.api.post::<Named>(mode, "/v1/payment_methods", &key, form).await? {
            Reply::Done(method) => Ok(Presented::Method(method.id)),
            Reply::Refused(error) if error.is_of_card() => Ok(Presented::Declined(error.decline())),
            Reply::Refused(error) => Err(error.not_done()),
        }
    }
}

/// A PaymentMethod that nobody made: Stripe says that it is missing, and only to whom it knows.
const NO_METHOD: &str = "/v1/payment_methods/pm_none";

impl<Cards, Key: GatewaySecret> CheckKey for OpenedCards<Cards, Key> {
    async fn check(&self, mode: Mode) -> Result<(), NoAnswer> {
        match self.api.get::<Named>(mode, NO_METHOD).await? {
            Reply::Done(_) | Reply::Refused(_) => Ok(()),
        }
    }
}
