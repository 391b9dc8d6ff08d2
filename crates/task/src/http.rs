//! API Gateway's proxy events and answers: JSON bodies, problem documents (RFC 9457), and who asks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use payments::id::{KeyId, Owner};
use payments::problem::{FieldError, Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest body: 16 KiB.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// What API Gateway hands over (REST API, Lambda proxy integration).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyRequest {
    /// `POST`.
    pub http_method: String,
    /// The path as in the API's definition, `/v1/payments/{payment_id}`.
    pub resource: String,
    /// The values of the path's variables.
    #[serde(default)]
    pub path_parameters: Option<BTreeMap<String, String>>,
    /// What stands behind the path's question mark.
    #[serde(default)]
    pub query_string_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    #[serde(default)]
    request_context: RequestContext,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    authorizer: Value,
    #[serde(default)]
    identity: Identity,
}

/// Who signed the request, where API Gateway asks for a signature.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(default)]
    user_arn: Option<String>,
}

/// What API Gateway sends back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyAnswer {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl ProxyRequest {
    /// A header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_ref()?;
        headers.iter().find(|(spelt, _)| spelt.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A variable of the path that is an id; one that is none is not found.
    pub fn path_id<Id: std::str::FromStr>(&self, name: &str, what: &str) -> Result<Id, Problem> {
        let text = self.path_parameters.as_ref().and_then(|parameters| parameters.get(name));
        let missing = || Problem::new(ProblemKind::NotFound, format!("there is no such {what}"));
        text.and_then(|text| text.parse().ok()).ok_or_else(missing)
    }

    /// How long the client wants to wait for the end (RFC 7240): `Prefer: respond-async` not at all, with `wait=N` for N
    /// seconds. `None` if it does not say. What is not understood is ignored, as that RFC asks for.
    pub fn patience_seconds(&self) -> Option<u32> {
        let preferences = self.header("prefer")?.split([',', ';']).map(str::trim);
        let mut patience = None;
        for preference in preferences {
            if preference.eq_ignore_ascii_case("respond-async") {
                patience = patience.or(Some(0));
            } else if let Some(seconds) = preference.strip_prefix("wait=").and_then(|seconds| seconds.parse().ok()) {
                patience = Some(seconds);
            }
        }
        patience
    }

    /// A variable of the path.
    pub fn path_parameter(&self, name: &str) -> Option<&str> {
        self.path_parameters.as_ref()?.get(name).map(String::as_str)
    }

    /// A parameter of the query.
    pub fn query_parameter(&self, name: &str) -> Option<&str> {
        self.query_string_parameters.as_ref()?.get(name).map(String::as_str)
    }

    /// Who asks, as the authorizer found out.
    pub fn owner(&self) -> Result<Owner, Problem> {
        let field = |name: &str| self.request_context.authorizer.get(name).cloned().unwrap_or_default();
        let owner = (serde_json::from_value(field("merchant_id")), serde_json::from_value(field("mode")));
        match owner {
            (Ok(merchant_id), Ok(mode)) => Ok(Owner { merchant_id, mode }),
            _ => Err(Problem::new(ProblemKind::Internal, "the authorizer did not say who asks")),
        }
    }

    /// The key that the authorizer found and how many requests per second it may send; `None` if it did not say.
    pub fn key_limit(&self) -> Option<(KeyId, u32)> {
        let field = |name: &str| self.request_context.authorizer.get(name);
        let key_id = field("key_id")?.as_str()?.parse().ok()?;
        let limit = field("requests_per_second")?;
        // API Gateway hands every value of the context over as a text.
        let limit = limit.as_u64().or_else(|| limit.as_str()?.parse().ok())?;
        Some((key_id, u32::try_from(limit).ok().filter(|limit| *limit > 0)?))
    }

    /// The operator who signed the request with an IAM identity. A bearer key and an anonymous caller have none.
    pub fn operator(&self) -> Result<&str, Problem> {
        let arn = self.request_context.identity.user_arn.as_deref().filter(|arn| !arn.is_empty());
        arn.ok_or_else(|| Problem::new(ProblemKind::Forbidden, "sign the request with the IAM identity of an operator"))
    }

    /// Whether there is a body.
    pub fn has_body(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !body.is_empty())
    }

    /// The body as it came, for who has to hold a signature against it; `None` if it is longer than that.
    pub fn bytes(&self, at_most: usize) -> Option<Vec<u8>> {
        let body = self.body.as_deref().unwrap_or_default();
        let bytes = if self.is_base64_encoded { BASE64.decode(body).ok()? } else { body.as_bytes().to_vec() };
        (bytes.len() <= at_most).then_some(bytes)
    }

    /// The JSON body: at most [`MAX_BODY_BYTES`], declared as `application/json`.
    pub fn json(&self) -> Result<Value, Problem> {
        let media_type = self.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            let errors = vec![FieldError::new("Content-Type", "expected application/json")];
            return Err(Problem::of_fields(ProblemKind::UnsupportedMediaType, errors));
        }
        let body = self.body.as_deref().unwrap_or_default();
        let malformed = |detail: String| Problem::new(ProblemKind::MalformedJson, detail);
        let bytes = if self.is_base64_encoded {
            BASE64.decode(body).map_err(|_| malformed("the body is not base64".to_owned()))?
        } else {
            body.as_bytes().to_vec()
        };
        if bytes.len() > MAX_BODY_BYTES {
            let detail = format!("expected at most {MAX_BODY_BYTES} bytes");
            return Err(Problem::new(ProblemKind::BodyTooLarge, detail));
        }
        serde_json::from_slice(&bytes).map_err(|error| {
            malformed(format!("expected a JSON object; line {}, column {} is wrong", error.line(), error.column()))
        })
    }

    /// API Gateway's id of this request.
    pub fn request_id(&self) -> &str {
        &self.request_context.request_id
    }
}

impl ProxyAnswer {
    /// A JSON answer.
    pub fn json(status_code: u16, body: &impl Serialize) -> Self {
        Self::of(status_code, "application/json", serde_json::to_string(body).expect("an answer is plain data"))
    }

    /// Done, and nothing to tell (204).
    pub fn no_content() -> Self {
        let mut answer = Self::of(204, "application/json", String::new());
        answer.headers.remove("Content-Type");
        answer
    }

    /// A problem document with the request's id, and `Retry-After` if it passes by itself.
    pub fn problem(problem: &Problem, request_id: &str) -> Self {
        let document = serde_json::to_value(problem.document(request_id)).expect("a problem is plain data");
        let answer = Self::of(problem.kind.status(), "application/problem+json", document.to_string());
        match problem.retry_after_seconds {
            Some(seconds) => answer.with_header("Retry-After", seconds.to_string()),
            None => answer,
        }
    }

    /// The answer with one more header.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }

    fn of(status_code: u16, media_type: &str, body: String) -> Self {
        let headers = [("Content-Type", media_type), ("Cache-Control", "no-store")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { status_code, headers, body }
    }
}
