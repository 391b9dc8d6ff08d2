//! Roles are real: what a function's policy does not allow is refused, to its role and to the function itself.

use crate::numbers::fresh;
use crate::shop::{Shop, alone, healthy, until};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::primitives::Blob;
use payments::gateway::GatewayName;
use payments::stage::{Stage, VoidReason, Voiding};
use serde_json::{Value, json};
use xtask::Stack;
use xtask::aws::Call;

/// A changed policy may take a moment.
const POLICY_SECONDS: u64 = 30;

/// A call by the query protocol; the answer is XML, or JSON.
async fn query(stack: &Stack, service: &str, version: &str, parameters: &[(&str, &str)]) -> String {
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
fn element(answer: &str, name: &str) -> String {
    let (open, close) = match answer.starts_with('{') {
        true => (format!("\"{name}\":\""), "\"".to_owned()),
        false => (format!("<{name}>"), format!("</{name}>")),
    };
    let (_, rest) = answer.split_once(&open).unwrap_or_else(|| panic!("no {name} in the answer"));
    let (text, _) = rest.split_once(&close).unwrap();
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

async fn role_of(stack: &Stack, folder: &str) -> String {
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let function = client.get_function_configuration().function_name(stack.function_name(folder)).send().await;
    function.unwrap().role.unwrap()
}

/// What the function's role signs with.
pub async fn credentials_of(stack: &Stack, folder: &str) -> Credentials {
    let role = role_of(stack, folder).await;
    let parameters = [("Action", "AssumeRole"), ("RoleArn", role.as_str()), ("RoleSessionName", "test")];
    let answer = query(stack, "sts", "2011-06-15", &parameters).await;
    let [key, secret, token] = ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(|name| element(&answer, name));
    Credentials::new(key, secret, Some(token), None, "a test")
}

/// DynamoDB as the function's role sees it.
async fn as_role_of(stack: &Stack, folder: &str) -> aws_sdk_dynamodb::Client {
    let credentials = credentials_of(stack, folder).await;
    let config = stack.sdk_config().into_builder();
    let config = config.credentials_provider(SharedCredentialsProvider::new(credentials)).build();
    aws_sdk_dynamodb::Client::new(&config)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledgers_role_cannot_read_the_vault() {
    let _healthy = healthy().await;
    let shop = Shop::open().await;
    let token = shop.create_token(&fresh()).await;
    let vault = shop.tables.name("Vault");
    let read = async |folder: &str| {
        let client = as_role_of(&shop.stack, folder).await;
        let key = AttributeValue::S(token.clone());
        client.get_item().table_name(vault).key("token_id", key).send().await
    };
    let allowed = read("authorize").await.map_err(|error| DisplayErrorContext(error).to_string());
    assert!(allowed.unwrap().item.is_some(), "authorize reads the vault");
    for folder in ["post-ledger", "api", "tokenize", "settle", "simulated-acquirer"] {
        let Err(refused) = read(folder).await else { panic!("{folder} reads the vault") };
        let refused = DisplayErrorContext(refused).to_string();
        assert!(refused.contains("AccessDenied"), "{folder}: {refused}");
    }
}

/// A role's only inline policy.
struct Policy {
    role: String,
    name: String,
    document: String,
}

async fn policy_of(stack: &Stack, folder: &str) -> Policy {
    let role = role_of(stack, folder).await;
    let role = role.rsplit('/').next().unwrap().to_owned();
    let listed = query(stack, "iam", "2010-05-08", &[("Action", "ListRolePolicies"), ("RoleName", &role)]).await;
    let name = element(&listed, "member");
    let parameters = [("Action", "GetRolePolicy"), ("RoleName", role.as_str()), ("PolicyName", name.as_str())];
    let document = element(&query(stack, "iam", "2010-05-08", &parameters).await, "PolicyDocument");
    let document = if document.starts_with('%') { percent_decoded(&document) } else { document };
    Policy { role, name, document }
}

async fn put_policy(stack: &Stack, policy: &Policy, document: &str) {
    let Policy { role, name, .. } = policy;
    let parameters = [("RoleName", role.as_str()), ("PolicyName", name.as_str()), ("PolicyDocument", document)];
    let parameters: Vec<_> = [("Action", "PutRolePolicy")].into_iter().chain(parameters).collect();
    query(stack, "iam", "2010-05-08", &parameters).await;
}

/// The document without one action.
fn without(document: &str, action: &str) -> String {
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

async fn invoke(stack: &Stack, folder: &str, payment_id: &str) -> Value {
    let request = json!({ "payment_id": payment_id, "operation_id": "reverse" });
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let call = client.invoke().function_name(stack.function_name(folder)).payload(Blob::new(request.to_string()));
    serde_json::from_slice(call.send().await.unwrap().payload.unwrap().as_ref()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_its_write_permission_is_denied_and_works_again_with_it() {
    let _alone = alone().await;
    let shop = Shop::open().await;
    // A payment that was given up before anybody was asked: voiding it needs one write of its own.
    let stage = Stage::Voiding(Voiding {
        gateway: GatewayName("simulated".to_owned()),
        hold_attempt: 1,
        draft: None,
        hold: None,
        screening: None,
        because: VoidReason::Unresolved,
        attempt: 1,
    });
    let payment = shop.plant(shop.opened(&fresh()).await, stage).await;
    let id = payment.payment_id.as_str();
    let policy = policy_of(&shop.stack, "void").await;
    put_policy(&shop.stack, &policy, &without(&policy.document, "dynamodb:PutItem")).await;
    let denied = invoke(&shop.stack, "void", id).await;
    put_policy(&shop.stack, &policy, &policy.document).await;

    assert_eq!(denied["errorType"], "StoreUnavailable", "{denied}");
    assert!(denied["errorMessage"].as_str().unwrap().contains("AccessDenied"), "{denied}");
    let done = until("a permitted write", POLICY_SECONDS, || async {
        let answer = invoke(&shop.stack, "void", id).await;
        answer.get("errorType").is_none().then_some(answer)
    })
    .await;
    assert_eq!(done, json!({ "stage": "failed" }));
}
