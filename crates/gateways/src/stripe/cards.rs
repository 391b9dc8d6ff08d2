//! The one place where a card number leaves for Stripe: a sealed card in, the name of Stripe's PaymentMethod out. Whoever runs
//! this opens cards; whoever runs [`super::StripeGateway`] knows names only (ADR 0008).

use super::api::{Api, Reply};
use super::form::Form;
use super::wire::Named;
use crate::https::HttpsClient;
use payments::gateway::{DeclineCode, DraftOrder, NoAnswer};
use payments::ports::{GatewaySecret, OpenCard};

/// What became of a card that was shown to Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// Stripe has it, under this name.
    Method(String),
    /// Stripe will not have it.
    Declined(DeclineCode),
}

/// Shows a card to Stripe.
pub trait PresentCard {
    /// The PaymentMethod of the order's card: nothing is held by it.
    async fn present(&self, order: &DraftOrder) -> Result<Presented, NoAnswer>;
}

/// Opens the card in this process and sends it over TLS. The key needs to be allowed to write PaymentMethods, and nothing else.
#[derive(Clone, Debug)]
pub struct OpenedCards<Cards, Key> {
    api: Api<Key>,
    cards: Cards,
}

impl<Cards: OpenCard, Key: GatewaySecret> OpenedCards<Cards, Key> {
    /// Over that connection, by that key.
    pub fn new(http: HttpsClient, key: Key, cards: Cards) -> Self {
        Self { api: Api::new(http, key), cards }
    }
}

impl<Cards: OpenCard, Key: GatewaySecret> PresentCard for OpenedCards<Cards, Key> {
    async fn present(&self, order: &DraftOrder) -> Result<Presented, NoAnswer> {
        let opened = self.cards.open(&order.card).await;
        let (number, code) = opened.map_err(|_| NoAnswer::Unavailable("the card could not be opened".to_owned()))?;
        let expiry = order.card.expiry;
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
        let key = format!("{}:{with}", order.key);
        match self.api.post::<Named>("/v1/payment_methods", &key, form).await? {
            Reply::Done(method) => Ok(Presented::Method(method.id)),
            Reply::Refused(error) if error.is_of_card() => Ok(Presented::Declined(error.decline())),
            Reply::Refused(error) => Err(error.not_done()),
        }
    }
}
