//! Every function takes its sample event on the running stack, as `cargo xtask invoke` sends it.

use aws_sdk_lambda::primitives::Blob;
use xtask::{Stack, Workspace};

#[tokio::test(flavor = "multi_thread")]
async fn every_function_takes_its_sample_event() {
    let _healthy = crate::shop::healthy().await;
    let workspace = Workspace::find().unwrap();
    let stack = Stack::open(&workspace).await.unwrap();
    let client = aws_sdk_lambda::Client::new(&stack.sdk_config());
    let functions = stack.functions().await.unwrap();
    assert!(functions.len() >= 16, "{functions:?}");
    for function in functions {
        let event = std::fs::read(workspace.root().join(format!("events/{function}.json"))).unwrap();
        let name = stack.function_name(&function);
        let answer = client.invoke().function_name(name).payload(Blob::new(event)).send().await.unwrap();
        let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
        assert_eq!(answer.function_error, None, "{function}: {}", String::from_utf8_lossy(&body));
    }
}
