//! What a call is named: the service that it is signed for, and the operation.

use crate::gateway_proxy::message::Message;

/// What the clients of the API call; no function signs for it.
pub const API: &str = "execute-api";

/// A call's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// As it is signed for: `dynamodb`.
    pub service: String,
    /// `PutItem`; of services that have paths instead, the method.
    pub operation: String,
}

impl Call {
    /// The name of the call that this request makes.
    pub fn of(request: &Message) -> Self {
        let mut start = request.start().split(' ');
        let (method, path) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
        if path.starts_with("/restapis/") {
            return Self { service: API.to_owned(), operation: method.to_owned() };
        }
        // AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, ...
        let scope = request.header("authorization").and_then(|value| value.split_once("Credential="));
        let service = scope.and_then(|(_, scope)| scope.split('/').nth(3)).unwrap_or("unsigned");
        let target = request.header("x-amz-target").and_then(|target| target.rsplit('.').next());
        let operation = match target {
            Some(target) => target,
            None if path.ends_with("/invocations") => "Invoke",
            None => method,
        };
        Self { service: service.to_owned(), operation: operation.to_owned() }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.service, self.operation)
    }
}
