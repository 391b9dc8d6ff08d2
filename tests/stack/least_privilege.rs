//! Roles are real: what a function's policy does not allow is refused, to its role and to the function itself.

use crate::numbers::fresh;
use crate::policies::{element, policy_of, put_policy, query, role_of, without};
use crate::shop::{Shop, alone, healthy, until};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::primitives::Blob;
use payments::gateway::GatewayName;
use payments::stage::{Stage, VoidReason, Voiding};
use serde_json::{Value, json};
use xtask::Stack;

/// A changed policy may take a moment.
const POLICY_SECONDS: u64 = 30;

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
