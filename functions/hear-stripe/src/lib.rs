//! `POST /v1/gateways/stripe/events`: Stripe tells that something happened, such as that a cardholder has authenticated. It takes
//! no API key; who signed it is Stripe. What the event says is not believed: the payment's workflow is started, whose steps ask
//! Stripe what is true. An event that comes twice, late or out of order starts what finds nothing to do.

use gateways::stripe::event::{MAX_EVENT_BYTES, hear};
use intake::idempotency::is_abandoned;
use intake::unavailable;
use payments::failure::Unavailable;
use payments::id::{Mode, OperationId, PaymentId};
use payments::payment::{Actor, Payment};
use payments::ports::{Clock, GatewaySecret, LoadPayment, SavePayment, Saved, Workflow};
use payments::problem::{FieldError, Problem, ProblemKind};
use std::convert::Infallible;
use task::http::{ProxyAnswer, ProxyRequest};

/// What hearing needs.
pub struct Ports<'a, Store, Runs, Key, System> {
    /// Payments.
    pub payments: &'a Store,
    /// The payment workflow.
    pub workflow: &'a Runs,
    /// The secrets by which Stripe signs, one for the endpoint of each mode; none if there is no endpoint.
    pub secrets: Option<&'a Key>,
    /// The clock.
    pub system: &'a System,
}

/// Answers every event: 200 if there is nothing left to tell, or with a problem, and Stripe tells it again.
pub async fn handle<Store, Runs, Key, System>(
    ports: &Ports<'_, Store, Runs, Key, System>,
    request: ProxyRequest,
) -> Result<ProxyAnswer, Infallible>
where
    Store: LoadPayment + SavePayment,
    Runs: Workflow,
    Key: GatewaySecret,
    System: Clock,
{
    let answer = take(ports, &request).await;
    Ok(answer.unwrap_or_else(|problem| ProxyAnswer::problem(&problem, request.request_id())))
}

async fn take<Store, Runs, Key, System>(
    ports: &Ports<'_, Store, Runs, Key, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Store: LoadPayment + SavePayment,
    Runs: Workflow,
    Key: GatewaySecret,
    System: Clock,
{
    let none = || Problem::new(ProblemKind::NotFound, "no endpoint of Stripe's is set up here");
    let kept = ports.secrets.ok_or_else(none)?;
    let too_large = || Problem::new(ProblemKind::BodyTooLarge, format!("expected at most {MAX_EVENT_BYTES} bytes"));
    let body = request.bytes(MAX_EVENT_BYTES).ok_or_else(too_large)?;
    let (mut secrets, mut unread) = (Vec::new(), None);
    for mode in [Mode::Test, Mode::Live].into_iter().filter(|mode| kept.is_there(*mode)) {
        match kept.secret(mode).await {
            Ok(secret) => secrets.push(secret),
            Err(error) => unread = Some(error),
        }
    }
    let header = request.header("stripe-signature").unwrap_or_default();
    let heard = hear(header, &body, &secrets, ports.system.now()).map_err(|refused| match unread {
        // It may be signed by the secret that could not be read: Stripe tells it again.
        Some(error) => unavailable(error),
        None => {
            let errors = vec![FieldError::new("Stripe-Signature", refused.to_string())];
            Problem::of_fields(ProblemKind::InvalidRequest, errors)
        }
    })?;
    if let Some(payment_id) = heard {
        follow(ports, &payment_id).await.map_err(unavailable)?;
    }
    Ok(ProxyAnswer::json(200, &serde_json::json!({ "received": true })))
}

/// Has Stripe asked about the payment, if nobody does so already.
async fn follow<Store, Runs, Key, System>(
    ports: &Ports<'_, Store, Runs, Key, System>,
    payment_id: &PaymentId,
) -> Result<(), Unavailable>
where
    Store: LoadPayment + SavePayment,
    Runs: Workflow,
    System: Clock,
{
    let Some(payment) = ports.payments.load(payment_id).await? else { return Ok(()) };
    let now = ports.system.now();
    let operation = match payment.clone().ask_again(Actor::HearStripe, now) {
        // Someone else was faster: they ask.
        Some(next) if ports.payments.save(&next).await? == Saved::Conflict => None,
        Some(_) => Some(OperationId::pay()),
        None => left(&payment, is_abandoned(&payment, now)),
    };
    match operation {
        Some(operation) => ports.workflow.start(payment_id, &operation).await,
        None => Ok(()),
    }
}

/// What was left of a payment whose run is over: an outcome that it did not learn, for `sweep` to ask for much later.
fn left(payment: &Payment, is_abandoned: bool) -> Option<OperationId> {
    payment.next_operation().filter(|_| is_abandoned)
}
