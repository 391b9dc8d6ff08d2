//! What a merchant may look at of its money besides balances: settlements, invoices, and links to these on paper.

use intake::unavailable;
use payments::id::{InvoiceId, Owner};
use payments::invoice::Invoice;
use payments::listing::write_place;
use payments::ports::{Clock, InvoiceLinks, ListInvoices, ListSettlements, LoadInvoice};
use payments::problem::{Problem, ProblemKind};
use payments::request;
use serde_json::{Value, json};
use task::http::{ProxyAnswer, ProxyRequest};

/// How long a link opens an invoice: five minutes.
const LINK_SECONDS: u32 = 300;
/// The lists' names, for their cursors.
const SETTLEMENTS: &str = "settlements";
const INVOICES: &str = "invoices";

/// What the merchant's bills are read from.
pub struct Bills<'a, Lines, Invoices, Files> {
    /// Settlement lines.
    pub settlements: &'a Lines,
    /// Invoices.
    pub invoices: &'a Invoices,
    /// Their files.
    pub files: &'a Files,
}

/// `GET /v1/settlements`: the latest day first.
pub(crate) async fn settlements(lines: &impl ListSettlements, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let owner = request.owner()?;
    let (limit, after) = page(SETTLEMENTS, request, &owner)?;
    // One more than the page tells whether there is another.
    let mut found = lines.settlements(&owner, after.as_deref(), limit + 1).await.map_err(unavailable)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|line| line.settlement_id.clone());
    let data: Vec<_> = found.iter().map(|line| json!(line.view())).collect();
    Ok(ProxyAnswer::json(200, &listed(SETTLEMENTS, &owner, data, last)))
}

/// `GET /v1/invoices`: the latest month first.
pub(crate) async fn invoices(invoices: &impl ListInvoices, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let owner = request.owner()?;
    let (limit, after) = page(INVOICES, request, &owner)?;
    let after: Option<InvoiceId> = after.and_then(|id| id.parse().ok());
    let mut found = invoices.invoices(&owner, after.as_ref(), limit + 1).await.map_err(unavailable)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|invoice| invoice.invoice_id.to_string());
    let data: Vec<_> = found.iter().map(|invoice| json!(invoice.view())).collect();
    Ok(ProxyAnswer::json(200, &listed(INVOICES, &owner, data, last)))
}

/// `GET /v1/invoices/{invoice_id}`.
pub(crate) async fn invoice(invoices: &impl LoadInvoice, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    Ok(ProxyAnswer::json(200, &own(invoices, request).await?.view()))
}

/// `GET /v1/invoices/{invoice_id}/pdf`: a link, since API Gateway hands files out only to clients that ask for their type
/// first of all.
pub(crate) async fn link(
    invoices: &impl LoadInvoice,
    files: &impl InvoiceLinks,
    clock: &impl Clock,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem> {
    let invoice = own(invoices, request).await?;
    let expires_at = clock.now().plus_seconds(i64::from(LINK_SECONDS));
    let url = files.link(&invoice, LINK_SECONDS).await.map_err(unavailable)?;
    Ok(ProxyAnswer::json(200, &json!({ "url": url, "expires_at": expires_at.to_rfc3339() })))
}

/// The invoice of the path, if it is the caller's: it is looked for among these only.
async fn own(invoices: &impl LoadInvoice, request: &ProxyRequest) -> Result<Invoice, Problem> {
    let owner = request.owner()?;
    let id: InvoiceId = request.path_id("invoice_id", "invoice")?;
    let invoice = invoices.invoice(&owner, &id).await.map_err(unavailable)?;
    invoice.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such invoice"))
}

fn page(list: &str, request: &ProxyRequest, owner: &Owner) -> Result<(usize, Option<String>), Problem> {
    let query = request.query_string_parameters.clone().unwrap_or_default();
    request::page(list, &query, owner).map_err(|errors| Problem::of_fields(ProblemKind::InvalidRequest, errors))
}

fn listed(list: &str, owner: &Owner, data: Vec<Value>, last: Option<String>) -> Value {
    let mut answer = json!({ "data": data });
    if let Some(last) = last {
        answer["next_cursor"] = Value::from(write_place(list, owner, &last));
    }
    answer
}
