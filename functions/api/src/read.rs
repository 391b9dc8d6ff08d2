//! What a merchant may look at: a payment, its events, its list, its balances. Nothing here writes.

use intake::unavailable;
use payments::event::{Event, kind};
use payments::id::PaymentId;
use payments::ledger::Account;
use payments::payment::Payment;
use payments::ports::{Balances, ListPayments, LoadPayment};
use payments::problem::{Problem, ProblemKind};
use payments::request;
use payments::view::PaymentView;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use task::http::{ProxyAnswer, ProxyRequest};

/// `GET /v1/payments/{payment_id}`.
pub(crate) async fn payment(payments: &impl LoadPayment, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    Ok(ProxyAnswer::json(200, &PaymentView::of(&own(payments, request).await?)))
}

/// `GET /v1/payments/{payment_id}/events`: one per version, oldest first.
pub(crate) async fn events(payments: &impl LoadPayment, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let payment = own(payments, request).await?;
    let events: Vec<Value> = payment
        .history
        .iter()
        .map(|change| {
            json!({
                "id": Event::id(&payment.payment_id, change.v),
                "type": kind(&payment, change),
                "occurred_at": change.at.to_rfc3339(),
                "status": change.to.status(),
                "by": change.by,
            })
        })
        .collect();
    Ok(ProxyAnswer::json(200, &json!({ "data": events })))
}

/// `GET /v1/payments`.
pub(crate) async fn list(payments: &impl ListPayments, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let owner = request.owner()?;
    let query = request.query_string_parameters.clone().unwrap_or_default();
    let invalid = |errors| Problem::of_fields(ProblemKind::InvalidRequest, errors);
    let (filter, cursor) = request::list(&query, &owner).map_err(invalid)?;
    let page = payments.list(&owner, &filter, cursor.as_ref()).await.map_err(unavailable)?;
    let data: Vec<PaymentView> = page.payments.iter().map(PaymentView::of).collect();
    let mut answer = json!({ "data": data });
    if let Some(next) = page.next {
        answer["next_cursor"] = Value::from(next.write(&owner));
    }
    Ok(ProxyAnswer::json(200, &answer))
}

/// `GET /v1/balances`: what the merchant is owed, by currency.
pub(crate) async fn balances(ledger: &impl Balances, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let owner = request.owner()?;
    let account = Account::MerchantPayable { merchant_id: owner.merchant_id, mode: owner.mode };
    let balances: BTreeMap<_, i64> = ledger.balances(&account).await.map_err(unavailable)?;
    // A debt of ours is a credit, which the ledger writes as a negative number.
    let data: Vec<Value> =
        balances.into_iter().map(|(currency, minor)| json!({ "currency": currency, "amount": -minor })).collect();
    Ok(ProxyAnswer::json(200, &json!({ "data": data })))
}

/// The payment of the path, if it is the caller's.
async fn own(payments: &impl LoadPayment, request: &ProxyRequest) -> Result<Payment, Problem> {
    let owner = request.owner()?;
    let id: PaymentId = request.path_id("payment_id", "payment")?;
    let payment = payments.load(&id).await.map_err(unavailable)?;
    let missing = || Problem::new(ProblemKind::NotFound, "there is no such payment");
    payment.filter(|payment| payment.owner == owner).ok_or_else(missing)
}
