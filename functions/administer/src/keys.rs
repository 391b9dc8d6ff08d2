//! API keys: create, list, rotate, revoke. One conditional write of the owner's set decides each of them.
//!
//! A new key's index comes before the set: a crash between the two leaves an index that leads to nothing, and the set as
//! it was. A crash after the set, before the answer, leaves a key whose text nobody has: it is listed, and can be revoked.

use crate::{Ports, invalid, no_merchant, owner, parameter, unavailable};
use payments::id::{KeyId, Owner};
use payments::key::{ApiKey, KeyRefusal, KeyRing, create_key, rotate_key};
use payments::ports::{Clock, KeyRings, Profiles, Randomness, Saved};
use payments::problem::{Problem, ProblemKind};
use payments::secret::Secret;
use payments::timestamp::Timestamp;
use serde_json::{Value, json};
use task::http::{ProxyAnswer, ProxyRequest};

/// How often a change starts again because somebody else's came first.
const MAX_TRIES: u32 = 8;

pub(crate) async fn create<Settings: Profiles, Keys: KeyRings, System: Clock + Randomness>(
    ports: &Ports<'_, Settings, Keys, System>,
    operator: &str,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem> {
    let owner = known_owner(ports.profiles, request).await?;
    let now = ports.system.now();
    let expires_at = create_key(&body(request)?, now).map_err(invalid)?;
    let (key, text) = new_key(ports.system, &owner, expires_at, now);
    change(ports.keys, &owner, Some(&key), |ring| ring.with(key.clone(), now).map(Some)).await?;
    log(operator, &owner, &key.key_id, "an API key was created");
    Ok(created(&key, &text, now))
}

/// What there is, without text or hash.
pub(crate) async fn list<Settings: Profiles, Keys: KeyRings, System: Clock>(
    ports: &Ports<'_, Settings, Keys, System>,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem> {
    let owner = known_owner(ports.profiles, request).await?;
    let ring = ports.keys.key_ring(&owner).await.map_err(unavailable)?;
    let now = ports.system.now();
    let data: Vec<Value> = ring.keys.iter().map(|key| key.view(now)).collect();
    Ok(ProxyAnswer::json(200, &json!({ "data": data })))
}

/// A new key; the old one lives on for its grace.
pub(crate) async fn rotate<Settings: Profiles, Keys: KeyRings, System: Clock + Randomness>(
    ports: &Ports<'_, Settings, Keys, System>,
    operator: &str,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem> {
    let owner = known_owner(ports.profiles, request).await?;
    let old = key_id(request)?;
    let grace = rotate_key(&body(request)?).map_err(invalid)?;
    let now = ports.system.now();
    let (key, text) = new_key(ports.system, &owner, None, now);
    let ends_at = now.plus_seconds(grace);
    change(ports.keys, &owner, Some(&key), |ring| ring.rotated(&old, key.clone(), ends_at, now).map(Some)).await?;
    log(operator, &owner, &old, "an API key was rotated");
    log(operator, &owner, &key.key_id, "an API key was created");
    Ok(created(&key, &text, now))
}

/// Ends a key. Ending it twice is harmless.
pub(crate) async fn revoke<Settings: Profiles, Keys: KeyRings, System: Clock>(
    ports: &Ports<'_, Settings, Keys, System>,
    operator: &str,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem> {
    let owner = owner(request)?;
    let key_id = key_id(request)?;
    let now = ports.system.now();
    change(ports.keys, &owner, None, |ring| ring.revoked(&key_id, now)).await?;
    log(operator, &owner, &key_id, "an API key was revoked");
    Ok(ProxyAnswer::no_content())
}

/// Reads the set, decides, indexes the new key if there is one, and writes on condition that the set is as it was read.
async fn change(
    keys: &impl KeyRings,
    owner: &Owner,
    new: Option<&ApiKey>,
    decide: impl Fn(KeyRing) -> Result<Option<KeyRing>, KeyRefusal>,
) -> Result<(), Problem> {
    for _ in 0..MAX_TRIES {
        let ring = keys.key_ring(owner).await.map_err(unavailable)?;
        let Some(next) = decide(ring).map_err(refused)? else { return Ok(()) };
        if let Some(key) = new {
            keys.index_key(key).await.map_err(unavailable)?;
        }
        match keys.save_key_ring(&next).await.map_err(unavailable)? {
            Saved::Done | Saved::There => return Ok(()),
            Saved::Conflict => {}
        }
    }
    Err(Problem::new(ProblemKind::Unavailable, "others are changing this merchant's keys: send the request again"))
}

fn new_key(system: &impl Randomness, owner: &Owner, expires_at: Option<Timestamp>, now: Timestamp) -> (ApiKey, Secret) {
    ApiKey::new(owner, [system.bits(), system.bits()], expires_at, now)
}

/// The only answer that a key's text is in.
fn created(key: &ApiKey, text: &Secret, now: Timestamp) -> ProxyAnswer {
    let mut view = key.view(now);
    view["key"] = json!(text.expose());
    ProxyAnswer::json(201, &view)
}

async fn known_owner(profiles: &impl Profiles, request: &ProxyRequest) -> Result<Owner, Problem> {
    let owner = owner(request)?;
    profiles.profile(&owner).await.map_err(unavailable)?.ok_or_else(no_merchant)?;
    Ok(owner)
}

/// The body; an absent one asks for nothing in particular.
fn body(request: &ProxyRequest) -> Result<Value, Problem> {
    if request.has_body() { request.json() } else { Ok(json!({})) }
}

fn key_id(request: &ProxyRequest) -> Result<KeyId, Problem> {
    parameter(request, "key_id").ok_or_else(|| refused(KeyRefusal::Unknown))
}

fn refused(refusal: KeyRefusal) -> Problem {
    let kind = match refusal {
        KeyRefusal::TwoActive => ProblemKind::KeyLimitReached,
        KeyRefusal::Unknown => ProblemKind::NotFound,
        KeyRefusal::Ended => ProblemKind::KeyEnded,
    };
    Problem::new(kind, refusal.to_string())
}

fn log(operator: &str, owner: &Owner, key_id: &KeyId, what: &str) {
    tracing::info!(target: "florin", operator, merchant_id = %owner.merchant_id, mode = %owner.mode, %key_id, "{what}");
}
