//! Wires [`ask_acquirer::handle`] to the acquirer's line, the vault's key and the Lambda runtime.
use gateways::Iso8583Gateway;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let acquirer = Iso8583Gateway::from_env().await?;
    task::serve(async |order| ask_acquirer::handle(&acquirer, order).await).await
}
