//! The HTTP API of payments: create, look at, list, capture, cancel, confirm, refund, review, and what came of them: balances,
//! settlements, invoices. Each payment is its own idempotency record, and so is each operation on it.

mod bills;
mod create;
mod idempotency;
mod operate;
mod read;

pub use bills::Bills;

use operate::operate;
use payments::ports::{
    Balances, Clock, InvoiceLinks, ListInvoices, ListPayments, ListSettlements, LoadInvoice, LoadPayment, Merchants,
    OpenPayment, RateLimit, SavePayment, Tokens, Turns, Workflow,
};
use payments::problem::{Problem, ProblemKind};
use payments::request;
use std::convert::Infallible;
use task::http::{ProxyAnswer, ProxyRequest};

/// When to ask again for a payment that was accepted just now.
const RETRY_AFTER_SECONDS: &str = "1";

/// What the API needs.
pub struct Ports<'a, Store, Profiles, Cards, Ledger, Runs, System> {
    /// Payments.
    pub payments: &'a Store,
    /// Merchants' settings.
    pub merchants: &'a Profiles,
    /// Tokens' public halves.
    pub tokens: &'a Cards,
    /// Balances.
    pub ledger: &'a Ledger,
    /// The payment workflow.
    pub workflow: &'a Runs,
    /// The clock.
    pub system: &'a System,
}

/// Answers every request, with what was asked for or with a problem.
pub async fn handle<Store, Profiles, Cards, Ledger, Runs, System>(
    limits: &impl RateLimit,
    ports: &Ports<'_, Store, Profiles, Cards, Ledger, Runs, System>,
    bills: &Bills<'_, impl ListSettlements, impl LoadInvoice + ListInvoices, impl InvoiceLinks>,
    request: ProxyRequest,
) -> Result<ProxyAnswer, Infallible>
where
    Store: OpenPayment + LoadPayment + SavePayment + ListPayments,
    Profiles: Merchants,
    Cards: Tokens,
    Ledger: Balances,
    Runs: Workflow + Turns,
    System: Clock,
{
    if let Some(refusal) = task::limit::refusal(limits, &request).await {
        return Ok(refusal);
    }
    let answer = route(ports, bills, &request).await;
    Ok(answer.unwrap_or_else(|problem| ProxyAnswer::problem(&problem, request.request_id())))
}

async fn route<Store, Profiles, Cards, Ledger, Runs, System>(
    ports: &Ports<'_, Store, Profiles, Cards, Ledger, Runs, System>,
    bills: &Bills<'_, impl ListSettlements, impl LoadInvoice + ListInvoices, impl InvoiceLinks>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Store: OpenPayment + LoadPayment + SavePayment + ListPayments,
    Profiles: Merchants,
    Cards: Tokens,
    Ledger: Balances,
    Runs: Workflow + Turns,
    System: Clock,
{
    let operated = |read| operate(ports.payments, ports.workflow, ports.system, request, read);
    match (request.http_method.as_str(), request.resource.as_str()) {
        ("POST", "/v1/payments") => create::create(ports, request).await,
        ("GET", "/v1/payments") => read::list(ports.payments, request).await,
        ("GET", "/v1/payments/{payment_id}") => read::payment(ports.payments, request).await,
        ("GET", "/v1/payments/{payment_id}/events") => read::events(ports.payments, request).await,
        ("POST", "/v1/payments/{payment_id}/capture") => operated(request::capture).await,
        ("POST", "/v1/payments/{payment_id}/cancel") => operated(request::cancel).await,
        ("POST", "/v1/payments/{payment_id}/confirm") => operated(request::confirm).await,
        ("POST", "/v1/payments/{payment_id}/refunds") => operated(request::refund).await,
        ("POST", "/v1/payments/{payment_id}/review") => operated(request::review).await,
        ("GET", "/v1/balances") => read::balances(ports.ledger, request).await,
        ("GET", "/v1/settlements") => bills::settlements(bills.settlements, request).await,
        ("GET", "/v1/invoices") => bills::invoices(bills.invoices, request).await,
        ("GET", "/v1/invoices/{invoice_id}") => bills::invoice(bills.invoices, request).await,
        ("GET", "/v1/invoices/{invoice_id}/pdf") => {
            bills::link(bills.invoices, bills.files, ports.system, request).await
        }
        ("GET" | "POST", _) => Err(Problem::new(ProblemKind::NotFound, "there is nothing at this path")),
        _ => Err(Problem::new(ProblemKind::MethodNotAllowed, "expected GET or POST")),
    }
}
