//! What clients post, through the API's real handler.

use crate::line::Line;
use payments::id::PaymentId;
use serde_json::{Value, json};
use std::fmt;

/// A request of a client, and the key that makes it one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    pub posts: Post,
    pub key: &'static str,
}

/// What is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Post {
    /// A payment, captured at once or by hand.
    Pay {
        minor: u64,
        by_hand: bool,
    },
    /// A payment whose cardholder can be sent to a page.
    PayOnPage {
        minor: u64,
    },
    /// So much of the hold, or all that is left; and whether the rest is let go.
    Capture(Option<u64>, bool),
    Cancel,
    Confirm,
    /// So much of what was captured, or all that is left.
    Refund(Option<u64>),
    Review(&'static str),
}

impl Client {
    /// The call, to its end. Nobody waits for the run: what a waiting client reads after it changes nothing.
    pub async fn call(self, line: &Line<'_>) {
        let payment: Option<&PaymentId> =
            (!matches!(self.posts, Post::Pay { .. } | Post::PayOnPage { .. })).then_some(&line.shop.payment_id);
        let request = json!({
            "httpMethod": "POST",
            "resource": self.posts.resource(),
            "pathParameters": payment.map(|id| json!({ "payment_id": id })),
            "headers": { "content-type": "application/json", "idempotency-key": self.key, "prefer": "respond-async" },
            "body": self.posts.body(line).to_string(),
            "requestContext": {
                "requestId": "request-1",
                "authorizer": { "merchant_id": "mer_test", "mode": "test" },
            },
        });
        let request = serde_json::from_value(request).expect("a request as API Gateway hands it over");
        let ports =
            api::Ports { payments: line, merchants: line, tokens: line, ledger: line, workflow: line, system: line };
        let bills = api::Bills { settlements: line, invoices: line, files: line };
        let answer = api::handle(line, &ports, &bills, request).await.expect("the API answers everything");
        assert!(matches!(answer.status_code, 200..=202 | 404 | 409 | 422 | 503), "{self}: {}", answer.body);
    }
}

impl Post {
    fn resource(self) -> &'static str {
        match self {
            Self::Pay { .. } | Self::PayOnPage { .. } => "/v1/payments",
            Self::Capture(..) => "/v1/payments/{payment_id}/capture",
            Self::Cancel => "/v1/payments/{payment_id}/cancel",
            Self::Confirm => "/v1/payments/{payment_id}/confirm",
            Self::Refund(_) => "/v1/payments/{payment_id}/refunds",
            Self::Review(_) => "/v1/payments/{payment_id}/review",
        }
    }

    fn body(self, line: &Line<'_>) -> Value {
        let token = &line.shop.token.token_id;
        match self {
            Self::Pay { minor, by_hand } => {
                let method = if by_hand { "manual" } else { "automatic" };
                json!({ "amount": minor, "currency": "EUR", "token": token, "capture_method": method })
            }
            Self::PayOnPage { minor } => {
                let page = "https://shop.example/return";
                json!({ "amount": minor, "currency": "EUR", "token": token, "return_url": page })
            }
            Self::Capture(None, last) => json!({ "final_capture": last }),
            Self::Capture(Some(amount), last) => json!({ "amount": amount, "final_capture": last }),
            Self::Cancel | Self::Confirm | Self::Refund(None) => json!({}),
            Self::Refund(Some(amount)) => json!({ "amount": amount }),
            Self::Review(decision) => json!({ "decision": decision }),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.posts {
            Post::Pay { .. } | Post::PayOnPage { .. } => "pay",
            Post::Capture(..) => "capture",
            Post::Cancel => "cancel",
            Post::Confirm => "confirm",
            Post::Refund(_) => "refund",
            Post::Review(decision) => decision,
        };
        write!(f, "{verb} `{}`", self.key)
    }
}
