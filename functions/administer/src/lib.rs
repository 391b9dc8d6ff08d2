//! The operator API: merchants' settings and their API keys. It answers only to who signed the request with an IAM
//! identity; a merchant's bearer key opens nothing here.

mod keys;
mod profiles;

use payments::failure::Unavailable;
use payments::id::Owner;
use payments::ports::{Clock, KeyRings, Profiles, Randomness};
use payments::problem::{FieldError, Problem, ProblemKind};
use std::convert::Infallible;
use std::str::FromStr;
use task::http::{ProxyAnswer, ProxyRequest};

/// All merchants.
const MERCHANTS: &str = "/operator/v1/merchants";
/// One merchant in one mode.
const MERCHANT: &str = "/operator/v1/merchants/{merchant_id}/{mode}";
/// Its keys.
const KEYS: &str = "/operator/v1/merchants/{merchant_id}/{mode}/keys";
/// One key.
const KEY: &str = "/operator/v1/merchants/{merchant_id}/{mode}/keys/{key_id}";
/// A key's rotation.
const ROTATE: &str = "/operator/v1/merchants/{merchant_id}/{mode}/keys/{key_id}/rotate";

/// What operators' work needs.
pub struct Ports<'a, Settings, Keys, System> {
    /// Merchants' settings.
    pub profiles: &'a Settings,
    /// Their keys.
    pub keys: &'a Keys,
    /// Clock and randomness.
    pub system: &'a System,
}

/// Answers every request, with what was asked for or with a problem.
pub async fn handle<Settings, Keys, System>(
    ports: &Ports<'_, Settings, Keys, System>,
    request: ProxyRequest,
) -> Result<ProxyAnswer, Infallible>
where
    Settings: Profiles,
    Keys: KeyRings,
    System: Clock + Randomness,
{
    let answer = match request.operator() {
        Ok(operator) => answer(ports, operator, &request).await,
        Err(problem) => Err(problem),
    };
    Ok(answer.unwrap_or_else(|problem| ProxyAnswer::problem(&problem, request.request_id())))
}

async fn answer<Settings, Keys, System>(
    ports: &Ports<'_, Settings, Keys, System>,
    operator: &str,
    request: &ProxyRequest,
) -> Result<ProxyAnswer, Problem>
where
    Settings: Profiles,
    Keys: KeyRings,
    System: Clock + Randomness,
{
    match (request.http_method.as_str(), request.resource.as_str()) {
        ("GET", MERCHANTS) => profiles::list(ports.profiles, request).await,
        ("PUT", MERCHANT) => profiles::put(ports.profiles, operator, request).await,
        ("GET", MERCHANT) => profiles::get(ports.profiles, request).await,
        ("POST", KEYS) => keys::create(ports, operator, request).await,
        ("GET", KEYS) => keys::list(ports, request).await,
        ("POST", ROTATE) => keys::rotate(ports, operator, request).await,
        ("DELETE", KEY) => keys::revoke(ports, operator, request).await,
        (_, MERCHANTS | MERCHANT | KEYS | ROTATE | KEY) => {
            Err(Problem::new(ProblemKind::MethodNotAllowed, "this path knows other methods"))
        }
        _ => Err(Problem::new(ProblemKind::NotFound, "there is nothing at this path")),
    }
}

/// The owner that the path names.
fn owner(request: &ProxyRequest) -> Result<Owner, Problem> {
    let expected = "expected mer_ and 1 to 32 lower-case letters, digits or underscores";
    let merchant_id = parameter(request, "merchant_id").ok_or(("merchant_id", expected));
    let mode = match request.path_parameters.as_ref().and_then(|parameters| parameters.get("mode")).map(String::as_str)
    {
        Some("test") => Ok(payments::id::Mode::Test),
        Some("live") => Ok(payments::id::Mode::Live),
        Some(_) | None => Err(("mode", "expected test or live")),
    };
    match (merchant_id, mode) {
        (Ok(merchant_id), Ok(mode)) => Ok(Owner { merchant_id, mode }),
        (merchant_id, mode) => {
            let wrong = [merchant_id.err(), mode.err()].into_iter().flatten();
            let errors = wrong.map(|(field, detail)| FieldError::new(field, detail)).collect();
            Err(Problem::of_fields(ProblemKind::InvalidRequest, errors))
        }
    }
}

/// A variable of the path, if it is one of its kind.
fn parameter<T: FromStr>(request: &ProxyRequest, name: &str) -> Option<T> {
    request.path_parameters.as_ref()?.get(name)?.parse().ok()
}

fn invalid(errors: Vec<FieldError>) -> Problem {
    Problem::of_fields(ProblemKind::InvalidRequest, errors)
}

fn no_merchant() -> Problem {
    Problem::new(ProblemKind::NotFound, "there is no such merchant in this mode: put its settings first")
}

fn unavailable(failure: Unavailable) -> Problem {
    tracing::error!(target: "florin", "{}", task::chain(&failure));
    Problem::new(ProblemKind::Unavailable, "look at what there is before you send the request again")
}
