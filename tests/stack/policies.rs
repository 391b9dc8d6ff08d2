//! Functions' roles and their policies, read and changed while the stack runs.

use serde_json::{Value, json};
use xtask::Stack;
use xtask::aws::Call;

/// A call by the query protocol; the answer is XML, or JSON.
pub async fn query(stack: &Stack, service: &str, version: &str, parameters: &[(&str, &str)]) -> String {
    let mut path = format!("/?Version={version}");
    for (name, value) in parameters {
        path.push_str(&format!("&{name}={}", percent_encoded(value)));
    }
    let call = Call { service, method: "POST", path: &path, target: None, body: Vec::new() };
    let answer = call.send(&stack.endpoint).await.unwrap();
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

fn percent_encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The text of the first element of that name. STS answers a request without a form as JSON here.
pub fn element(answer: &str, name: &str) -> String {
    let (open, close) = match answer.starts_with('{') {
        true => (format!("\"{name}\":\""), "\"".to_owned()),
        false => (format!("<{name}>"), format!("</{name}>")),
    };
    let (_, rest) = answer.split_once(&open).unwrap_or_else(|| panic!("no {name} in the answer"));
    let (text, _) = rest.split_once(&close).unwrap();
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

pub async fn role_of(stack: &Stack, folder: &str) -> String {
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let function = client.get_function_configuration().function_name(stack.function_name(folder)).send().await;
    function.unwrap().role.unwrap()
}

/// A role's only inline policy.
pub struct Policy {
    role: String,
    name: String,
    pub document: String,
}

pub async fn policy_of(stack: &Stack, folder: &str) -> Policy {
    let role = role_of(stack, folder).await;
    let role = role.rsplit('/').next().unwrap().to_owned();
    let listed = query(stack, "iam", "2010-05-08", &[("Action", "ListRolePolicies"), ("RoleName", &role)]).await;
    let name = element(&listed, "member");
    let parameters = [("Action", "GetRolePolicy"), ("RoleName", role.as_str()), ("PolicyName", name.as_str())];
    let document = element(&query(stack, "iam", "2010-05-08", &parameters).await, "PolicyDocument");
    let document = if document.starts_with('%') { percent_decoded(&document) } else { document };
    Policy { role, name, document }
}

pub async fn put_policy(stack: &Stack, policy: &Policy, document: &str) {
    let Policy { role, name, .. } = policy;
    let parameters = [("RoleName", role.as_str()), ("PolicyName", name.as_str()), ("PolicyDocument", document)];
    let parameters: Vec<_> = [("Action", "PutRolePolicy")].into_iter().chain(parameters).collect();
    query(stack, "iam", "2010-05-08", &parameters).await;
}

/// The document without one action.
pub fn without(document: &str, action: &str) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    let mut removed = 0;
    for statement in document["Statement"].as_array_mut().unwrap() {
        if let Some(actions) = statement["Action"].as_array_mut() {
            let before = actions.len();
            actions.retain(|listed| listed != action);
            removed += before - actions.len();
        }
    }
    assert_eq!(removed, 1, "the policy allows {action} once");
    document.to_string()
}

/// The document with one action forbidden.
pub fn denying(document: &str, action: &str) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    let statement = json!({ "Effect": "Deny", "Action": action, "Resource": "*" });
    document["Statement"].as_array_mut().unwrap().push(statement);
    document.to_string()
}
