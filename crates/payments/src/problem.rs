//! What a client reads when it did something wrong: RFC 9457 problem documents.

use serde::{Deserialize, Serialize};

/// What a problem's `type` begins with.
const PROBLEM_TYPE: &str = "https://florin.example/problems/";

/// A field of the request that is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// The field's path, such as `card.exp_month`; a header by its name.
    pub field: String,
    /// What would be right.
    pub detail: String,
}

impl FieldError {
    /// `field` is wrong: `detail` says what would be right.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// The kinds of problem. The name is the last part of the `type` URI, and stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "kebab-case")]
pub enum ProblemKind {
    /// 400: the body is not JSON.
    MalformedJson,
    /// 400: the document is wrong by itself, whoever sends it.
    InvalidRequest,
    /// 400: a POST that moves money came without its key.
    IdempotencyKeyMissing,
    /// 403: the caller is no operator.
    Forbidden,
    /// 404: no such thing, or not yours.
    NotFound,
    /// 405: the path does not know the method.
    MethodNotAllowed,
    /// 409: the first request with this key is still under way.
    RequestInProgress,
    /// 409: another operation on the payment is under way.
    OperationInProgress,
    /// 409: the payment is where this cannot be done.
    OperationNotPossible,
    /// 409: the hold's time is over.
    HoldExpired,
    /// 409: the merchant has two active keys in this mode.
    KeyLimitReached,
    /// 409: the key expired or was revoked.
    KeyEnded,
    /// 413: the body is too long.
    BodyTooLarge,
    /// 415: the body is not `application/json`.
    UnsupportedMediaType,
    /// 422: the key was used with another body.
    IdempotencyKeyReused,
    /// 422: more than what is left of the hold.
    CaptureExceedsHold,
    /// 422: more than what is captured and not given back.
    RefundExceedsCaptured,
    /// 422: the gateway that holds the money cannot do it.
    NotSupportedByGateway,
    /// 422: the payment takes no more operations.
    TooManyOperations,
    /// 422: well formed, but not possible for this merchant.
    Unprocessable,
    /// 429: the key has used up its requests of this second.
    TooManyRequests,
    /// 500: our fault, and not in doubt: nothing was done.
    Internal,
    /// 503: our fault; the same request may be sent again.
    Unavailable,
}

impl ProblemKind {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::MalformedJson | Self::InvalidRequest | Self::IdempotencyKeyMissing => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestInProgress
            | Self::OperationInProgress
            | Self::OperationNotPossible
            | Self::HoldExpired
            | Self::KeyLimitReached
            | Self::KeyEnded => 409,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::IdempotencyKeyReused
            | Self::CaptureExceedsHold
            | Self::RefundExceedsCaptured
            | Self::NotSupportedByGateway
            | Self::TooManyOperations
            | Self::Unprocessable => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// Whether it passes by itself: the same request is right a moment later.
    pub fn passes(self) -> bool {
        matches!(self, Self::RequestInProgress | Self::OperationInProgress | Self::TooManyRequests | Self::Unavailable)
    }

    /// One sentence, the same for every problem of the kind.
    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedJson => "The body is not JSON.",
            Self::InvalidRequest => "The request is not valid.",
            Self::IdempotencyKeyMissing => "The Idempotency-Key header is missing.",
            Self::Forbidden => "The request is not allowed.",
            Self::NotFound => "There is no such resource.",
            Self::MethodNotAllowed => "The method is not allowed here.",
            Self::RequestInProgress => "The first request with this Idempotency-Key is still under way.",
            Self::OperationInProgress => "Another operation on the payment is under way.",
            Self::OperationNotPossible => "The payment is where this cannot be done.",
            Self::HoldExpired => "The hold has expired.",
            Self::CaptureExceedsHold => "The amount is more than what is left of the hold.",
            Self::RefundExceedsCaptured => "The amount is more than what is captured and not refunded.",
            Self::NotSupportedByGateway => "The gateway that holds the money cannot do this.",
            Self::TooManyOperations => "The payment takes no more operations.",
            Self::KeyLimitReached => "The merchant has two active keys in this mode.",
            Self::KeyEnded => "The key expired or was revoked.",
            Self::BodyTooLarge => "The body is too large.",
            Self::UnsupportedMediaType => "The body must be application/json.",
            Self::IdempotencyKeyReused => "The Idempotency-Key was used with another body.",
            Self::Unprocessable => "The request cannot be carried out for this merchant.",
            Self::TooManyRequests => "Too many requests.",
            Self::Internal => "Something is wrong on our side.",
            Self::Unavailable => "The service is unavailable for a moment.",
        }
    }
}

/// A problem document, without the request's id, which the edge adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub kind: ProblemKind,
    /// What is wrong here and now, and what would be right.
    pub detail: String,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// After how many seconds the same request may be right, if it passes by itself.
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem without fields; one that passes, does so within a second.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), retry_after_seconds: kind.passes().then_some(1) }
    }

    /// A problem with some fields of the request.
    pub fn of_fields(kind: ProblemKind, errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect::<Vec<_>>();
        Self { errors, ..Self::new(kind, detail.join("; ")) }
    }

    /// What the client reads; `request_id` names what it is the answer to.
    pub fn document(&self, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            kind: format!("{PROBLEM_TYPE}{}", self.kind),
            title: self.kind.title().to_owned(),
            status: self.kind.status(),
            detail: self.detail.clone(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
        }
    }
}

/// Every `type` that a problem can have.
#[cfg(feature = "schema")]
fn types() -> Vec<String> {
    <ProblemKind as strum::IntoEnumIterator>::iter().map(|kind| format!("{PROBLEM_TYPE}{kind}")).collect()
}

/// A problem as clients read it (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProblemDocument {
    /// A URI, the same for every problem of the kind.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = types(), "x-extensible" = true)))]
    pub kind: String,
    /// One sentence, the same for every problem of the kind.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "schema", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// What is wrong here and now, and what would be right.
    pub detail: String,
    /// The request's id.
    pub request_id: String,
    /// The fields that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}
