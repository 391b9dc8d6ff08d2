//! Says where a payment would go now, and why: the rule that fits it, its gateways in the order in which they would be asked,
//! and what stands against each. It moves nothing, keeps nothing, and sends nothing to a gateway.

use payments::amount::Amount;
use payments::card::Brand;
use payments::currency::Currency;
use payments::failure::Unavailable;
use payments::gateway::GatewayName;
use payments::id::{IdempotencyKey, MerchantId, Mode, Owner, PaymentId, TokenId};
use payments::ports::{Breakers, Clock, Gateway, Gateways, Merchants, Tokens};
use payments::routing::{Facts, Routing, Rule};
use serde::{Deserialize, Serialize};

/// A payment that nobody makes: what rules go by, whose rules, and on which card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// In which world.
    pub mode: Mode,
    /// How much, in minor units.
    pub amount: u64,
    /// Of what.
    pub currency: Currency,
    /// The merchant whose rules and tokens are meant.
    #[serde(default)]
    pub merchant_id: Option<MerchantId>,
    /// Rules to go by in place of the merchant's, as they stand in its settings: to see what they would do.
    #[serde(default)]
    pub routing: Option<Routing>,
    /// The card's token.
    #[serde(default)]
    pub token: Option<TokenId>,
    /// In place of a token, what rules go by.
    #[serde(default)]
    pub card: Option<CardFacts>,
    /// The key that the payment would be made with: draws by weight. Without one, or without a merchant, nothing is drawn.
    #[serde(default)]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// What rules know of a card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardFacts {
    /// Its network.
    pub brand: Brand,
    /// Its first six digits, by which its country is known.
    pub first6: String,
}

/// Where it would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The rule that fits it; `null` for the deployment's own choice.
    pub rule: Option<String>,
    /// The rules before that, each with what of it does not fit.
    pub passed_over: Vec<PassedOver>,
    /// Whether the order is the payment's own; if not, it is the rule's, and the first is still to be drawn by weight.
    pub drawn: bool,
    /// The gateways in order.
    pub gateways: Vec<Considered>,
}

/// A rule that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// The rule.
    pub rule: String,
    /// The fields by which it does not fit: `currencies`, `brands`, `countries`, `amounts`.
    pub by: Vec<&'static str>,
}

/// A gateway of the route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// Its name.
    pub gateway: GatewayName,
    /// Its weight, if the rule has weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// What would happen.
    pub verdict: Verdict,
}

/// What would happen at a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It would be asked first.
    AskedFirst,
    /// It would be asked if those before it certainly hold nothing.
    AskedNext,
    /// This deployment does not have it.
    NotThere,
    /// It moves no such amount, or nothing in that mode.
    NotTaken,
    /// It fails too often for now: asked only if nobody else can be.
    BreakerOpen,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as callers see them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// A field is missing, or does not go with what there is.
    #[error("{field}: {expected}")]
    InvalidRequest {
        /// Which.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A table did not answer.
    #[error("the route is not explained")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(
    Error, ErrorName,
    transient: [StoreUnavailable],
    permanent: [InvalidRequest],
);

/// What explaining needs.
pub struct Ports<'a, Profiles, Cards, Network, Health, System> {
    /// Merchants' rules.
    pub merchants: &'a Profiles,
    /// Tokens.
    pub tokens: &'a Cards,
    /// The gateways.
    pub gateways: &'a Network,
    /// Their breakers; where they do not answer, all are closed, as for payments.
    pub breakers: &'a Health,
    /// The clock.
    pub clock: &'a System,
}

/// Explains the route.
pub async fn handle<Profiles, Cards, Network, Health, System>(
    ports: &Ports<'_, Profiles, Cards, Network, Health, System>,
    request: Request,
) -> Result<Response, Error>
where
    Profiles: Merchants,
    Cards: Tokens,
    Network: Gateways,
    Health: Breakers,
    System: Clock,
{
    let too_much = |_| invalid("amount", "expected minor units that a payment can have");
    let amount = Amount::try_new(request.amount, request.currency).map_err(too_much)?;
    let owner = request.merchant_id.clone().map(|merchant_id| Owner { merchant_id, mode: request.mode });
    let routing = rules(ports.merchants, &request, owner.as_ref()).await?;
    let card = card(ports.tokens, &request, owner.as_ref()).await?;
    let key = request.idempotency_key.as_ref().zip(owner.as_ref());
    let nobody = Owner { merchant_id: "mer_nobody".parse().expect("an id"), mode: request.mode };
    let any = "any".parse().expect("a key");
    let payment_id = key.map_or_else(|| PaymentId::derive(&nobody, &any), |(key, owner)| PaymentId::derive(owner, key));
    let facts = Facts { payment_id: &payment_id, amount, brand: card.brand, first6: &card.first6 };
    let rules = &routing.0;
    let rule = rules.iter().find(|rule| rule.fits(facts));
    let before = rules.iter().take_while(|rule| !rule.fits(facts));
    let passed_over = before.map(|rule| PassedOver { rule: rule.name.clone(), by: rule.misfits(facts) }).collect();
    let weighted = rule.is_some_and(|rule| rule.gateways.iter().any(|choice| choice.weight.is_some()));
    let drawn = key.is_some() || !weighted;
    let names = match rule {
        Some(rule) if !drawn => rule.gateways.iter().map(|choice| choice.gateway.clone()).collect(),
        _ => routing.route(facts, &ports.gateways.standard()).gateways,
    };
    let mut gateways: Vec<Considered> = Vec::new();
    for gateway in &names {
        let alone = names.len() == 1;
        let verdict = match ports.gateways.find(gateway) {
            None => Verdict::NotThere,
            Some(there) if !there.takes(request.mode, amount) => Verdict::NotTaken,
            Some(_)
                if !alone
                    && ports.breakers.is_open(gateway, request.mode, ports.clock.now()).await.unwrap_or(false) =>
            {
                Verdict::BreakerOpen
            }
            Some(_) if gateways.iter().any(|before| before.verdict == Verdict::AskedFirst) => Verdict::AskedNext,
            Some(_) => Verdict::AskedFirst,
        };
        gateways.push(Considered { gateway: gateway.clone(), weight: weight(rule, gateway), verdict });
    }
    Ok(Response { rule: rule.map(|rule| rule.name.clone()), passed_over, drawn, gateways })
}

fn invalid(field: &'static str, expected: &'static str) -> Error {
    Error::InvalidRequest { field, expected }
}

async fn rules(merchants: &impl Merchants, request: &Request, owner: Option<&Owner>) -> Result<Routing, Error> {
    match (&request.routing, owner) {
        (Some(rules), _) => Ok(rules.clone()),
        (None, Some(owner)) => {
            let merchant = merchants.merchant(owner).await?;
            let merchant = merchant.ok_or_else(|| invalid("merchant_id", "expected a merchant of that mode"))?;
            Ok(merchant.routing)
        }
        (None, None) => Err(invalid("merchant_id", "expected the merchant whose rules are meant, or routing")),
    }
}

async fn card(tokens: &impl Tokens, request: &Request, owner: Option<&Owner>) -> Result<CardFacts, Error> {
    match (&request.card, &request.token, owner) {
        (Some(card), None, _) => Ok(card.clone()),
        (None, Some(token), Some(owner)) => {
            let token = tokens.token(token).await?;
            let own = token.filter(|token| token.merchant_id == owner.merchant_id && token.mode == owner.mode);
            let token = own.ok_or_else(|| invalid("token", "expected a token of that merchant and mode"))?;
            Ok(CardFacts { brand: token.card.brand, first6: token.card.first6 })
        }
        (None, Some(_), None) => Err(invalid("merchant_id", "expected the merchant whose token it is")),
        (Some(_), Some(_), _) => Err(invalid("card", "expected a card or a token, not both")),
        (None, None, _) => Err(invalid("token", "expected a card's token, or card with brand and first6")),
    }
}

fn weight(rule: Option<&Rule>, gateway: &GatewayName) -> Option<u32> {
    rule?.gateways.iter().find(|choice| choice.gateway == *gateway)?.weight
}
