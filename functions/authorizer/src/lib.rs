//! API Gateway's request authorizer: an API key in, a merchant and a mode out. It knows keys by their hash only.
//!
//! A key of a merchant that is not active still opens: its payments can be read and refunded; validation refuses new ones.

use payments::failure::Unavailable;
use payments::key::ApiKey;
use payments::merchant::REQUESTS_PER_SECOND;
use payments::ports::{ApiKeys, Clock, Merchants};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A REQUEST authorizer's event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The method that is called, by its ARN.
    pub method_arn: String,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(name(ErrorName), derive(strum::IntoStaticStr, strum::EnumIter))]
#[strum_discriminants(doc = "The names of [`Error`], as the workflow sees them.")]
#[strum_discriminants(allow(missing_docs, reason = "each is documented at the error of its name"))]
pub enum Error {
    /// The merchants table did not answer.
    #[error("the key could not be looked up")]
    StoreUnavailable(#[from] Unavailable),
}
payments::failure!(Error, ErrorName, transient: [StoreUnavailable], permanent: []);

/// An IAM policy that lets the key's owner call every method of this stage, and says who it is and how often it may call;
/// or one that lets nobody. The operators' methods do not ask here; the policy denies them all the same.
pub async fn handle(
    keys: &impl ApiKeys,
    merchants: &impl Merchants,
    clock: &impl Clock,
    request: Request,
) -> Result<Value, Error> {
    let hash = bearer(&request).and_then(ApiKey::hash);
    let key = match hash {
        Some(hash) => keys.api_key(&hash).await?.filter(|key| key.is_active(clock.now())),
        None => None,
    };
    let stage = stage_of(&request.method_arn);
    let statement = |effect: &str, resource: String| json!({ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource });
    let Some(key) = key else { return Ok(policy("anonymous", &[statement("Deny", format!("{stage}/*"))], json!({}))) };
    let merchant = merchants.merchant(&key.owner()).await?;
    let context = json!({
        "merchant_id": key.merchant_id,
        "mode": key.mode,
        "key_id": key.key_id,
        "requests_per_second": merchant.map_or(REQUESTS_PER_SECOND, |merchant| merchant.requests_per_second),
    });
    let statements = [statement("Allow", format!("{stage}/*")), statement("Deny", format!("{stage}/*/operator/*"))];
    Ok(policy(key.merchant_id.as_str(), &statements, context))
}

fn policy(principal: &str, statements: &[Value], context: Value) -> Value {
    json!({
        "principalId": principal,
        "policyDocument": { "Version": "2012-10-17", "Statement": statements },
        "context": context,
    })
}

fn bearer(request: &Request) -> Option<&str> {
    let headers = request.headers.as_ref()?;
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The stage, whatever the method: the answer is cached per key, so it has to cover what the key calls next.
fn stage_of(method_arn: &str) -> String {
    let mut parts = method_arn.splitn(3, '/');
    let (api, stage) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{api}/{stage}")
}
