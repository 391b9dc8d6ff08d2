//! The connection to Valkey, opened once, mended by itself.

use crate::config::{StartError, variable};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use std::time::Duration;

/// One command.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// One attempt to connect.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// Attempts to connect within one command.
const ATTEMPTS: usize = 2;

/// Opens the connection of `VALKEY_ENDPOINT` (host:port), with TLS if `VALKEY_TLS` is `true`.
///
/// It does not wait for the server: a server that is down fails the commands, not the start.
pub(crate) async fn connect() -> Result<ConnectionManager, StartError> {
    let scheme = match variable("VALKEY_TLS")?.as_str() {
        "true" => "rediss",
        "false" => "redis",
        _ => return Err(StartError::VariableWrong { name: "VALKEY_TLS", expected: "expected true or false" }),
    };
    let address = format!("{scheme}://{}", variable("VALKEY_ENDPOINT")?);
    let failed = |source: redis::RedisError| StartError::Connection { what: "Valkey", source: Box::new(source) };
    let client = redis::Client::open(address).map_err(failed)?;
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_connection_timeout(Some(CONNECTION_TIMEOUT))
        .set_number_of_retries(ATTEMPTS);
    ConnectionManager::new_lazy_with_config(client, config).map_err(failed)
}
