//! `POST /v1/tokens`: a card number in, a token out. The only function that is handed a card number by a client.

use payments::card::CardSummary;
use payments::failure::Unavailable;
use payments::id::TokenId;
use payments::ports::{Clock, Randomness, RateLimit, SealCard, StoreCard, StoreToken, VerificationCodes};
use payments::problem::{Problem, ProblemKind};
use payments::request::{CreateToken, create_token};
use payments::token::{LIFETIME_SECONDS, Token};
use serde_json::json;
use std::convert::Infallible;
use task::http::{ProxyAnswer, ProxyRequest};

/// What tokenising needs.
pub struct Ports<'a, Keys, Cards, Tokens, Codes, System> {
    /// Seals the card.
    pub keys: &'a Keys,
    /// Stores it, sealed.
    pub cards: &'a Cards,
    /// Stores what may be shown of it.
    pub tokens: &'a Tokens,
    /// Keeps the verification code for minutes.
    pub codes: &'a Codes,
    /// Clock and randomness.
    pub system: &'a System,
}

/// Answers with the token (201), or with a problem that never repeats what was sent.
pub async fn handle<Keys, Cards, Tokens, Codes, System>(
    limits: &impl RateLimit,
    ports: &Ports<'_, Keys, Cards, Tokens, Codes, System>,
    request: ProxyRequest,
) -> Result<ProxyAnswer, Infallible>
where
    Keys: SealCard,
    Cards: StoreCard,
    Tokens: StoreToken,
    Codes: VerificationCodes,
    System: Clock + Randomness,
{
    if let Some(refusal) = task::limit::refusal(limits, &request).await {
        return Ok(refusal);
    }
    let answer = tokenize(ports, &request).await;
    Ok(answer.unwrap_or_else(|problem| ProxyAnswer::problem(&problem, request.request_id())))
}

async fn tokenize<Keys, Cards, Tokens, Codes, System>(
    ports: &Ports<'_, Keys, Cards, Tokens, Codes, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Keys: SealCard,
    Cards: StoreCard,
    Tokens: StoreToken,
    Codes: VerificationCodes,
    System: Clock + Randomness,
{
    let owner = request.owner()?;
    let now = ports.system.now();
    let CreateToken { number, cvc, expiry } = create_token(&request.json()?, now)
        .map_err(|errors| Problem::of_fields(ProblemKind::InvalidRequest, errors))?;
    let token_id = TokenId::from_random(ports.system.bits());
    let sealed = ports.keys.seal(&token_id, &owner, &number, cvc.as_ref()).await.map_err(unavailable)?;
    let expires_at = now.plus_seconds(LIFETIME_SECONDS);
    let token = Token {
        token_id,
        merchant_id: owner.merchant_id,
        mode: owner.mode,
        card: CardSummary { brand: number.brand(), first6: number.first6(), last4: number.last4(), expiry },
        fingerprint: sealed.fingerprint,
        expires_at,
        delete_at: expires_at.as_seconds(),
    };
    // The ciphertext first, the token last: a token that exists can always be charged.
    ports.cards.store(&sealed.card, expires_at).await.map_err(unavailable)?;
    if let Some(code) = &sealed.verification {
        ports.codes.keep(&token.token_id, code).await.map_err(unavailable)?;
    }
    ports.tokens.store(&token).await.map_err(unavailable)?;
    let body = json!({ "id": token.token_id, "card": token.card, "expires_at": token.expires_at.to_rfc3339() });
    Ok(ProxyAnswer::json(201, &body))
}

fn unavailable(failure: Unavailable) -> Problem {
    tracing::error!(target: "florin", "{}", task::chain(&failure));
    Problem::new(ProblemKind::Unavailable, "the card was not stored: send the request again")
}
