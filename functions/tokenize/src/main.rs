//! Wires [`tokenize::handle`] to the vault's keys and tables, Valkey and the Lambda runtime.
use payments_aws::{CodesInValkey, RateLimitInValkey, System, TokensTable, VaultKeys, VaultTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), task::Error> {
    let limits = RateLimitInValkey::from_env().await?;
    let keys = VaultKeys::from_env().await?;
    let cards = VaultTable::from_env().await?;
    let tokens = TokensTable::from_env().await?;
    let codes = CodesInValkey::from_env().await?;
    let ports = tokenize::Ports { keys: &keys, cards: &cards, tokens: &tokens, codes: &codes, system: &System };
    task::serve(async |request| tokenize::handle(&limits, &ports, request).await).await
}
