//! A payment that is asked for over Kafka, and its answer: `POST /v1/payments` as two records.

use crate::event::Unreadable;
use crate::id::{IdempotencyKey, MerchantId, Mode, Owner, PaymentId, digest};
use crate::payment::Payment;
use crate::problem::{Problem, ProblemDocument};
use crate::secret::blot_digits;
use crate::view::PaymentView;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of both records. A reader refuses another.
pub const REQUEST_VERSION: u32 = 1;

/// A record of `payment-requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    /// The version of the record.
    #[cfg_attr(feature = "schema", schemars(extend("const" = REQUEST_VERSION)))]
    pub version: u32,
    /// For whom.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// As the header of that name: the same for each repetition, new for each payment.
    pub idempotency_key: IdempotencyKey,
    /// The body of `POST /v1/payments`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::request::CreatePayment"))]
    pub body: Value,
}

impl PaymentRequest {
    /// Reads a record. One whose body is wrong is read: it gets an answer.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let value: Value = serde_json::from_slice(bytes).map_err(|_| Unreadable::NotJson)?;
        if value.get("version").and_then(Value::as_u64) != Some(u64::from(REQUEST_VERSION)) {
            return Err(Unreadable::Version);
        }
        serde_json::from_value(value).map_err(|error| Unreadable::Shape(blot_digits(&error.to_string())))
    }

    /// Whose payment it is.
    pub fn owner(&self) -> Owner {
        Owner { merchant_id: self.merchant_id.clone(), mode: self.mode }
    }

    /// The one payment that it can ever make: the same as over HTTP.
    pub fn payment_id(&self) -> PaymentId {
        PaymentId::derive(&self.owner(), &self.idempotency_key)
    }
}

/// A record of `payment-answers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PaymentAnswer {
    /// What is answered, by its content: an answer that is sent again has the same id.
    pub id: String,
    /// The version of the record.
    #[cfg_attr(feature = "schema", schemars(extend("const" = REQUEST_VERSION)))]
    pub version: u32,
    /// The payment that the request made or would have made.
    pub payment_id: PaymentId,
    /// Whose.
    pub merchant_id: MerchantId,
    /// In which world.
    pub mode: Mode,
    /// The request's.
    pub idempotency_key: IdempotencyKey,
    /// As over HTTP: 201 for a payment at rest, 202 for one that is accepted and under way, or the problem's.
    #[cfg_attr(feature = "schema", schemars(range(min = 200, max = 599)))]
    pub status: u16,
    /// The payment where it rested first, or as it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentView>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemDocument>,
}

impl PaymentAnswer {
    /// The payment, as every answer to its request shows it.
    pub fn accepted(request: &PaymentRequest, payment: &Payment) -> Self {
        let (status, version) = payment.first_rest.map_or((202, 1), |rest| (201, rest));
        let id = format!("{}:{version}", payment.payment_id);
        let payment = Some(PaymentView::when(payment, version));
        Self { payment, ..Self::empty(request, id, status) }
    }

    /// Why there is no payment.
    pub fn refused(request: &PaymentRequest, problem: &Problem) -> Self {
        let status = problem.kind.status();
        let body = request.body.to_string();
        let kind = problem.kind.to_string();
        let hash = digest(&[b"refusal", kind.as_bytes(), problem.detail.as_bytes(), body.as_bytes()]);
        let id = format!("{}:{}", request.payment_id(), hex::encode(&hash[..16]));
        let problem = Some(problem.document(&id));
        Self { problem, ..Self::empty(request, id, status) }
    }

    fn empty(request: &PaymentRequest, id: String, status: u16) -> Self {
        Self {
            id,
            version: REQUEST_VERSION,
            payment_id: request.payment_id(),
            merchant_id: request.merchant_id.clone(),
            mode: request.mode,
            idempotency_key: request.idempotency_key.clone(),
            status,
            payment: None,
            problem: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_refused_by_what_is_wrong_and_read_whatever_its_body_is() {
        let good = json!({
            "version": 1, "merchant_id": "mer_a", "mode": "test", "idempotency_key": "k", "body": { "amount": "no" },
        });
        assert!(PaymentRequest::read(good.to_string().as_bytes()).is_ok());
        for (field, value, expected) in [
            ("version", json!(2), "version: expected 1"),
            ("merchant_id", json!("a"), "expected mer_"),
            ("mode", json!("both"), "unknown variant `both`"),
            ("idempotency_key", json!("a b"), "expected 1 to 255"),
            ("card", json!({}), "unknown field `card`"),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let error = PaymentRequest::read(bad.to_string().as_bytes()).expect_err(field).to_string();
            assert!(error.starts_with(expected), "{field}: {error}");
        }
        assert_eq!(PaymentRequest::read(b"{"), Err(Unreadable::NotJson));
    }
}
