//! What a service says when it refuses a call without having done anything, in the words that its SDK knows.

use super::call::{API, Call};
use crate::gateway_proxy::message::{self, Message};

/// Too much is asked of it.
pub fn throttled(call: &Call) -> Message {
    match call.service.as_str() {
        API => answer("429 Too Many Requests", None, r#"{"message":"Too Many Requests"}"#),
        "dynamodb" if call.operation == "TransactWriteItems" => json("400 Bad Request", "ThrottlingException", SLOWER),
        "dynamodb" => json(
            "400 Bad Request",
            "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded.",
        ),
        "lambda" => answer(
            "429 Too Many Requests",
            Some("TooManyRequestsException"),
            r#"{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#,
        ),
        "s3" => xml("503 Slow Down", "SlowDown", "Please reduce your request rate."),
        "sqs" => json("400 Bad Request", "com.amazonaws.sqs#RequestThrottled", SLOWER),
        _ => json("400 Bad Request", "ThrottlingException", SLOWER),
    }
}

/// It is broken itself.
pub fn broken(call: &Call) -> Message {
    match call.service.as_str() {
        API => answer("502 Bad Gateway", None, r#"{"message":"Internal server error"}"#),
        "dynamodb" => {
            let name = "com.amazonaws.dynamodb.v20120810#InternalServerError";
            json("500 Internal Server Error", name, "Internal server error")
        }
        "lambda" => answer(
            "500 Internal Server Error",
            Some("ServiceException"),
            r#"{"Type":"Service","message":"An error occurred and the request cannot be processed."}"#,
        ),
        "kms" => json("500 Internal Server Error", "KMSInternalException", "Internal error"),
        "s3" => xml("500 Internal Server Error", "InternalError", "We encountered an internal error."),
        _ => json("503 Service Unavailable", "ServiceUnavailable", "The service is unavailable."),
    }
}

const SLOWER: &str = "Rate exceeded";

fn json(status: &str, name: &str, text: &str) -> Message {
    let body = serde_json::json!({ "__type": name, "message": text }).to_string();
    message::answer(status, "content-type: application/x-amz-json-1.0\r\n", body.as_bytes())
}

fn answer(status: &str, name: Option<&str>, body: &str) -> Message {
    let name = name.map(|name| format!("x-amzn-errortype: {name}\r\n")).unwrap_or_default();
    message::answer(status, &format!("content-type: application/json\r\n{name}"), body.as_bytes())
}

fn xml(status: &str, code: &str, text: &str) -> Message {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{text}</Message></Error>"
    );
    message::answer(status, "content-type: application/xml\r\n", body.as_bytes())
}
