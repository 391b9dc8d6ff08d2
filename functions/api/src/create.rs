//! `POST /v1/payments`: open once, run the workflow, answer; the same key and body again get the same answer.

use crate::{Ports, RETRY_AFTER_SECONDS, idempotency};
use payments::payment::Payment;
use payments::ports::{Clock, LoadPayment, Merchants, OpenPayment, Tokens, Turns, Workflow};
use payments::problem::Problem;
use payments::view::PaymentView;
use task::http::{ProxyAnswer, ProxyRequest};

pub(crate) async fn create<Store, Profiles, Cards, Ledger, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Ledger, Runs, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Store: OpenPayment + LoadPayment,
    Profiles: Merchants,
    Cards: Tokens,
    Runs: Workflow + Turns,
    System: Clock,
{
    let Ports { payments, merchants, tokens, workflow, system, .. } = *ports;
    let (owner, key, body) = (request.owner()?, idempotency::key(request)?, request.json()?);
    let wanted =
        intake::Request { owner: &owner, key: &key, body: &body, patience_seconds: request.patience_seconds() };
    let created = intake::create(&intake::Ports { payments, merchants, tokens, workflow, system }, &wanted).await?;
    let answer = answer(&created.payment);
    Ok(if created.replayed { idempotency::replayed(answer) } else { answer })
}

/// Where the payment rested first (201), or that it is accepted and under way (202): the same bytes for ever.
fn answer(payment: &Payment) -> ProxyAnswer {
    let location = format!("/v1/payments/{}", payment.payment_id);
    match payment.first_rest {
        Some(rest) => ProxyAnswer::json(201, &PaymentView::when(payment, rest)),
        None => ProxyAnswer::json(202, &PaymentView::when(payment, 1)).with_header("Retry-After", RETRY_AFTER_SECONDS),
    }
    .with_header("Location", location)
}
