//! Merchants' settings: put, get, list.

use crate::{invalid, no_merchant, owner, unavailable};
use payments::id::{Mode, Owner};
use payments::merchant::Merchant;
use payments::ports::Profiles;
use payments::problem::{FieldError, Problem};
use serde_json::json;
use task::http::{ProxyAnswer, ProxyRequest};

/// How many merchants a page has unless the request says otherwise.
const PAGE: usize = 20;
/// The most that it may say.
const LONGEST_PAGE: usize = 100;

/// Creates or replaces. The last one to put wins; the same again changes nothing.
pub(crate) async fn put(
    profiles: &impl Profiles,
    operator: &str,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem> {
    let owner = owner(request)?;
    let merchant = Merchant::read(&owner, &request.json()?).map_err(invalid)?;
    profiles.save_profile(&merchant).await.map_err(unavailable)?;
    let Merchant { merchant_id, mode, active, .. } = &merchant;
    tracing::info!(target: "florin", operator, %merchant_id, %mode, active, "the merchant's settings were put");
    Ok(ProxyAnswer::json(200, &merchant))
}

pub(crate) async fn get(profiles: &impl Profiles, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let merchant = profiles.profile(&owner(request)?).await.map_err(unavailable)?.ok_or_else(no_merchant)?;
    Ok(ProxyAnswer::json(200, &merchant))
}

/// A page of both modes, in the order of the ids. The cursor is the last one's id and mode.
pub(crate) async fn list(profiles: &impl Profiles, request: &ProxyRequest) -> Result<ProxyAnswer, Problem> {
    let parameter = |name: &str| request.query_string_parameters.as_ref()?.get(name).map(String::as_str);
    let limit = match parameter("limit") {
        None => Some(PAGE),
        Some(text) => text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit)),
    };
    let expected = format!("expected a whole number from 1 to {LONGEST_PAGE}");
    let limit = limit.ok_or_else(|| invalid(vec![FieldError::new("limit", expected)]))?;
    let expected = "expected the next_cursor of the page before";
    let after = match parameter("cursor") {
        None => None,
        Some(text) => Some(read_cursor(text).ok_or_else(|| invalid(vec![FieldError::new("cursor", expected)]))?),
    };
    // One more than the page tells whether there is another.
    let mut found = profiles.profiles(after.as_ref(), limit + 1).await.map_err(unavailable)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let mut page = json!({ "data": found });
    if let Some(last) = found.last().filter(|_| more) {
        page["next_cursor"] = json!(format!("{}.{}", last.merchant_id, last.mode));
    }
    Ok(ProxyAnswer::json(200, &page))
}

fn read_cursor(text: &str) -> Option<Owner> {
    let (merchant_id, mode) = text.split_once('.')?;
    let mode = [Mode::Test, Mode::Live].into_iter().find(|known| known.as_str() == mode)?;
    Some(Owner { merchant_id: merchant_id.parse().ok()?, mode })
}
